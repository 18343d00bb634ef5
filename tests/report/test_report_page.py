"""The page: what it shows for each kind of run, that it is one offline file, how it is written."""

from __future__ import annotations

import base64
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from dlx.errors import RunError
from dlx.report import build
from dlx.report.page import SECTIONS
from dlx.runs.artifacts import KINDS

ALL = [make.__name__ for make in SECTIONS]
MORE = {"workflow", "folds", "trust", "checks", *KINDS}
"""Sections of runs that measured more than a plain one."""
PLAIN = [name for name in ALL if name not in MORE]


def test_a_full_run_shows_every_section_and_the_answer_first(make_run, page):
    folder = make_run()
    assert build(folder) == folder / "report.html"
    found = page(folder / "report.html")
    assert [s["id"] for s in found.all("section")] == PLAIN
    answer = found.text[: found.text.index("Curves", found.text.index("0.8812"))]
    assert "learner supervised optimizer rmsprop lr=0.001 schedule cosine final=0.0" in found.text
    assert "input kind size of a row review which positions are set 10,000" in found.text
    for words in (
        "0.8812 accuracy on the test set beats the baseline",
        "95% interval 0.8771 to 0.8852",
        "baseline: majority 0.5000",
        "higher is better",
        "This is evaluation 3 on the test set: the more evaluations, the more",
        "Weights: best by val/loss (epoch 2).",
    ):
        assert words in answer
    assert sorted(p.name for p in (folder / "plots").iterdir()) == [
        "calibration.png",
        "confusion.png",
        "curve-accuracy.png",
        "curve-loss.png",
    ]


def test_what_the_sections_say(make_run, page):
    found = page(build(make_run()))
    assert found.tables["Every score of the kept weights"][2] == [
        "accuracy",
        "test",
        "0.8812",
        "0.8771 to 0.8852",
        "0.5000",
        "majority",
        "higher is better",
    ]
    assert found.tables["Rows of each set"][3] == ["test", "25,000"]
    assert found.tables["Equal rows in two sets"][1] == ["training and test", "123"]
    assert found.tables["Rows of each class"][1] == ["negative", "6", "6", "6"]
    layers = found.tables["Layers"]
    assert layers[2:] == [["head", "Linear", "1", "17", "no"], ["total", "", "", "160,305", ""]]
    for words in (
        "train 3.0 s total 1 min 05 s",
        "dlx train task=imdb trainer.epochs=4",
        "The same bits on the same versions.",
        "task: imdb trainer: {epochs: 4}",
        "Best epoch by val/loss: 2, where validation is 0.8800.",
    ):
        assert words in found.text


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"beats": False}, "does not beat the baseline"),
        (
            {"beats": False, "interval": [0.4, 0.9]},
            "The baseline is inside the interval: the difference may be chance.",
        ),
        ({"value": None}, "There is no score. test/accuracy is not a number."),
        ({"looks": 1}, "This is the first evaluation on the test set."),
        ({"score": "val/accuracy", "part": "val"}, "accuracy on the validation set"),
        (
            {"part": "val"},
            ("not a test score. The validation set also chose the epoch, so its scores"),
        ),
        ({"part": "val", "weights": "last", "epoch": 4}, "not a test score. Weights: last"),
        ({"weights": "last", "epoch": 20}, "Weights: last (epoch 20)."),
        ({"epoch": 2, "average": "ema"}, "Weights: best by val/loss (epoch 2), averaged (ema)."),
        ({"epoch": 2, "average": "none"}, "(epoch 2), not averaged yet."),
        ({"direction": "min", "score": "test/age/mae"}, "age: mae on the test set"),
        ({"value": float("nan")}, "not a number accuracy on the test set"),
    ],
)
def test_the_answer_says_what_is_known(make_run, page, report, changed, words):
    report["answer"].update(changed)
    found = page(build(make_run(report, metrics=None, predictions=None)))
    assert words in found.text


def test_an_unknown_verdict_is_not_made_up(make_run, page, report):
    report["answer"]["beats"] = None
    found = page(build(make_run(report, metrics=None, predictions=None)))
    assert "beat" not in found.text


def test_sample_data_are_stamped_on_the_page_and_on_every_picture(make_run, page):
    real, sample = make_run(), make_run(sample=True)
    found = page(build(sample))
    build(real)
    assert "SAMPLE DATA \N{EN DASH} not a result" in found.texts
    assert found.texts[0].startswith("SAMPLE DATA: ")
    assert "accuracy on the test set of the sample data" in found.text
    assert "SAMPLE DATA" not in (real / "report.html").read_text("utf-8")
    for picture in (sample / "plots").iterdir():
        assert picture.read_bytes() != (real / "plots" / picture.name).read_bytes()


def test_an_interrupted_run_shows_what_it_has(make_run, page):
    folder = make_run(
        predictions=None, state="interrupted", answer=None, scores=[], best_epoch=None, epochs=20
    )
    found = page(build(folder))
    assert "INTERRUPTED \N{EN DASH} the run did not finish" in found.texts
    assert "There is no score. The run was interrupted before it had one." in found.text
    assert "It trained for 4 epochs of 20 planned." in found.text
    shown = {s["id"] for s in found.all("section")}
    assert shown == {*PLAIN} - {"errors", "calibration", "scores"}


