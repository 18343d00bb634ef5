"""How far rows lie beyond what other rows had, feature by feature."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Rows = npt.NDArray[np.int64]

NAMED = 3
"""Features that a row is told of, at most."""
PICTURES = 2_000
"""Pictures that are looked at, evenly over all."""


@dataclass(frozen=True)
class Unlike:
    """What some rows have that others had not.

    Attributes:
        amounts: how far beyond, in widths of what the others had, (rows, features): 0 within,
            infinity for what they did not have at all.
        tell: what a row has in a feature, and what the others had, by the places of both.
    """

    amounts: npt.NDArray[np.float32]
    tell: Callable[[int, int], str]

    def say(self, row: int, beyond: float) -> list[str]:
        """What of a row lies farther beyond than that, the farthest first."""
        amounts = self.amounts[row]
        order = np.argsort(-amounts, kind="stable")
        found = order[amounts[order] > beyond].tolist()
        told = [self.tell(row, place) for place in found[:NAMED]]
        return [*told, f"{len(found) - NAMED} more"] if len(found) > NAMED else told


def limits_of(table: Array) -> dict[str, Array]:
    """The range of each feature, and whether some row had none.

    Args:
        table: (rows, features).
    """
    values = table.astype(np.float64)
    low = np.fmin.reduce(values, axis=0, initial=np.inf)
    high = np.fmax.reduce(values, axis=0, initial=-np.inf)
    return {"low": low, "high": high, "missing": np.isnan(values).any(axis=0)}


def beyond(table: Array, names: Sequence[str], known: Mapping[str, Array]) -> Unlike:
    """How far each row lies out of the ranges of others.

    Args:
        table: (rows, features).
        names: of the features.
        known: from `limits_of`.
    """
    low, high, missing = (known[name] for name in ("low", "high", "missing"))
    values = table.astype(np.float64)
    with np.errstate(invalid="ignore"):
        width = high - low
        width = np.where(np.isfinite(width) & (width > 0), width, np.maximum(np.abs(high), 1e-30))
        amounts = np.maximum(np.maximum(low - values, values - high), 0) / width
    amounts = np.where(np.isnan(values), np.where(missing, 0, np.inf), amounts)
    amounts = np.where(np.isnan(amounts), np.inf, amounts)  # of a feature that no row had

    def tell(row: int, place: int) -> str:
        value, name = values[row, place], names[place]
        if np.isnan(value):
            return f"{name} missing"
        if low[place] > high[place]:
            return f"{name} {value:.4g}, always missing in training"
        side, end = (">", high[place]) if value > high[place] else ("<", low[place])
        return f"{name} {value:.4g} {side} {end:.4g}"

    return Unlike(amounts.astype(np.float32), tell)


def unknown_words(name: str, shares: Array) -> Unlike:
    """How much of each text is unknown.

    Args:
        name: of its column.
        shares: of each text's words, (rows,).
    """

    def tell(row: int, _: int) -> str:
        return f"{name}: {shares[row]:.0%} of its words unknown"

    return Unlike(shares.astype(np.float32)[:, None], tell)


def evenly(rows: Rows, most: int) -> Rows:
    """So many of some rows, evenly over them."""
    if len(rows) <= most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]


PICTURE = ("brightness", "contrast")
"""What is told of a picture: the mean of its numbers, and their standard deviation."""


def describe_pictures(values: Array) -> Array:
    """Brightness and contrast of each, (rows, 2); a picture at a time, as they may be many."""
    found = [
        (float(one.mean(dtype=np.float64)), float(one.std(dtype=np.float64))) for one in values
    ]
    return np.array(found, np.float64).reshape(-1, 2)
