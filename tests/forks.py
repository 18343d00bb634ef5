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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

HANGS_S = 300
"""No machine is so busy: what has not ended by then never will."""

_ZYGOTE: list[subprocess.Popen[str]] = []


class Process:
    """A command of dlx under way; `with` ends it however the test ends.

    Its pictures are blank, and its workers are forks as well.

    Args:
        arguments: the command's words; none: only the code is run.
        code: run before it, to change what it does.
        terminal: the path of one to run on; else what it prints goes to files.
        environ: variables to set.
    """

    def __init__(
        self,
        arguments: Sequence[str] = (),
        code: str = "",
        terminal: str = "",
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._place = tempfile.TemporaryDirectory()
        self.output, self.errors = (Path(self._place.name) / name for name in ("out", "err"))
        self.returncode: int | None = None
        order = {
            "arguments": list(arguments),
            "code": code,
            "folder": os.getcwd(),
            "environ": {**os.environ, **(environ or {})},
            "path": sys.path,
            "terminal": terminal,
            "output": terminal or str(self.output),
            "errors": terminal or str(self.errors),
        }
        self.pid = _ask(order)

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        if self.returncode is None:
            self.send_signal(signal.SIGKILL)
            self.wait()
        self._place.cleanup()

    def printed_all(self) -> str:
        """What it has written to standard output when it has ended well."""
        assert self.wait() == 0, self.told()
        return self.printed()

    def until(self, *texts: str) -> None:
        """Waits until it has printed one of some texts."""
        end = time.monotonic() + HANGS_S
        while not any(text in self.printed() for text in texts):
            if self.has_ended() or time.monotonic() > end:
                raise AssertionError(f"it never printed {texts}: {self.printed()}{self.told()}")
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


@contextmanager
def at_once(code: str, many: int = 4) -> Iterator[list[Process]]:
    """Processes that ran some code from the same moment on; NUMBER tells each which it is."""
    with tempfile.TemporaryDirectory() as place, ExitStack() as stack:
        go = Path(place) / "go"
        wait = f"import os\nprint('ready')\nwhile not os.path.exists({str(go)!r}): pass\n"
        forks = [
            stack.enter_context(Process(code=f"NUMBER = {number}\n{wait}{code}"))
            for number in range(many)
        ]
        for one in forks:
            one.until("ready")
        go.touch()
        for one in forks:
            one.wait()
        yield forks


def _ask(order: dict[str, object]) -> int:
    """What the waiting process answers."""
    if not _ZYGOTE:
        process = subprocess.Popen(
            [sys.executable, "-P", str(Path(__file__).with_name("waiting.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
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
