"""A run's network, with its activation and what can be of its preparation, as one ONNX graph."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from ..data.targets import TargetCodec
from ..errors import Problem, UsageError
from ..losses import activate
from ..models.inputs import Padded
from .exported_files import ROWS, STEPS
from .exported_inputs import LENGTHS, Ways, ports_of
from .exported_layers import replace_layers
from .predictor import Member

_FEWEST = 3
"""Rows that the graph is followed with: of one row its axis would be fixed."""


class Whole(nn.Module):
    """Tensors of the graph in, answers out: those of `Predictor.predict`, before they are named.

    Args:
        members: the networks, whose answers are averaged.
        ways: how the inputs of each are made.
    """

    def __init__(self, members: Sequence[Member], ways: Sequence[Ways]) -> None:
        super().__init__()
        self._members = list(members)
        self._ports = [{name: way.port.name for name, way in own.items()} for own in ways]
        self.networks = nn.ModuleList(one.learner.networks for one in members)
        self.ways = nn.ModuleList(nn.ModuleList(way.module for way in own.values()) for own in ways)

    def forward(self, given: dict[str, Tensor]) -> tuple[Tensor, ...]:
        """An answer for each target: probabilities, or numbers in the target's unit."""
        every = [self._answer(place, given) for place in range(len(self._members))]
        if len(every) == 1:
            return every[0]
        return tuple(torch.stack(alike).mean(0) for alike in zip(*every, strict=True))

    def _answer(self, place: int, given: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
        inputs: dict[str, Any] = {}
        modules = cast("nn.ModuleList", self.ways[place])
        for (name, port), way in zip(self._ports[place].items(), modules, strict=True):
            values, lengths = way(given[port]), given.get(port + LENGTHS)
            inputs[name] = values if lengths is None else Padded(values, lengths)
        member = self._members[place]
        logits = member.learner.answer(inputs)
        targets = member.pipeline.targets
        return tuple(finish(codec, logits[name]) for name, codec in targets.items())


def finish(codec: TargetCodec, logits: Tensor) -> Tensor:
    """What `TargetCodec.decode` makes of a model's answers, before it names them.

    Args:
        codec: what they stand for.
        logits: (rows, outputs).
    """
    values = activate(codec.problem, logits.float())
    if codec.mean:
        values = values * torch.tensor(codec.std) + torch.tensor(codec.mean)
    if codec.log:
        values = values.expm1().clamp(min=0)
    return values


@dataclass(frozen=True)
class Graph:
    """A graph, and what it can take.

    Attributes:
        content: the file.
        outputs: the name of each target's answer.
        steps: the fewest and the most steps of each tensor whose rows differ in length; no most:
            None.
        opset: the version of its operators.
    """

    content: bytes
    outputs: dict[str, str]
    steps: dict[str, tuple[int, int | None]]
    opset: int


def make_graph(members: Sequence[Member], ways: Sequence[Ways], run: str) -> Graph:
    """Follows what some networks answer to a few rows, and writes down what they do.

    Args:
        members: the networks; afterwards some of their layers are ONNX's own.
        ways: how the inputs of each are made.
        run: the run folder, for messages.

    Raises:
        UsageError: something in them cannot be expressed.
    """
    for one in members:
        replace_layers(one.learner.networks)
    ports = ports_of(ways).values()
    given = {name: _some(tensor) for port in ports for name, tensor in port.given.items()}
    targets = members[0].pipeline.targets
    dims = {name: _dims(name, given) for name in given}
    outputs = {name: name if name not in given else f"{name}_answer" for name in targets}
    try:
        with _quiet():
            program = torch.onnx.export(
                Whole(members, ways).eval(),
                kwargs={"given": given},
                dynamo=True,
                input_names=[*given],
                output_names=[*outputs.values()],
                dynamic_shapes={"given": dims},
                external_data=False,
                verbose=False,
            )
            assert program is not None
            content = program.model_proto.SerializeToString()
    except (RuntimeError, ValueError, TypeError, NotImplementedError) as error:
        lines = str(error.__cause__ or error).strip().splitlines() or [type(error).__name__]
        what = f"the network cannot be written as ONNX: {lines[0]}"
        raise UsageError(Problem(what, run, "layers that torch's exporter can follow")) from error
    return Graph(content, outputs, _ranges(program, given), program.model.opset_imports[""])


def _some(tensor: Tensor) -> Tensor:
    """A few rows; the same several times where there are fewer."""
    return tensor[torch.arange(_FEWEST) % len(tensor)]


def _dims(name: str, given: Mapping[str, Tensor]) -> dict[int, str]:
    return {0: ROWS, 1: STEPS} if name + LENGTHS in given else {0: ROWS}


def _ranges(program: Any, given: Mapping[str, Tensor]) -> dict[str, tuple[int, int | None]]:
    """How many steps rows of different length may be filled to."""
    exported = program.exported_program
    found: dict[str, tuple[int, int | None]] = {}
    users = exported.graph_signature.user_inputs
    nodes = {node.name: node for node in exported.graph.nodes if node.op == "placeholder"}
    for name, user in zip(given, users, strict=True):
        if name + LENGTHS not in given:
            continue
        axis = nodes[user].meta["val"].shape[1]
        if isinstance(axis, int):
            found[name] = (axis, axis)
            continue
        held = exported.range_constraints.get(axis.node.expr)
        low, high = (max(1, int(held.lower)), held.upper) if held is not None else (1, None)
        most = int(high) if high is not None and high.is_Integer and high < 2**31 else None
        found[name] = (low, most)
    return found


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporter says on its way."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
