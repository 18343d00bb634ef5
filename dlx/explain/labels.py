"""Which score an explanation is of: a class, a label, or a number that is predicted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor

from ..config.names import did_you_mean, join_names
from ..data.targets import TargetCodec
from ..errors import Problem, UsageError
from .opened import Asked, Opened, Subject, UnfitError


@dataclass(frozen=True)
class Label:
    """A score of a network.

    Attributes:
        target: the name of the target.
        name: the class or label, with its target where another has it too; of numbers the target,
            with the place where there are several.
        place: of its logit among the target's.
        sign: -1 for the first of two classes, whose score is the negative logit.
        value: the score as people read it: a probability, or a number in the target's unit.
    """

    target: str
    name: str
    place: int
    sign: int
    value: float

    def of(self, logits: Mapping[str, Tensor]) -> Tensor:
        """The score of each row before the activation, (rows,)."""
        return self.sign * logits[self.target][:, self.place].float()


def choose_labels(opened: Opened, subject: Subject, asked: Asked) -> list[Label]:
    """What is explained of a subject: of each target the highest score, or the class asked for.

    Raises:
        UnfitError: the learner has no targets.
        UsageError: there is no such class.
    """
    codecs = opened.codecs
    if not codecs:
        raise UnfitError(f"learner {opened.config.learner.name} has no classes to speak for")
    found = opened.scores(subject.inputs)
    named = {name: list(_names(name, codec)) for name, codec in codecs.items()}
    if asked.label:
        _require(asked.label, named)
        places = {n: every.index(asked.label) for n, every in named.items() if asked.label in every}
    else:
        places = {name: _highest(codec, found[name]) for name, codec in codecs.items()}
    told = _tell_apart(named)
    return [
        _label(name, codecs[name], place, found[name], told[name]) for name, place in places.items()
    ]


def _tell_apart(named: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """The names of each target, those that another has too with the target's own."""
    many = Counter(one for names in named.values() for one in set(names))
    return {
        target: [f"{target}: {one}" if many[one] > 1 else one for one in names]
        for target, names in named.items()
    }


def _require(label: str, named: Mapping[str, list[str]]) -> None:
    every = [one for names in named.values() for one in names]
    if label not in every:
        what = f"no target has a class `{label}`"
        hint = did_you_mean(label, every, "--class '{}'")
        raise UsageError(Problem(what, "--class", join_names(every[:40]), hint))


def _names(target: str, codec: TargetCodec) -> Iterator[str]:
    if codec.classes:
        yield from codec.classes
    else:
        yield from (f"{target}[{i}]" if codec.outputs > 1 else target for i in range(codec.outputs))


def _highest(codec: TargetCodec, scores: Tensor) -> int:
    """The place of the class with the highest score; of numbers the first."""
    if codec.problem == "binary":
        return int(codec.choose(scores[:1].cpu().numpy())[0])
    return int(scores[0].reshape(-1).argmax()) if codec.classes else 0


def _label(name: str, codec: TargetCodec, place: int, scores: Tensor, names: list[str]) -> Label:
    row = scores[0].reshape(-1)
    if codec.problem == "binary":
        share = float(row[0])
        sign, value = (1, share) if place else (-1, 1 - share)
        return Label(name, names[place], 0, sign, value)
    value = float(row[place])
    value = float(codec.undo(row.cpu().numpy())[place]) if codec.mean else value
    return Label(name, names[place], place, 1, value)
