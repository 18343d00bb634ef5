"""Processes of dlx that are there at once: forks of one that has imported everything and waits.

A process that is started imports torch for seconds before it does anything. What a test kills or
interrupts is as much a process of its own when it was forked from one that has only imported.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HANGS_S = 300
"""No machine is so busy: what has not ended by then never will."""

_WAITING = """
import json, os, sys, traceback
import dlx.cli.main, dlx.cli.train, dlx.cli.resume, dlx.report.page, dlx.training.run
import dlx.models.mlp, dlx.optimizers, dlx.metrics.classes, dlx.classical
import matplotlib.backends.backend_agg, matplotlib.figure

def become(order):
    os.setsid()
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environ"])
    for number, name in enumerate(("/dev/null", order["output"], order["errors"])):
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
        os.dup2(os.open(name, flags, 0o600), number)
    sys.stdout, sys.stderr = (open(n, "w", buffering=1, closefd=False) for n in (1, 2))
    if order["code"]:
        exec(order["code"], {})
    return dlx.cli.main.main(order["arguments"])

for line in sys.stdin:
    order = json.loads(line)
    if "wait" in order:
        print(os.waitstatus_to_exitcode(os.waitpid(order["wait"], 0)[1]), flush=True)
        continue
    child = os.fork()
    if not child:
        code = 70
        try:
            code = become(order)
        except SystemExit as error:
            code = error.code
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code or 0)
    print(child, flush=True)
"""

_ZYGOTE: list[subprocess.Popen[str]] = []


class Process:
    """A command of dlx under way; `with` ends it however the test ends.

    Args:
        arguments: the command's words.
        code: run before it, to change what it does.
    """

    def __init__(self, arguments: list[str], code: str = "") -> None:
        self._place = tempfile.TemporaryDirectory()
        self.output, self.errors = (Path(self._place.name) / name for name in ("out", "err"))
        self.returncode: int | None = None
        order = {
            "arguments": arguments,
            "code": code,
            "folder": os.getcwd(),
            "environ": dict(os.environ),
            "output": str(self.output),
            "errors": str(self.errors),
        }
        self.pid = _ask(order)

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        if self.returncode is None:
            self.send_signal(signal.SIGKILL)
            self.wait()
        self._place.cleanup()

    def until(self, text: str) -> None:
        """Waits until it has printed a text."""
        end = time.monotonic() + HANGS_S
        while text not in self.printed():
            if self.has_ended() or time.monotonic() > end:
                raise AssertionError(f"it never printed {text!r}: {self.printed()}{self.told()}")
            time.sleep(0.005)

    def printed(self) -> str:
        """What it has written to standard output so far."""
        return self.output.read_text() if self.output.exists() else ""

    def told(self) -> str:
        """What it has written to standard error so far."""
        return self.errors.read_text() if self.errors.exists() else ""

    def send_signal(self, number: int) -> None:
        """Sends a signal; one that has ended stays a process until it is waited for."""
        os.kill(self.pid, number)

    def wait(self) -> int:
        """Its exit code, once it has ended; minus the signal that ended it."""
        if self.returncode is None:
            self.returncode = _ask({"wait": self.pid})
        return self.returncode

    def has_ended(self) -> bool:
        """Whether it has, though nobody has waited for it yet; where /proc tells, as on Linux."""
        stat = Path(f"/proc/{self.pid}/stat")
        return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z"


def _ask(order: dict[str, object]) -> int:
    """What the waiting process answers."""
    if not _ZYGOTE:
        process = subprocess.Popen(
            [sys.executable, "-c", _WAITING],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        atexit.register(_end, process)
        _ZYGOTE.append(process)
    waiting = _ZYGOTE[0]
    assert waiting.stdin is not None
    assert waiting.stdout is not None
    waiting.stdin.write(json.dumps(order) + "\n")
    return int(waiting.stdout.readline())


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
