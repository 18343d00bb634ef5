"""What of a row a score rests on: integrated gradients, and occlusion.

A score is a function of a batch of inputs that gives one number a row, as the logit of a class.
Numbers may be of any kind that models take: pictures, tables, steps in time; of rows kept as the
positions of a few numbers, each position; of ids, which have no gradient, the vectors that
embeddings give them, summed for each place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import Problem, RunError
from ..models.inputs import Batch, MultiHot, Padded

Score = Callable[[Batch], Tensor]
"""Inputs of some rows -> the score that is explained, (rows,)."""
Window = tuple[slice, ...]
"""Places of a row, a slice an axis."""

WITHIN = 0.01
"""Share of a score's difference that attributions may miss before more gradients are taken."""
FEWEST, ENOUGH, MOST = 32, 512, 16384
"""Gradients along the way: at first, at last for a row of many numbers, and of few."""
_EFFORT = 2**26
"""Numbers of which gradients are taken, at most, where `ENOUGH` is exceeded."""
_AT_ONCE, _NUMBERS = 512, 2**21
"""Rows that are computed together, at most, and numbers that these hold."""


@dataclass(frozen=True)
class Attribution:
    """What the numbers of one row add to its score, less that of the baseline.

    Attributes:
        values: input -> shape of a row of it; of ids one number a place.
        score: of the row.
        start: of the baseline.
        steps: gradients that were taken along the way.
    """

    values: dict[str, Tensor]
    score: float
    start: float
    steps: int

    @property
    def gap(self) -> float:
        """What the attributions' sum misses of the scores' difference, as a share of that."""
        total = sum(float(one.sum()) for one in self.values.values())
        missed, difference = abs(total - (self.score - self.start)), abs(self.score - self.start)
        return missed / difference if difference else float(missed > 0)

    @property
    def complete(self) -> bool:
        """Whether the sum is the difference, to 1 %."""
        return self.gap <= WITHIN


