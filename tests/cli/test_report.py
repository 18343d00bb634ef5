from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., Any]
WINE = ("task=wine", "dataset.sample=true", "trainer.threads=1", "trainer.epochs=2")


@pytest.fixture
def run(cli: Cli) -> Path:
    assert cli("train", *WINE, "--quiet").code == 0
    (found,) = Path("runs").glob("wine/*")
    return found


def test_a_report_is_built_again(run: Path, cli: Cli) -> None:
    first = (run / "report.html").read_bytes()
    (run / "report.html").unlink()

    found = cli("report", "last")

    assert (found.code, found.err) == (0, "")
    assert found.out == f"report: {run / 'report.html'}\n"
    assert (run / "report.html").read_bytes() == first


def test_it_says_that_the_data_are_made_up(run: Path) -> None:
    assert "sample data" in (run / "report.html").read_text(encoding="utf-8").lower()


def test_no_such_run_exits_2(cli: Cli) -> None:
    found = cli("report", "last")

    assert found.code == 2
    assert found.err.startswith("error: there is no run `last`\n")


def test_a_failed_run_has_a_report_without_a_score(cli: Cli) -> None:
    assert cli("train", *WINE, "optimizer.lr=1e30").code == 1

    found = cli("report", "last")

    assert found.code == 0
    page = Path(found.out.strip().removeprefix("report: ")).read_text(encoding="utf-8")
    assert "There is no score" in page


def test_a_damaged_run_is_told_of(run: Path, cli: Cli) -> None:
    (run / "report.json").write_text("{")

    found = cli("report", "last")

    assert found.code in (1, 2)
    assert found.err.startswith("error: ")
    assert "report.json" in found.err


def test_several_runs_are_for_compare(cli: Cli) -> None:
    found = cli("report", "1704", "18 11")

    assert (found.code, found.out) == (2, "")
    assert found.err == (
        "error: a report is for one run, but 2 are named\n"
        "  where: command line\n"
        "  accepted: one RUN\n"
        "  try: dlx compare 1704 '18 11'\n"
    )
