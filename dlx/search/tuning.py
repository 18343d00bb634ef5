"""The trials of a search: suggested, ordered, pruned, and written down as they end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..config.learners import spec_of
from ..config.secrets import hide_in_arguments
from ..errors import MethodError, UsageError
from ..runs.files import plain
from .pool import Message, Order
from .record import Record
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
)
from .space import as_arguments
from .study import Study, changed_values, make_tried, state_of
from .suggest import suggest
from .sweep import Runner, seconds_of
from .table import counts, front, point_of, rank_settings
from .tune_plan import TunePlan, pruner_of
from .watch import Row, Watch

RETRY_S = 5.0
"""Seconds between two looks for trials of processes that died."""
WAIT_S = 0.5
"""Seconds between two looks at what other processes are doing."""


@dataclass
class Tuning:
    """The source of a search's orders, and the one who hears how they went.

    Attributes:
        plan: the search.
        record: its folder.
        study: its trials.
        watch: who is shown it.
        threads: the count that all trials run with, where the config leaves it open.
        short: what the machine lacks, so that no further trial is begun; "" if nothing.
    """

    plan: TunePlan
    record: Record
    study: Study
    watch: Watch
    threads: dict[str, Any] | None = None
    short: str = ""
    _begun: float = field(default_factory=time.monotonic)
    _before: float = 0.0
    _looked: float = 0.0
    _rows: dict[int, Row] = field(default_factory=dict)
    _again: list[int] = field(default_factory=list)
    _tries: Counter[int] = field(default_factory=Counter)
    _failed: bool = False

    def __post_init__(self) -> None:
        """Makes the pruner, and takes up what an earlier process knew."""
        if self.plan.loaded.config.trainer.threads == "auto":
            self.threads = self.study.fact("threads")
            known = known_threads(self.record.outcome())
            if self.threads is None and known is not None and not self.study.shared:
                self.threads = self.study.fact("threads", known)
        self._before = seconds_of(self.record.outcome())
        self._pruner = pruner_of(self.plan)
        self._most = self.plan.most
        self._score, self._direction = self.plan.objectives[0]

    def has_work(self) -> bool:
        """Whether there is anything for this process to do."""
        if self._is_over():
            return False
        return len(self.study.trials()) < self._most or bool(self.study.orphans())

    def _is_over(self) -> bool:
        """Whether this process may begin nothing more."""
        budget = self.plan.options.budget_minutes
        minutes = (time.monotonic() - self._begun) / 60
        late = budget is not None and minutes >= budget
        failed = self._failed and self.plan.loaded.config.sweep.fail_fast
        return late or failed or bool(self.short)

    def await_others(self) -> bool:
        """Waits for the other processes of the study, whose trials may be the best.

        Returns:
            True as soon as one has left something to go on with; False when nobody is at work.
        """
        self.study.rest(True)
        told = False
        while True:
            with self.study.lock():  # else another might take up meanwhile what a third has left
                left, busy = self.has_work(), self.study.has_others()
            if left or not busy:
                self.study.rest(not left)
                return left
            if not told:
                self.watch.on_message("waiting for the trials of another process")
            told = True
            time.sleep(WAIT_S)
            self.tick()

    def choose_threads(self, runner: Runner) -> None:
        """One thread count for all trials of the study, whichever process chose it."""
        if self.plan.loaded.config.trainer.threads == "auto" and self.threads is None:
            known = shared_threads(runner, self._message(self.plan.own or {}, 0))
            self.threads = self.study.fact("threads", known)

    def next(self) -> Order | None:
        """The next training: one that a dead process left, or a new setting."""
        if self._is_over():
            return None
        if self._again:
            number = self._again.pop()
            return self._order(number, self._rows[number]["changed"], None)
        with self.study.lock():
            order = self._orphan()
            return order or self._start_fresh()

    def _orphan(self) -> Order | None:
        """What a dead process had under way: told if it was done, else gone on with."""
        recent = self._looked and time.monotonic() - self._looked < RETRY_S
        if recent and len(self.study.trials()) < self._most:
            return None
        orphans = self.study.orphans()
        if not orphans:
            self._looked = time.monotonic()
        runs = self.record.begun_runs() if orphans else {}
        for trial in orphans:
            self.study.adopt(trial.number)
            run = runs.get((trial.number, str(trial.user_attrs.get("key"))))
            if run is not None and (found := settle(run)) is not None:
                self._finish(trial.number, found)
                continue
            changed = changed_values(trial, self.plan.space)
            if "key" not in trial.user_attrs and (reason := self._explain_refusal(changed)):
                self._finish(trial.number, _refusal(reason))
                continue
            return self._order(trial.number, changed, run if run and is_resumable(run) else None)
        return None

    def _start_fresh(self) -> Order | None:
        """A new setting, written down before anyone else can choose."""
        trials = self.study.trials()
        if len(trials) >= self._most:
            return None
        own = self.plan.own if not trials and self.plan.options.sampler != "grid" else None
        changed = own or self._suggest_values(trials)
        if reason := self._explain_refusal(changed):
            return self._impossible(changed, reason)
        key = self.plan.key(changed)
        number = self.study.begin(changed, self._most, key=key, own=own is not None)
        return None if number is None else self._order(number, changed, None)

    def _impossible(self, changed: dict[str, Any], reason: str) -> Order | None:
        """Writes a setting down that no config can have, and takes the next."""
        number = self.study.begin(changed, self._most)
        if number is None:
            return None
        self._finish(number, _refusal(reason))
        self.watch.on_trial_end(self._row_of(number))
        return self._start_fresh()

    def _explain_refusal(self, changed: dict[str, Any]) -> str:
        """Why no config can have some values, which are right alone and not together."""
        try:
            self.plan.key(changed)
        except (UsageError, MethodError) as error:
            return str(error)
        return ""

    def _suggest_values(self, trials: Sequence[Any]) -> dict[str, Any]:
        options, seed = self.plan.options, self.plan.loaded.config.seed
        tried = [make_tried(trial, self.plan.space) for trial in trials]
        directions = [direction for _, direction in self.plan.objectives]
        return suggest(self.plan.space, tried, directions, seed, options.sampler, options.startup)

    def _order(self, number: int, changed: dict[str, Any], resume: Path | None) -> Order:
        self._rows[number] = self._row_of(number)
        self.watch.on_trial_start(self._rows[number])
        message = {
            **self._message(changed, number),
            "do": "train",
            "threads": self.threads,
            "resume": resume and str(resume),
            "asks": self._pruner is not None,
        }
        return Order(number, message)

    def _message(self, changed: dict[str, Any], number: int) -> Message:
        marks = {"sweep": self.record.name, "trial": number, **self.plan.marks}
        places = {"config_dir": self.plan.config_dir}
        key = self.plan.key(changed)
        return {"arguments": self.plan.trial(changed), "key": key, "marks": marks, **places}

    def on_report(self, order: Order, report: Message) -> Message:
        """Shows how far a trial is, and says whether it is to be given up."""
        self.watch.reports(self._rows[order.number], report)
        value = report["scores"].get(self._score)
        if self._pruner is None or value is None:
            return {}
        step = int(report["epoch"])
        if not self.study.prune(self._pruner, order.number, step, value):
            return {}
        unit = "fold" if report["event"] == "fold" else "epoch"
        return {
            "stop": f"{self._score} {value:.4g} at {unit} {step} is worse than that of the others"
        }

    def on_end(self, order: Order, ended: Message) -> None:
        """Writes down how a trial ended."""
        key = order.message["key"]
        folder = ended.get("folder") or self.record.begun_runs().get((order.number, key))
        run = Path(folder) if folder else None
        found = settle_end(ended, run, key)
        if found["event"] == "interrupted":
            self.study.release(order.number)
        elif found.get("kind") == "machine":
            self.short = found["reason"]
            self.study.release(order.number)
        elif found["event"] == "done":
            self._finish(order.number, found)
        elif self._may_retry(order.number, found):
            return
        else:
            name = f"{run.parent.name}/{run.name}" if run else None
            self._finish(order.number, {**found, "run": name})
            if run is not None and found["event"] == "failed":
                log_failure(run, found["reason"], found.get("traceback", ""))
        self.watch.on_trial_end(self._row_of(order.number))

    def _may_retry(self, number: int, ended: Message) -> bool:
        """Whether a trial that crashed has a further try."""
        self._tries[number] += 1
        tries = self.plan.loaded.config.sweep.retries
        again = ended.get("kind") == "crash" and self._tries[number] <= tries
        if again:
            self._again.append(number)
        return again

    def _finish(self, number: int, ended: Message) -> None:
        """Puts a trial's end into the study."""
        state = ended["event"]
        self._failed = self._failed or state == "failed"
        facts = {k: v for k, v in ended.items() if k not in ("event", "state", "folder")}
        values = None
        if state == "done":
            known = ended["values"]
            values = [known.get(name) for name, _ in self.plan.objectives]
            if any(value is None for value in values):
                state, facts["reason"] = "failed", "no validation score"
                values = None
        elif state == "pruned" and (last := self.study.last_report(number)) is not None:
            values, facts["score"], facts["value"] = [last], self._score, last
        self.study.finish(number, state, values, result=plain(facts))

    def tick(self) -> None:
        """Shows that this process lives."""
        self.study.beat()
        self.watch.tick()

    def _row_of(self, number: int) -> Row:
        trial = next(t for t in self.study.trials() if t.number == number)
        return self._row(trial)

    def _row(self, trial: Any) -> Row:
        """A trial as `sweep.json` holds it."""
        changed = changed_values(trial, self.plan.space)
        state = state_of(trial)
        if state == "running" and not trial.user_attrs.get("owner"):
            state = "waiting"
        known = {"value": None, "run": None, "reason": "", **trial.user_attrs.get("result", {})}
        if state == "done" and known.get("score") != self._score:  # another than the judged one
            known |= {"value": known["values"].get(self._score), "interval": None}
        return {
            **known,
            "score": self._score,
            "direction": self._direction,
            "trial": trial.number,
            "point": trial.number,
            "seed": self.plan.loaded.config.seed,
            "changed": changed,
            "shown": hide_in_arguments(as_arguments(changed)),
            "state": state,
            "own": bool(trial.user_attrs.get("own")),
        }

    def outcome(self, state: str) -> dict[str, Any]:
        """What `sweep.json` holds."""
        plan, config = self.plan, self.plan.loaded.config
        rows = [self._row(trial) for trial in self.study.trials()]
        points = [point_of(row["trial"], row["changed"], [row]) for row in rows]
        goals = [{"name": name, "direction": direction} for name, direction in plan.objectives]
        leading = front(points, goals) if len(goals) > 1 else []
        best = self._best(points, leading)
        return {
            "sweep": self.record.name,
            "kind": "tune",
            "task": config.task,
            "title": config.about.title,
            "source": config.about.source,
            "command": format_command(["tune"], plan.command, plan.config_dir),
            "state": state,
            "seconds": round(self._before + time.monotonic() - self._begun, 3),
            "sample": any(row.get("sample") for row in rows),
            "fresh": spec_of(config).fresh,
            "score": self._score,
            "direction": self._direction,
            "objectives": goals,
            "keys": [lever.key for lever in plan.space],
            "space": {lever.key: lever.plain() for lever in plan.space},
            "sampler": plan.options.sampler,
            "pruner": plan.options.pruner,
            "seeds": 1,
            "threads": self.threads["count"] if self.threads else None,
            "points": points,
            "trials": rows,
            "best": best and self._best_facts(best, rows),
            "default": next((row["point"] for row in rows if row["own"]), None),
            "front": leading,
            "counts": counts(rows),
            "notes": plan.notes,
        }

    def _best(
        self, points: Sequence[Mapping[str, Any]], leading: Sequence[int]
    ) -> Mapping[str, Any] | None:
        """The best by the first objective; of those equal in it, the first of the front."""
        name, direction = self.plan.objectives[0]
        if len(self.plan.objectives) > 1:
            return next((p for p in points if p["point"] in leading[:1]), None)
        by_objective = [{**p, "value": p["values"].get(name)} for p in points]
        return next(iter(rank_settings(by_objective, direction)), None)

    def best_arguments(self, changed: Mapping[str, Any]) -> list[str]:
        """What `dlx train` takes to train a setting for good."""
        return final_arguments(self.plan.trial(dict(changed)), self.threads, self.plan.config_dir)

    def _best_facts(self, best: Mapping[str, Any], rows: Sequence[Row]) -> dict[str, Any]:
        arguments = self.best_arguments(best["changed"])
        mine = next(row for row in rows if row["trial"] == best["point"])
        return best_facts(arguments, self.plan.config_dir, self.plan.root, mine)


def _refusal(reason: str) -> Message:
    return {"event": "failed", "kind": "config", "reason": reason}
