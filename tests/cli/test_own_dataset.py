"""A dataset of the user's own, as the docs have it, from its first run to its reproduction."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlx.config.specs import DATASETS
from dlx.data.store import fetch_command

PAGE = Path(__file__).resolve().parents[2] / "docs" / "plugins.md"
QUICK = ("trainer.epochs=1", "trainer.threads=1", "test=false", "--quiet")


def block(language: str, word: str) -> str:
    """The fenced block of the page that has this word."""
    found = re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    (one,) = (text for text in found if word in text)
    return str(one)


@pytest.fixture(autouse=True)
def dataset(here: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The plugin and its task, as in the docs, and a file of 40 houses."""
    (here / "my_houses.py").write_text(block("python", "houses"))
    (here / "configs" / "task").mkdir(parents=True)
    (here / "configs" / "task" / "houses.yaml").write_text(block("yaml", "houses"))
    monkeypatch.syspath_prepend(here)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr(DATASETS, "entries", dict(DATASETS.entries))
    monkeypatch.setenv("DLX_DATA", str(here / "data"))
    file = here / "data" / "houses" / "houses.csv"
    file.parent.mkdir(parents=True)
    rows = np.random.default_rng(0).random((40, 3))
    np.savetxt(file, rows, delimiter=",", header="rooms,area,price", comments="")
    yield file
    sys.modules.pop("my_houses", None)


def test_trained_resumed_reproduced_and_listed(cli: Any, here: Path, dataset: Path) -> None:
    assert cli("train", "task=houses", *QUICK).code == 0
    (run,) = (here / "runs" / "houses").iterdir()
    (recorded,) = json.loads((run / "data.json").read_text())["files"]
    assert (recorded["name"], recorded["size"]) == ("houses.csv", dataset.stat().st_size)
    assert len(recorded["sha256"]) == 64
    more = ("trainer.epochs=2", "--quiet")
    assert cli("resume", "last", "plugins=[my_houses]", *more).code == 0
    assert cli("reproduce", "last", "--plugins", "my_houses", "--json").code == 0
    (listed,) = json.loads(cli("runs", "--json").out)
    assert (listed["task"], listed["state"]) == ("houses", "done")

    DATASETS.entries.pop("houses")  # as in a process of its own
    refused = cli("reproduce", "last")
    assert refused.code == 2
    assert (
        "this run used my_houses: plugins, which a run folder cannot load by itself\n"
        f"  where: {run.name}/config.yaml\n"
        "  try: add `--plugins my_houses`; to dlx resume `plugins=[my_houses]`"
    ) in refused.err


def test_an_edited_reader_gives_other_data(cli: Any, here: Path) -> None:
    assert cli("train", "task=houses", *QUICK).code == 0
    plugin = here / "my_houses.py"
    plugin.write_text(plugin.read_text().replace("rows[:, :-1]", "rows[:, :-1] * 2"))
    sys.modules.pop("my_houses")
    DATASETS.entries.pop("houses")

    resumed = cli("resume", "last", "plugins=[my_houses]", "trainer.epochs=2")

    assert resumed.code == 2
    assert "the dataset is different from what this run was trained on" in resumed.err


def test_without_its_file_or_a_sample_nothing_is_written(cli: Any, here: Path) -> None:
    before = sorted(here.iterdir())
    sample = cli("train", "task=houses", "dataset.sample=true")
    (here / "data" / "houses" / "houses.csv").unlink()
    missing = cli("train", "task=houses")

    assert (sample.code, missing.code) == (2, 2)
    assert sample.err == (
        "error: dataset houses has no synthetic sample: its reader has no write_sample\n"
        "  where: dataset.sample\n  accepted: false\n  try: dataset.sample=false\n"
    )
    assert missing.err == (
        "error: dataset houses: its file is missing\n"
        f"  where: {here}/data/houses\n"
        "  accepted: in that folder:\n    houses.csv\n  try: download it yourself and put it "
        "there\n"
    )
    assert sorted(here.iterdir()) == before


def test_dlx_data_knows_it_with_its_plugin(cli: Any, dataset: Path) -> None:
    plugin = ("--plugins", "my_houses")
    assert cli("data", "path", "houses", *plugin).out == f"{dataset.parent}\n"
    assert cli("data", "verify", "houses", *plugin).out == (
        "houses: present; no SHA-256 is pinned\n"
    )
    assert cli("data", "fetch", "houses", *plugin).out == (
        f"houses.csv: here, in {dataset.parent}\n"
    )
    assert fetch_command("houses") == "dlx data fetch houses --plugins my_houses"
    assert "houses" in cli("data", "list", *plugin).out
    dataset.unlink()
    assert cli("data", "fetch", "houses", *plugin).code == 2
    assert cli("data", "path", "houses", "--plugins", "nowhere").code == 2


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("inputs =", "no_inputs =", "plugin my_houses: dataset `houses` has no `inputs`"),
        ("Houses(Dataset)", "Houses", "its options are not a dlx.config.specs.dataset.Dataset"),
        ('"price": rows', '"cost": rows', "its reader gave no column price"),
        ("rows[:, -1]", "rows[1:, -1]", "columns of different lengths: features has 40, price has"),
    ],
)
def test_mistakes_in_the_plugin(cli: Any, here: Path, old: str, new: str, told: str) -> None:
    plugin = here / "my_houses.py"
    plugin.write_text(plugin.read_text().replace(old, new))

    answer = cli("train", "task=houses")

    assert answer.code == 2
    assert told in answer.err
    assert not (here / "runs").exists()
