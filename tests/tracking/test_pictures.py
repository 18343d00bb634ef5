"""What can be seen of a training, on made-up data whose answer is known."""

from __future__ import annotations

from operator import itemgetter
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from watched import WINE

from dlx.config.load import load
from dlx.data.protocols import Fold
from dlx.data.samples import Samples
from dlx.data.targets import EncodedTarget, TargetCodec
from dlx.learning.build import build_learner
from dlx.models.network import Network, one_body
from dlx.sources.batches import Part
from dlx.sources.data import read_data
from dlx.sources.fold import prepare_fold
from dlx.sources.held import HeldDense
from dlx.tracking.graph import write_graph
from dlx.tracking.pictures import choose_rows, clouds, filters, frame, input_images
from dlx.tracking.watcher import Watcher, settings

PROBLEMS = {"digit": "multiclass", "age": "regression", "tags": "multilabel", "sick": "binary"}


def samples(column: Any, **more: Any) -> Samples:
    return Samples({"x": column, "y": np.zeros(len(column))}, ("x",), ("y",), None, {}, "", **more)


def doubling() -> Network:
    """A model with one hidden layer that doubles, and dropout that must be off."""
    double = nn.Linear(2, 2, bias=False)
    double.weight.data = 2 * torch.eye(2)
    body, read = [double, nn.Dropout(0.9)], itemgetter("x")
    return one_body(["x"], read, body, lambda n: nn.Linear(2, n), {"y": 1})


def stage(folds: list[Fold], number: int = 0, held_out: bool = True) -> Any:
    """Ten rows, numbered from 0, with a target of each kind."""
    x = np.stack([np.arange(10), np.arange(10)], axis=1).astype(np.float32)
    targets = {
        "digit": (np.arange(10) % 3, 3, ("a", "b\tc", "")),
        "age": (np.arange(10).astype(np.float32) / 3, 1, ()),
        "tags": (np.eye(10, 2, dtype=np.float32) + np.eye(10, 2, 1), 2, ("p", "q")),
        "sick": ((np.arange(10) > 4).astype(np.float32), 1, ("no", "yes")),
    }
    encoded = {
        name: EncodedTarget(values, TargetCodec(PROBLEMS[name], outputs, classes))
        for name, (values, outputs, classes) in targets.items()
    }

    def part(rows: Any) -> Part:
        numbers = torch.from_numpy(rows)
        return Part({"x": HeldDense(torch.from_numpy(x[rows]))}, {"digit": numbers}, numbers)

    rest = np.arange(8)
    split = SimpleNamespace(folds=folds, rest=rest)
    data = SimpleNamespace(samples=samples(x), split=split, targets=encoded)
    rows = folds[number] if number < len(folds) else Fold(rest, rest[:0])
    validation = part(rows.validation) if held_out else None
    fold = SimpleNamespace(
        train=part(rows.train), validation=validation, pipeline=SimpleNamespace(steps=())
    )
    training = SimpleNamespace(model=doubling())
    return SimpleNamespace(data=data, fold=fold, training=training, number=number)


FOLDS = [
    Fold(np.array([5, 6, 7]), np.array([0, 2, 4, 1])),
    Fold(np.array([0, 2, 4, 1]), np.array([7, 5])),
]


def test_rows_with_the_answers_to_every_target() -> None:
    one = stage(FOLDS)
    one.training.model.train()

    (cloud,) = clouds(one, 100)

    assert cloud.name == "hidden"
    assert cloud.header == ["digit", "age", "tags", "sick", "row"]
    assert cloud.labels == [
        ["a", "0", "p|q", "no", "0"],
        ["(empty)", "0.66667", "(empty)", "no", "2"],
        ["b c", "1.3333", "(empty)", "no", "4"],
        ["b c", "0.33333", "q", "no", "1"],
    ]
    assert cloud.rows.tolist() == [[0, 0], [4, 4], [8, 8], [2, 2]]
    assert cloud.images is None
    assert one.training.model.training
    assert one.training.model.body[1].training


@pytest.mark.parametrize(
    ("number", "held_out", "many", "rows"),
    [
        (0, True, 100, [0, 2, 4, 1]),
        (0, True, 2, [0, 1]),
        (1, True, 100, [7, 5]),
        (0, False, 100, [5, 6, 7]),  # no validation: of the fold's training rows
        (2, False, 3, [0, 4, 7]),  # the final model, after all folds: of all but the test rows
    ],
)
def test_rows_are_of_validation_else_of_training(
    number: int, held_out: bool, many: int, rows: list[int]
) -> None:
    part, found = choose_rows(stage(FOLDS, number, held_out), many)

    assert found.tolist() == rows
    assert part.inputs["x"][:, 0].tolist() == rows  # type: ignore[call-overload]
    assert part.targets["digit"].tolist() == rows


