"""Claims: measured over seeds, held against their record, never with a wider tolerance."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from dlx.experiments import read
from dlx.reproduce.claims import files_of, tolerance_of

CLAIM = """\
# A comment that stays.
title: wine
task: wine
overrides: [dataset.sample=true, trainer.threads=1, trainer.epochs=4]
seeds: [0, 1]
bars: {test/accuracy: 0.2}
"""


@pytest.fixture
def claim(here: Path) -> Path:
    folder = here / "experiments"
    folder.mkdir()
    (folder / "wine.yaml").write_text(CLAIM)
    return folder / "wine.yaml"


@pytest.fixture
def recorded(cli: Any, claim: Path) -> Path:
    assert cli("experiments", "record", "wine").code == 0
    return claim


def test_record_writes_mean_spread_seeds_and_tolerance(recorded: Path) -> None:
    text = recorded.read_text()
    assert text.startswith(CLAIM.rstrip() + "\nours:\n")
    ours = yaml.safe_load(text)["ours"]
    assert {"test/accuracy", "val/loss.best", "val/loss.best_epoch"} <= set(ours)
    for name, record in ours.items():
        assert set(record) == {"mean", "std", "seeds", "tolerance"}
        assert record["seeds"] == 2
        assert record["tolerance"] >= 2.9 * record["std"], name


def test_what_was_recorded_holds(cli: Any, recorded: Path, here: Path) -> None:
    answer = cli("reproduce", str(recorded), "--junit", "claims.xml")

    assert answer.code == 0, answer.out
    many = len(read(recorded).ours or {}) + 1
    assert f"{many} of {many} hold" in answer.out
    suite = ElementTree.parse(here / "claims.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == (str(many), "0")
    assert {case.get("classname") for case in suite} == {"wine"}


def test_a_miss_exits_3_and_is_named(cli: Any, recorded: Path, here: Path) -> None:
    mean = read(recorded).ours["val/loss.best"]["mean"]  # type: ignore[index]
    recorded.write_text(recorded.read_text().replace(f"mean: {mean:.5g}", "mean: 99", 1))

    answer = cli("reproduce", "experiments/*.yaml", "--json", "--junit", "claims.xml")

    assert answer.code == 3
    missed = next(one for one in json.loads(answer.out) if not one["holds"])
    assert (missed["verdict"], missed["recorded"]) == ("off", 99)
    (failure, *_) = ElementTree.parse(here / "claims.xml").getroot().iter("failure")
    assert "recorded 99 ±" in str(failure.get("message"))


def test_a_bar_that_is_missed_exits_3(cli: Any, claim: Path) -> None:
    claim.write_text(CLAIM.replace("0.2}", "1.1}"))

    answer = cli("reproduce", str(claim), "--seeds", "1")

    assert answer.code == 3
    assert "misses its threshold, 1.1" in answer.out


def test_a_comparison_is_checked_on_what_was_measured(cli: Any, claim: Path) -> None:
    other = claim.with_name("longer.yaml")
    told = "claims: [{figure: train/loss.final, is: below, than: wine}]\n"
    other.write_text(CLAIM.replace("epochs=4", "epochs=30").replace("bars", "bars") + told)

    assert cli("reproduce", "experiments/*.yaml", "--seeds", "1").code == 0
    other.write_text(other.read_text().replace("is: below", "is: above"))
    answer = cli("reproduce", "experiments/*.yaml", "--seeds", "1")

    assert answer.code == 3
    assert "does not hold" in answer.out


def test_recording_again_never_widens_a_tolerance(cli: Any, recorded: Path) -> None:
    before = read(recorded).ours or {}
    text = recorded.read_text()
    for record in before.values():
        text = text.replace(f"tolerance: {record['tolerance']:.3g}", "tolerance: 1.0e-09")
    recorded.write_text(text.replace("epochs=4", "epochs=9"))

    answer = cli("experiments", "record", "wine")

    assert answer.code == 3
    assert "unchanged: val/loss.best is " in answer.out
    after = read(recorded).ours or {}
    assert all(record["tolerance"] == 1e-9 for record in after.values())
    assert after["val/loss.best"]["mean"] == before["val/loss.best"]["mean"]


@pytest.mark.parametrize(
    ("name", "record", "expected"),
    [
        ("test/accuracy", {"mean": 0.9, "std": 0.01}, 0.03),
        ("test/accuracy", {"mean": 0.9, "std": 0.0}, 0.0045),
        ("val/loss.best_epoch", {"mean": 3.0, "std": 0.5}, 3.0),
        ("test/accuracy", {"mean": 0.9, "std": 0.5, "tolerance": 0.001}, 0.001),
    ],
)
def test_the_first_tolerance(name: str, record: dict[str, float], expected: float) -> None:
    assert tolerance_of(name, record) == pytest.approx(expected)


def test_a_claim_that_records_nothing_is_refused(cli: Any, claim: Path) -> None:
    claim.write_text(CLAIM.replace("bars: {test/accuracy: 0.2}\n", ""))

    answer = cli("reproduce", str(claim))

    assert answer.code == 2
    assert "wine has no recorded figure to check" in answer.err
    assert "dlx experiments record wine" in answer.err


@pytest.mark.parametrize("pattern", ["experiments/none.yaml", "nowhere/*.yaml"])
def test_a_file_that_is_not_there_is_told(cli: Any, pattern: str) -> None:
    answer = cli("reproduce", pattern)

    assert answer.code == 2
    assert f"there is no experiment or file {pattern}" in answer.err


def test_experiments_are_named_from_any_folder(here: Path) -> None:
    from dlx.experiments import file_of

    for named in ("ch3.imdb", "experiments/ch3.imdb.yaml"):
        assert files_of([named]) == [file_of("ch3.imdb")]
    assert file_of("ch3.imdb") in files_of(["ch3.*"])
    assert len(files_of(["ch3.imdb*"])) == len(files_of(["experiments/ch3.imdb*.yaml"])) > 1
