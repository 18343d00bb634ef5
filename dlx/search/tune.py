"""A search: settings suggested, trained and judged on validation rows, pruned where hopeless."""

from __future__ import annotations

from typing import Any

from ..config.names import plural
from .record import Record, folder_of
from .recover import find_lost
from .settle import stop_error
from .storage import catch_lost_storage
from .study import Study
from .tune_plan import TunePlan
from .tuning import Tuning
from .watch import Watch


def study_of(plan: TunePlan) -> Study:
    """The study of a search, to be entered.

    Raises:
        UsageError: its storage cannot be opened.
    """
    folder = folder_of(plan.root, plan.name, "tune.name")
    directions = [direction for _, direction in plan.objectives]
    return Study(plan.name, plan.options.storage, folder, plan.space, directions)


def run_tune(plan: TunePlan, runner: Any, watch: Watch) -> tuple[dict[str, Any], list[str] | None]:
    """Searches until the study has its trials, and keeps the outcome in the search's folder.

    Args:
        plan: what is searched.
        runner: makes the context in which trials are trained.
        watch: who is shown it.

    Returns:
        What `sweep.json` holds, and the arguments that train the best setting for good.

    Raises:
        UsageError: the storage cannot be opened.
        Interrupted: it was asked to stop; the same command goes on.
        RunError: the folder cannot be written, or the machine lacks what every trial needs.
    """
    record = Record(folder_of(plan.root, plan.name, "tune.name"))
    with catch_lost_storage(plan.options.storage), study_of(plan) as study:
        study.refuse_another(plan.identity, plan.name)
        study.sweep()
        if lost := find_lost(plan, record, study):
            watch.on_message(lost)
        if again := study.forget_failures():
            watch.on_message(
                f"{plural(again, 'trial')} failed before and none succeeded: tried again"
            )
        tuning = Tuning(plan, record, study, watch)
        begun = tuning.outcome("running")
        record.conclude(begun)
        watch.on_sweep_start(begun["trials"])
        with record.conclude_on_interrupt(tuning.outcome):
            _search(tuning, runner)
        outcome = tuning.outcome("done")
        record.conclude(outcome)
        best = outcome["best"]
        points = {point["point"]: point for point in outcome["points"]}
        return outcome, tuning.best_arguments(points[best["point"]]["changed"]) if best else None


def _search(tuning: Tuning, runner: Any) -> None:
    """Trains what is left, and what other processes leave, until nobody is at work any more."""
    if not (tuning.has_work() or tuning.await_others()):
        return
    with runner as entered:
        tuning.choose_threads(entered)
        entered.run(tuning)
        while not tuning.short and tuning.await_others():
            entered.run(tuning)
    if tuning.short:
        raise stop_error("search", tuning.short, tuning.record.folder)
