"""Whatever is missing, empty or of another kind is left out: a report never fails for it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from dlx.errors import RunError, UsageError
from dlx.report import build


def places(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value in a tree."""
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, value in pairs:
        yield (*path, key)
        if isinstance(value, (dict, list)):
            yield from places(value, (*path, key))


def replaced(tree: Any, path: tuple[Any, ...], value: Any) -> Any:
    tree = copy.deepcopy(tree)
    inner = tree
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return tree


@pytest.mark.parametrize("value", [None, "text", 3, [None], {"a": None}], ids=repr)
def test_any_value_may_be_of_any_kind(make_run, page, report, value):
    tried = 0
    folder = make_run(metrics=None, predictions=None)
    for path in places(report):
        changed = replaced(report, path, value)
        (folder / "report.json").write_text(dumps(changed), "utf-8")
        assert page(build(folder)).all("section"), path
        tried += 1
    assert tried > 100


def dumps(tree: Any) -> str:
    import json

    return json.dumps(tree)


@pytest.mark.parametrize(
    "key", ["answer", "scores", "problem", "targets", "monitor", "best_epoch", "epochs"]
)
def test_pictures_need_no_key(make_run, page, report, key):
    del report[key]
    found = page(build(make_run(report)))
    assert len(found.all("img")) == (2 if key == "problem" else 3)


def test_an_empty_report_still_makes_a_page(make_run, page):
    found = page(build(make_run({}, metrics=None, predictions=None)))
    assert "There is no score. The run tells none." in found.texts
    assert [s["id"] for s in found.all("section")] == ["answer"]


def test_empty_files_draw_nothing(make_run, page):
    folder = make_run(metrics=[], predictions=[["row", "true", "predicted"]])
    assert page(build(folder)).all("img") == []


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(UsageError) as raised:
        build(tmp_path)
    assert str(raised.value) == (
        f"{tmp_path} is not a run folder that can be reported: it holds no report.json\n"
        f"  where: {tmp_path / 'report.json'}\n"
        "  try: name a folder below runs/"
    )


def test_a_cut_off_last_row_is_left_out_and_said(make_run, page):
    folder = make_run()
    with (folder / "metrics.jsonl").open("a") as file:
        file.write('{"epoch": 5, "train/lo')
    found = page(build(folder))
    assert "The last row of metrics.jsonl was cut off and is left out." in found.texts
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
        "  try: put back the metrics.jsonl that the training wrote, or train again",
    ]


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("report.json", "[1]", "report.json holds no JSON object"),
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
