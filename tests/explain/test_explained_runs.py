"""`dlx explain`, from the command to its files: on pictures, tables, and other learners."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small import the_run, trained

from dlx.cli.main import main
from dlx.runs import ledger
from dlx.runs.pixels import size_of
from dlx.runs.seal import find_broken

PICTURES = (
    *("task=cats_vs_dogs", "dataset.sample=true", "dataset.size=16", "model.channels=[4,8]"),
    *("model.dense=[8]", "trainer.epochs=1", "trainer.threads=1", "protocol.validation=12"),
)
METHODS = ("gradcam", "activations", "filters", "dead", "confusions")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run on pictures."""
    folder = tmp_path_factory.mktemp("pictures")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        trained(base=PICTURES)
    return folder


@pytest.fixture
def run(pictures: Path, here: Path) -> Path:
    """A copy of its run folder, where the test stands."""
    shutil.copytree(pictures / "runs", here / "runs")
    return the_run()


def files_in(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def test_it_leaves_a_page_and_what_it_lists_the_same_bytes_twice(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = [word for one in METHODS for word in ("--method", one)]
    assert main(["explain", "last", *own, "--row", "0"]) == 0
    said, first = capsys.readouterr().out, files_in(run / "explain")
    pieces = json.loads(first["explain.json"])["pieces"]

    assert {one["file"] for one in pieces} | {"explain.json", "explain.html"} == set(first)
    methods = {one["method"] for one in pieces}
    assert methods == set(METHODS)
    for one in pieces:
        mine = [each["file"] for each in pieces if each["method"] == one["method"]]
        assert (one["file"] in said) == (mine.index(one["file"]) < 3)
        assert (f"  and {len(mine) - 3} more of {one['method']}, on the page" in said) == (
            len(mine) > 3
        )
        if one["method"] == "gradcam":
            assert {"of", "layer", "class", "score"} <= set(one)
            assert size_of(first[one["file"]])[1] > 200
            assert f"layer {one['layer']}, class {one['class']}, score {one['score']:.4g})" in said
    page = first["explain.html"].decode()
    assert "<script" not in page
    assert not re.search(r"(src|href)=\"(?!data:|#)", page)
    assert find_broken(run) == []

    assert main(["explain", "last", *own, "--row", "0"]) == 0
    assert files_in(run / "explain") == first


def test_a_file_may_be_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain"]) == 2
    assert "error: the following arguments are required: RUN\n" in capsys.readouterr().err


def test_another_explanation_takes_the_place_of_the_one_before(run: Path) -> None:
    assert main(["explain", "last", "--method", "dead"]) == 0
    (run / "explain" / "mine.txt").write_text("kept")
    assert main(["explain", "last", "--method", "filters", "--layer", "body.0"]) == 0

    there = set(files_in(run / "explain"))
    assert there == {"explain.html", "explain.json", "filters-body.0.png", "mine.txt"}


def test_a_file_is_prepared_as_the_runs_own_rows(run: Path) -> None:
    from dlx.explain.files import subjects_of_files
    from dlx.explain.opened import open_run

    opened = open_run(run)
    row = opened.fold.rows.validation[:1]
    picture = opened.fold.data.samples.columns["image"].show(int(row[0])).content
    Image.fromarray(np.moveaxis(np.asarray(picture), 0, 2)).save("a picture.png")

    (subject,) = subjects_of_files(opened, [Path("a picture.png")])

    given, own = subject.inputs["image"], opened.take(row).batch(0, 1).inputs["image"]
    assert np.array_equal(np.asarray(given), np.asarray(own))
    assert main(["explain", "last", "a picture.png", "--method", "gradcam", "--out", "out"]) == 0
    (listed,) = json.loads(Path("out/explain.json").read_text())["pieces"]
    assert listed["of"] == "a picture.png"
    assert not (run / "explain").exists()


@pytest.mark.parametrize(
    ("typed", "told", "hint"),
    [
        (["--method", "gradcan"], "no way to explain called `gradcan`", "--method gradcam"),
        (["--layer", "body.00"], "the network has no layer `body.00`", "--layer body.0"),
        (["--row", "999"], "the dataset has no row 999", ""),
        (["--row", "-1"], "the dataset has no row -1", ""),
        (["--class", "dgo"], "no target has a class `dgo`", "--class 'dog'"),
        (["broken.jpg"], "it is no picture in jpeg, png, bmp, gif, webp or tiff", ""),
        (["--out", "broken.jpg"], "it is no folder", ""),
        (
            ["--method", "dead", "--baseline", "mean"],
            "`--baseline` has no effect on dead",
            "--method integrated, or leave out --baseline",
        ),
        (["."], "it is no regular file", ""),
        (["missing.jpg"], "it cannot be read: No such file or directory", ""),
    ],
)
def test_what_it_cannot_do_changes_nothing(
    run: Path, capsys: pytest.CaptureFixture[str], typed: list[str], told: str, hint: str
) -> None:
    Path("broken.jpg").write_bytes(b"no picture")

    assert main(["explain", "last", *typed]) == 2

    said = capsys.readouterr().err
    assert told in said
    assert hint in said
    assert not (run / "explain").exists()


def test_test_rows_are_looked_at_if_they_are_named_and_that_is_counted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    trained(base=("task=wine", "trainer.epochs=1", "trainer.threads=1"))
    from dlx.explain.opened import open_run

    opened = open_run(the_run())
    test, own = opened.fold.data.split.test, opened.fold.rows.validation
    known = ledger.looks(Path("runs"), opened.fold.data.test_rows).times

    dead = ["explain", "last", "--method", "dead"]
    assert main(dead) == 0
    assert main([*dead, "--row", str(own[0])]) == 0
    assert ledger.looks(Path("runs"), opened.fold.data.test_rows).times == known
    capsys.readouterr()
    assert main([*dead, "--row", str(test[0]), "--row", str(own[0])]) == 0

    seen = ledger.looks(Path("runs"), opened.fold.data.test_rows)
    assert (seen.times, seen.looks[-1].verb, seen.looks[-1].rows) == (known + 1, "explain", 1)
    assert "has been evaluated 2 times" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("learner", ["vae", "gan"])
def test_learners_without_classes_say_what_they_lack(
    learner: str, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = [f"task=digits_{learner}", "dataset.sample=true", "trainer.epochs=1"]
    assert main(["train", *typed, "trainer.threads=1", "--quiet"]) == 0
    capsys.readouterr()

    assert main(["explain", "last"]) == 0
    said = capsys.readouterr().out
    assert "confusions was left out: it has no target of classes" in said
    assert "filters-body.0.png" in said
    assert main(["explain", "last", "--method", "confusions"]) == 2
    assert "confusions does not fit this run" in capsys.readouterr().err


def test_targets_of_the_same_classes_are_told_apart_and_views_averaged_as_in_the_run(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Names that no file name can have; scores are those of `predictions.csv`."""
    random, names = np.random.default_rng(0), "猫狗"
    rows = [(f"{at}.png", names[at % 2], names[at // 2 % 2]) for at in range(24)]
    Path("pictures").mkdir()
    for file, *_ in rows:
        pixels = random.integers(0, 256, (8, 8, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(Path("pictures", file))
    lines = [("path", "left", "right"), *rows]
    Path("pictures/list.csv").write_text("".join(f"{','.join(line)}\n" for line in lines), "utf-8")
    Path("configs/task").mkdir(parents=True)
    Path("configs/task/two.yaml").write_text(
        "dataset: {name: images, folder: ./pictures, file: list.csv, size: 8,\n"
        "  columns: {left: class, right: class}}\n"
        "targets: {left: {problem: multiclass}, right: {problem: binary}}\n"
        "protocol: {name: holdout, validation: 8, test: 8}\n"
        "prepare: {steps: [{name: scale, divide_by: 255}], views: {image: [flip, crops]}}\n"
        "model: {name: convnet, channels: [4], dense: [4]}\n"
        "trainer: {epochs: 2, batch_size: 4, threads: 1}\n"
    )
    trained(base=("task=two",))
    with (the_run() / "predictions.csv").open(encoding="utf-8") as stream:
        kept = next(csv.DictReader(stream))
    own = ["--row", kept["row"], "--method", "gradcam", "--method", "confusions"]

    assert main(["explain", "last", *own]) == 0

    capsys.readouterr()
    pieces = json.loads((the_run() / "explain" / "explain.json").read_text())["pieces"]
    heats = {one["class"]: one["score"] for one in pieces if one["method"] == "gradcam"}
    assert set(heats) == {f"{name}: {kept[f'{name}:predicted']}" for name in ("left", "right")}
    for name, score in heats.items():
        target = name.split(":")[0]
        assert score == pytest.approx(float(kept[f"{target}:probability"]), abs=1e-6)
    files = {one["file"] for one in pieces}
    assert len(files) == len(pieces) > 4
    assert files < set(files_in(the_run() / "explain"))
