"""Which runs are one setting, trained under several seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..runs.difference import ASIDE
from .read import Run, get


def config_of(run: Run) -> dict[str, Any]:
    """The configuration as a tree; empty where it is damaged."""
    import yaml

    try:
        tree = yaml.safe_load(get(run.report, "config", str))
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    return tree if isinstance(tree, dict) else {}


def flatten(tree: Mapping[Any, Any], above: str = "") -> dict[str, str]:
    """The values of a tree by their dotted keys."""
    found: dict[str, str] = {}
    for key, value in tree.items():
        name = f"{above}{key}"
        if isinstance(value, dict) and value:
            found |= flatten(value, f"{name}.")
        else:
            found[name] = "null" if value is None else str(value)
    return found


def settings_of(runs: Sequence[Run]) -> list[tuple[int, ...]]:
    """The places of the runs, from 1, those together that differ in their seeds alone."""
    groups: dict[object, list[int]] = {}
    for place, run in enumerate(runs, start=1):
        known = flatten(config_of(run))
        key = frozenset(p for p in known.items() if p[0].partition(".")[0] not in (*ASIDE, "seed"))
        groups.setdefault(key or place, []).append(place)
    return [tuple(group) for group in groups.values()]


def pair_runs(
    runs: Sequence[Run], firsts: Sequence[int], seconds: Sequence[int]
) -> list[tuple[int, int]]:
    """Pairs of runs of two settings: of the same seed where all have a partner, else all pairs."""
    seeds = [{_seed(runs[place - 1]): place for place in group} for group in (firsts, seconds)]
    alike = seeds[0].keys() == seeds[1].keys() and len(seeds[0]) == len(firsts) == len(seconds)
    if alike:
        return [(place, seeds[1][seed]) for seed, place in seeds[0].items()]
    return [(one, other) for one in firsts for other in seconds]


def _seed(run: Run) -> str:
    return flatten(config_of(run)).get("seed", "")
