from __future__ import annotations

import itertools

import pytest

from dlx import progress
from dlx.cli import waiting


class Terminal:
    """Standard error that is a terminal, or a pipe."""

    def __init__(self, moves: bool) -> None:
        self.moves, self.text = moves, ""

    def isatty(self) -> bool:
        return self.moves

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        pass


def shown(monkeypatch: pytest.MonkeyPatch, moves: bool, quiet: bool = False) -> str:
    """What is shown of 4 rows, one each 4 seconds."""
    clock, screen = itertools.count(0.0, 4.0), Terminal(moves)
    monkeypatch.setattr(waiting.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(waiting.sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    with waiting.show_waiting(quiet):
        for done in range(5):
            progress.tell("rows read", done, 4)
    progress.tell("rows read", 1, 4)  # nobody shows it any more
    return screen.text


def test_a_pipe_gets_few_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, moves=False) == "rows read: 3 of 4, about 4 s left\n"


def test_on_a_terminal_one_line_moves_and_is_gone_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = shown(monkeypatch, moves=True)

    lines = [line for line in text.split("\r\033[K") if line]
    assert lines == [f"rows read: {n} of 4, about {16 - 4 * n} s left" for n in (1, 2, 3)]
    assert text.endswith("\r\033[K")


@pytest.mark.parametrize("moves", [False, True])
def test_where_nothing_is_to_be_shown_nothing_is(
    monkeypatch: pytest.MonkeyPatch, moves: bool
) -> None:
    assert not shown(monkeypatch, moves, quiet=True)
