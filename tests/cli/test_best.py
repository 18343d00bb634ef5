"""`dlx best`: picked by validation, never by a test score nor on made-up data."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_up import judged, put

Cli = Callable[..., Any]


def report(folder: Path, **facts: Any) -> None:
    (folder / "report.json").write_text(json.dumps(facts))


def best(found: Any) -> int:
    """The number of the run that was picked."""
    return int(json.loads(found.out)["run"].rpartition("-")[2]) - 1


@pytest.fixture
def some(here: Path) -> None:
    put(1, **judged(0.8, 0.2))
    scores = [
        {
            "name": "val/accuracy",
            "value": 0.9,
            "interval": [0.88, 0.92],
            "baseline": {"name": "majority", "value": 0.5},
        }
    ]
    report(put(2, **judged(0.9, 0.7)), scores=scores, protocol={"name": "holdout"})
    put(3, "failed", **judged(0.99, 0.1))
    put(4, sample=True, **judged(0.98, 0.1))
    put(5, "pruned", **judged(0.97, 0.1))
    put(6, **judged(None, 0.3))
    put(7, task="wine", **judged(1.0, 0.1))


def test_the_best_is_shown_with_its_baseline_and_command(some: None, cli: Cli) -> None:
    found = cli("best", "task=digits")

    assert (found.code, found.err) == (0, "")
    assert found.out == (
        "run                                val/accuracy  95 % interval     baseline\n"
        "digits/20260101-120000-00000002-3        0.9000  0.8800 to 0.9200  0.5000  majority\n"
        "the best of 2 finished runs\n"
        "train it again: dlx train task=digits optimizer.lr=0.2\n"
    )


def test_as_json(some: None, cli: Cli) -> None:
    found = json.loads(cli("best", "task=digits", "--json").out)

    assert found == {
        "run": "digits/20260101-120000-00000002-3",
        "score": "val/accuracy",
        "value": 0.9,
        "direction": None,
        "baseline": {"name": "majority", "value": 0.5},
        "interval": [0.88, 0.92],
        "among": 2,
        "same": 0,
        "cuts": 1,
        "stamps": [],
        "command": "dlx train task=digits optimizer.lr=0.2",
        "command_with_test": "dlx train task=digits optimizer.lr=0.2",
        "damaged": [],
    }


@pytest.mark.parametrize(
    ("arguments", "number"),
    [
        (["task=digits", "--by", "val/loss"], 1),
        (["task=digits", "optimizer.lr=0.1"], 1),
        (["task=wine"], 7),
        (["task=digits", "optimizer.lr=0.1,0.3,0.4,0.5"], 1),
    ],
    ids=str,
)
def test_by_another_score_or_among_fewer(
    some: None, cli: Cli, arguments: list[str], number: int
) -> None:
    assert best(cli("best", *arguments, "--json")) == number


def test_an_error_is_best_when_small(here: Path, cli: Cli) -> None:
    answer = {"score": "val/smape", "direction": "min"}
    for number, value in ((1, 3.0), (2, 1.0), (3, 2.0)):
        put(number, scores={"val/smape": value}, answer=answer)

    assert best(cli("best", "task=digits", "--json")) == 2


def test_equal_scores_go_by_the_loss_then_by_age(here: Path, cli: Cli) -> None:
    for number, loss in ((1, 0.3), (2, 0.1), (3, 0.2), (4, 0.1)):
        put(number, **judged(0.9, loss))

    found = cli("best", "task=digits")

    assert "00000002-3" in found.out
    told = (
        "the best of 4 finished runs; 3 others reached the same score, with no smaller val/loss\n"
    )
    assert told in found.out


def test_a_trial_is_told_with_its_one_look(here: Path, cli: Cli) -> None:
    typed = ["task=digits", "model.units=[8,8]", "test=false"]
    run = put(1, overrides=typed, **judged(0.9))
    assert cli("best", "task=digits").out.endswith(
        "train it again: dlx train task=digits 'model.units=[8,8]' test=false\n"
        "and evaluate it on the test set once: dlx train task=digits 'model.units=[8,8]'\n"
    )

    report(run, folds=[{}, {}])
    assert cli("best", "task=digits").out.endswith(
        "test set once: dlx train task=digits 'model.units=[8,8]' final=true\n"
    )


def test_stamps_and_other_cuts_are_told(here: Path, cli: Cli) -> None:
    for number, cut in ((1, "a"), (2, "b")):
        folder = put(number, **judged(0.9, number))
        report(folder, stamps=["preparation was fitted on validation rows as well"])
        (folder / "data.json").write_text(json.dumps({"split_digest": cut}))

    lines = cli("best", "task=digits").out.splitlines()

    assert lines[3:5] == [
        "note: the data are split in 2 ways, so not all scores are on the same rows",
        "note: preparation was fitted on validation rows as well",
    ]


def test_test_rows_that_validate_pick_nothing(here: Path, cli: Cli) -> None:
    put(1, **judged(0.8))
    report(put(2, **judged(0.9)), protocol={"name": "test_as_validation"})

    found = cli("best", "task=digits")
    assert "00000001-2 " in found.out
    assert "the best of 1 finished run\n" in found.out
    assert "left out: 1 run whose validation rows are the test rows\n" in found.out

    alone = cli("best", "task=digits", "optimizer.lr=0.2")
    assert alone.code == 4
    assert alone.err.startswith("error: the validation rows of these runs are the test rows: ")


@pytest.mark.parametrize("runs", [True, False])
def test_never_by_a_test_score(request: pytest.FixtureRequest, cli: Cli, runs: bool) -> None:
    if runs:
        request.getfixturevalue("some")

    found = cli("best", "task=digits", "--by", "test/accuracy")

    assert (found.code, found.out) == (4, "")
    assert found.err == (
        "error: `test/accuracy` is a test score, and choosing by it makes it too optimistic: the "
        "best of several is partly luck\n"
        "  where: --by\n"
        "  accepted: a validation score\n"
        "  try: --by val/accuracy\n"
    )
    assert cli("best", "test/accuracy=0.9").code == 4


DONE = "a finished run on real data"
REFUSED = [
    (
        ["task=digits", "--by", "val/acuracy"],
        "no finished run has the validation score `val/acuracy`",
        "--by",
        "val/accuracy, val/loss",
        "--by val/accuracy",
    ),
    (
        [],
        "the runs have several tasks, whose scores cannot be compared",
        "command line",
        "digits, wine",
        "dlx best task=digits",
    ),
    (
        ["task=imdb"],
        "none of the 7 runs in runs matches; their tasks: digits, wine",
        "",
        "",
        "",
    ),
    (["state=failed"], "of 1 run in runs, none is finished", "command line", DONE, ""),
    (
        ["sample=true"],
        "of 1 run in runs, the finished ones were trained on synthetic sample data",
        "command line",
        DONE,
        "",
    ),
    (["tsk=digits"], "no run has `tsk`", "command line: tsk=digits", "", "task=..."),
]


@pytest.mark.parametrize(
    ("arguments", "what", "where", "accepted", "hint"), REFUSED, ids=lambda x: str(x)[:12]
)
def test_there_is_no_best(
    some: None, cli: Cli, arguments: list[str], what: str, where: str, accepted: str, hint: str
) -> None:
    found = cli("best", *arguments)

    assert (found.code, found.out) == (2, "")
    assert found.err.startswith(f"error: {what}\n")
    for label, text in (("where", where), ("accepted", accepted), ("try", hint)):
        assert not text or f"  {label}: {text}\n" in found.err


def test_no_runs_say_how_to_make_one(cli: Cli) -> None:
    found = cli("best", "task=digits")

    assert found.code == 2
    assert found.err.startswith("error: no runs in runs: dlx train task=digits makes one\n")


def test_runs_that_are_judged_otherwise(here: Path, cli: Cli) -> None:
    put(1, **judged(0.8))
    put(2, **judged(0.9))
    put(3, scores={"val/f1": 0.5}, answer={"score": "val/f1"})

    found = cli("best", "task=digits")

    assert found.code == 2
    assert found.err == (
        "error: the runs have different main scores\n"
        "  where: command line\n"
        "  accepted: val/accuracy (2 runs), val/f1 (1 run)\n"
        "  try: --by val/accuracy\n"
    )


@pytest.mark.parametrize("content", ["", "{", "[]", '{"scores": 3, "stamps": 4, "folds": 5}'])
def test_a_damaged_report_leaves_the_baseline_out(here: Path, cli: Cli, content: str) -> None:
    (put(1, **judged(0.8)) / "report.json").write_text(content)

    found = cli("best", "task=digits")

    assert found.code == 0
    assert found.out.splitlines()[1].split()[1:] == ["0.8000", "-"]


def test_the_best_is_found_without_heavy_imports(here: Path) -> None:
    for number in range(3):
        put(number, **judged(number / 1000, 0.5))
    code = (
        "import sys; from dlx.cli.main import main; code = main(['best', 'task=digits'])\n"
        "heavy = {'torch', 'hydra', 'numpy', 'sklearn', 'rich'} & set(sys.modules)\n"
        "sys.exit(f'{code} {heavy}' if code or heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")
    assert "00000002-3" in done.stdout


def test_a_real_run(cli: Cli) -> None:
    train = ("task=wine", "trainer.threads=1", "trainer.epochs=2", "test=false")
    assert cli("train", *train, "--quiet").code == 0
    assert cli("train", *train, "optimizer.lr=1e-6", "--quiet").code == 0

    found = cli("best", "task=wine")

    lines = found.out.splitlines()
    assert lines[1].split()[-1] == "majority"
    assert lines[2] == "the best of 2 finished runs"
    assert lines[3] == f"train it again: dlx train {' '.join(train)}"
    assert lines[4] == f"and evaluate it on the test set once: dlx train {' '.join(train[:-1])}"


def test_damaged_runs_are_named_as_left_out(here: Path, cli: Cli) -> None:
    put(1, **judged(0.8))
    damaged = put(2, **judged(0.9))
    (damaged / "status.json").write_text("{")

    name = f"digits/{damaged.name}"
    assert (
        f"left out: {name}: status.json cannot be read; dlx runs rm {name} deletes it\n"
        in cli("best", "task=digits").out
    )
