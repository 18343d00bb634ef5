"""Shapes are followed before torch is imported, as far as they are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from itertools import product

import pytest

from dlx.config.learners import known_inputs
from dlx.config.load import load
from dlx.config.shapes import ANY, Place, Shape
from dlx.config.specs import DATASETS, LAYERS
from dlx.config.specs.layers import Layer, follow
from dlx.errors import UsageError

Told = Callable[..., str]
SIZES: dict[str, tuple[int, ...]] = {
    "vector": (6,),
    "sequence": (9, 6),
    "image": (3, 9, 8),
    "block": (2, 3, 4, 5),
    "ids": (9,),
    "columns": (3,),
}
KNOWN = [
    Shape(kind, sizes, 20 if kind in ("ids", "columns") else 0) for kind, sizes in SIZES.items()
]  # type: ignore[arg-type]
NEEDED = {"units": 4, "channels": 4, "dim": 4, "sizes": (3, 2)}
WHOLE = {"reshape"}
"""Layers that can refuse a shape only where all of its sizes are known."""


def options_of(name: str) -> Layer:
    entry = LAYERS.entries[name]
    names = {field.name for field in fields(entry.options)}
    found: Layer = entry.options(**{k: v for k, v in NEEDED.items() if k in names})
    return found


def after(name: str, shape: Shape) -> Shape | None:
    try:
        return options_of(name).after(shape, Place(1, name))
    except UsageError:
        return None


def partly(shape: Shape) -> list[Shape]:
    """A shape with each selection of its sizes not known."""
    masks = product((0, 1), repeat=len(shape.sizes))
    hidden = [tuple(n * m for n, m in zip(shape.sizes, mask, strict=True)) for mask in masks]
    return [Shape(shape.kind, sizes) for sizes in hidden]


@pytest.mark.parametrize("name", LAYERS.entries)
def test_what_is_known_in_part_never_contradicts_what_is_known(name: str) -> None:
    """Refused where the whole is, whose shape it gives as far as it is known."""
    for shape in KNOWN:
        whole = after(name, shape)
        for less in partly(shape):
            found = after(name, less)
            if whole is not None:
                assert found is not None, (name, less)
                assert found.may_be(whole), (name, less)
            elif name not in WHOLE:
                assert found is None, (name, less)
    assert any(after(name, shape) for shape in ANY)


def test_every_shape_is_possible_after_a_layer_that_does_not_say() -> None:
    class Foreign:
        name = "gate"
        options = object()

    assert follow([Foreign()], [KNOWN[0]], "model.layers") == list(ANY)  # type: ignore[list-item]


CASES = {
    ("task=wine", "model=convnet"): (
        "model=convnet cannot take the input features: its rows are a vector of 13\n"
        "  where: dlx:configs/model/convnet.yaml:3 (by model=convnet)\n"
        "  accepted: images (height, width) or (channels, height, width)\n"
        "  try: use model=mlp, or leave out the step flatten or features"
    ),
    ("task=digits", "model=convnet", "model.channels=[8,8,8]"): (
        "layer 3 (pooling before it) has a window of 2, but the axis that it moves along has 1\n"
        "  where: model.pool\n"
        "  accepted: a window of at most 1\n"
        "  try: use a smaller window, a longer input, or less pooling before it"
    ),
    ("task=wine", "model=layers", "model.layers=[{lstm: 8}]"): (
        "layer 1 (lstm) cannot take a vector of 13\n"
        "  where: command line: model.layers=[{lstm: 8}]\n"
        "  accepted: a sequence (time, features)\n"
        "  try: place it before flatten or pooling, or give the recurrent layer sequence: true"
    ),
    ("task=digits", "model=layers", "model.layers=[{conv2d: {channels: 8, kernel: 9}}, flatten]"): (
        "layer 1 (conv2d) has a window of 9, but the axis that it moves along has 8\n"
        "  where: command line: model.layers=[{conv2d: {channels: 8, kernel: 9}}, flatten]\n"
        "  accepted: a window of at most 8\n"
        "  try: use a smaller window, a longer input, or less pooling before it"
    ),
    ("task=imdb", "model=layers", "prepare.steps=[{name: pad}]", "model.layers=[{embedding: 4}]"): (
        "the last layer gives a sequence (time, features) of ? x 4, but the output layer needs a "
        "vector\n"
        "  where: command line: model.layers=[{embedding: 4}]\n"
        "  accepted: layers whose last output is a vector\n"
        "  try: end model.layers with flatten or global_max_pool"
    ),
    (
        "task=imdb",
        "model=layers",
        "prepare.steps=[{name: pad}]",
        "model.layers=[{lstm: 8}, {rnn: 4}]",
    ): (
        "layer 2 (rnn) cannot take a vector of 8\n"
        "  where: command line: model.layers=[{lstm: 8}, {rnn: 4}]\n"
        "  accepted: a sequence (time, features)\n"
        "  try: place it before flatten or pooling, or give the recurrent layer sequence: true"
    ),
}


@pytest.mark.parametrize(("arguments", "expected"), CASES.items())
def test_layers_that_cannot_follow_each_other(
    told: Told, arguments: tuple[str, ...], expected: str
) -> None:
    assert told(*arguments) == expected


def test_a_step_tells_the_shape_that_it_leaves() -> None:
    def prepared(steps: str, task: str = "digits", name: str = "image") -> object:
        return known_inputs(load([f"task={task}", f"prepare.steps=[{steps}]"]).config)[name]

    assert prepared("") == (8, 8)
    assert prepared("{name: scale, divide_by: 16}") == (8, 8)
    assert prepared("{name: standardise}, {name: flatten}") == (64,)
    assert prepared("{name: one_hot}") is None
    assert prepared("{name: multi_hot, size: 50}", "imdb", "review") == (50,)
    assert prepared("{name: tokenize}, {name: pad}", "imdb_raw", "review") is None


def test_datasets_tell_shapes_of_their_inputs_only() -> None:
    for name in DATASETS.entries:
        options = DATASETS.default(name)().options  # upon which shapes may depend
        assert set(options.shapes) <= set(options.inputs), name
