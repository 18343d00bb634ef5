"""A finished run as an ONNX graph, with a description of what it takes and gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from ..config.names import join_names
from ..data.samples import Frame
from ..data.targets import Answers
from ..errors import Problem, RunError
from ..interrupts import check
from ..running.earlier import read_earlier
from ..running.start import everything
from ..sources.data import read_data
from .exported_description import Checked, describe
from .exported_files import write_all
from .exported_graph import Graph, make_graph
from .exported_inputs import Ways, find_ways, ports_of
from .predictor import Member, Predictor
from .written import require_free

TOLERANCE = 1e-5
"""How far an answer may be from the run's, as a share of it where that is above 1."""
MOST_ROWS = 1000
BATCHES = (1, 64)
"""Rows that the graph is given at once while it is checked; one by one only a few are."""
_ALONE, _MORE_STEPS = 5, 7

Feed = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Exported:
    """What an export wrote.

    Attributes:
        files: the graph, its description, and what that refers to.
        checked: what the check found.
        left: what is left to the caller, in words.
    """

    files: tuple[Path, ...]
    checked: Checked
    left: tuple[str, ...]


def export(
    run: Path,
    out: Path,
    weights: str | None = None,
    plugins: Sequence[str] = (),
    force: bool = False,
) -> Exported:
    """Writes a run as an ONNX graph, after its answers were compared with the run's own.

    Args:
        run: the folder of a finished run that predicts, whose data are here.
        out: the graph's file; the description has its name, with `.json`.
        weights: "best" or "last"; None takes the best where there are any.
        plugins: packages that the user allows now.
        force: whether files that are there may be replaced.

    Raises:
        UsageError: the run predicts nothing, its data are missing or have changed, the network
            cannot be expressed, or a file is there.
        RunError: the run folder is damaged, the graph's answers differ, or a file cannot be
            written. Nothing is left behind.
    """
    opened = Predictor.open(run, "cpu", weights, plugins)
    members = [replace(one, precision="float32") for one in opened.members]
    predictor = Predictor(opened.config, members, opened.inputs)
    told, frame = real_rows(run, predictor)
    own = predictor.predict(frame)
    ways = find_ways([one.pipeline for one in members], frame)
    graph = make_graph(members, ways, str(run))
    checked = compare(graph, ways, frame, own, told, str(run), _widths(members))
    parts = describe(run, out, predictor, graph, ways, checked)
    for file in parts:
        require_free(file, force, run, ())
    write_all(parts)
    return Exported(tuple(parts), checked, tuple(_tell_left(ways)))


def real_rows(run: Path, predictor: Predictor) -> tuple[str, Frame]:
    """Rows that validated the run, or where none did, that trained it; and which they are.

    Raises:
        UsageError: the data are missing, or others than the run's.
    """
    config = predictor.config
    data = read_data(config)
    read_earlier(run).check_data(data)
    fold = everything(data) if config.final else data.split.folds[0]
    name, rows = ("validation", fold.validation)
    if not len(rows):
        name, rows = "training", fold.train
    rows = rows[:MOST_ROWS]
    columns = {one.name: data.samples.columns[one.name].take(rows) for one in predictor.inputs}
    return f"{len(rows):,} {name} rows", Frame(columns)


def compare(
    graph: Graph,
    ways: Sequence[Ways],
    frame: Frame,
    own: Mapping[str, Answers],
    told: str,
    run: str,
    widths: Mapping[str, float] | None = None,
) -> Checked:
    """The largest differences between a graph's answers and the run's own.

    Args:
        graph: the graph.
        ways: how the inputs of its networks are made.
        frame: rows, as they were read.
        own: the run's answers to them.
        told: which they are, in words.
        run: the run folder, for messages.
        widths: how far apart numbers are that a network learns as if by 1, by target.

    Raises:
        RunError: one is above the tolerance.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(graph.content, options, ["CPUExecutionProvider"])
    differences, lengths = dict.fromkeys(own, 0.0), set[int]()
    for rows, feed in _feeds(graph, ways, frame):
        check()
        lengths |= {feed[name].shape[1] for name in graph.steps}
        found = session.run([*graph.outputs.values()], feed)
        for (target, answers), values in zip(own.items(), found, strict=True):
            width = (widths or {}).get(target, 1.0)
            difference = _difference(values, numbers_of(answers)[rows], width)
            differences[target] = max(differences[target], difference)
    for target, difference in differences.items():
        if not difference <= TOLERANCE:
            what = f"the graph's answers differ from the run's by {difference:.2g} ({target})"
            raise RunError(Problem(what, run, f"at most {TOLERANCE:g}"))
    return Checked(told, BATCHES, differences, tuple(sorted(lengths)), TOLERANCE)


def numbers_of(answers: Answers) -> npt.NDArray[Any]:
    """What a graph gives of a target: probabilities, of numbers these, or their quantiles."""
    if answers.quantiles is not None:
        return answers.quantiles
    return answers.values if answers.probabilities is None else answers.probabilities


def _widths(members: Sequence[Member]) -> dict[str, float]:
    """The standard deviations by which scaled numbers are learned: rounding grows by them."""
    found: dict[str, float] = {}
    for member in members:
        for name, codec in member.pipeline.targets.items():
            if codec.std and not codec.log:
                found[name] = max(found.get(name, 1.0), *codec.std)
    return found


def _difference(found: npt.NDArray[Any], known: npt.NDArray[Any], width: float) -> float:
    """How far answers are apart at most, as a share of what is above 1: themselves, or `width`."""
    if found.shape != known.shape:
        return float("inf")
    apart = np.abs(found.astype(np.float64) - known) / np.maximum(max(1.0, width), np.abs(known))
    return float(apart.max(initial=0)) if np.isfinite(apart).all() else float("inf")


def _feeds(graph: Graph, ways: Sequence[Ways], frame: Frame) -> Iterator[tuple[slice, Feed]]:
    """Rows in batches of each size, those of different length filled to two lengths."""
    ends = [(row, row + 1) for row in range(min(_ALONE, len(frame)))]
    ends += [(at, min(at + BATCHES[1], len(frame))) for at in range(0, len(frame), BATCHES[1])]
    for start, stop in ends:
        rows = np.arange(start, stop)
        some = Frame({name: column.take(rows) for name, column in frame.columns.items()})
        given: dict[str, Tensor] = {}
        for port in ports_of(ways).values():
            given |= port.tensors(some)
        for more in (0, _MORE_STEPS) if graph.steps else (0,):
            yield slice(start, stop), {n: _fill(one, graph, n, more) for n, one in given.items()}


def _fill(tensor: Tensor, graph: Graph, name: str, more: int) -> npt.NDArray[Any]:
    """A tensor of the graph; rows of different length have so many zeros more at their end."""
    values: npt.NDArray[Any] = tensor.numpy()
    if name not in graph.steps:
        return values
    fewest, most = graph.steps[name]
    wanted = max(values.shape[1], fewest) + more
    wanted = max(values.shape[1], min(wanted, most or wanted))
    return np.pad(values, [(0, 0), (0, wanted - values.shape[1])])


def _tell_left(ways: Sequence[Ways]) -> Iterator[str]:
    """What is left to the caller, in words, input by input."""
    for port in ports_of(ways).values():
        if port.left:
            yield f"{join_names(dict.fromkeys(s.name for s in port.left))} of {port.name}"
