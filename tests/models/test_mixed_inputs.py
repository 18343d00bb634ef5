"""The layer of category columns, and the model of mixed inputs."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from dlx.config.load import load
from dlx.config.shapes import Place, Shape
from dlx.config.specs.columns import EmbedColumns
from dlx.config.specs.mixed import Tabular
from dlx.data.columns import Input
from dlx.errors import UsageError
from dlx.models import modules
from dlx.models.graph import build_tabular
from dlx.models.init import initialise
from dlx.models.inputs import Batch, MultiHot, Padded
from dlx.models.network import Network

INPUTS = {
    "numbers": Input("dense", (3,)),
    "categories": Input("ids", (2,), 9, columns=True),
    "read1": Input("multi_hot", (5,)),  # a column of that name is no node of the model
    "note": Input("ids", (0,), 7, ragged=True),
}
LAST = torch.tensor([0, 1, 2, 3, 3])
BATCH: Batch = {
    "numbers": torch.arange(12.0).view(4, 3),
    "categories": torch.tensor([[2, 6], [3, 1], [0, 7], [5, 8]]),
    "read1": MultiHot(torch.tensor([1, 2, 3]), LAST, 5),
    "note": Padded(torch.ones(4, 6, dtype=torch.int64), torch.tensor([6, 2, 1, 3])),
}


def network(**options: object) -> Network:
    found = build_tabular(Tabular(**options), INPUTS, {"price": 1, "kind": 4}).eval()  # type: ignore[arg-type]
    initialise(found, "keras", lambda name: torch.Generator().manual_seed(len(name)))
    return found


@pytest.mark.parametrize("units", [(8,), (8, 8), (8, 4, 4)])
@pytest.mark.parametrize("wide", [True, False])
def test_any_inputs_together_answer_several_targets(units: tuple[int, ...], wide: bool) -> None:
    model = network(units=units, wide=wide)

    found = model(BATCH)

    assert {name: one.shape for name, one in found.items()} == {"price": (4, 1), "kind": (4, 4)}
    torch.stack([one.square().sum() for one in found.values()]).sum().backward()
    assert all(p.grad is not None for p in model.parameters())
    seen = 3 + 2 * 4 + 32 if wide else 0
    assert model.heads["price"].in_features == units[-1] + seen


def test_every_input_has_a_part_in_the_answer() -> None:
    model, found = network(units=(8,)), {}
    other: dict[str, object] = {
        "numbers": BATCH["numbers"] * 2,  # type: ignore[operator]
        "categories": BATCH["categories"].flip(0),  # type: ignore[union-attr]
        "read1": MultiHot(torch.tensor([4, 2, 3]), LAST, 5),
        "note": Padded(torch.full((4, 6), 3), torch.tensor([6, 2, 1, 3])),
    }
    for name, changed in other.items():
        found[name] = model({**BATCH, name: changed})["price"]  # type: ignore[dict-item]

    assert all(not torch.equal(one, model(BATCH)["price"]) for one in found.values())


def test_rare_ids_are_trained_by_hiding_others() -> None:
    torch.manual_seed(0)
    layer = modules.EmbedColumns(9, 2, mask=0.25)
    ids = torch.tensor([[4, 7]]).expand(4000, 2)

    seen: list[Tensor] = []
    layer.table.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    layer.train()(ids)
    layer.eval()(ids)

    trained, plain = seen
    assert (trained[:, 0] == 0).float().mean().item() == pytest.approx(0.25, abs=0.03)
    assert (trained[:, 1] == 1).float().mean().item() == pytest.approx(0.25, abs=0.03)
    assert sorted(trained.unique().tolist()) == [0, 1, 4, 7]
    assert torch.equal(plain, ids)


def test_the_length_of_vectors_follows_from_how_many_values_there_are() -> None:
    lengths = {n: EmbedColumns().length(Shape("columns", (2,), 2 * n)) for n in (1, 4, 20, 5000)}

    assert lengths == {1: 2, 4: 3, 20: 9, 5000: 50}


@pytest.mark.parametrize(
    ("name", "shape", "told"),
    [
        (
            "embed_columns",
            Shape("ids", (9,), 20),
            "cannot take a row of 9 ids\n  where: model.layers\n"
            "  accepted: ids of category columns\n  try: use {embedding: 32} in its place",
        ),
        (
            "embedding",
            Shape("columns", (3,), 20),
            "cannot take a row of 3 ids of category columns\n  where: model.layers\n"
            "  accepted: rows of ids\n  try: use embed_columns in its place",
        ),
        (
            "linear",
            Shape("columns", (3,), 20),
            "cannot take a row of 3 ids of category columns\n  where: model.layers\n"
            "  accepted: a vector or a sequence (time, features)\n"
            "  try: insert embed_columns before it",
        ),
    ],
)
def test_what_takes_ids_takes_those_that_it_is_for(layer, name, shape, told) -> None:  # type: ignore[no-untyped-def]
    needs = {"embedding": {"dim": 2}, "linear": {"units": 2}}.get(name, {})
    chosen = layer(name, **needs)
    with pytest.raises(UsageError) as caught:
        chosen.load()(chosen.options, shape, Place(1, name))

    assert str(caught.value) == f"layer 1 ({name}) {told}"


def test_a_model_without_blocks_is_refused(here: object) -> None:
    with pytest.raises(UsageError) as caught:
        load(["task=wine", "model={name: tabular, units: []}"])

    assert str(caught.value) == (
        "`model.units` is empty\n  where: command line: model={name: tabular, units: []}\n"
        "  accepted: a whole number >= 1 or several\n  try: model.units=[8]"
    )


def test_a_node_may_have_the_name_of_a_method_of_others() -> None:
    model = build_tabular(Tabular(units=(4,)), {"all": Input("dense", (3,))}, {"y": 1})
    model.nodes["start_all"] = nn.ReLU()

    initialise(model, "keras", lambda _: torch.Generator())

    assert all(torch.isfinite(one).all() for one in model.parameters())
