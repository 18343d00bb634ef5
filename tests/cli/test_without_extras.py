"""What works without the packages of extras, and what is said where it does not."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dlx.config import extras
from dlx.errors import UsageError
from dlx.use.written import require_parquet

Cli = Callable[..., Any]
PARQUET = """\
error: x.parquet is Parquet, which PyArrow reads, and that is not installed
  where: x.parquet
  accepted: CSV without it
  try: pip install 'dlx[tables]'
"""


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without PyArrow and pandas."""
    for name in ("pyarrow", "pandas"):
        monkeypatch.setitem(sys.modules, name, None)


def test_tables_of_text_are_described_and_learned(cli: Cli) -> None:
    rows = [f"{n},{'ab'[n % 2]},{n * n % 7 / 8}" for n in range(60)]
    Path("own.csv").write_text("\n".join(["a,b,y", *rows]))

    assert cli("data", "describe", "own.csv").code == 0
    assert cli("init", "own.csv", "--target", "y=regression").code == 0
    assert cli("config", "task=own").code == 0


@pytest.mark.parametrize("words", [("data", "describe"), ("init", "--target", "y")])
def test_parquet_names_what_brings_it(cli: Cli, words: tuple[str, ...]) -> None:
    Path("x.parquet").write_bytes(b"PAR1....PAR1")

    found = cli(*words, "x.parquet")

    assert (found.code, found.out, found.err) == (2, "", PARQUET)
    assert not Path("configs").exists()


def test_parquet_is_not_written() -> None:
    with pytest.raises(UsageError) as found:
        require_parquet()

    (problem,) = found.value.problems
    assert problem.what == "Parquet needs the package pyarrow, which is not installed"
    assert (problem.accepted, problem.hint) == (
        "a .csv or .jsonl file",
        "pip install 'dlx[tables]'",
    )


@pytest.mark.parametrize("extra", ["export", "serve"])
def test_a_command_names_its_extra(monkeypatch: pytest.MonkeyPatch, extra: str) -> None:
    first, last = extras.OF_COMMANDS[extra][0], extras.OF_COMMANDS[extra][-1]
    monkeypatch.setattr(extras, "is_installed", lambda package: package != last)

    with pytest.raises(UsageError) as found:
        extras.require_extra(f"dlx {extra}", extra)

    (problem,) = found.value.problems
    assert problem.what == f"dlx {extra} needs the package {last}"
    assert problem.hint == f"pip install 'dlx[{extra}]'"
    assert first != last
