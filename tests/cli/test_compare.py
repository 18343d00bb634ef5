"""`dlx compare`: scores and differences in words, and the page with the curves."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dlx.cli.main import main
from dlx.runs.folder import all_runs

Cli = Callable[..., Any]
WINE = ("task=wine", "trainer.threads=1", "trainer.epochs=3")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs that were trained once for every test here."""
    folder = tmp_path_factory.mktemp("compare")
    before = Path.cwd()
    os.chdir(folder)
    try:
        for more in (
            ["seed=0"],
            ["optimizer.lr=1e-6"],
            ["seed=3"],
            ["dataset.sample=true"],
            ["test=false"],
        ):
            assert main(["train", *WINE, *more, "--quiet"]) == 0
        folds = ["protocol=kfold", "protocol.k=3", "trainer.epochs=2"]
        assert main(["train", *WINE, *folds, "--quiet"]) == 0
        assert main(["train", *WINE, *folds, "optimizer.lr=1e-6", "--quiet"]) == 0
    finally:
        os.chdir(before)
    return folder / "runs"


@pytest.fixture
def names(trained: Path) -> list[str]:
    """Paths of the runs, in the order in which they were trained."""
    return [str(one) for one in all_runs(trained)]


def test_scores_differences_and_the_page(names: list[str], cli: Cli) -> None:
    found = cli("compare", names[0], names[1])

    lines = found.out.splitlines()
    assert (found.code, found.err) == (0, "")
    assert lines[0] == f"1  wine/{Path(names[0]).name}  dlx train {' '.join(WINE)} seed=0"
    assert lines[3].split() == ["score", "run", "value", "95", "%", "interval", "baseline"]
    assert lines[4].split()[0] == "val/accuracy"
    assert lines[5].split()[0] == "2"
    assert lines[5].split()[-1] == "majority"
    table = next(place for place, line in enumerate(lines) if line.startswith("run  against 1"))
    test = next(line for line in lines[table:] if "test/accuracy" in line)
    assert "  worse: significant at 95 %  McNemar's exact test, " in test
    assert test.endswith(" of 36 rows")
    val = next(line for line in lines[table:] if "val/accuracy" in line)
    assert val.endswith("both intervals combined")
    assert lines[-3] == (
        "an interval covers the variation over rows; another seed may change a score as well"
    )
    assert lines[-1] == "comparison of 2 runs: comparison.html"
    assert "\x1b" not in found.out
    page = Path("comparison.html").read_text(encoding="utf-8")
    assert all(Path(name).name in page for name in names[:2])
    assert "Differences from run 1" in page
    assert "significant at 95 %" in page


def test_as_json(names: list[str], cli: Cli) -> None:
    found = cli("compare", *names[:2], "--json", "--out", "both.html")

    told = json.loads(found.out)
    assert [one["run"] for one in told["runs"]] == [f"wine/{Path(n).name}" for n in names[:2]]
    assert {one["name"] for one in told["runs"][0]["scores"]} >= {"val/loss", "test/accuracy"}
    test = told["differences"][1]
    assert (test["score"], test["significant"], test["better"]) == (
        "test/accuracy",
        True,
        False,
    )
    assert test["interval"][0] < test["difference"] < test["interval"][1] < 0
    assert told["page"] == "both.html"
    assert Path("both.html").is_file()
    assert not Path("comparison.html").exists()


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        ((0, 2), "The runs differ only in their seeds: their differences are due to chance."),
        ((0, 2), "The validation sets have different rows: only the test scores can be compared."),
        ((0, 3), "The runs use different data: the values cannot be compared."),
        (
            (0, 3),
            (
                "Some of the runs were trained on synthetic sample data: the values cannot be "
                "compared."
            ),
        ),
        (
            (0, 4),
            (
                "The runs are scored on different sets: only scores with the same name can be "
                "compared."
            ),
        ),
        ((0, 5), "The data are split differently: the scores are not on the same rows."),
    ],
)
def test_why_they_may_not_compare(
    names: list[str], cli: Cli, pair: tuple[int, int], words: str
) -> None:
    found = cli("compare", *[names[place] for place in pair])

    assert found.code == 0
    assert f"warning: {words}\n" in found.out
    assert ("SAMPLE DATA" in found.out) is (3 in pair)