def test_grey_and_coloured_images() -> None:
    grey = np.arange(24).reshape(2, 3, 4)
    found = input_images(samples(grey), np.array([1, 0]))["x"]
    assert found.shape == (2, 1, 3, 4)
    assert (found[1].min(), found[0].max()) == (0.0, 1.0)
    coloured = np.zeros((2, 3, 4, 3), dtype=np.uint8)
    coloured[0, 1, 2] = (255, 0, 51)
    found = input_images(samples(coloured), np.array([0]))["x"]
    assert found.shape == (1, 3, 3, 4)
    assert found[0, :, 1, 2].tolist() == pytest.approx([1, 0, 0.2])
    assert input_images(samples(np.zeros((2, 3, 4, 7))), np.array([0]))["x"].shape == (1, 1, 3, 4)


@pytest.mark.parametrize(
    ("column", "more"),
    [
        (np.zeros((3, 5)), {}),
        (["a", "b", "c"], {}),
        (np.zeros((3, 300, 5)), {}),
        (np.zeros((3, 5, 2)), {"features": {"x": ("wind", "rain")}}),
    ],
)
def test_what_is_no_image(column: Any, more: dict[str, Any]) -> None:
    assert input_images(samples(column, **more), np.array([0])) == {}


@pytest.mark.parametrize(("channels", "shown"), [(1, 1), (3, 3), (5, 1)])
def test_filters_are_scaled_each_by_itself(channels: int, shown: int) -> None:
    model = nn.Sequential(nn.Flatten(0), nn.Conv2d(channels, 6, 3))
    model[1].weight.data[0] = 7.0

    found = filters(model, 4)

    assert found is not None
    assert found.shape == (4, shown, 3, 3)
    assert found[0].unique().tolist() == [0.0]  # a constant one has no range
    assert found[1:].amin((1, 2, 3)).tolist() == [0.0] * 3
    assert found[1:].amax((1, 2, 3)).tolist() == pytest.approx([1.0] * 3)
    assert filters(nn.Linear(2, 2), 4) is None


def test_frames() -> None:
    found = frame(torch.ones(2, 1, 8, 4), side=64)

    assert found.shape == (2, 1, 8 * 8 + 2, 4 * 8 + 2)
    assert (found[0, 0, 0, 0], found[0, 0, 1, 1]) == (0.25, 1.0)
    assert frame(torch.ones(1, 3, 100, 100)).shape == (1, 3, 102, 102)


def test_the_graph_leaves_model_and_generators_alone(capsys: pytest.CaptureFixture[str]) -> None:
    config = load([*WINE, "model.dropout=0.5", "model.batch_norm=true", "trainer.threads=1"]).config
    data = read_data(config)
    fold = prepare_fold(config, data, data.split.folds[0])
    model = build_learner(config, fold.inputs, data.targets, fold.device).module.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()

    written = []
    writer = SimpleNamespace(add_graph=lambda flat, tensors, **_: written.append(flat(*tensors)))
    write_graph(writer, model, fold.train)
    assert written[0][0].shape == (2, 3)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(module.training for module in model.modules())
    assert capsys.readouterr().out == ""


def test_settings_lie_flat() -> None:
    plain = load([*WINE, "callbacks={early_stopping: {patience: 3}, tensorboard: {}}"]).plain()
    found = settings(plain)

    assert found["model.units"] == "[16]"
    assert found["callbacks.early_stopping.patience"] == 3
    assert found["trainer.last_epoch"] == "null"
    assert not [key for key in found if key.startswith(("run", "about", "callbacks.tensorboard"))]


def test_a_failure_is_told_once_and_without_passwords() -> None:
    told: list[str] = []
    watcher = Watcher("mine")
    watcher._log = told.append  # type: ignore[assignment]
    for _ in range(2):
        with watcher.warn_on_failure("there is nothing to see"):
            raise ValueError("http://me:canary@host is gone\nfor good")
    with watcher.warn_on_failure("there is nothing to hear"):
        raise ValueError

    assert told == [
        "warning: callbacks.mine: there is nothing to see: http://me:***@host is gone",
        "warning: callbacks.mine: there is nothing to hear: ValueError",
    ]
