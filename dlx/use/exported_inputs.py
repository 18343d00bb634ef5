"""What an exported graph is fed: of each input of a model, which steps are inside and which before.

The last preparation steps that are plain arithmetic become part of the graph; what comes before
them, as cutting texts into tokens, is left to whoever calls it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..data.columns import Column, Pictures
from ..data.samples import Frame
from ..errors import UsageError
from ..models.inputs import MultiHot, Padded
from ..prepare import Pipeline
from ..prepare.pipeline import FittedStep
from ..sources.held import Elsewhere, hold
from .exported_steps import INSIDE

CPU = torch.device("cpu")
LENGTHS = "_lengths"
"""Behind the name of an input whose rows differ in length: how many ids of each row count."""


class Normalise(nn.Module):
    """Bytes of pictures to numbers: (byte - mean) / std of the channel."""

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        for name, values in (("mean", mean), ("std", std)):
            self.register_buffer(name, torch.tensor([*values])[:, None, None])

    def forward(self, pixels: Tensor) -> Tensor:
        """Gives float32 of the shape of `pixels`."""
        return (pixels.float() - self.get_buffer("mean")) / self.get_buffer("std")


class ToFloat(nn.Module):
    """Numbers as a model takes them."""

    def forward(self, x: Tensor) -> Tensor:
        """Gives float32."""
        return x.float()


@dataclass(frozen=True)
class Port:
    """One input of the graph.

    Attributes:
        name: of it.
        column: of the frame that it is made of.
        left: the steps that are done before.
        meaning: what a row holds, in words.
        features: names of the numbers of a row, where they have any.
        given: the graph's tensors for a few rows, by name.
        pictures: whether it takes pictures as bytes.
    """

    name: str
    column: str
    left: tuple[FittedStep, ...]
    meaning: str
    features: tuple[str, ...]
    given: Mapping[str, Tensor]
    pictures: bool = False

    def tensors(self, frame: Frame) -> dict[str, Tensor]:
        """What the graph is given for some rows, as they were read."""
        column = frame.columns[self.column]
        for step in self.left:
            column = step.apply(column)
        return tensors_of(self.name, column)


@dataclass(frozen=True)
class Way:
    """How an input of the model is made.

    Attributes:
        port: the graph's input that it is made of.
        inside: the steps within the graph.
        module: these, as one.
    """

    port: Port
    inside: tuple[FittedStep, ...]
    module: nn.Module


def tensors_of(name: str, column: Column) -> dict[str, Tensor]:
    """A column as tensors; pictures as bytes, rows of different length filled with 0.

    Raises:
        UsageError: it holds no numbers, as a predicate.
    """
    column.describe()
    if pictures := isinstance(column, Pictures):
        channels = column.sizes[0]
        column = column.stand_for((0.0,) * channels, (1.0,) * channels)
    held = hold(column, CPU)
    if isinstance(held, Elsewhere):
        held = held.fetch()
    batch = held.batch(0, len(column))
    if isinstance(batch, Padded):
        return {name: batch.values, name + LENGTHS: batch.lengths}
    rows = batch.dense() if isinstance(batch, MultiHot) else batch
    return {name: rows.to(torch.uint8) if pictures else rows}


Ways = Mapping[str, Way]
"""How each input of a network is made, by its name."""


def find_ways(pipelines: Sequence[Pipeline], frame: Frame) -> tuple[Ways, ...]:
    """How the inputs of some networks are made of some rows, as little as possible before them.

    Those that are made of the same tensor share a port.

    Args:
        pipelines: of each network.
        frame: a few rows, as they were read.

    Raises:
        UsageError: a column is missing, or no network can take what the steps make of it.
    """
    ports: dict[str, Port] = {}
    return tuple({name: _way(one, name, frame, ports) for name in one.raw} for one in pipelines)


def ports_of(ways: Sequence[Ways]) -> dict[str, Port]:
    """All ports, by their names."""
    return {way.port.name: way.port for own in ways for way in own.values()}


def _way(pipeline: Pipeline, name: str, frame: Frame, ports: dict[str, Port]) -> Way:
    """The way of one input; its port is among those that are there, or joins them."""
    of = pipeline.raw[name].of or name
    left, column, (inside, module) = _split(pipeline, name, frame)
    key = json.dumps([of, [[one.name, one.options, one.state] for one in left]], sort_keys=True)
    if key not in ports:
        many = sum(port.column == of for port in ports.values())
        ports[key] = _port(f"{of}_{many + 1}" if many else of, of, left, column)
    return Way(ports[key], inside, module)


Inner = tuple[tuple[FittedStep, ...], nn.Module]


def _split(
    pipeline: Pipeline, name: str, frame: Frame
) -> tuple[tuple[FittedStep, ...], Column, Inner]:
    """The steps before the graph, what they make of the rows, and the steps within it."""
    steps = tuple(step for step in pipeline.steps if step.column == name)
    columns = [frame.columns[pipeline.raw[name].of or name]]
    for step in steps:
        columns.append(step.apply(columns[-1]))
    for first, column in enumerate(columns):
        module = _express(steps[first:], columns[first:])
        if module is not None:
            return steps[:first], column, (steps[first:], module)
    column = columns[-1]  # which no model takes: `ready` says why
    column.ready()
    raise AssertionError(name)


def _express(steps: Sequence[FittedStep], columns: Sequence[Column]) -> nn.Module | None:
    """Steps as a module of what the first of the columns is; None where they are none."""
    first, last = columns[0], columns[-1]
    if isinstance(first, Pictures):
        return Normalise(last.mean, last.std) if isinstance(last, Pictures) else None
    try:
        numbers = first.describe().is_numbers
    except UsageError:
        return None
    if not numbers:
        return None if steps else nn.Identity()
    if any(step.name not in INSIDE for step in steps):
        return None
    return nn.Sequential(*(INSIDE[step.name](step) for step in steps), ToFloat())


_MEANINGS = {
    "dense": "numbers",
    "steps": "steps of a series, the earliest first",
    "ids": "ids of tokens in their order",
    "multi_hot": "a number for each position, 0 where a row has none",
}


def _port(name: str, of: str, left: tuple[FittedStep, ...], column: Column) -> Port:
    found = column.describe()
    meaning: str = _MEANINGS[found.kind]
    features: tuple[str, ...] = ()
    if pictures := isinstance(column, Pictures):
        meaning = "pictures as bytes: channels, height, width"
    elif found.ragged:
        meaning += f"; shorter rows are filled with 0 at their end, see {name}{LENGTHS}"
    elif found.columns:
        meaning = "ids of categories, one for each column"
    elif found.is_numbers:
        features = tuple(map(str, getattr(column, "names", ())))
    return Port(name, of, left, meaning, features, tensors_of(name, column), pictures)