def test_runs_of_one_kind_are_not_warned_of(names: list[str], cli: Cli) -> None:
    assert "warning" not in cli("compare", *names[:2]).out


def test_folds_are_compared_with_themselves(names: list[str], cli: Cli) -> None:
    found = cli("compare", names[5], names[6])

    assert "corrected t interval over 3 folds, paired" in found.out


def test_three_at_once(names: list[str], cli: Cli) -> None:
    lines = cli("compare", *names[:3]).out.splitlines()

    differing = [line.split()[0] for line in lines if "test/accuracy" in line]
    assert differing == ["test/accuracy", "2"]
    assert any(line.startswith("run  against 1, 3  ") for line in lines)  # two seeds of one setting
    assert any(
        ("2 pairs of runs: Student's t over seeds, combined with the interval over rows") in line
        for line in lines
    )
    assert lines[-1] == "comparison of 3 runs: comparison.html"


def test_on_a_terminal(names: list[str], cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "160")
    found = cli("compare", *names[:2])

    assert "significant at 95 %" in found.out
    assert "─" in found.out


def test_one_run_is_none_to_compare(cli: Cli) -> None:
    found = cli("compare", "1704")

    assert (found.code, found.out) == (2, "")
    assert found.err == (
        "error: only one run is named, and a comparison needs two\n"
        "  where: command line\n"
        "  accepted: two or more RUNs\n"
        "  try: dlx report 1704\n"
    )


def test_a_run_is_not_compared_with_itself(names: list[str], cli: Cli) -> None:
    found = cli("compare", names[0], os.path.relpath(names[0]))

    assert found.code == 2
    assert found.err.startswith("error: the same run is named twice\n")
    assert not Path("comparison.html").exists()


def test_no_such_run_writes_nothing(names: list[str], cli: Cli) -> None:
    found = cli("compare", names[0], "nothing")

    assert found.code == 2
    assert found.err.startswith("error: there is no run `nothing`\n")
    assert not Path("comparison.html").exists()


def test_episodes_are_called_so(names: list[str], cli: Cli, tmp_path: Path) -> None:
    runs = []
    for place, name in enumerate(names[:2]):
        runs.append(shutil.copytree(name, tmp_path / f"of-episodes-{place}"))
        report = json.loads((runs[place] / "report.json").read_text())
        told = {**report, "fresh": "no test set is used up"}
        (runs[place] / "report.json").write_text(json.dumps(told))

    found = cli("compare", *map(str, runs))

    told = "an interval covers the variation over {}; another seed may change a score as well\n"
    assert told.format("episodes") in found.out
    page = Path("comparison.html").read_text(encoding="utf-8")
    assert "accuracy (test episodes, higher is better)" in page
    mixed = cli("compare", names[0], str(runs[1]))
    assert told.format("rows and episodes") in mixed.out


@pytest.mark.parametrize("scores", [3, [4, {"name": 5}], [{"name": "test/accuracy"}]], ids=str)
def test_a_report_of_odd_values_is_shown(
    names: list[str], cli: Cli, tmp_path: Path, scores: object
) -> None:
    odd = tmp_path / "odd"
    odd.mkdir()
    (odd / "status.json").write_text("{}")
    report = json.loads((Path(names[0]) / "report.json").read_text())
    (odd / "report.json").write_text(json.dumps({**report, "scores": scores, "command": 7}))

    found = cli("compare", names[0], str(odd))

    assert (found.code, found.err) == (0, "")
    assert "the runs have no score on the same set: they cannot be compared\n" in found.out


def test_a_page_that_cannot_be_written(names: list[str], cli: Cli) -> None:
    Path("taken").write_text("")
    found = cli("compare", *names[:2], "--out", "taken/x.html")

    assert found.code == 1
    assert "x.html cannot be written" in found.err or "folder" in found.err
