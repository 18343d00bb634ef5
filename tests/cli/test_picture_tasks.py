"""Pictures of the user's own train with targets of each kind, resume and are reproduced."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from dlx.data.readers.made_up import write_sample

TASK = """# Stripes, across or upright.
dataset: {name: images, folder: ./stripes, size: 8}
targets: {class: {problem: binary}}
prepare: {steps: [{name: scale, divide_by: 255}]}
protocol: {name: auto}
model: {name: convnet, channels: [4], dense: [4]}
trainer: {epochs: 1, batch_size: 16, threads: 1}
"""
LISTED = (
    *("dataset.file=labels.csv", "dataset.part=part"),
    "dataset.columns={class: class, labels: labels, number: number}",
)
KINDS = (
    *("targets.class.problem=multiclass", "targets.labels.problem=multilabel"),
    "targets.number.problem=regression",
)


@pytest.fixture
def stripes(here: Path) -> Path:
    """A folder of pictures, and a task that reads it."""
    (here / "configs" / "task").mkdir(parents=True)
    (here / "configs" / "task" / "stripes.yaml").write_text(TASK)
    (here / "stripes").mkdir()
    write_sample(here / "stripes")
    return here / "stripes"


def last(here: Path) -> Path:
    return sorted((here / "runs" / "stripes").iterdir())[-1]


def report(here: Path) -> Any:
    return json.loads((last(here) / "report.json").read_text())


@pytest.mark.slow
def test_folders_are_trained_on_resumed_and_reproduced(
    cli: Any, here: Path, stripes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (stripes / "train" / "across" / "broken.jpg").write_bytes(b"no picture")
    refused = cli("train", "task=stripes", "--quiet")
    assert refused.code == 2
    assert "1 of 81 pictures cannot be read: train/across/broken.jpg (it is no" in refused.err
    assert not (here / "runs").exists()

    assert cli("train", "task=stripes", "dataset.broken=skip", "--quiet").code == 0

    (mended,) = (one for one in report(here)["checks"] if one["name"] == "mended")
    assert mended["text"].endswith("; they were left out")
    (recorded,) = json.loads((last(here) / "data.json").read_text())["files"]
    assert recorded["name"] == "all files"
    (here / "elsewhere").mkdir()
    monkeypatch.chdir(here / "elsewhere")  # where `./stripes` would be another folder
    run = str(last(here))
    assert cli("resume", run, "trainer.epochs=2", "--quiet").code == 0
    assert cli("reproduce", run, "--json").code == 0
    (stripes / "train" / "across" / "0.jpg").unlink()
    changed = cli("reproduce", run)
    assert changed.code == 3
    assert "data" in changed.out


@pytest.mark.slow  # docs/images.md trains one in the default suite
def test_a_file_gives_targets_of_each_kind(cli: Any, here: Path, stripes: Path) -> None:
    assert cli("train", "task=stripes", *LISTED, *KINDS, "--quiet").code == 0

    scores = report(here)["scores"]
    assert {one["name"] for one in scores} >= {
        *("test/class/accuracy", "test/labels/average_precision", "test/number/mae")
    }
    shutil.rmtree(stripes)
    gone = cli("train", "task=stripes", "--quiet")
    assert gone.code == 2
    assert f"dataset images: {stripes} does not exist" in gone.err


def test_a_folder_is_named_before_anything_is_read(cli: Any, stripes: Path) -> None:
    refused = cli("train", "task=stripes", "dataset.folder=''")

    assert refused.code == 2
    assert refused.err == (
        "error: dataset images reads a folder of your own, but `dataset.folder` is empty\n"
        "  where: command line: dataset.folder=''\n"
        "  accepted: a path that begins with /, ./ or ~, or the name of a folder below DLX_DATA\n"
        "  try: dataset.folder=./FOLDER\n"
    )


def test_a_columns_option_without_a_file_is_refused(cli: Any, stripes: Path) -> None:
    refused = cli("train", "task=stripes", "dataset.columns={breed: class}")

    assert "`dataset.columns` is of `dataset.file`, which is empty" in refused.err
    assert "  try: dataset.file=labels.csv" in refused.err
