"""Worker processes of this machine: orders go out, reports come in, the dead are replaced."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import IO, Any, Protocol

from ..errors import Interrupted, Problem, RunError
from ..interrupts import listen, stop_requested

Message = dict[str, Any]

POLL_S = 0.2
GRACE_S = 60.0
"""Time that workers have to write their checkpoints after they were asked to stop."""


@dataclass(frozen=True)
class Order:
    """One training to be done.

    Attributes:
        number: of the trial.
        message: what the worker is told.
        id: stands in every message about it.
    """

    number: int
    message: Message
    id: str = field(default_factory=lambda: uuid.uuid4().hex)


class Source(Protocol):
    """Where orders come from, and who hears how they went."""

    def next(self) -> Order | None:
        """The next training; None where there is none for now."""

    def on_report(self, order: Order, report: Message) -> Message:
        """Takes the report of an epoch; the answer counts where the order asks for one."""

    def on_end(self, order: Order, ended: Message) -> None:
        """Takes how a training ended: an event of the worker, or its death."""

    def tick(self) -> None:
        """Called several times a second."""


class Pool:
    """Runs the orders of a source in so many processes at a time.

    Args:
        options: those of the launcher; none here.
        jobs: how many; "auto": one a GPU, else one.
        plan: the sweep; of no concern here.
    """

    def __init__(self, options: object, jobs: int | str = 1, plan: object = None) -> None:  # noqa: ARG002
        self._asked = jobs
        self._heard: queue.Queue[tuple[_Worker, Message | None]] = queue.Queue()
        self._workers: list[_Worker] = []
        self._stopping = 0.0
        self.gpus = 0
        self.jobs = 1

    def __enter__(self) -> Pool:
        """Starts the first worker, which tells what the machine has."""
        try:
            first = _Worker(self._heard, "")
            self._workers.append(first)
            worker, message = self._heard.get()
            if message is None:
                raise RunError(Problem(f"a worker process cannot start: {worker.last_words()}"))
        except BaseException:
            self._close()
            raise
        self.gpus = int(message["gpus"])
        self.jobs = max(1, self.gpus) if self._asked == "auto" else int(self._asked)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Ends all workers; after a second signal at once."""
        self._close(at_once=kind is not None and issubclass(kind, KeyboardInterrupt))

    def ask(self, message: Message) -> Message:
        """Lets the first worker do something that is no training, and waits for it."""
        worker = self._workers[0]
        worker.send(message)
        while True:
            try:
                origin, answer = self._heard.get(timeout=POLL_S)
            except queue.Empty:
                if worker.alive:
                    continue
                origin, answer = worker, None
            if origin is not worker or (answer is not None and answer["event"] == "hello"):
                continue
            if answer is None:
                reason = worker.last_words()
                worker.end()
                self._workers[0] = self._start_worker(0)
                return {"event": "failed", "kind": "crash", "reason": reason}
            return answer

    def run(self, source: Source) -> None:
        """Runs orders until the source has no more and all are done.

        Raises:
            Interrupted: a signal asked to stop; what was under way can be gone on with.
        """
        with listen():
            self._stopping = 0.0
            while True:
                if stop_requested() and not self._stopping:
                    self._stopping = time.monotonic()
                    for worker in self._workers:
                        worker.interrupt()
                if not self._stopping:
                    self._hand_out(source)
                busy = [worker for worker in self._workers if worker.order is not None]
                late = self._stopping and time.monotonic() - self._stopping > GRACE_S
                if not busy or late:
                    break
                self._listen(source)
                source.tick()
            if self._stopping:
                hint = "the same command continues with what is not done yet"
                raise Interrupted(Problem("interrupted", hint=hint))

    def _hand_out(self, source: Source) -> None:
        """Gives each idle worker an order, as long as there are any."""
        for place in range(self.jobs):
            idle = place >= len(self._workers) or self._workers[place].order is None
            order = source.next() if idle else None
            if order is None:
                continue
            while place >= len(self._workers):
                self._workers.append(self._start_worker(len(self._workers)))
            if not self._workers[place].alive:
                self._workers[place].end()
                self._workers[place] = self._start_worker(place)
            self._workers[place].begin(order)

    def _listen(self, source: Source) -> None:
        """Hears one message, or none for a moment."""
        try:
            worker, message = self._heard.get(timeout=POLL_S)
        except queue.Empty:
            dead = [w for w in self._workers if w.order is not None and not w.alive]
            if not dead:  # a child of a worker may keep its pipe open after its death
                return
            worker, message = dead[0], None
        order = worker.order
        if order is None or worker not in self._workers:
            return  # it ended when it was idle, and is replaced when there is work
        if message is not None and message.get("order") != order.id:
            return  # a greeting, or an answer to something else
        if message is None:
            worker.order = None
            source.on_end(order, {"event": "interrupted"} if self._stopping else worker.death())
        elif message["event"] in ("epoch", "fold"):
            reply = source.on_report(order, message)
            if order.message.get("asks"):
                worker.send(reply)
        else:
            worker.order = None
            if message.get("kind") == "crash":  # its memory may hold anything
                worker.end()
            source.on_end(order, message)

    def _start_worker(self, place: int) -> _Worker:
        """A worker that sees one GPU, where there are any and several workers."""
        if not self.gpus or self.jobs == 1:
            return _Worker(self._heard, "")
        visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
        names = visible if len(visible) >= self.gpus else [str(i) for i in range(self.gpus)]
        return _Worker(self._heard, names[place % self.gpus])

    def _close(self, at_once: bool = False) -> None:
        for worker in self._workers:
            worker.end(at_once)
        self._workers.clear()


