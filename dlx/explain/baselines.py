"""What a row is compared with: the picture, text, table or series that tells nothing."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor

from ..config.names import did_you_mean, join_names
from ..errors import Problem, UsageError
from ..models.inputs import Batch, MultiHot, Padded
from ..sources.batches import Part
from .filters import range_of
from .methods import Kind
from .opened import Asked, Opened, Subject
from .opened import spread as spread_evenly

NAMES: dict[Kind, tuple[str, ...]] = {
    "image": ("black", "blurred", "mean"),
    "text": ("empty",),
    "series": ("mean",),
    "table": ("mean",),
}
"""The baselines of each kind of input, the usual one first."""
ROWS = 512
"""Training rows that a mean is taken of, at most, evenly spaced."""
_BLUR = 12
"""The side of a picture is so many standard deviations of the blur."""


@dataclass(frozen=True)
class Baseline:
    """What a row is compared with.

    Attributes:
        inputs: a batch of one row.
        text: what it is, in words.
    """

    inputs: Batch
    text: str


def require_baseline(opened: Opened, name: str) -> None:
    """Refuses a baseline that none of a run's inputs has.

    Raises:
        UsageError: with those that they have.
    """
    known = dict.fromkeys(one for kind in opened.kinds.values() for one in NAMES[kind])
    if name and name not in known:
        what = f"no input of the run has a baseline `{name}`"
        hint = did_you_mean(name, known, "--baseline {}")
        raise UsageError(Problem(what, "--baseline", join_names(known), hint))


def baseline_of(opened: Opened, subject: Subject, asked: Asked) -> Baseline:
    """The baseline of a row: of each of its inputs the one that was asked for, or the usual one."""
    inputs: dict[str, Tensor | MultiHot | Padded] = {}
    told: list[str] = []
    for name, given in subject.inputs.items():
        kind = opened.kinds[name]
        chosen = asked.baseline if asked.baseline in NAMES[kind] else NAMES[kind][0]
        inputs[name], text = _of_input(opened, name, given, kind, chosen)
        told.append(f"{name}: {text}" if len(subject.inputs) > 1 else text)
    return Baseline(inputs, "; ".join(told))


def _of_input(
    opened: Opened, name: str, given: Tensor | MultiHot | Padded, kind: Kind, chosen: str
) -> tuple[Tensor | MultiHot | Padded, str]:
    if isinstance(given, Padded):
        return Padded(torch.zeros_like(given.values), given.lengths), "every id is the padding's"
    if isinstance(given, MultiHot):
        none = given.indices[:0]
        return MultiHot(none, given.offsets * 0, given.size), "a row with nothing in it"
    if not given.is_floating_point():
        return torch.zeros_like(given), "every id is the padding's"
    if chosen == "blurred":
        return _blur(given), "the picture, blurred"
    if chosen == "black":
        return range_of(opened, name, opened.inputs[name]).low.expand_as(given), "a black picture"
    mean = mean_of_rows(opened, name)
    if kind == "series":
        return mean.mean(0, keepdim=True).expand_as(given), "the mean of training rows and steps"
    return mean[None], "the mean picture of training rows" if kind == "image" else (
        "the mean of training rows"
    )


def mean_of_rows(opened: Opened, name: str) -> Tensor:
    """The mean of an input over training rows, of the shape of a row; computed once."""
    learnt = opened.fold.learnt
    if (key := f"mean/{name}") not in learnt:
        learnt[key] = _mean(opened.fold.train, name)
    found: Tensor = learnt[key]
    return found


def _mean(train: Part, name: str) -> Tensor:
    part = train.take(spread_evenly(len(train), ROWS).to(train.numbers.device))
    total = torch.zeros(())
    for batch in part.in_order(64):
        values = batch.inputs[name]
        assert isinstance(values, Tensor)
        total = total.to(values.device) + values.double().sum(0)
    return (total / len(part)).float()


def _blur(picture: Tensor) -> Tensor:
    """(1, ..., height, width) under a Gauss of a twelfth of its side, the border repeated."""
    planes = picture.reshape(-1, 1, *picture.shape[-2:])
    for axis in (2, 3):
        sigma = planes.shape[axis] / _BLUR
        reach = min(int(3 * sigma) + 1, planes.shape[axis] - 1)
        places = torch.arange(-reach, reach + 1, device=planes.device)
        kernel = torch.exp(-(places / sigma).square() / 2)
        shape = [1, 1, 1, 1]
        shape[axis] = -1
        around = (0, 0, reach, reach) if axis == 2 else (reach, reach, 0, 0)
        padded = F.pad(planes, around, mode="replicate")
        planes = F.conv2d(padded, (kernel / kernel.sum()).view(shape))
    return planes.reshape(picture.shape)