def test_a_click_selects_a_command_and_a_picture_is_no_larger_than_its_letters(make_run, page):
    """Pictures are shown at one size: eight points are as many pixels in each."""
    found = page(build(make_run()))
    (typed,) = [pre for pre in found.all("pre") if pre.get("class") == "typed"]
    assert typed["tabindex"] == "0"
    assert ".typed code { display: block; font: inherit; user-select: all;" in found.style
    for image in found.all("img"):
        png = base64.b64decode(image["src"].partition(",")[2])
        size = [round(side * 0.72) for side in struct.unpack(">II", png[16:24])]
        assert [int(image["width"]), int(image["height"])] == size


def test_it_is_one_offline_file_without_script(make_run, page):
    folder = make_run()
    found = page(build(folder))
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    assert {"http-equiv": "Content-Security-Policy", "content": policy} in found.all("meta")
    start = "data:image/png;base64,"
    shown = [image["src"] for image in found.all("img")]
    assert all(src.startswith(start) for src in shown)
    pictures = {base64.b64decode(src[len(start) :]) for src in shown}
    assert pictures == {path.read_bytes() for path in (folder / "plots").iterdir()}
    assert not {"script", "link", "iframe", "object", "base", "form"} & {t for t, _ in found.tags}
    assert "url(" not in found.style
    assert "@import" not in found.style


def test_it_can_be_read_aloud_and_found_one_s_way_in(make_run, page):
    found = page(build(make_run()))
    assert found.all("html") == [{"lang": "en"}]
    assert len(found.all("h1")) == len(found.all("main")) == len(found.all("title")) == 1
    assert all(len(image["alt"] or "") > 20 for image in found.all("img"))
    assert all(cell["scope"] in ("row", "col") for cell in found.all("th"))
    ids = {a["id"] for _, a in found.tags if "id" in a}
    assert (
        {link["href"] for link in found.all("a")}
        == {f"#{i}" for i in PLAIN}
        <= {f"#{i}" for i in ids}
    )
    assert found.open == []


def contrast(one: str, other: str) -> float:
    """Contrast of two colours by WCAG 2.1; 4.5 and more is legible."""

    def light(color: str) -> float:
        digits = color * 2 if len(color) == 3 else color
        parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


def test_every_colour_of_text_stands_out_in_light_and_dark(make_run, page):
    style = page(build(make_run(metrics=None, predictions=None))).style
    schemes = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    assert len(schemes) == 2
    for scheme in schemes:
        colors = dict(re.findall(r"--(\w+): #(\w+);", scheme))
        for text in ("ink", "muted", "accent", "good", "bad", "open", "sample"):
            for ground in ("card", "page"):
                assert contrast(colors[text], colors[ground]) >= 4.5, (text, ground)


def test_building_again_gives_the_same_bytes(make_run):
    folder = make_run()

    def files() -> dict[Path, bytes]:
        return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}

    build(folder)
    first = files()
    build(folder)
    assert files() == first
    assert len(first) == 3 + 5


def test_where_nothing_can_be_written_it_says_so_and_leaves_nothing(make_run):
    folder = make_run()
    (folder / "plots").write_text("a file where a folder should be")
    before = {p: p.read_bytes() for p in folder.iterdir()}
    with pytest.raises(RunError, match=r"plots cannot be written: "):
        build(folder)
    assert {p: p.read_bytes() for p in folder.iterdir()} == before


def test_a_read_only_folder_is_left_as_it_is(make_run, monkeypatch):
    folder = make_run()
    before = sorted(folder.iterdir())

    def refuse(folder: object, *args: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied", str(folder))

    # the rights of a folder do not bind root, who may run the tests
    monkeypatch.setattr(os, "mkdir", refuse)
    with pytest.raises(RunError) as raised:
        build(folder)
    lines = str(raised.value).splitlines()
    assert lines[:2] == [
        "plots cannot be written: Permission denied",
        f"  where: {folder}",
    ]
    assert sorted(folder.iterdir()) == before


def test_a_full_disk_leaves_the_old_page_whole(make_run, monkeypatch):
    folder = make_run(metrics=None, predictions=None)
    old = build(folder).read_bytes()
    (folder / "report.json").write_text("{}")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match=r"report\.html cannot be written: No space left on device"):
        build(folder)
    assert (folder / "report.html").read_bytes() == old
    assert sorted(p.name for p in folder.iterdir()) == ["report.html", "report.json"]


def test_neither_torch_nor_pyplot_is_imported(make_run):
    folder = make_run()
    code = (
        "import sys, pathlib; from dlx.report import build\n"
        "early = {'matplotlib', 'torch'} & sys.modules.keys()\n"
        f"build(pathlib.Path({str(folder)!r}))\n"
        "late = {'matplotlib.pyplot', 'torch', 'sklearn'} & sys.modules.keys()\n"
        "print(sorted(early | late))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_each_column_is_told_and_what_makes_no_sense_is_left_out(make_run, page):
    columns = [
        {"column": "features", "feature": "age", "type": "whole numbers", "missing": 3}
        | {"zeros": 15, "low": 18.0, "high": 90.5, "outliers": 1, "top": "30", "share": 0.125},
        {"column": "note", "type": "texts, 9 different", "missing": 2, "zeros": None}
        | {"low": 1, "high": 80, "unit": "characters", "top": "<b>", "share": float("nan")},
        {"column": ["x"], "low": float("inf"), "high": "y", "share": "z"},
        "no column",
    ]
    data = {"rows": {}, "profile": {"rows": 1234, "columns": columns}}
    found = page(build(make_run(data=data))).text
    assert "Profile of the columns, over 1,234 training rows" in found
    assert "age whole numbers 3 15 18 90.50 1 30 12.5%" in found
    assert "note texts, 9 different 2 \N{EN DASH} 1 80 characters \N{EN DASH} <b>" in found
    assert "Profile of the columns" not in page(build(make_run())).text  # an older run
