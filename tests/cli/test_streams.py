"""Readers that go away, closed and ASCII-only streams: no work is lost, and no traceback shown."""

from __future__ import annotations

import errno
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dlx.cli.main import main
from dlx.cli.streams import Tolerant, is_screen

Cli = Callable[..., Any]
TRAIN = ("train", "task=wine", "dataset.sample=true", "trainer.threads=1", "trainer.epochs=2")


class Broken(io.StringIO):
    """A stream whose reader goes away after some writings."""

    encoding = "utf-8"

    def __init__(self, lines: int, number: int = errno.EPIPE) -> None:
        super().__init__()
        self.left, self.number = lines, number

    def write(self, text: str) -> int:
        if self.left <= 0:
            raise OSError(self.number, os.strerror(self.number))
        self.left -= 1
        return super().write(text)

    def isatty(self) -> bool:
        return False


@pytest.mark.parametrize("number", [errno.EPIPE, errno.EIO])
@pytest.mark.parametrize("lines", [0, 2])
def test_a_training_goes_on_without_its_reader(
    here: Path, monkeypatch: pytest.MonkeyPatch, lines: int, number: int
) -> None:
    monkeypatch.setattr(sys, "stdout", Broken(lines, number))
    monkeypatch.setattr(sys, "stderr", Broken(0, number))
    assert main(TRAIN) == 0
    (status,) = here.glob("runs/wine/*/status.json")
    assert json.loads(status.read_text())["state"] == "done"


def test_a_sweep_loses_no_trial(
    here: Path, monkeypatch: pytest.MonkeyPatch, in_process: None
) -> None:
    monkeypatch.setattr(sys, "stdout", Broken(1))
    assert main(["train", "-m", *TRAIN[1:], "optimizer.lr=0.1,0.2", "sweep.name=mine"]) == 0
    outcome = json.loads((here / "runs" / "sweeps" / "mine" / "sweep.json").read_text())
    assert [trial["state"] for trial in outcome["trials"]] == ["done", "done"]


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
@pytest.mark.parametrize("command", [["tasks"], ["trian"], ["tasks", "--json"], ["help"]])
def test_the_exit_code_is_the_commands(
    here: Path, monkeypatch: pytest.MonkeyPatch, command: list[str], stream: str
) -> None:
    code = main(command)
    monkeypatch.setattr(sys, stream, None)  # as Python has it after >&-
    assert main(command) == code
    monkeypatch.setattr(sys, stream, Broken(0))
    assert main(command) == code


def test_a_full_disk_is_told(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdout", Broken(0, errno.ENOSPC))
    assert main(["tasks"]) == 1
    said = "error: the output cannot be written: No space left on device\n"
    assert capsys.readouterr().err.startswith(said)


def test_what_the_encoding_lacks_is_escaped() -> None:
    kept = io.BytesIO()
    stream = Tolerant(io.TextIOWrapper(kept, encoding="ascii"))
    stream.write("± · \udcff a\n")
    stream.flush()
    assert kept.getvalue() == b"\\xb1 \\xb7 \\udcff a\n"


@pytest.mark.parametrize(
    ("term", "screen"), [("dumb", False), ("unknown", False), ("xterm", True), ("", True)]
)
def test_a_terminal_that_moves_no_cursor_is_no_screen(
    monkeypatch: pytest.MonkeyPatch, term: str, screen: bool
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", term)
    assert is_screen() is screen


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("help >&-", 0),
        ("help 2>&-", 0),
        ("trian >&- 2>&-", 2),
        ("help <&- >&- 2>&-", 0),
        ("help | head -n 1", 0),
        ("experiments | head -n 1", 0),
    ],
)
def test_in_a_shell(here: Path, typed: str, code: int) -> None:
    command = f"{sys.executable} -m dlx {typed}"
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    ran = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, env=environment
    )
    assert (ran.returncode, ran.stderr) == (code, "")
