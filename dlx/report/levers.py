"""What was varied, as an axis to draw on: numbers, or names at even distances."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .read import finite
from .words import NONE, setting

ABSENT = object()
"""The value of a lever in a setting that has none."""
_STEPS = 5  # as many numbers are drawn at even distances


@dataclass(frozen=True)
class Lever:
    """A lever's values over several settings.

    Attributes:
        name: its key.
        values: one a setting: numbers, or places among the labels; nan where there is none.
        labels: the names of the places, in the order to show; empty where the values are numbers.
        log: whether equal ratios are to have equal distances.
    """

    name: str
    values: Sequence[float]
    labels: Sequence[str] = ()
    log: bool = False

    @property
    def varies(self) -> bool:
        """Whether two settings differ in it."""
        return len({value for value in self.values if math.isfinite(value)}) > 1

    @property
    def ends(self) -> tuple[float, float]:
        """Where its axis begins and ends."""
        if self.labels:
            return -0.3, len(self.labels) - 0.7
        known = [value for value in self.values if math.isfinite(value)] or [0.0]
        return min(known), max(known)

    def normalise(self, values: Sequence[float]) -> list[float]:
        """Where values lie between the ends, from 0 to 1."""
        low, high = self.ends
        if self.log:
            values, low, high = [math.log(one) for one in values], math.log(low), math.log(high)
        return [(one - low) / (high - low) if high > low else 0.5 for one in values]


def lever(name: str, raw: Sequence[object], kind: str = "") -> Lever:
    """An axis for values as they lie in a file.

    Args:
        name: the lever's key.
        raw: a value a setting, of any kind; `ABSENT` where a setting has none.
        kind: how it was searched, if that is known: "log" and "uniform" decide the scale.
    """
    texts = [format_value(value) for value in raw]
    amounts = [finite(value) for value in raw]
    known = [a for a, value in zip(amounts, raw, strict=True) if value is not ABSENT]
    numbers = all(map(math.isfinite, known))
    if numbers and len(set(known)) > _STEPS:
        log = kind == "log" or (kind != "uniform" and is_logarithmic(known))
        return Lever(name, amounts, (), log and min(known) > 0)
    order = dict(zip(texts, amounts, strict=True)) if numbers else {}
    order = {text: a if math.isfinite(a) else math.inf for text, a in order.items()}
    names = sorted(set(texts), key=lambda text: (order.get(text, 0), len(text), text))
    places = {text: float(place) for place, text in enumerate(names)}
    return Lever(name, [places[text] for text in texts], names)


def is_logarithmic(values: Sequence[float]) -> bool:
    """Whether values are better seen on a logarithmic axis."""
    return min(values) > 0 and max(values) > 10 * min(values)


def format_value(value: object) -> str:
    """A value as it is typed in a command."""
    return NONE if value is ABSENT else setting({"": value})[1:]
