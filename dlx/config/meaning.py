"""Which key was meant, where a word is none: short names, names of other tools, other spellings."""

from __future__ import annotations

import re
from functools import cache

from .keys import aliases, dotted_keys
from .names import by_last_part, find_nearest

SHORT = {
    "seeds": "sweep.seeds",
    "jobs": "sweep.jobs",
    "where": "sweep.where",
    "launcher": "sweep.launcher",
    "hydra/launcher": "sweep.launcher",
    "zip": "sweep",
    "experiment": "task",
}
"""Words of the command line that are no keys -> the key that explains them."""

_NEAR = 0.8


def guess_key(word: str) -> str | None:
    """The dotted key that a word stands for.

    Args:
        word: as in `--epochs`, `trainer/epochs`, `model.units[0]`, `learning_rate` or `lr`; what
            follows `=` does not count.

    Returns:
        A key that there is, an item of a list counted: `model.units.0`; None where none is near.
    """
    name = word.partition("=")[0].strip().lstrip("-+~").replace("-", "_").replace("/", ".")
    name = re.sub(r"\[(\d+)\]", r".\1", name).strip(".")
    key, item = _item(name)
    found = _key(key)
    return f"{found}{item}" if found else None


def _item(name: str) -> tuple[str, str]:
    """A key, and the number of an item of it, as in model.units.0."""
    key, dot, last = name.rpartition(".")
    return (key, f".{last}") if dot and last.isdecimal() else (name, "")


def _key(name: str) -> str | None:
    known = dotted_keys()
    if name in known:
        return name
    return SHORT.get(name) or _other_names().get(name) or _nearest(name)


@cache
def _leaves() -> dict[str, str]:
    """The last part of each key -> the key that is meant by it."""
    return by_last_part(dotted_keys())


def _other_names() -> dict[str, str]:
    """What other tools call a key, alone or with its section."""
    whole = aliases()
    alone = {last: whole[name] for last, name in by_last_part(whole).items()}
    return {**alone, **_leaves(), **whole}


def _nearest(name: str) -> str | None:
    near = find_nearest(name, dotted_keys(), _NEAR)
    leaf = find_nearest(name, _leaves(), _NEAR) if "." not in name else None
    return near or (_leaves()[leaf] if leaf else None)
