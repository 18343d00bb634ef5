"""The process that has imported everything and waits: it forks at each order of `forks.py`."""

from __future__ import annotations

import base64
import importlib
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

BLANK = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAsTj2FAAAAABJRU5ErkJggg=="
)
"""A picture of one white pixel."""


EVERYTHING = (
    *("optuna", "dlx.cli.main", "dlx.cli.train", "dlx.cli.resume", "dlx.cli.multirun"),
    *("dlx.cli.tune", "dlx.search.pool", "dlx.search.worker", "dlx.search.tune"),
    *("dlx.search.study", "dlx.report.canvas", "dlx.report.page", "dlx.report.sweep"),
    *("dlx.running.train", "dlx.models.mlp", "dlx.optimizers", "dlx.metrics.classes"),
    "dlx.judging.classical",
)


class ForkedWorker(subprocess.Popen[str]):
    """A worker of a sweep or search that is a fork of it, which has trained nothing itself."""

    def _execute_child(  # type: ignore[no-untyped-def]
        self, _args, _executable, _before, _close, _pass, _cwd, env, _info, _flags, _shell,
        takes, tells, hears, says, reads, errors, *_
    ) -> None:  # fmt: skip
        self.pid = os.fork()
        if not self.pid:
            end(lambda: work(env, (takes, says, errors)))
        self._child_created = True
        self._close_pipe_fds(takes, tells, hears, says, reads, errors)  # type: ignore[attr-defined]


def work(environ: dict[str, str], streams: tuple[int, int, int]) -> int:
    """Becomes a worker, on these streams and with nothing else of its parent's open."""
    import dlx.search.worker

    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    take(environ, streams)
    return dlx.search.worker.main()


def take(environ: dict[str, str], streams: tuple[int, ...]) -> None:
    """Takes an environment and standard streams; locks and pipes of the parent are let go."""
    os.environ.clear()
    os.environ.update(environ)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.closerange(3, 4096)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout, sys.stderr = (os.fdopen(n, "w", buffering=1, closefd=False) for n in (1, 2))


def become(order: dict[str, Any]) -> int:
    """What a fork does: some code, then a command of dlx."""
    import dlx.cli.main

    os.setsid()
    os.chdir(order["folder"])
    how = os.O_RDWR | os.O_CREAT | os.O_APPEND
    places = (order["terminal"] or "/dev/null", order["output"], order["errors"])
    take(order["environ"], tuple(os.open(place, how, 0o600) for place in places))
    sys.path[:] = order["path"]
    if order["code"]:
        exec(order["code"], {"__name__": "forked"})
    return dlx.cli.main.main(order["arguments"]) if order["arguments"] else 0


def end(act: Callable[[], int]) -> None:
    """Acts, and ends this process with its exit code."""
    code: Any = 70
    try:
        code = act()
    except SystemExit as error:
        code = error.code
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code or 0)


def import_everything() -> None:
    """What commands, trainings, sweeps and searches import while they are under way."""
    for name in EVERYTHING:
        importlib.import_module(name)
    assert hasattr(sys.modules["dlx.report.canvas"], "_draw")
    sys.modules["dlx.report.canvas"]._draw = lambda make: BLANK  # type: ignore[attr-defined]
    sys.modules["dlx.search.pool"].subprocess = SimpleNamespace(  # type: ignore[attr-defined]
        Popen=ForkedWorker, PIPE=subprocess.PIPE, TimeoutExpired=subprocess.TimeoutExpired
    )


def tell(number: int) -> None:
    """Answers an order."""
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def main() -> None:
    """Forks at each order, and tells the fork's number or, where asked to wait, how it ended."""
    import_everything()
    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            ended = os.waitpid(order["wait"], 0)[1]
            tell(os.waitstatus_to_exitcode(ended))
            continue
        child = os.fork()
        if not child:
            end(lambda order=order: become(order))
        tell(child)


if __name__ == "__main__":
    main()
