"""Trials that a study has lost in a power cut, recovered: each has a run folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..config.names import plural
from ..data.origins import load
from ..errors import DlxError
from ..runs.folder import read_status
from ..runs.listing import overrides_of
from .record import Record, read_curve
from .space import own_values
from .study import Study
from .tune_plan import TunePlan


def find_lost(plan: TunePlan, record: Record, study: Study) -> str:
    """Puts trials back into a study that has lost its end, its file, or what it holds.

    A trial's run begins when the study has it safe on the disk, so a run that the study does not
    know tells of a loss. What is put back is under way and nobody's, so that it is looked at as
    what a killed process leaves: told if it is done, else gone on with.

    Args:
        plan: the search.
        record: its folder; one without an outcome belongs to a search that begins anew.
        study: its trials, on this machine alone.

    Returns:
        What is to be told; "" where nothing was lost.
    """
    outcome = record.outcome()
    if study.shared or not outcome:
        return ""
    with study.lock():
        if study.has_others():
            return ""
        rows = {row["trial"]: row for row in outcome.get("trials", ()) if _is_row(row)}
        runs = {number: run for (number, _), run in record.begun_runs().items()}
        found = 0
        while _put_back(plan, study, runs.get(study.size()), rows.get(study.size(), {})):
            found += 1
    if not found and not study.mended:
        return ""
    told = f"the study had lost its last entries: {plural(found, 'trial')} recovered"
    return f"{told}; its damaged file is kept beside it" if study.mended else told


def _put_back(plan: TunePlan, study: Study, run: Path | None, row: Mapping[str, Any]) -> bool:
    """Puts the next trial back, by its run or by what `sweep.json` holds of it."""
    changed, key = _setting(plan, run) if run is not None else (None, None)
    if run is not None and changed is not None:
        number = study.begin(changed, study.size() + 1, key=key, own=changed == plan.own)
        assert number is not None
        for step, value in _curve(run, plan.objectives[0][0]):
            study.report(number, step, value)
        study.release(number)
        return True
    if row.get("state") == "failed" and row.get("run") is None:  # it had values no config can have
        number = study.begin(row["changed"], study.size() + 1)
        assert number is not None
        study.finish(number, "failed", result={"kind": "config", "reason": str(row["reason"])})
        return True
    return False


def _setting(plan: TunePlan, run: Path) -> tuple[dict[str, Any] | None, str | None]:
    """The values of a run's levers, and the digest of its config; none where it is another's."""
    status = read_status(run) or {}
    try:
        config = load(overrides_of(status), plan.config_dir).config
        changed = own_values(config, plan.space)
        mine = plan.key(changed)
    except DlxError:
        return None, None
    return (changed, mine) if mine == status.get("config_digest") else (None, None)


def _curve(run: Path, score: str) -> Iterator[tuple[int, float]]:
    """The score of each epoch, as a pruner was told it."""
    for row in read_curve(run):
        value = row.get(score)
        if isinstance(value, float) and value == value:
            yield row["epoch"], value


def _is_row(row: Any) -> bool:
    return (
        isinstance(row, dict)
        and isinstance(row.get("trial"), int)
        and isinstance(row.get("changed"), dict)
    )
