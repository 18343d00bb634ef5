"""dlx from Python: the commands as functions, and a run as a notebook shows it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import dlx
from dlx.cli.main import main
from dlx.errors import UsageError

SHORT = {"trainer.epochs": 3, "trainer.threads": 1, "model.units": [8], "optimizer.lr": 0.01}
DOCS = Path(__file__).resolve().parent.parent / "docs" / "python.md"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> dlx.Run:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("api"))
        found = dlx.train("task=wine", SHORT, quiet=True)
        return dlx.Run(found.folder.resolve())


def rows_of(run: dlx.Run, many: int = 3) -> list[dict[str, Any]]:
    return [dict.fromkeys(run.inputs, 1.5 + place) for place in range(many)]


def test_importing_dlx_imports_little() -> None:
    code = "import sys, dlx; dlx.train; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_run_in_python_is_that_of_the_shell(run: dlx.Run, here: Path) -> None:
    words = [f"{key}={json.dumps(value)}" for key, value in SHORT.items()]
    assert main(["train", "task=wine", *words, "--quiet"]) == 0
    other = dlx.load_run("last")
    assert other.folder != run.folder
    assert (other.folder / "losses.f32").read_bytes() == (run.folder / "losses.f32").read_bytes()
    assert other.scores == run.scores
    assert other.status["state"] == "done"
    assert [one.name for one in dlx.list_runs("task=wine")] == [other.name]
    assert dlx.list_runs("task=wine", "state=failed") == []


def test_a_run_says_what_its_report_says(run: dlx.Run) -> None:
    report = json.loads((run.folder / "report.json").read_text())
    assert run.scores == {one["name"]: one["value"] for one in report["scores"]}
    assert set(run.baselines) == set(run.scores)
    assert run.verdict.startswith(report["power"]["text"][:20])
    assert [row["epoch"] for row in run.epochs] == [1, 2, 3]
    assert run.page.is_file()


def test_predictions_of_rows_and_of_a_frame_are_those_of_a_file(
    run: dlx.Run, tmp_path: Path
) -> None:
    pandas = pytest.importorskip("pandas")
    rows = rows_of(run)
    file = tmp_path / "new.csv"
    frame = pandas.DataFrame(rows, index=["a", "b", "c"])
    frame.to_csv(file, index=False)

    listed = run.predict(rows, probabilities=True)

    assert run.predict(file, probabilities=True) == listed
    assert run.predict([str(file)], probabilities=True) == listed
    found = run.predict(frame, probabilities=True)
    assert list(found.index) == ["a", "b", "c"]
    assert found["cultivar"].tolist() == [one["cultivar"] for one in listed]


def test_what_is_wrong_is_told_as_on_the_shell(run: dlx.Run, here: Path) -> None:
    with pytest.raises(UsageError, match=r"unknown key `trainer\.epochz`") as told:
        dlx.train("task=wine", {"trainer.epochz": 3})
    assert told.value.problems[0].hint == "trainer.epochs=3"
    with pytest.raises(UsageError, match="there is no column `alcohol`") as told:
        run.predict([dict.fromkeys([*run.inputs[1:], "alcool"], 1.0)])
    assert told.value.problems[0].where == "rows"
    with pytest.raises(UsageError) as told:
        run.predict(3)
    assert str(told.value) == (
        "rows are int\n  where: rows\n  accepted: a DataFrame, a list of {column: value}, or files"
    )
    assert not list(here.iterdir())


def test_any_command_answers(run: dlx.Run) -> None:
    assert dlx.call("help", "optimizer.lr")
    assert dlx.call("summary", "task=wine", {"model.units": [8]})


def test_a_notebook_shows_scores_and_curves(run: dlx.Run) -> None:
    shown = run._repr_html_()
    assert "test/accuracy" in shown
    assert "data:image/png;base64," in shown
    assert "<script" not in shown


@pytest.mark.slow
def test_the_code_of_the_page_runs(here: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", DOCS.read_text(), re.DOTALL | re.MULTILINE)
    ends = [
        subprocess.run([sys.executable, "-c", one], check=False, cwd=here, timeout=300).returncode
        for one in blocks
    ]
    assert ends == [0, 0]
