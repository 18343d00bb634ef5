"""A sweep: every setting of a plan trained, what is done already left alone, the outcome kept."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ..config.learners import judged_score, score_names, spec_of
from ..config.names import plural
from ..config.secrets import hide_in_arguments
from ..files import sweep_temporaries
from ..runs.folder import find_named_run
from ..runs.lock import hold
from .plan import Plan, Planned
from .pool import Message, Order
from .record import Record, folder_of
from .settle import (
    best_facts,
    final_arguments,
    format_command,
    is_resumable,
    known_threads,
    log_failure,
    settle,
    settle_end,
    shared_threads,
    stop_error,
)
from .table import counts, point_of, rank_settings
from .watch import Row, Watch


class Runner(Protocol):
    """Where orders are carried out: worker processes, or jobs of a cluster."""

    jobs: int

    def ask(self, message: Message) -> Message:
        """Does something that is no training, and waits for it."""

    def run(self, source: Any) -> None:
        """Carries out the orders of a source."""


@dataclass
class Job:
    """A trial that is to be run.

    Attributes:
        planned: the trial.
        resume: the folder of a run that was broken off.
        tries: how often it has been tried.
    """

    planned: Planned
    resume: Path | None = None
    tries: int = 0


@dataclass
class Sweeping:
    """The source of a sweep's orders, and the one who hears how they went.

    Attributes:
        plan: what is to run.
        record: the sweep's folder.
        watch: who is shown it.
        threads: the count that all trials run with, where their configs leave it open.
        queue: what is left.
        short: what the machine lacks, so that no further trial is begun; "" if nothing.
    """

    plan: Plan
    record: Record
    watch: Watch
    threads: dict[str, Any] | None = None
    queue: deque[Job] = field(default_factory=deque)
    short: str = ""
    _jobs: dict[int, Job] = field(default_factory=dict)
    _begun: float = field(default_factory=time.monotonic)
    _before: float = 0.0
    _failed: bool = False

    def recover(self) -> None:
        """Finds out what is done, and what can be gone on with."""
        known = self.record.outcome()
        self._before = seconds_of(known)
        self.threads = known_threads(known)
        runs = self.record.begun_runs() if self.record.trials or known else {}
        for planned in self.plan.trials:
            entry = self.record.trials.get(planned.key, {})
            kept = find_named_run(self.record.root, entry.get("run"))
            if entry.get("state") == "done" and kept.is_dir():
                continue
            if entry.get("state") == "done":  # its run folder has been deleted
                self.record.note(planned.key, state="waiting", run=None)
            place = (planned.number, planned.key)
            run = runs.get(place) if entry.get("state") != "failed" else None
            found = settle(run) if run is not None else None
            if found is not None and found.pop("event") == "done":
                self.record.note(planned.key, **found)
                continue
            self.queue.append(Job(planned, run if run and is_resumable(run) else None))
        # What failed before comes last: it may well fail again.
        failed = {k for k, entry in self.record.trials.items() if entry.get("state") == "failed"}
        self.queue = deque(sorted(self.queue, key=lambda job: job.planned.key in failed))

    def choose_threads(self, runner: Runner) -> None:
        """One thread count for all trials: measured on the first that can be, shared out."""
        for job in list(self.queue):
            if self.threads is None and job.planned.point.loaded.config.trainer.threads == "auto":
                self.threads = shared_threads(runner, self._message(job.planned))

    def next(self) -> Order | None:
        """The next trial; none after a failure, where it is asked for."""
        if not self.queue or self.short or (self._failed and self.plan.options.fail_fast):
            return None
        job = self.queue.popleft()
        planned = job.planned
        self._jobs[planned.number] = job
        shown = hide_in_arguments(planned.arguments)
        facts = {"trial": planned.number, "seed": planned.seed, "arguments": shown}
        self.record.note(planned.key, state="running", **facts)
        self.watch.on_trial_start(self.row(planned))
        marks = {"sweep": self.record.name, "trial": planned.number}
        marks |= {"experiment": planned.point.experiment} if planned.point.experiment else {}
        more = {"threads": self.threads, "marks": marks, "resume": job.resume and str(job.resume)}
        return Order(planned.number, {**self._message(planned), "do": "train", **more})

    def _message(self, planned: Planned) -> Message:
        places = {"config_dir": self.plan.config_dir}
        return {"arguments": planned.arguments, "key": planned.key, **places}

    def on_report(self, order: Order, report: Message) -> Message:
        """Shows how far a trial is."""
        self.watch.reports(self.row(self._jobs[order.number].planned), report)
        return {}

    def on_end(self, order: Order, ended: Message) -> None:
        """Notes how a trial ended; one that crashed may be tried again."""
        job = self._jobs.pop(order.number)
        key = job.planned.key
        folder = ended.get("folder") or self.record.begun_runs().get((order.number, key))
        run = Path(folder) if folder else None
        found = settle_end(ended, run, key)
        event = found.pop("event")
        if event == "done":
            self.record.note(key, **found)
        elif event == "interrupted":
            self.record.note(key, state="waiting")
        elif found.get("kind") == "machine":
            self.short = found["reason"]
            self.record.note(key, state="waiting")
        else:
            self._fail(job, found, run)
        self.watch.on_trial_end(self.row(job.planned))

    def _fail(self, job: Job, ended: Message, run: Path | None) -> None:
        key = job.planned.key
        name = f"{run.parent.name}/{run.name}" if run else None
        facts = {k: ended[k] for k in ("kind", "reason", "traceback") if ended.get(k)}
        self.record.note(key, state="failed", run=name, **facts)
        if run is not None:
            log_failure(run, ended["reason"], ended.get("traceback", ""))
        job.tries += 1
        if ended.get("kind") == "crash" and job.tries <= self.plan.options.retries:
            self.queue.append(Job(job.planned, tries=job.tries))
        else:
            self._failed = True

    def tick(self) -> None:
        """Passes the time on."""
        self.watch.tick()

    def row(self, planned: Planned) -> Row:
        """A trial as `sweep.json` holds it."""
        point = planned.point
        known = {k: v for k, v in self.record.trials.get(planned.key, {}).items() if k != "key"}
        row = {"state": "waiting", "value": None, "run": None, "reason": "", **known}
        place = {"trial": planned.number, "point": point.number, "seed": planned.seed}
        several = [f"seed={planned.seed}"] if self.plan.options.seeds > 1 else []
        return {**row, **place, "changed": point.changed, "shown": [*point.shown, *several]}

    def outcome(self, state: str) -> dict[str, Any]:
        """What `sweep.json` holds."""
        plan, config = self.plan, self.plan.points[0].loaded.config
        rows = [self.row(planned) for planned in plan.trials]
        score = judged_score(config)
        direction = score_names(config)[score]
        of_point: dict[int, list[Row]] = {point.number: [] for point in plan.points}
        for row in rows:
            of_point[row["point"]].append(row)
        points = [point_of(p.number, p.changed, of_point[p.number]) for p in plan.points]
        best = None if "seed" in plan.keys else next(iter(rank_settings(points, direction)), None)
        notes = [*plan.notes, *self._warnings()]
        return {
            "sweep": self.record.name,
            "kind": "sweep",
            "task": config.task,
            "title": config.about.title,
            "source": config.about.source,
            "command": format_command(["train", "-m"], plan.arguments, plan.config_dir),
            "state": state,
            "seconds": round(self._before + time.monotonic() - self._begun, 3),
            "sample": any(row.get("sample") for row in rows),
            "fresh": spec_of(config).fresh,
            "score": score,
            "direction": direction,
            "objectives": [{"name": score, "direction": direction}],
            "keys": plan.keys,
            "seeds": plan.options.seeds,
            "threads": self.threads["count"] if self.threads else None,
            "points": points,
            "trials": rows,
            "best": best and self._best_facts(of_point[best["point"]][0]),
            "default": None,
            "front": [],
            "counts": counts(rows),
            "notes": notes,
        }

    def _warnings(self) -> list[str]:
        """What to bear in mind when the best is chosen."""
        found = []
        if "seed" in self.plan.keys:
            found.append("the best of several seeds is luck: seeds=N gives their mean and spread")
        mine = {planned.key for planned in self.plan.trials}
        others = [k for k, entry in self.record.trials.items() if k not in mine]
        others = [k for k in others if self.record.trials[k].get("state") == "done"]
        if others:
            found.append(
                f"{plural(len(others), 'trial')} of other commands with this name are not shown; "
                "they are also decisions on the validation set"
            )
        return found

    def _best_facts(self, first: Row) -> dict[str, Any]:
        loaded = self.plan.points[first["point"]].loaded
        threads = self.threads if loaded.config.trainer.threads == "auto" else None
        found = final_arguments(loaded.arguments, threads, self.plan.config_dir)
        return best_facts(found, self.plan.config_dir, self.plan.root, first)


def seconds_of(outcome: Message) -> float:
    """How long a sweep has taken in earlier commands."""
    found = outcome.get("seconds")
    return float(found) if isinstance(found, (int, float)) and found > 0 else 0.0


def run_sweep(plan: Plan, runner: Any, watch: Watch) -> dict[str, Any]:
    """Runs what is missing or failed of a plan, and keeps the outcome in the sweep's folder.

    Args:
        plan: what is to run.
        runner: makes the context in which orders are carried out.
        watch: who is shown it.

    Returns:
        What `sweep.json` holds.

    Raises:
        UsageError: another process is at work on the sweep.
        Interrupted: it was asked to stop; what is done is kept.
        RunError: the sweep's folder cannot be written, or the machine lacks what every trial needs.
    """
    record = Record(folder_of(plan.root, plan.name, "sweep.name"))
    with hold(record.folder, "sweep"):
        sweep_temporaries(record.folder)
        sweeping = Sweeping(plan, record, watch)
        sweeping.recover()
        begun = sweeping.outcome("running")
        record.conclude(begun)
        watch.on_sweep_start([row for row in begun["trials"] if row["state"] == "done"])
        with record.conclude_on_interrupt(sweeping.outcome):
            _run(sweeping, runner)
        outcome = sweeping.outcome("done")
        record.conclude(outcome)
    return outcome


def _run(sweeping: Sweeping, runner: Any) -> None:
    """Trains what is left."""
    if not sweeping.queue:
        return
    with runner as entered:
        sweeping.choose_threads(entered)
        sweeping.record.conclude(sweeping.outcome("running"))
        entered.run(sweeping)
    if sweeping.short:
        raise stop_error("sweep", sweeping.short, sweeping.record.folder)
