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


def test_several_runs_are_put_side_by_side(run: Path, cli: Cli) -> None:
    assert cli("train", *WINE, "seed=1", "--quiet").code == 0
    names = [str(found) for found in sorted(Path("runs").glob("wine/*"))]

    found = cli("report", *names)

    assert (found.code, found.out) == (0, "comparison of 2 runs: comparison.html\n")
    page = Path("comparison.html").read_text(encoding="utf-8")
    assert all(Path(name).name in page for name in names)
    assert cli("report", *names, "--out", "both.html").out.endswith("both.html\n")
    assert Path("both.html").is_file()


def test_out_is_for_several_runs(run: Path, cli: Cli) -> None:
    found = cli("report", "last", "--out", "x.html")

    assert found.code == 2
    assert "--out names the page of several runs" in found.err
    assert not Path("x.html").exists()


def test_a_run_is_not_compared_with_itself(run: Path, cli: Cli) -> None:
    found = cli("report", "last", str(run))

    assert found.code == 2
    assert "the same run is named twice" in found.err
