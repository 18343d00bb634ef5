"""`report.rows=false`: nothing that a run leaves or shows holds what is in a row of its data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from small import loaded, trained

from dlx.config.load import digest
from dlx.errors import UsageError
from dlx.explain.opened import open_run
from dlx.explain.run import explain
from dlx.report import build
from dlx.running.run import Run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that leaves its rows out."""
    return trained(f"run.root={tmp_path_factory.mktemp('hidden')}", "report.rows=false")


def test_worst_errors_have_numbers_and_answers_alone(run: Run) -> None:
    errors = json.loads((run.folder / "errors.json").read_text())
    cards = errors["cultivar"]["rows"]
    assert cards
    assert {*cards[0]} == {"row", "true", "predicted", "probability", "loss"}
    columns = json.loads((run.folder / "data.json").read_text())["profile"]["columns"]
    assert {one["top"] for one in columns} == {""}


def test_the_report_says_so_and_explain_keeps_to_it(run: Run) -> None:
    told = "rows of the data are left out of what the run shows (report.rows=false)"
    assert told in run.facts["notes"]
    assert told in build(run.folder).read_text("utf-8")
    with pytest.raises(UsageError, match="leaves rows of its data out"):
        explain(open_run(run.folder), ["integrated"], rows=[0])
    found = explain(open_run(run.folder), ["integrated"])
    assert (found.pieces, list(found.skipped)) == ((), ["integrated"])


def test_a_run_that_shows_them_is_known_as_before(tmp_path: Path) -> None:
    assert digest(loaded().config) == digest(loaded("report.rows=true").config)
    assert digest(loaded().config) != digest(loaded("report.rows=false").config)
    run = trained(f"run.root={tmp_path}")
    cards = json.loads((run.folder / "errors.json").read_text())["cultivar"]["rows"]
    assert "shown" in cards[0]
