"""What an optimizer keeps of a parameter as tensors and facts: lists of tensors, as L-BFGS has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

LISTS = "lists"
"""The fact that says how long each list of tensors is."""
_SCRATCH = ("al",)
"""Of L-BFGS, room that it writes before it reads."""


def spread(entries: Mapping[str, Any]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors by name, those of lists as "<entry>.<place>", and what is none."""
    tensors: dict[str, Tensor] = {}
    plain: dict[str, Any] = {}
    lengths: dict[str, int] = {}
    for name, value in entries.items():
        if isinstance(value, Tensor):
            tensors[name] = value
        elif isinstance(value, list):
            if name not in _SCRATCH:
                tensors |= {f"{name}.{place}": one for place, one in enumerate(value)}
                lengths[name] = len(value)
        else:
            plain[name] = value
    return tensors, {**plain, LISTS: lengths} if lengths else plain


def gather(entries: Mapping[str, Any]) -> dict[str, Any]:
    """What `spread` was given, of its tensors and facts in one."""
    lengths: Mapping[str, int] = entries.get(LISTS, {})
    lists = {name: [f"{name}.{place}" for place in range(n)] for name, n in lengths.items()}
    inside = {LISTS, *(one for names in lists.values() for one in names)}
    found = {name: value for name, value in entries.items() if name not in inside}
    return found | {name: [entries[one] for one in names] for name, names in lists.items()}
