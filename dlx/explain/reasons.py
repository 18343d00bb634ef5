"""What a row's numbers do to its score: integrated gradients, and what is covered in turn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

from torch import Tensor

from ..data.targets import TargetCodec
from ..errors import RunError
from ..interrupts import check
from ..models.inputs import Batch, MultiHot, Padded
from .attribution import Score, Window, integrate, occlude, slide, spread
from .baselines import Baseline, baseline_of, require_baseline
from .labels import Label, choose_labels
from .opened import Asked, Opened, Subject, UnfitError
from .pieces import Piece
from .shown import Reason, show
from .windows import show_influence, sizes_of

WINDOWS = 15
"""Windows of an occlusion along each side of a picture, about, half of each over its neighbour."""


@dataclass(frozen=True)
class Case:
    """A row, and the score of it that is explained.

    Attributes:
        opened: the run.
        subject: the row.
        label: the class or number.
        score: of inputs of some rows, (rows,).
        baseline: what the row is compared with.
    """

    opened: Opened
    subject: Subject
    label: Label
    score: Score
    baseline: Baseline


def explain_integrated(opened: Opened, asked: Asked) -> Iterator[Piece]:
    """Integrated gradients of each subject's score, of every input."""
    for case in _cases(opened, asked):
        given = case.subject.inputs, case.baseline.inputs
        try:
            found = integrate(opened.network, case.score, *given)
        except RunError as error:
            raise UnfitError(error.problems[0].what) from error
        difference = found.score - found.start
        unit = "" if opened.codecs[case.label.target].mean else "logit "
        sign = "-" if difference < 0 else "+"
        told = f"{unit}{found.start:.4g} of the baseline {sign} {abs(difference):.4g}"
        told += f" = {found.score:.4g}"
        if not found.complete:
            told += f"; after {found.steps} steps the parts miss {found.gap:.1%} of the difference"
        for name, values in found.values.items():
            yield from show(_reason(case, "integrated", name, values, told))


def explain_occlusion(opened: Opened, asked: Asked) -> Iterator[Piece]:
    """How far each subject's score falls where parts of an input are covered."""
    for name in (one for one, kind in opened.kinds.items() if kind == "series"):
        yield from show_influence(opened, name, partial(_fall, opened, asked))
    for case in _cases(opened, asked):
        for name, given in case.subject.inputs.items():
            shape = _shape(given)
            for parts, windows in _windows(given, opened.kinds[name]).items():
                falls = _cover(case, name, windows)
                whole = falls if opened.kinds[name] == "series" else spread(shape, windows, falls)
                told = f"{parts} is covered in turn"
                yield from show(_reason(case, "occlusion", name, whole, told, parts))


def _fall(
    opened: Opened, asked: Asked, subject: Subject, name: str, windows: list[Window]
) -> Tensor:
    """The falls of a row's first score."""
    (case, *_) = _cases(opened, replace(asked, subjects=(subject,)))
    return _cover(case, name, windows)


def _cases(opened: Opened, asked: Asked) -> Iterator[Case]:
    require_baseline(opened, asked.baseline)
    for subject in asked.subjects:
        for label in choose_labels(opened, subject, asked):
            check()
            score = score_of(opened, label)
            yield Case(opened, subject, label, score, baseline_of(opened, subject, asked))


def score_of(opened: Opened, label: Label) -> Score:
    """The score that is explained: a logit, or a number in its target's unit."""
    codec = opened.codecs[label.target]

    def score(batch: Batch) -> Tensor:
        logits = label.of(opened.network(batch))
        return in_unit(codec, logits, label.place)

    return score


def in_unit(codec: TargetCodec, logits: Tensor, place: int) -> Tensor:
    """What a model gives for one number of a target, in its unit."""
    if not codec.mean:
        return logits
    place = min(place, len(codec.mean) - 1)  # quantiles of one number have one scale
    found: Tensor = logits * codec.std[place] + codec.mean[place]
    return found.expm1() if codec.log else found


def _cover(case: Case, name: str, windows: list[Window]) -> Tensor:
    """The fall of the score for each window."""
    given = case.subject.inputs
    return occlude(case.score, given, name, windows, case.baseline.inputs).cpu()


def _windows(given: Tensor | MultiHot | Padded, kind: str) -> dict[str, list[Window]]:
    """The parts of an input that are covered in turn, by what they are."""
    shape = _shape(given)
    if isinstance(given, MultiHot):
        return {"each word": [(slice(at, at + 1),) for at in given.indices.tolist()]}
    if kind == "series":
        return {what: slide(shape, one, one) for what, one in sizes_of(*shape).items()}
    if kind != "image":
        each = "each word" if kind == "text" else "each feature"
        return {each: slide(shape, (1,) * len(shape), (1,) * len(shape))}
    sides, channels = shape[-2:], shape[:-2]
    strides = tuple(max(1, round(side / WINDOWS)) for side in sides)
    sizes = tuple(min(side, 2 * stride) for side, stride in zip(sides, strides, strict=True))
    told = "each window of {} x {} pixels, {} x {} apart,".format(*sizes, *strides)
    return {told: slide(shape, (*channels, *sizes), (*channels, *strides))}


def _shape(given: Tensor | MultiHot | Padded) -> tuple[int, ...]:
    if isinstance(given, MultiHot):
        return (given.size,)
    return tuple((given.values if isinstance(given, Padded) else given).shape[1:])


def _reason(
    case: Case, method: str, name: str, values: Tensor, told: str, parts: str = ""
) -> Reason:
    label = case.label
    said = {"label": label.name, "score": label.value, "baseline": case.baseline.text}
    truth = case.subject.truth.get(label.target, "")
    text = f"{told}; in truth {truth}" if truth else told
    numbers = values.double().numpy()
    return Reason(
        opened=case.opened,
        subject=case.subject,
        method=method,
        name=name,
        values=numbers,
        parts=parts,
        said=said,
        text=text,
    )
