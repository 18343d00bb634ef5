"""Near misses: what a misspelt name was probably meant to be."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def find_nearest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known name most like `name`, or None if none is near.

    Case, and the difference between `-` and `_`, do not count; likeness is at least `cutoff`.
    """
    folded = {_fold(k): k for k in known}
    match = difflib.get_close_matches(_fold(name), folded, n=1, cutoff=cutoff)
    return folded[match[0]] if match else None


def did_you_mean(name: str, known: Iterable[str], said: str = "did you mean {}?") -> str:
    """The hint at the nearest known name, in the place of {}; "" where none is near."""
    near = find_nearest(name, known)
    return said.replace("{}", near) if near else ""


def _fold(name: str) -> str:
    return name.lower().replace("-", "_")


def join_names(names: Iterable[str]) -> str:
    """Names in one line, separated by commas."""
    return ", ".join(names)


def components(names: Iterable[str], typed: str = "") -> str:
    """The components there are, and what is `typed` for one of a plugin, which no table knows."""
    needed = f"{typed} plugins=[PACKAGE]" if typed else "one of a plugin needs plugins=[PACKAGE]"
    return f"{join_names(names)}; {'of a plugin: ' if typed else ''}{needed}"


def plural(count: int, noun: str) -> str:
    """A count with its noun: "1 step", "2 steps"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def by_last_part(keys: Iterable[str]) -> dict[str, str]:
    """The last part of each key -> the key that has it: the shortest, of these the first.

    Those of datasets and learners stand behind, as few of them have an option: `units` is meant of
    a model.
    """
    behind = ("dataset.", "learner.")
    shortest_first = sorted(keys, key=lambda key: (key.count("."), key.startswith(behind)))
    return {key.rpartition(".")[2]: key for key in reversed(shortest_first)}
