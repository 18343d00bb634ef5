"""What a workflow, its folds and its checks look like on the page; damaged facts are left out."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from dlx.report import build

LOSSES = {"train": [0.6, 0.4, 0.3, 0.2], "val": [0.6, 0.45, 0.5, 0.62]}
STEPS = [
    {"number": n, "title": f"title {n}", "state": "done", "finding": f"found {n}", "facts": {}}
    for n in range(1, 8)
]
RUNGS = [
    {
        "rung": n,
        "changed": {"model.units": [16] * (n + 1)},
        "parameters": 1000 * (n + 1),
        "epochs": 4,
        "verdict": verdict,
        "text": "validation loss rose after epoch 2",
        "score": "val/accuracy",
        "value": 0.8,
        **LOSSES,
    }
    for n, verdict in enumerate(("fits", "overfits"))
]
TRIALS = [
    {
        "number": n,
        "changed": {"optimizer.lr": lr, "model.units": units},
        "state": "done",
        "score": "val/accuracy",
        "value": value,
        "error": 0.01,
        "epoch": 3,
        "seconds": 2.0,
    }
    for n, (lr, units, value) in enumerate(
        [(0.001, [16], 0.81), (0.01, [32], 0.9), (0.1, [16], 0.5)]
    )
]
TRIALS.append({"number": 3, "changed": {"optimizer.lr": 9.0}, "state": "failed", "reason": "nan"})
FINAL = {"command": "dlx train task=imdb final=only", "epochs": 3, "config_digest": "ab12"}


def facts() -> dict[str, Any]:
    """The facts that a workflow adds."""
    steps = copy.deepcopy(STEPS)
    steps[0]["facts"] = {"rows": 50000, "hypotheses": ["a", "b"]}
    told = {"column": "age", "type": "numbers", "missing": 7}
    steps[2]["facts"] = {"profile": {"rows": 99, "columns": [told]}}
    steps[4]["facts"] = {"tried": RUNGS[:1]}
    flow = {"steps": steps, "ladder": RUNGS, "trials": TRIALS, "chosen": 1, "direction": "max"}
    checks = [
        {"kind": "fact", "name": "repeated", "text": "9 rows repeat", "part": "train", "count": 9},
        {
            "kind": "smell",
            "name": "class_drift",
            "text": "3 classes drift",
            "part": "train-test",
            "count": 3,
            "examples": ["row 17 (training) = row 1403 (test)"],
        },
    ]
    each = [{"val/mae": 2.0, "val/loss": 8.0}, {"val/mae": 3.0, "val/loss": 9.0}]
    rows = {"train": 303, "val": 101}
    listed = [{"fold": n, "rows": rows, "epoch": 3, "scores": s} for n, s in enumerate(each)]
    smooth = {"skip": 10, "factor": 0.9, "values": [3.0, 2.5, 2.7], "minimum_epoch": 12}
    return {
        "workflow": {**flow, "final": FINAL},
        "checks": checks,
        "folds": listed,
        "fold_summary": {"val/mae": {"mean": 2.5, "std": 0.7}, "val/loss": {"mean": 8.5}},
        "smoothed": {"val/mae": {**smooth, "minimum": 2.5}},
        "overfit": {"verdict": "overfits", "epoch": 2, "gap": 0.31, "text": "it turned at 2"},
    }


def test_each_step_has_its_finding_and_evidence(make_run, page):
    folder = make_run(**facts())
    found = page(build(folder))
    for number in range(1, 8):
        assert f"{number}. Title {number}" in found.text
        assert f"found {number}" in found.text
    assert "rows 50,000" in found.text
    (_, row) = found.tables["Profile of the columns, over 99 training rows"]
    assert row[:3] == ["age", "numbers", "7"]
    assert FINAL["command"] in found.text
    ladder = found.tables["Capacity steps"]
    assert [row[0] for row in ladder[1:]] == ["model.units=[16]", "model.units=[16,16]"]
    assert ladder[2][-1] == "overfits: validation loss rose after epoch 2"
    assert {p.stem for p in (folder / "plots").iterdir()} >= {"ladder", "trials"}


@pytest.mark.parametrize(("direction", "order"), [("max", "1023"), ("min", "2013")])
def test_settings_are_sorted_by_score_and_the_chosen_one_is_marked(
    make_run, page, direction, order
):
    more = facts()
    more["workflow"]["direction"] = direction
    found = page(build(make_run(**more)))
    title = "Settings tried, best val/accuracy first; the chosen one is marked"
    rows = found.tables[title][1:]
    assert "".join(row[0] for row in rows) == order
    assert rows[-1][5] == "failed: nan"
    assert sum(tr.get("class") == "marked" for tr in found.all("tr")) == 1


def test_a_workflow_that_was_refused_says_where(make_run, page):
    more = facts()
    more["workflow"]["steps"][2] |= {"state": "refused", "finding": "a leak"}
    more["workflow"]["steps"][3] |= {"state": "not reached"}
    found = page(build(make_run(**more)))
    assert "3. Title 3 refused a leak" in found.text
    assert "4. Title 4 not reached" in found.text


def test_folds_end_with_their_mean_and_spread(make_run, page):
    found = page(build(make_run(**facts())))
    (title,) = [name for name in found.tables if name.startswith("Each fold")]
    assert found.tables[title] == [
        ["fold", "training rows", "validation rows", "epoch", "val/mae", "val/loss"],
        ["1", "303", "101", "3", "2.000", "8.000"],
        ["2", "303", "101", "3", "3.000", "9.000"],
        ["mean", "", "", "", "2.500", "8.500"],
        ["standard deviation", "", "", "", "0.7000", "\N{EN DASH}"],
    ]


def test_checks_put_the_gravest_first(make_run, page):
    found = page(build(make_run(**facts())))
    table = found.tables["Data warnings, leaks and facts"]
    assert table[1:] == [
        ["data warning", "class drift", "training and test", "3", "3 classes drift"],
        ["fact", "repeated", "training", "9", "9 rows repeat"],
    ]
    assert "row 17 (training) = row 1403 (test)" in found.text


def test_curves_tell_of_the_turn_of_the_folds_and_of_the_smoothed_minimum(make_run, page, metrics):
    folder = make_run(**facts())
    for number in range(2):
        fold = folder / "folds" / str(number)
        fold.mkdir(parents=True)
        (fold / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in metrics))
    rows = [row | {"train/penalty": 0.5} for row in metrics]  # which no fold validates
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = page(build(folder))
    assert "It turned at 2." in found.text
    measures = {name for name in metrics[0] if name.startswith("val/")}
    assert found.text.count("Thin: each of 2 folds; thick: their mean.") == len(measures)
    assert (folder / "plots" / "curve-penalty.png").is_file()
    assert "best at epoch 12: 2.500; the first 10 epochs left out" in found.text
    assert (folder / "plots" / "smoothed-mae.png").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("value", [None, "text", -3, [{"a": None}], {"a": [1]}], ids=repr)
def test_any_of_these_facts_may_be_of_any_kind(make_run, damaged, monkeypatch, value):
    monkeypatch.setattr("dlx.report.canvas.png_of", lambda *_: b"png")
    folder = make_run(predictions=None)
    for path, changed in damaged(facts(), value):
        (folder / "report.json").write_text(json.dumps(changed), "utf-8")
        assert b'<section id="answer"' in build(folder).read_bytes(), path
