"""Which runs a command means: filters, --task and --state, and what to say where none is left."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ..runs import listing
from ..runs.listing import Status


def filter_runs(
    args: argparse.Namespace, filters: Sequence[str], every: Sequence[Status]
) -> list[Status]:
    """The runs that the filters, --task and --state let through.

    Raises:
        UsageError: a filter is none, or asks for what no run can be.
    """
    words = [f"{key}={getattr(args, key)}" for key in ("task", "state") if getattr(args, key)]
    asked = listing.parse([*words, *filters], every)
    return [status for status in every if all(one.takes(status) for one in asked)]


def describe_no_match(root: str, every: Sequence[Status]) -> str:
    """What to say where no run is left."""
    if not every:
        return f"no runs in {root}: dlx train task=digits makes one"
    tasks = ", ".join(sorted({str(status.get("task")) for status in every}))
    return f"none of the {len(every)} runs in {root} matches; their tasks: {tasks}"
