"""The section `search`: which keys `dlx tune` may change, and between which values."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from ..errors import Problem
from .files import Where
from .keys import dotted_keys, is_key
from .names import did_you_mean
from .secrets import looks_secret

Kind = Literal["choice", "uniform", "log", "int", "log_int"]
KINDS: tuple[str, ...] = get_args(Kind)
Value = Any
"""A config value: number, truth value, text, or list or mapping of them."""

ACCEPTED = "{log|uniform|int|log_int: [low, high]} or {choice: [value, ...]}"
FIXED = {
    "seed": "the best of several seeds is luck, not a setting",
    "test": "a search never uses the test set",
    "final": "a search compares settings on the validation set",
    "protocol": "settings must be compared on the same rows",
    "targets": "settings must be compared on the same targets",
    "metrics": "settings must be compared by the same score",
    "task": "a search is for one task",
    "plugins": "a search uses one vocabulary",
    **dict.fromkeys(
        ("run", "about", "checkpoint", "sweep", "search", "tune", "workflow"),
        "no result depends on it",
    ),
}
"""Keys that a search may not move, and why."""
MAX_CHOICES = 100


@dataclass(frozen=True)
class Lever:
    """One config key that a search may move.

    Attributes:
        key: as in "model.dropout".
        kind: "choice" among `values`; else between the two `values`: "uniform", "log", and for
            whole numbers "int", "log_int".
        values: the choices, or lower and upper bound.
    """

    key: str
    kind: Kind
    values: tuple[Value, ...]

    def holds(self, value: Value) -> bool:
        """Whether a value lies in it."""
        if self.kind == "choice":
            return json.dumps(value) in map(json.dumps, self.values)
        low, high = self.values
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        whole = self.kind in ("uniform", "log") or isinstance(value, int)
        return whole and bool(low <= value <= high)

    def plain(self) -> dict[str, list[Value]]:
        """It as the config has it: {"log": [0.001, 0.1]}."""
        return {self.kind: list(self.values)}


def read_space(search: Mapping[str, Any]) -> tuple[Lever, ...]:
    """The levers of a section `search` that has been checked; null takes one out."""
    found = {key: spec for key, spec in dict(flatten_space(search)).items() if spec is not None}
    return tuple(_lever(key, *next(iter(spec.items()))) for key, spec in found.items())


def _lever(key: str, kind: Any, values: Any) -> Lever:
    if kind == "choice":
        values = {json.dumps(value): value for value in values}.values()
    return Lever(key, kind, tuple(values))


def flatten_space(search: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Key and range of each lever: `optimizer.lr` may be written as one key, or nested."""
    for key, spec in search.items():
        dotted = f"{above}.{key}" if above else str(key)
        nested = isinstance(spec, Mapping) and bool(spec) and not set(spec) & set(KINDS)
        if nested and all(isinstance(value, (Mapping, type(None))) for value in spec.values()):
            yield from flatten_space(spec, dotted)
        else:
            yield dotted, spec


def wrong_space(search: Mapping[str, Any], where: Where) -> Iterator[Problem]:
    """Everything that is wrong with a section `search`."""
    for key, spec in flatten_space(search):
        place = _place(key, where)
        fixed = FIXED.get(key.split(".")[0])
        if looks_secret(key.rpartition(".")[2]):
            yield Problem(f"search: `{key}` cannot be searched: its values are secrets", place)
        elif fixed:
            yield Problem(f"search: `{key}` cannot be searched: {fixed}", place)
        elif not is_key(key):
            hint = did_you_mean(key, dotted_keys())
            yield Problem(f"search: unknown key `{key}`", place, hint=hint)
        elif spec is not None and (said := _wrong_range(spec)):
            yield Problem(f"search: `{key}`: {said}", place, ACCEPTED)


def _place(key: str, where: Where) -> str:
    """Where a lever was written: under its dotted key, or nested."""
    return where(("search", key)) or where(("search", *key.split(".")))


def _wrong_range(spec: Any) -> str:
    """What is wrong with {kind: values}; "" if nothing."""
    if not isinstance(spec, Mapping) or len(spec) != 1:
        return "it takes one range"
    kind, values = next(iter(spec.items()))
    if kind not in KINDS:
        hint = did_you_mean(str(kind), KINDS, " (did you mean {}?)")
        return f"there is no range `{kind}`{hint}"
    if not isinstance(values, list) or not values:
        return f"{kind} takes a list"
    if kind == "choice":
        return f"more than {MAX_CHOICES} choices" if len(values) > MAX_CHOICES else ""
    whole = kind in ("int", "log_int")
    if len(values) != 2 or not all(_is_number(value, whole) for value in values):
        return f"{kind} takes two {'whole ' if whole else ''}numbers, low and high"
    low, high = values
    if not low < high:
        return f"the low end {low} is not below the high end {high}"
    return f"{kind} needs a low end above 0" if kind.startswith("log") and low <= 0 else ""


def _is_number(value: Any, whole: bool) -> bool:
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        return False
    return math.isfinite(value) and abs(value) < 2**63
