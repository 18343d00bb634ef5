"""What each layer gave for the first validation rows, and how it is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from small import built
from watched import WINE, trained, warnings_of

from dlx.runs.artifacts import TRUST, list_artifacts
from dlx.tracking.activations import activations_of, draw

ALL = "callbacks={activations: {samples: 2}}"
CONVNET = (
    *("task=mnist", "dataset.sample=true", "trainer.epochs=2", "protocol=holdout"),
    "model={name: convnet, channels: [4, 8], dropout: 0.3}",
)


def test_arrays_are_what_the_network_makes_of_the_first_validation_rows() -> None:
    run = trained(*WINE, ALL, "model.dropout=0.5", "protocol.validation=20")

    found = load_file(run.folder / "artifacts" / "activations-3.safetensors")
    network, part = run.training.model.eval(), run.stage.fold.validation
    with torch.no_grad():  # the last epoch is the best one, and its weights are kept
        batch = next(part.take(torch.arange(2)).in_order(2))
        (logits,) = network(batch.inputs).values()
    assert run.stage.weights["epoch"] == 3
    assert [*found] == ["body.0", "body.1", "body.2", "heads.cultivar"]
    assert np.array_equal(found["heads.cultivar"], logits.numpy())
    assert np.array_equal(found["body.1"], np.maximum(found["body.0"], 0))
    assert warnings_of(run.folder) == []


def test_pictures_are_the_first_rows_channels_by_epoch(cli: Any) -> None:
    run = trained(*CONVNET, "callbacks={activations: {every: 2}}")

    found = [one for one in list_artifacts(run.folder) if one.name.startswith(("act", "layer"))]
    assert {one.epoch for one in found} == {2}
    assert found[0].caption.startswith("what each layer gives for validation row ")
    titles = [one.title for one in found if one.kind == "pictures"]
    assert titles[:2] == ["Layer body.0", "Layer body.1"]
    assert cli("reproduce", "last").code == 0
    file = run.folder / "artifacts" / "layer_0-2.png"
    file.write_bytes(file.read_bytes() + b"\0")
    assert cli("reproduce", "last").code == 3


def test_images_of_each_kind_of_output_fill_the_whole_range() -> None:
    for shape, size in (
        ((5, 8, 8), (5, 1, 32, 32)),
        ((100, 4, 4), (64, 1, 32, 32)),
        ((20, 6), (1, 1, 80, 24)),
        ((10,), (1, 1, 72, 96)),
    ):
        images = draw(np.arange(np.prod(shape), dtype=np.float32).reshape(shape))
        assert images.shape == size
        assert (images.min(), images.max()) == (0, 1)
    assert not draw(np.ones((3, 4, 4), np.float32)).any()


def test_what_a_learner_draws_for_it_is_the_same_whatever_was_drawn_before() -> None:
    *_, fold, training = built("task=digits_gan", "dataset.sample=true", base=())
    assert fold.validation is not None
    rows = fold.validation.take(torch.arange(2))
    before = torch.get_rng_state()
    one = activations_of(training, rows, 5)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(7)
    other = activations_of(training, rows, 5)
    assert all(np.array_equal(values, other[name]) for name, values in one.items())


def test_a_final_model_has_no_validation_rows_to_record() -> None:
    run = trained(*WINE, ALL, "protocol={name: kfold, k: 2}", "final=true").folder

    every, fold = (
        {one.name for one in list_artifacts(place) if one.kind == "arrays"} - {TRUST.name}
        for place in (run, run / "folds" / "1")
    )
    assert not every
    assert fold


@pytest.mark.parametrize(
    ("arguments", "what", "hint"),
    [
        (("protocol=train_test",), "protocol train_test has no validation set", "protocol=holdout"),
        (
            ("final=only", "trainer.last_epoch=2"),
            "`final: only` holds none out",
            "final=false",
        ),
        (("task=style",), "learner style has none", "'~callbacks.activations'"),
    ],
)
def test_without_validation_rows_it_is_refused(
    cli: Any, arguments: tuple[str, ...], what: str, hint: str
) -> None:
    """As the book's own example is."""
    found = cli("train", *WINE, *arguments, ALL)

    assert found.code == 2
    assert found.err == (
        f"error: callbacks.activations needs validation rows, but {what}\n"
        f"  where: command line: {ALL}\n  try: {hint}\n"
    )
    assert not Path("runs").exists()