def integrate(
    model: nn.Module,
    score: Score,
    row: Batch,
    baseline: Batch,
    fewest: int = FEWEST,
    most: int | None = None,
) -> Attribution:
    """Integrated gradients (Sundararajan, Taly and Yan, arXiv:1703.01365).

    The gradients are taken at the nodes of Gauss and Legendre on the straight line from the
    baseline to the row, all inputs moving together, and at twice as many until they sum to the
    score's difference to 1 %. From `FEWEST` on the line is cut into stretches of so many nodes.

    Args:
        model: what the score runs; it is put into evaluation mode.
        score: see `Score`.
        row: inputs of a single row.
        baseline: likewise, of the same shapes; ids are replaced by those of the baseline.
        fewest: gradients at first.
        most: gradients at last, whether or not they sum to it: `Attribution.complete` tells. None:
            from `ENOUGH` for a row of many numbers to `MOST` for one of few.

    Raises:
        RunError: the score has no gradient by any input.
    """
    model.eval()
    with _differentiable(model):
        line = _Line.between(model, score, row, baseline)
        with torch.no_grad():
            end, start = (float(score(one)) for one in (line.row, line.baseline))
        steps = fewest
        most = max(ENOUGH, min(MOST, _EFFORT // line.size)) if most is None else most
        while True:
            found = Attribution(line.integrate(score, steps), end, start, steps)
            if found.complete or 2 * steps > most:
                return found
            steps *= 2


def occlude(score: Score, row: Batch, name: str, windows: Sequence[Window], fill: Batch) -> Tensor:
    """How much a score falls where parts of one input are covered (Zeiler, arXiv:1311.2901).

    Args:
        score: see `Score`, of a model in evaluation mode.
        row: inputs of a single row.
        name: the input that is covered; the others stay.
        windows: the places that are covered, each in turn.
        fill: inputs of a single row, whose values cover.

    Returns:
        Score of the row less that without each window, (windows,).
    """
    given = _written_out(row)
    under, over = (_values(one[name])[0] for one in (given, _written_out(fill)))
    found = []
    with torch.no_grad():
        whole = score(given)
        size = _rows_at_once(under.numel())
        for start in range(0, len(windows), size):
            some = windows[start : start + size]
            covered = under.expand(len(some), *under.shape).clone()
            for place, window in zip(covered, some, strict=True):
                place[window] = over[window]
            batch = _repeat(given, len(some))
            found.append(score({**batch, name: _with(batch[name], covered)}))
    return whole - torch.cat(found)


def slide(shape: Sequence[int], size: Sequence[int], stride: Sequence[int]) -> list[Window]:
    """Windows of one size over places, the last of each axis cut where they end.

    Args:
        shape: of the places.
        size: of a window along each axis.
        stride: from one to the next; none may lie further apart than they are long.
    """
    starts = [
        range(0, max(1, (-(-max(0, length - wide) // step) + 1) * step), step)
        for length, wide, step in zip(shape, size, stride, strict=True)
    ]
    return [
        tuple(slice(at, at + wide) for at, wide in zip(place, size, strict=True))
        for place in product(*starts)
    ]


def spread(shape: Sequence[int], windows: Sequence[Window], falls: Tensor) -> Tensor:
    """For each place the mean fall of the windows that cover it; 0 where none does."""
    total, many = (torch.zeros(*shape, dtype=torch.float64) for _ in range(2))
    for window, fall in zip(windows, falls.tolist(), strict=True):
        total[window] += fall
        many[window] += 1
    return total / many.clamp(min=1)


@dataclass(frozen=True)
class _Line:
    """The straight line from a baseline to a row.

    What moves are the inputs that are numbers, and what embeddings give for the ids.

    Attributes:
        row: its inputs, zeros written out.
        baseline: likewise.
        moved: (from, to) of each of the inputs, by name, and then of each call of an embedding.
        places: of each of these calls, which ids it read, as their number among all of them.
        model: whose embeddings are replaced along the way.
    """

    row: Batch
    baseline: Batch
    moved: dict[str | int, tuple[Tensor, Tensor]]
    places: list[Tensor]
    model: nn.Module

    @classmethod
    def between(cls, model: nn.Module, score: Score, row: Batch, baseline: Batch) -> _Line:
        """The line of a model's inputs; see `integrate`."""
        row, baseline = _written_out(row), _written_out(baseline)
        moved: dict[str | int, tuple[Tensor, Tensor]] = {
            name: (_values(baseline[name]), _values(one))
            for name, one in row.items()
            if _values(one).is_floating_point()
        }
        places: list[Tensor] = []
        if len(moved) < len(row):
            places = _trace(model, score, row)
            vectors = [_embedded(model, score, one) for one in (baseline, row)]
            moved |= dict(enumerate(zip(*vectors, strict=True)))
        return cls(row, baseline, moved, places, model)

    @property
    def size(self) -> int:
        """How many numbers move."""
        return sum(start.numel() for start, _ in self.moved.values())

    def integrate(self, score: Score, steps: int) -> dict[str, Tensor]:
        """What each input adds, by so many gradients, on the CPU in double precision."""
        nodes, weights = _nodes(steps)
        means = {key: torch.zeros_like(ends[0][0]).double() for key, ends in self.moved.items()}
        size = _rows_at_once(self.size)
        for start in range(0, steps, size):
            some = slice(start, start + size)
            for key, gradient in self._gradients(score, nodes[some]).items():
                share = weights[some].to(gradient.device, gradient.dtype)
                means[key] += torch.tensordot(share, gradient, 1).double()
        adds = {
            key: (means[key] * (end[0].double() - start[0].double())).cpu()
            for key, (start, end) in self.moved.items()
        }
        return self._by_input(adds)

    def _gradients(self, score: Score, nodes: Tensor) -> dict[str | int, Tensor]:
        """By what moves, at some points of the line, (points, ...)."""
        points = {}
        for key, (start, end) in self.moved.items():
            at = nodes.to(start.device, start.dtype).view(-1, *[1] * (start.ndim - 1))
            points[key] = torch.lerp(start, end, at).requires_grad_()
        batch = _repeat(self.row, len(nodes))
        inputs = {
            name: _with(one, points[name]) if name in points else one for name, one in batch.items()
        }
        calls = iter([point for key, point in points.items() if isinstance(key, int)])
        with _embeddings(self.model, lambda *_: next(calls)):
            total = score(inputs).sum()
        found: tuple[Tensor | None, ...] = ()
        if total.requires_grad:
            found = torch.autograd.grad(total, [*points.values()], allow_unused=True)
        known = {key: one for key, one in zip(points, found, strict=False) if one is not None}
        if not known:
            what = "the score has no gradient by any input"
            accepted = "a model that computes with numbers all the way"
            hint = "--method occlusion needs no gradient"
            raise RunError(Problem(what, type(self.model).__name__, accepted, hint))
        return known

    def _by_input(self, adds: Mapping[str | int, Tensor]) -> dict[str, Tensor]:
        """Of numbers as they are; of ids the sum over a vector, at the place that it was read."""
        found = {key: one for key, one in adds.items() if isinstance(key, str)}
        ids = [name for name in self.row if name not in found]
        sizes = [_values(self.row[name]).shape[1] for name in ids]
        total = torch.zeros(sum(sizes), dtype=torch.float64)
        for call, places in enumerate(self.places):
            total.index_add_(0, places.cpu().flatten(), adds[call].sum(-1).flatten())
        return found | dict(zip(ids, torch.split(total, sizes), strict=True))


def _trace(model: nn.Module, score: Score, row: Batch) -> list[Tensor]:
    """Which place's id each embedding reads, call by call: each id is told apart from the others.

    So a layer before the embedding that moves ids, as `reverse` does, is followed.
    """
    seen: list[Tensor] = []

    def look(module: nn.Embedding, args: tuple[Any, ...]) -> tuple[Tensor] | None:
        if args[0].is_floating_point():
            return None
        seen.append(args[0])
        return (args[0] % module.num_embeddings,)

    marked, first = {}, 0
    for name, one in row.items():
        values = _values(one)
        if not values.is_floating_point():
            values = torch.arange(values.numel(), device=values.device).view_as(values) + first
            first += values.numel()
        marked[name] = _with(one, values)
    hooks = [one.register_forward_pre_hook(look) for one in _tables(model)]
    try:
        with torch.no_grad():
            score(marked)
    finally:
        for hook in hooks:
            hook.remove()
    return seen


def _embedded(model: nn.Module, score: Score, row: Batch) -> list[Tensor]:
    """What embeddings give for the ids of a row, call by call."""
    found: list[Tensor] = []
    with torch.no_grad(), _embeddings(model, lambda _, given: found.append(given)):
        score(row)
    return found


@contextmanager
def _embeddings(model: nn.Module, act: Callable[[Tensor, Tensor], Tensor | None]) -> Iterator[None]:
    """Within it, what embeddings give for ids is looked at, or replaced by what is returned."""

    def hook(_: nn.Module, args: tuple[Any, ...], given: Tensor) -> Tensor | None:
        return None if args[0].is_floating_point() else act(args[0], given)

    hooks = [one.register_forward_hook(hook) for one in _tables(model)]
    try:
        yield
    finally:
        for one in hooks:
            one.remove()


def _tables(model: nn.Module) -> list[nn.Embedding]:
    """The embeddings; one that adds vectors to steps is called with numbers, and passed by."""
    return [one for one in model.modules() if isinstance(one, nn.Embedding)]


@contextmanager
def _differentiable(model: nn.Module) -> Iterator[None]:
    """Within it, recurrent layers have gradients in evaluation mode too, which cuDNN's lack."""
    recurrent = any(isinstance(one, nn.RNNBase) for one in model.modules())
    cudnn = partial(torch.backends.cudnn.flags, enabled=False) if recurrent else torch.enable_grad
    with cudnn():
        yield


def _nodes(steps: int) -> tuple[Tensor, Tensor]:
    """Nodes and weights of Gauss and Legendre on [0, 1], in stretches of `FEWEST` where more."""
    each = min(steps, FEWEST)
    nodes, weights = np.polynomial.legendre.leggauss(each)
    parts = steps // each
    starts = np.arange(parts).repeat(each)
    places = (starts + np.tile((nodes + 1) / 2, parts)) / parts
    return torch.from_numpy(places), torch.from_numpy(np.tile(weights / 2, parts) / parts)


def _rows_at_once(numbers: int) -> int:
    return max(1, min(_AT_ONCE, _NUMBERS // max(1, numbers)))


def _written_out(batch: Batch) -> dict[str, Tensor | Padded]:
    return {n: one.dense() if isinstance(one, MultiHot) else one for n, one in batch.items()}


def _values(given: Tensor | MultiHot | Padded) -> Tensor:
    assert not isinstance(given, MultiHot), "its zeros are written out"
    return given.values if isinstance(given, Padded) else given


def _with(given: Tensor | MultiHot | Padded, values: Tensor) -> Tensor | Padded:
    return Padded(values, given.lengths) if isinstance(given, Padded) else values


def _repeat(row: Batch, many: int) -> dict[str, Tensor | Padded]:
    """A row so many times."""
    found: dict[str, Tensor | Padded] = {}
    for name, one in row.items():
        values = _values(one)
        more = values.expand(many, *values.shape[1:])
        if isinstance(one, Padded):
            found[name] = Padded(more, one.lengths.expand(many))
        else:
            found[name] = more
    return found
