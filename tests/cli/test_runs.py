from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., Any]


COLUMNS = (
    "run, task, title, verb, state, started, seconds, seed, sample, sweep, best_epoch, "
    "config_digest"
)


def put(number: int, state: str = "done", task: str = "digits", **more: Any) -> None:
    """A run folder as a training leaves it, with its status alone."""
    folder = Path("runs") / task / f"20260101-120000-{number:08x}-{number + 1}"
    folder.mkdir(parents=True)
    status = {
        "schema_version": 1,
        "run": f"{task}/{folder.name}",
        "task": task,
        "state": state,
        "started": "2026-01-01T12:00:00+0000",
        "seconds": 1.0 + number,
        "sample": False,
        "overrides": [f"task={task}", f"optimizer.lr=0.{number}"],
        "seed": 0,
        **more,
    }
    (folder / "status.json").write_text(json.dumps(status))


def scores(accuracy: float | None, loss: float | None = None) -> dict[str, Any]:
    return {"scores": {"val/accuracy": accuracy, "val/loss": loss}}


@pytest.fixture
def some(here: Path) -> None:
    put(1, **scores(0.8, 0.5))
    put(2, **scores(0.9, 0.7))
    put(3, "failed", reason="the training loss is not a number")
    put(4, task="wine", sample=True, **scores(0.85, 0.2))
    put(5, "interrupted", "wine")


def order(found: Any) -> list[int]:
    """The numbers of the runs that were listed as JSON."""
    return [int(status["run"].split("-")[-1]) - 1 for status in json.loads(found.out)]


def test_runs_are_listed_oldest_first(some: None, cli: Cli) -> None:
    found = cli("runs")

    lines = found.out.splitlines()
    assert (found.code, found.err) == (0, "")
    assert lines[0].split() == ["run", "state", "val/accuracy", "val/loss", "seconds", "changed"]
    assert lines[1].split() == [
        "digits/20260101-120000-00000001-2",
        "done",
        "0.8000",
        "0.5000",
        "2.000",
        "optimizer.lr=0.1",
    ]
    assert [line.split()[0].split("/")[0] for line in lines[1:]] == ["digits"] * 3 + ["wine"] * 2
    assert "wine/20260101-120000-00000004-5 (sample)" in lines[4]
    assert lines[3].split()[1:4] == ["failed", "-", "-"]
    assert "\x1b" not in found.out


def test_no_runs_say_how_to_make_one(cli: Cli) -> None:
    assert cli("runs").out == "no runs in runs: dlx train task=digits makes one\n"
    assert json.loads(cli("runs", "--json").out) == []
    assert cli("runs", "--sort", "val/accuracy").code == 0


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], [1, 2, 3, 4, 5]),
        (["--sort", "val/accuracy"], [2, 4, 1, 3, 5]),
        (["--sort", "val/loss"], [4, 1, 2, 3, 5]),
        (["--sort", "seconds"], [1, 2, 3, 4, 5]),
        (["--task", "wine"], [4, 5]),
        (["--state", "failed"], [3]),
        (["--state", "done", "--task", "digits", "--sort", "val/accuracy"], [2, 1]),
        (["--limit", "2"], [4, 5]),
        (["--sort", "val/accuracy", "--limit", "1"], [2]),
        (["--root", "elsewhere"], []),
    ],
)
def test_runs_are_filtered_and_sorted(
    some: None, cli: Cli, arguments: list[str], expected: list[int]
) -> None:
    assert order(cli("runs", "--json", *arguments)) == expected


@pytest.mark.parametrize("limit", ["0", "-1", "two"])
def test_a_limit_is_a_whole_number_from_one(cli: Cli, limit: str) -> None:
    found = cli("runs", f"--limit={limit}")

    assert found.code == 2
    assert "--limit" in found.err


def test_a_filter_that_leaves_nothing_says_what_there_is(cli: Cli) -> None:
    put(1)

    assert "none of the 1 runs in runs is such a one; their tasks: " in cli("runs", "--task=x").out


