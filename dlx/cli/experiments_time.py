"""About how long an experiment trains, from its task's own time; no config is composed for it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..experiments import Experiment
from ..runs.files import mapping
from .tasks import values_of

_UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0}


def seconds_of(one: Experiment) -> float:
    """About the seconds of one training on two cores; 0 where its task does not say.

    Its task's file tells a time, as in "25 s; convnet 100 s"; that is scaled by the steps.
    """
    values = values_of(one.task)
    told = str(mapping(values.get("about")).get("time", ""))
    model = _find_override(one.overrides, "model")
    found = model and re.search(rf"{re.escape(model)} (\d+) (s|min|h)\b", told)
    found = found or re.search(r"(\d+) (s|min|h)\b", told)
    return float(found[1]) * _UNITS[found[2]] * _step_ratio(one, values) if found else 0.0


def _step_ratio(one: Experiment, values: Mapping[str, Any]) -> float:
    """How many times the steps of its task it takes."""
    trainer = mapping(values.get("trainer"))
    epochs, batch = (
        _number(_find_override(one.overrides, f"trainer.{key}") or own) / _number(own)
        if (own := trainer.get(key))
        else 1.0
        for key in ("epochs", "batch_size")
    )
    protocol = _find_override(one.overrides, "protocol")
    own_k = mapping(values.get("protocol")).get("k", 1)
    k = re.search(r"\bk: (\d+)", protocol)
    folds = _number(k[1] if k else 1 if protocol else own_k) / _number(own_k)
    return epochs * folds / batch


def duration(seconds: float) -> str:
    """As in "9 s", "4 min" and "1.5 h"; "unknown" for 0."""
    if not seconds:
        return "unknown"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _find_override(overrides: Sequence[str], key: str) -> str:
    """What was typed for a key; "" where nothing was."""
    found = dict(one.partition("=")[::2] for one in overrides)
    return found.get(key, "")


def _number(value: object) -> float:
    """The number, or 1 where there is none: no time is worth a refusal."""
    try:
        return float(str(value)) or 1.0
    except ValueError:
        return 1.0
