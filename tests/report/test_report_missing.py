"""Whatever is missing, empty or of another kind is left out: a report never fails for it."""

from __future__ import annotations

import json

import pytest

from dlx.errors import RunError, UsageError
from dlx.report import build


@pytest.mark.parametrize("value", [None, "text", 3, [{"a": None}]], ids=repr)
def test_any_value_may_be_of_any_kind(make_run, report, damaged, value):
    tried = 0
    folder = make_run(metrics=None, predictions=None)
    for path, changed in damaged(report, value):
        (folder / "report.json").write_text(json.dumps(changed), "utf-8")
        assert b'<section id="answer"' in build(folder).read_bytes(), path
        tried += 1
    assert tried > 100


@pytest.mark.parametrize(
    ("keys", "pictures"),
    [
        (["answer", "scores"], 4),
        (["problem"], 2),
        (["targets", "monitor", "best_epoch", "epochs"], 4),
    ],
)
def test_pictures_need_few_keys(make_run, page, report, keys, pictures):
    for key in keys:
        del report[key]
    assert len(page(build(make_run(report))).all("img")) == pictures


def test_an_empty_report_still_makes_a_page(make_run, page):
    found = page(build(make_run({}, metrics=None, predictions=None)))
    assert "There is no score. The run recorded none." in found.texts
    assert [s["id"] for s in found.all("section")] == ["answer"]


def test_empty_files_draw_nothing(make_run, page):
    folder = make_run(metrics=[], predictions=[["row", "true", "predicted"]])
    assert page(build(folder)).all("img") == []


def test_losses_that_are_not_finite_are_left_out_and_said(make_run, page):
    losses = [0.7, float("nan"), float("inf"), 1e300, None, True, "x", 10**63]
    rows = [{"epoch": e, "train/loss": x, "val/mae": None} for e, x in enumerate(losses, start=1)]
    found = page(build(make_run(metrics=rows, predictions=None)))
    assert "7 epochs without a finite value." in found.text
    assert "training goes from 0.7000 to 0.7000" in found.all("img")[0]["alt"]
    assert "mae: no finite value in any epoch, so there is no plot." in found.texts


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(UsageError) as raised:
        build(tmp_path)
    assert str(raised.value) == (
        f"{tmp_path} is not a run folder that can be reported: it has no report.json\n"
        f"  where: {tmp_path / 'report.json'}\n"
        "  try: name a folder below runs/"
    )


def test_a_cut_off_last_row_is_left_out_and_said(make_run, page):
    folder = make_run()
    with (folder / "metrics.jsonl").open("a") as file:
        file.write('{"epoch": 5, "train/lo')
    found = page(build(folder))
    assert "The last line of metrics.jsonl is incomplete and is left out." in found.texts
    assert "over epochs 1 to 4" in found.all("img")[0]["alt"]


def test_a_damaged_row_in_the_middle_is_an_error(make_run):
    folder = make_run()
    path = folder / "metrics.jsonl"
    path.write_text(path.read_text().replace('"epoch": 2', '"epoch" 2'))
    with pytest.raises(RunError) as raised:
        build(folder)
    lines = str(raised.value).splitlines()
    assert lines[0].startswith("metrics.jsonl is not JSON (")
    assert lines[1:] == [
        f"  where: {path}, line 2",
        "  accepted: JSON",
        "  try: restore the metrics.jsonl that the training wrote, or train again",
    ]


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("report.json", "[1]", "report.json contains no JSON object"),
        ("report.json", "{", "report.json is not JSON ("),
        ("report.json", "[" * 100_000, "report.json is not JSON ("),
        (
            "predictions.csv",
            "row,true,predicted\n0,a,b\n1,a\n",
            "predictions.csv is damaged: row 3 has 2 of 3 columns",
        ),
        ("predictions.csv", f"row\n{'x' * 200_000}\n", "predictions.csv cannot be read as CSV ("),
    ],
    ids=["list", "half", "deep", "short row", "long cell"],
)
def test_a_damaged_file_is_named(make_run, name, text, what):
    folder = make_run()
    (folder / name).write_text(text)
    with pytest.raises(RunError) as raised:
        build(folder)
    assert str(raised.value).startswith(what)
    assert f"where: {folder / name}" in str(raised.value)
    assert not (folder / "report.html").exists()