class _Worker:
    """One process, and the order it is at work on.

    Args:
        heard: takes what it says; None when it has died.
        gpu: the only GPU that it sees; "" for all.
    """

    def __init__(self, heard: queue.Queue[tuple[_Worker, Message | None]], gpu: str) -> None:
        self.order: Order | None = None
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `end`
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        environment.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        if gpu:
            environment["CUDA_VISIBLE_DEVICES"] = gpu
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "dlx.search.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            encoding="utf-8",
            env=environment,
            start_new_session=True,  # Ctrl-C is for the parent, which asks the workers to stop
        )
        self._reader = threading.Thread(target=self._read, args=(heard,), daemon=True)
        self._reader.start()

    def _read(self, heard: queue.Queue[tuple[_Worker, Message | None]]) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stream, contextlib.suppress(ValueError):  # half a line
            for line in stream:
                heard.put((self, json.loads(line)))
        self._process.wait()
        heard.put((self, None))

    @property
    def alive(self) -> bool:
        """Whether it can be given an order."""
        return self._process.poll() is None

    def begin(self, order: Order) -> None:
        """Gives it an order."""
        self.order = order
        self.send({**order.message, "order": order.id})

    def send(self, message: Message) -> None:
        """Tells it something; one that has died is heard of in its own time."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()

    def interrupt(self) -> None:
        """Asks it to write a checkpoint and stop."""
        if self.order is not None:
            self._process.terminate()

    def end(self, at_once: bool = False) -> None:
        """Ends it: at once if it is idle or must be, else when it has written a checkpoint."""
        with contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        patience = GRACE_S if self.order is not None else 10.0
        try:
            self._process.wait(timeout=0 if at_once else patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        with contextlib.suppress(OSError, AttributeError):  # children that it left; not on Windows
            os.killpg(self._process.pid, signal.SIGKILL)
        self._reader.join()
        self._errors.close()

    def death(self) -> Message:
        """How it ended, as a failure of its order."""
        return {"event": "failed", "kind": "crash", "reason": self.last_words(), "folder": None}

    def last_words(self) -> str:
        """Why it died, as far as can be told."""
        code = self._process.wait()
        said = ""
        with contextlib.suppress(OSError, ValueError):
            self._errors.seek(max(0, self._errors.tell() - 2000))
            lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
            said = f": {lines[-1][:300]}" if lines else ""
        if code >= 0:
            return f"its process ended with exit code {code}{said}"
        name = signal.Signals(-code).name if -code in list(signal.Signals) else str(-code)
        memory = "; the system kills processes that use too much memory"
        likely = memory if name == "SIGKILL" else ""
        return f"its process was killed by {name}{likely}{said}"
