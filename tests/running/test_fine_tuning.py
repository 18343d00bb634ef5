"""A base from a file, frozen or fine-tuned: what moves, what stays, what is read again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from small import built, loaded, rows_of, same, trained, weights
from test_resume import broken_off, evidence, resumed
from torch import Tensor
from torchvision import models

from dlx.config.load import digest
from dlx.errors import UsageError
from dlx.reproduce.again import reproduce
from dlx.running.retest import look_again
from dlx.training import checkpoint

BASE = (
    *("task=cats_vs_dogs", "dataset.sample=true", "dataset.size=16", "protocol.validation=12"),
    *("prepare.steps=[]", "model=pretrained", "model.network=resnet18", "model.upto=layer1"),
    *("model.weights=w.pth", "trainer.epochs=3", "trainer.batch_size=16", "trainer.threads=1"),
    "schedule=constant",
)
STAGES = "optimizer.groups={base.layer1.1.*: {from_epoch: 2, lr: 0.0005}}"
FREE = "optimizer.groups={base.*: {from_epoch: 1}}"


@pytest.fixture(autouse=True)
def file(here: Path) -> Path:
    """Random weights with torchvision's names, normalisation included."""
    torch.manual_seed(3)
    state = models.resnet18().state_dict()
    kept = {n: v for n, v in state.items() if n.startswith(("conv1", "bn1", "layer1"))}
    for name, values in kept.items():
        if "running_var" in name:
            values.uniform_(0.5, 1.5)
    torch.save(kept, here / "w.pth")
    return here / "w.pth"


def at_the_end(run: Any) -> dict[str, Tensor]:
    """All that a run keeps of its base, statistics included."""
    tensors, _ = checkpoint.load(run.folder / "checkpoints" / "last")
    return {n: v for n, v in tensors["weights"].items() if n.startswith("base.")}


def as_in(file: Path, found: dict[str, Tensor]) -> dict[str, bool]:
    """Whether each tensor of a base is the file's."""
    given = torch.load(file, weights_only=True)
    return {n: torch.equal(found[f"base.{n}"], v) for n, v in given.items()}


@pytest.mark.slow
def test_a_frozen_base_stays_with_its_statistics_and_the_head_learns(file: Path) -> None:
    run = trained(*BASE[1:], base=BASE[:1])
    assert all(as_in(file, at_the_end(run)).values())
    facts = json.loads((run.folder / "report.json").read_text())
    assert facts["model"]["trained"] == "65 of 157,569 parameters trained"
    start = weights(built(base=BASE)[3])
    assert not same(weights(run.training), start)


def test_stages_free_a_part_from_their_epoch_on(file: Path) -> None:
    run = trained(STAGES, base=BASE)
    stayed = as_in(file, at_the_end(run))
    free = {name for name in stayed if name.startswith("layer1.1.")}
    assert {name for name, same_still in stayed.items() if not same_still} == free
    rates = [row["lr/base.layer1.1.*"] for row in rows_of(run.folder)]
    assert rates == [0.0, 0.0005, 0.0005]


@pytest.mark.slow
def test_a_base_that_is_free_moves_with_its_statistics(file: Path) -> None:
    stayed = as_in(file, at_the_end(trained(FREE, "trainer.epochs=1", base=BASE)))
    assert not any(stayed.values())


def test_a_rate_for_frozen_weights_is_refused_and_the_hint_works() -> None:
    with pytest.raises(UsageError) as caught:
        built("optimizer.groups={base.*: {lr: 0.0001}}", base=BASE)
    assert str(caught.value).splitlines() == [
        "the pattern `base.*` gives lr to weights that are frozen",
        "  where: optimizer.groups.base.*",
        "  accepted: from_epoch as well",
        "  try: {lr: 0.0001, from_epoch: 1} lets them move",
    ]
    built("optimizer.groups={base.*: {lr: 0.0001, from_epoch: 1}}", base=BASE)


@pytest.mark.slow
def test_pictures_that_are_scaled_already_are_refused() -> None:
    with pytest.raises(UsageError, match="model pretrained scales pictures itself, but step scale"):
        built("prepare.steps=[{name: scale, divide_by: 255}]", base=BASE)


@pytest.mark.slow
def test_a_base_is_known_by_what_its_file_holds(file: Path, here: Path) -> None:
    before = digest(loaded(base=BASE).config)
    file.rename(here / "moved.pth")
    assert digest(loaded("model.weights=moved.pth", base=BASE).config) == before
    state = torch.load(here / "moved.pth", weights_only=True)
    torch.save(state | {"bn1.bias": torch.ones(64)}, here / "moved.pth")
    assert digest(loaded("model.weights=moved.pth", base=BASE).config) != before


@pytest.mark.slow
class TestFolders:
    def test_the_file_is_read_no_more_once_there_are_weights(self, file: Path) -> None:
        run = trained(STAGES, base=BASE)
        assert reproduce(run.folder, lambda _: None).identical
        file.unlink()
        scores = {one["name"]: one["value"] for one in look_again(run.folder)["scores"]}
        tested = {one["name"]: one["value"] for one in run.facts["scores"]}
        assert scores == {name: tested[name] for name in scores}
        with pytest.raises(UsageError, match=r"there is no file .*w\.pth"):
            reproduce(run.folder, lambda _: None)

    @pytest.mark.parametrize(
        ("given", "average"), [("", "swa"), (STAGES, "none"), (STAGES, "ema"), (FREE, "swa")]
    )
    def test_a_run_that_is_broken_off_at_any_step_goes_on_without_it(
        self, file: Path, given: str, average: str
    ) -> None:
        asked = (*filter(None, [given]), f"trainer.average={{name: {average}}}")
        whole = trained(*asked, base=BASE)
        content = file.read_bytes()
        for step in range(1, 9):
            run = broken_off(loaded(*asked, f"run.root=at-{step}", base=BASE), step)
            file.unlink()
            assert evidence(resumed(run)) == evidence(whole.folder), step
            file.write_bytes(content)
        stayed = as_in(file, at_the_end(whole))
        frozen = {n for n in stayed if given != FREE and not (given and n.startswith("layer1.1."))}
        assert all(stayed[name] for name in frozen)

    def test_micro_batches_are_one_batch(self) -> None:
        losses = [
            rows_of(trained(STAGES, f"trainer.accumulate={parts}", base=BASE).folder)[0]
            for parts in (1, 3)
        ]
        assert losses[0]["train/loss"] == pytest.approx(losses[1]["train/loss"], rel=1e-4)

    def test_another_run_starts_from_a_fine_tuned_one(self) -> None:
        first = trained(STAGES, base=BASE)
        second = built(f"from_run.run={first.folder}", "model.weights=random", base=BASE)
        assert second is not None


@pytest.mark.slow
def test_random_weights_are_drawn_from_the_seed() -> None:
    one, two = (weights(built("model.weights=random", base=BASE)[3]) for _ in range(2))
    other = weights(built("model.weights=random", "seed=2", base=BASE)[3])
    assert same(one, two)
    assert not torch.equal(one["base.conv1.weight"], other["base.conv1.weight"])
    assert all(values.isfinite().all() for values in one.values())