def test_a_score_that_is_no_number_comes_last(here: Path, cli: Cli) -> None:
    put(1, **scores(None, 0.5))
    put(2, **scores(0.1, 0.7))

    assert order(cli("runs", "--json", "--sort", "val/accuracy")) == [2, 1]


def test_errors_are_best_when_smallest(here: Path, cli: Cli) -> None:
    for name in ("mae", "mse", "rmse", "loss", "age/mae"):
        put(1, task=name.replace("/", "_"), scores={f"val/{name}": 2.0})
        put(2, task=name.replace("/", "_"), scores={f"val/{name}": 1.0})
        arguments = ("--json", "--sort", f"val/{name}", "--task", name.replace("/", "_"))
        assert order(cli("runs", *arguments)) == [2, 1], name


def test_an_unknown_score_is_refused(some: None, cli: Cli) -> None:
    found = cli("runs", "--sort", "val/acuracy")

    assert (found.code, found.out) == (2, "")
    assert found.err == (
        "error: no run has `val/acuracy`\n"
        "  where: --sort\n"
        f"  accepted: {COLUMNS}, val/accuracy, val/loss, optimizer.lr\n"
        "  try: --sort val/accuracy\n"
    )


def test_csv_is_for_spreadsheets(some: None, cli: Cli) -> None:
    put(6, task="-x", overrides=["=1+1"], **scores(0.25))

    rows = list(csv.DictReader(io.StringIO(cli("runs", "--csv").out)))

    assert len(rows) == 6
    (odd,) = (row for row in rows if row["overrides"] == "'=1+1")
    assert odd["task"] == "'-x"
    assert odd["run"].startswith("'-x/")
    assert rows[0]["val/accuracy"] == "0.8"
    assert rows[0]["seconds"] == "2.0"
    assert {row["sample"] for row in rows} == {"True", "False"}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff"])
def test_a_damaged_status_is_left_out(some: None, cli: Cli, content: bytes) -> None:
    damaged = Path("runs/digits/20260101-120000-00000002-3/status.json")
    damaged.write_bytes(content)

    assert order(cli("runs", "--json")) == [1, 3, 4, 5]


def test_a_status_of_odd_values_is_listed(here: Path, cli: Cli) -> None:
    put(1, scores="none", answer=7, overrides=[1, None], seconds="long")

    found = cli("runs")

    assert found.code == 0
    assert "done" in found.out


def test_a_thousand_runs_are_listed_in_a_second(here: Path, cli: Cli) -> None:
    for number in range(1000):
        put(number, **scores(number / 1000, 0.5))
    cli("runs", "--limit", "1")

    begun = time.perf_counter()
    found = cli("runs", "--sort", "val/accuracy")
    seconds = time.perf_counter() - begun

    assert len(found.out.splitlines()) == 1001
    assert seconds < 1


def test_listing_imports_neither_torch_nor_hydra(some: None) -> None:
    code = (
        "import sys; from dlx.cli.main import main; code = main(['runs', '--json'])\n"
        "heavy = {'torch', 'hydra', 'numpy', 'sklearn'} & set(sys.modules)\n"
        "sys.exit(f'{code} {heavy}' if code or heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")


def test_real_runs_are_sorted_best_first(cli: Cli) -> None:
    for rate in ("1e-6", "0.05", "0.002"):
        overrides = ("task=wine", "dataset.sample=true", "trainer.threads=1", "trainer.epochs=2")
        assert cli("train", *overrides, f"optimizer.lr={rate}", "--quiet").code == 0

    table = cli("runs", "--sort", "val/accuracy").out.splitlines()
    listed = json.loads(cli("runs", "--sort", "val/accuracy", "--json").out)

    values = [status["scores"]["val/accuracy"] for status in listed]
    assert values == sorted(values, reverse=True)
    assert values[0] > values[-1]
    assert [line.split()[0] for line in table[1:]] == [status["run"] for status in listed]
