from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., Any]
REAL = ("task=wine", "trainer.threads=1", "trainer.epochs=2")


@pytest.fixture
def run(cli: Cli) -> Path:
    """A finished run on embedded data."""
    assert cli("train", *REAL, "--quiet").code == 0
    (found,) = Path("runs").glob("wine/*")
    return found


def status(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "status.json").read_text())
    return found


def test_the_last_run_is_tested(run: Path, cli: Cli) -> None:
    found = cli("test", "last")

    lines = found.out.splitlines()
    assert (found.code, found.err) == (0, "")
    assert lines[0].split() == ["score", "value", "95", "%", "interval", "baseline"]
    assert [line.split()[0] for line in lines[1:3]] == ["test/accuracy", "test/loss"]
    assert lines[3].startswith("beats the trivial baseline: test/accuracy is ")
    assert lines[4:] == [
        f"weights: best (epoch 2) of wine/{run.name}",
        "the test set has been evaluated 2 times",
    ]


@pytest.mark.parametrize("how", ["path", "part of the name", "task"])
def test_a_run_is_named_in_any_way(run: Path, cli: Cli, how: str) -> None:
    name = {"path": str(run), "part of the name": run.name[9:24], "task": "wine/"}[how]

    assert f"of wine/{run.name}" in cli("test", name).out


def test_json_holds_the_scores_of_the_run_to_the_bit(run: Path, cli: Cli) -> None:
    found = json.loads(cli("test", "last", "--json").out)

    expected = status(run)["scores"]
    assert {s["name"]: s["value"] for s in found["scores"]} == {
        name: value for name, value in expected.items() if name.startswith("test/")
    }
    assert found["looks"] == 2
    assert found["sample"] is False
    assert found["weights"] == {"name": "best", "epoch": 2}


def test_the_last_weights_on_request(run: Path, cli: Cli) -> None:
    assert "weights: last (epoch 2)" in cli("test", "last", "--weights", "last").out


def test_made_up_data_are_stamped_and_not_counted(cli: Cli) -> None:
    cli("train", *REAL, "dataset.sample=true", "--quiet")

    lines = cli("test", "last").out.splitlines()

    assert lines[-1] == "SAMPLE DATA: synthetic, for smoke tests only; not a result"
    assert not any("looked at" in line for line in lines)
    assert json.loads(cli("test", "last", "--json").out)["sample"] is True


def test_no_such_run_exits_2(run: Path, cli: Cli) -> None:
    found = cli("test", "nothing")

    assert (found.code, found.out) == (2, "")
    assert found.err.startswith("error: there is no run `nothing`\n  where: runs\n")


def test_a_damaged_run_exits_1(run: Path, cli: Cli) -> None:
    (weights,) = (run / "checkpoints" / "best").glob("weights-*")
    weights.write_bytes(weights.read_bytes()[:-1])

    found = cli("test", "last")

    assert (found.code, found.out) == (1, "")
    assert found.err.startswith("error: the checkpoint best of step 30 is damaged: ")


def test_runs_elsewhere_are_found_by_their_root(run: Path, cli: Cli) -> None:
    Path("runs").rename("kept")

    assert cli("test", "last").code == 2
    assert "has been evaluated 2 times" in cli("test", "last", "--root", "kept").out
