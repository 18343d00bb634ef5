"""Trials as jobs of a cluster, by submitit: on Slurm, or as processes of this machine to try it.

Submitit keeps its own pickled files; they lie in the user's cache, never in a run folder, and what
a job found is read from JSON and from its run folder only.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..config.fields import to_plain
from ..config.secrets import hide_in_arguments
from ..data.store import cache_root
from ..errors import Interrupted, Problem, UsageError
from ..files import fence, is_file, make_folder, names_in
from ..interrupts import listen, stop_requested
from ..runs.files import read_record, write_json
from .pool import GRACE_S, Message, Order, Source

POLL_S = 1.0


class Cluster:
    """Submits an order a job, so many at a time.

    Args:
        options: those of the launcher.
        jobs: how many at a time.
        plan: the sweep; its name is that of the jobs.
    """

    def __init__(self, options: Any, jobs: int | str, plan: Any) -> None:
        self._options = options
        self._name = str(plan.name)
        every = {a for trial in plan.trials for a in trial.arguments}
        self._secret = sorted({*hide_in_arguments(sorted(every))} - every)
        self.jobs = 1 if jobs == "auto" else int(jobs)
        self._folder = cache_root() / "submitit" / self._name / f"{os.getpid()}-{time.time_ns()}"
        self._active: list[tuple[Order, Any, Path]] = []

    def __enter__(self) -> Cluster:
        """Finds the cluster.

        Raises:
            UsageError: there is none here.
        """
        import submitit

        if self._secret:
            what = "submitit saves the arguments of a job, and one of them is secret"
            hint = "use an environment variable: KEY=${oc.env:VARIABLE}"
            raise UsageError(Problem(what, self._secret[0], hint=hint))
        make_folder(self._folder)
        fence(self._folder)
        slurm = hasattr(self._options, "partition")
        try:
            self._executor = submitit.AutoExecutor(self._folder, "slurm" if slurm else "local")
            self._executor.update_parameters(name=self._name, **self._parameters())
        except RuntimeError as error:
            hint = "hydra/launcher=submitit_local tries it on this machine"
            raise UsageError(Problem(f"submitit: {error}", "sweep.launcher", hint=hint)) from None
        return self

    def __exit__(self, *_: object) -> None:
        """Stops what is still under way."""
        self._cancel()

    def _parameters(self) -> dict[str, Any]:
        """The launcher's options as submitit names them."""
        found = {k: v for k, v in to_plain(self._options).items() if v is not None}
        own = ("partition", "account", "qos", "constraint")
        return {f"slurm_{k}" if k in own else k: v for k, v in found.items()}

    def ask(self, message: Message) -> Message:  # noqa: ARG002
        """The thread count is what a job asks of the cluster."""
        threads = {"count": self._options.cpus_per_task, "how": "cpus_per_task"}
        return {"event": "threads", "threads": threads}

    def run(self, source: Source) -> None:
        """Submits the orders of a source until it has no more and all are done.

        Raises:
            Interrupted: a signal asked to stop; what was under way can be gone on with.
        """
        with listen():
            while True:
                self._submit(source)
                if not self._active:
                    return
                self._collect(source)
                source.tick()
                if stop_requested():
                    break
                time.sleep(POLL_S)
            self._cancel()
            until = time.monotonic() + GRACE_S
            while self._active and time.monotonic() < until:
                self._collect(source)
                time.sleep(POLL_S)
        hint = "the same command continues with what is not done yet"
        raise Interrupted(Problem("interrupted", hint=hint))

    def _submit(self, source: Source) -> None:
        from submitit.core.utils import FailedJobError

        while len(self._active) < self.jobs and (order := source.next()) is not None:
            answers = sum(name.endswith(".json") for name in names_in(self._folder))
            answer = self._folder / f"{order.number}-{answers}.json"
            try:
                job = self._executor.submit(carry_out_alone, json.dumps(order.message), str(answer))
            except FailedJobError as error:
                said = str(error).strip().splitlines() or ["no reason given"]
                failed = {"event": "failed", "kind": "config", "reason": f"not taken: {said[-1]}"}
                source.on_end(order, failed)
                continue
            self._active.append((order, job, answer))

    def _collect(self, source: Source) -> None:
        """Hears of the jobs that have ended."""
        for entry in list(self._active):
            order, job, answer = entry
            over = job.done()
            if not over and not is_file(answer):
                continue
            self._active.remove(entry)
            if process := getattr(job, "_process", None):  # of this machine: it is about to end
                process.wait()
            source.on_end(order, _await_answer(answer) or _death(job))

    def _cancel(self) -> None:
        for _, job, _ in self._active:
            with suppress(Exception):  # it may have ended, or the cluster be out of reach
                job.cancel()


def carry_out_alone(order: str, answer: str) -> None:
    """What a job does: one training; how it ended is written as JSON.

    Args:
        order: as JSON.
        answer: the file to write.
    """
    from ..interrupts import raise_on_signal
    from ..sources.shared import Shared
    from .worker import carry_out

    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    with raise_on_signal():
        ended = carry_out(json.loads(order), Shared(keep=False), lambda _: None)
    write_json(Path(answer), ended)


def _await_answer(file: Path) -> Message | None:
    """A job's answer; a file system that is shared may show it a little late."""
    until = time.monotonic() + 5.0
    while not is_file(file) and time.monotonic() < until:
        time.sleep(0.2)
    return read_record(file) or None


def _death(job: Any) -> Message:
    """Why a job ended without an answer, as far as can be told."""
    said: Sequence[str] = ()
    with suppress(OSError):
        said = (job.stderr() or "").strip().splitlines()
    last = f": {said[-1][:300]}" if said else ""
    reason = f"job {job.job_id} ended without an answer ({job.state}){last}"
    return {"event": "failed", "kind": "crash", "reason": reason, "folder": None}
