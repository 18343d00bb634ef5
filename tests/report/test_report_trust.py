"""The section on how far predictions can be trusted."""

from __future__ import annotations

import json
from types import SimpleNamespace

from dlx.report import build
from dlx.report.blocks import Table
from dlx.report.trust import trust
from dlx.report.words import NONE

ANSWERED = [1.0, 0.5]


def told(**of):
    levels = [
        {"level": 0.9, "observed": 0.88, "low": 0.8, "high": 0.94, "size": [1.5]},
        {"level": 0.99, "observed": 1.0, "low": 0.96, "high": 1.0, "size": [None]},
    ]
    target = {"kind": "set", "rows": [71], "levels": levels, "risk": [0.25, 0.125], **of}
    facts = {"rows": 71, "folds": 1, "chosen": True, "alarms": 0.014, "space": True}
    return {**facts, "time": False, "part": "test", "answered": ANSWERED, "targets": {"x": target}}


def shown(make_run, page, facts):
    run = make_run()
    report = json.loads((run / "report.json").read_text("utf-8"))
    (run / "report.json").write_text(json.dumps({**report, "trust": facts}), "utf-8")
    return page(build(run))


def test_what_was_asked_for_stands_beside_what_was_observed(make_run, page):
    found = shown(make_run, page, told())
    title = "Sets of classes, from 71 validation rows, observed on the test set"
    assert found.tables[title] == [
        ["asked for", "observed", "95% interval", "classes in a set"],
        ["0.9000", "0.8800", "0.8000 to 0.9400", "1.500"],
        ["0.9900", "1.000", "0.9600 to 1.000", "too few rows"],
    ]
    for sentence in (
        "come from the errors on 71 validation rows (split conformal prediction)",
        "The same rows chose the epoch",
        "1.4% of the validation rows are called so",
        "Accuracy of the surest test rows, by probability",
    ):
        assert sentence in found.text


def section(facts):
    """The section of a report with these facts, and its texts as one."""
    found = trust(SimpleNamespace(report={"trust": facts}))
    return found, " ".join(p for one in found.blocks for p in getattr(one, "paragraphs", ()))


def test_over_folds_and_in_time_and_by_horizon():
    facts = told(kind="interval", rows=[71, 71], risk=[])
    facts["targets"]["x"]["levels"] = [{"level": 0.9, "size": [2.0, 3.0]}]
    found, text = section({**facts, "folds": 4, "time": True, "chosen": False})
    (table,) = (one for one in found.blocks if isinstance(one, Table))
    assert (table.title, [*table.rows]) == ("Intervals", [["0.9000", NONE, NONE, "2.000, 3.000"]])
    assert "of 4 folds, each answered by the model that had it not" in text
    assert "The rows are in time" in text
    assert "chose the epoch" not in text


def test_nothing_is_shown_of_a_run_that_kept_nothing_and_nothing_breaks():
    assert not section({})[0].full
    assert not section({"targets": 3})[0].full
    for broken in ({"x": 1}, {"x": {"rows": ["a"]}}, {"x": {"levels": [{"size": ["b"]}, 7]}}):
        assert section({"targets": broken, "rows": "many", "alarms": "few"})[0].blocks
