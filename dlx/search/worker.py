"""A process that trains one trial after the other, told what to do by lines of JSON.

Trials share what takes time and changes nothing: one import of torch, datasets read and prepared.
Orders come on standard input, answers go to what was standard output; whatever else is printed goes
to standard error. When the input ends, a training under way writes a checkpoint and stops.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TextIO

from ..config.load import Loaded, digest
from ..data.origins import load
from ..errors import DlxError, Interrupted, MethodError, Problem, Pruned, UsageError
from ..interrupts import raise_on_signal, stop
from ..machine import shortage
from ..running.callbacks import RunCallback
from ..running.run import Trial
from ..running.threads import choose_threads
from ..running.train import train
from ..runs.log import silent
from ..sources.shared import Shared

Message = dict[str, Any]
Send = Callable[[Message], None]

EVERY_S = 0.2
"""Seconds between two reports of epochs that nobody waits for."""


class Inbox:
    """Orders and replies, read by a thread so that their end is noticed during a training."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: queue.Queue[Message | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self._stream:
            self._lines.put(json.loads(line))
        stop()
        self._lines.put(None)

    def get(self) -> Message | None:
        """The next line; None at the end, for ever."""
        found = self._lines.get()
        if found is None:
            self._lines.put(None)
        return found


class Reporter(RunCallback):
    """Reports epochs and folds; where it is asked to, waits for what is to be done.

    Args:
        send: takes a message.
        ask: gives the reply to each report; None where none is waited for.
    """

    def __init__(self, send: Send, ask: Callable[[], Message | None] | None) -> None:
        self._send, self._ask = send, ask
        self._told = 0.0

    def on_epoch_end(self, training: Any, scores: Mapping[str, float]) -> None:
        """Reports the scores of an epoch."""
        now = time.monotonic()
        if self._ask is None and now - self._told < EVERY_S:
            return
        self._told = now
        self._report({"event": "epoch", "epoch": training.progress.epoch, "scores": dict(scores)})

    def on_fold_end(self, number: int, scores: Mapping[str, float]) -> None:
        """Reports the mean scores of the folds so far."""
        self._report({"event": "fold", "epoch": number + 1, "scores": dict(scores)})

    def _report(self, message: Message) -> None:
        self._send(message)
        if self._ask is not None:
            reply = self._ask() or {}
            if reply.get("stop"):
                raise Pruned(Problem(str(reply["stop"])))


def carry_out(order: Message, shared: Shared, send: Send, inbox: Inbox | None = None) -> Message:
    """Does what an order says.

    Args:
        order: `do` ("train" or "threads"), `arguments`, `config_dir`, `key`, and for a training
            `threads`, `resume`, `marks`, `asks`.
        shared: what the trials have in common.
        send: takes reports of the training's epochs.
        inbox: where replies to them come from.

    Returns:
        How it ended: `event` is "done", "pruned", "interrupted" or "failed", the latter with
        `kind` ("config", "run", "crash", or "machine" where that lacks something) and `reason`.
    """
    began: list[Path] = []
    try:
        loaded = _load_trial(order)
        if order["do"] == "threads":
            return {"event": "threads", "threads": _threads(loaded, shared)}
        ask = inbox.get if order.get("asks") and inbox is not None else None
        resume = Path(order["resume"]) if order.get("resume") else None
        trial = Trial(shared, order["marks"], began.append)
        watchers = [Reporter(send, ask)]
        threads = order.get("threads") if loaded.config.trainer.threads == "auto" else None
        train(loaded, silent, watchers, resume=resume, threads=threads, trial=trial)
        ended: Message = {"event": "done"}
    except (Interrupted, KeyboardInterrupt):
        ended = {"event": "interrupted"}
    except Pruned as error:
        ended = {"event": "pruned", "reason": str(error)}
    except Exception as error:  # whatever a user's component may raise
        ended = {"event": "failed", **_failure(error)}
    return {**ended, "folder": str(began[0]) if began else None}


def _failure(error: Exception) -> Message:
    """Of what kind a failure is, and its reason."""
    if shortage(error):
        return {"kind": "machine", "reason": str(error)}
    if isinstance(error, DlxError):
        kind = "config" if isinstance(error, (UsageError, MethodError)) else "run"
        return {"kind": kind, "reason": str(error)}
    reason = f"{type(error).__name__}: {error}"
    return {"kind": "crash", "reason": reason, "traceback": traceback.format_exc()}


def _load_trial(order: Message) -> Loaded:
    loaded = load(order["arguments"], order["config_dir"])
    if digest(loaded.config) != order["key"]:
        what = "the config files have changed since the sweep started"
        raise UsageError(Problem(what, hint="run the same command again when this one has ended"))
    assert not loaded.config.test
    return loaded


def _threads(loaded: Loaded, shared: Shared) -> dict[str, Any]:
    """The thread count that is fastest for a config, measured or remembered."""
    config = loaded.config
    data = shared.data(config)
    return choose_threads(config, shared.fold(config, data, data.split.folds[0], 0))


def _take_over_output() -> Send:
    """Keeps standard output for messages; what a component prints goes to standard error."""
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr

    def send(message: Message) -> None:
        stream.write(json.dumps(message) + "\n")
        stream.flush()

    return send


def main() -> int:
    """Carries out orders until there are no more."""
    import torch

    send, inbox, shared = _take_over_output(), Inbox(sys.stdin), Shared()
    send({"event": "hello", "gpus": torch.cuda.device_count()})
    with raise_on_signal():
        try:
            while (order := inbox.get()) is not None:
                name = {"order": order.get("order")}

                def send_about(message: Message, name: Message = name) -> None:
                    send({**message, **name})

                send_about(carry_out(order, shared, send_about, inbox))
        except (KeyboardInterrupt, BrokenPipeError):
            return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
