"""A sweep's folder: what is on the disk counts, whatever a killed process left."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dlx.errors import UsageError
from dlx.runs.folder import write_status
from dlx.search.record import Record, find_sweep, folder_of, harvest


def test_what_is_noted_is_there_after_a_restart(tmp_path: Path) -> None:
    record = Record(tmp_path / "sweeps" / "a")
    record.note("k1", state="running", trial=0)
    record.note("k1", state="done", value=0.1 + 0.2)
    record.note("k2", state="running", trial=1)
    again = Record(tmp_path / "sweeps" / "a")
    assert again.trials == record.trials
    assert again.trials["k1"]["value"] == 0.1 + 0.2
    assert again.trials["k2"]["state"] == "running"


def test_a_new_try_forgets_how_the_last_one_ended(tmp_path: Path) -> None:
    record = Record(tmp_path / "a")
    record.note("k", state="failed", reason="no")
    record.note("k", state="running", trial=0)
    assert "reason" not in Record(tmp_path / "a").trials["k"]


def test_a_line_that_was_cut_off_is_left_out_and_spoils_nothing(tmp_path: Path) -> None:
    record = Record(tmp_path / "a")
    record.note("k1", state="done")
    with (tmp_path / "a" / "trials.jsonl").open("a") as stream:
        stream.write('{"key": "k2", "sta')
    again = Record(tmp_path / "a")
    again.note("k3", state="done")
    assert set(Record(tmp_path / "a").trials) == {"k1", "k3"}


@pytest.mark.parametrize(
    "line",
    [
        "[]",
        "3",
        "null",
        '{"key": 3}',
        "{}",
        "[" * 100_000,
        "\0\xff",
        '{"key": "k", "value": "abc"}',
        '{"key": "k", "values": null}',
        '{"key": "k", "interval": 5}',
        '{"key": "k", "values": {"a": "b"}}',
        '{"key": "k", "epoch": "x"}',
    ],
)
def test_odd_lines_are_left_out(tmp_path: Path, line: str) -> None:
    Record(tmp_path / "a").note("k", state="done")
    with (tmp_path / "a" / "trials.jsonl").open("a") as stream:
        stream.write(line + "\n")
    assert set(Record(tmp_path / "a").trials) == {"k"}


@pytest.mark.parametrize("text", ["", "[]", "{", "3"])
def test_an_odd_outcome_is_none(tmp_path: Path, text: str) -> None:
    record = Record(tmp_path / "a")
    (tmp_path / "a" / "sweep.json").write_text(text)
    assert record.outcome() == {}


def test_numbers_that_json_lacks_are_null(tmp_path: Path) -> None:
    record = Record(tmp_path / "a")
    record.note("k", state="done", value=float("nan"))
    record.conclude({"value": float("inf")})
    assert record.trials["k"]["value"] is None
    assert record.outcome()["value"] is None


@pytest.mark.parametrize("name", ["../x", "", ".hidden", "a/b", "x" * 81, "a b", "a\0"])
def test_a_name_that_is_no_folders(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="is not a valid folder name"):
        folder_of(tmp_path, name, "here")


def test_the_runs_of_a_sweep_are_found(tmp_path: Path) -> None:
    record = Record(folder_of(tmp_path, "mine", "here"))
    for number, sweep in enumerate(("mine", "other", "mine"), start=1):
        run = tmp_path / "wine" / f"20260101-00000{number}-0000000{number}-1"
        run.mkdir(parents=True)
        write_status(run, {"sweep": sweep, "trial": 4, "config_digest": "d"})
    assert record.begun_runs() == {(4, "d"): run}


def test_a_sweep_is_found_by_path_or_name(tmp_path: Path) -> None:
    record = Record(folder_of(tmp_path, "mine", "here"))
    record.conclude({})
    for name in ("mine", str(record.folder)):
        assert find_sweep(tmp_path, name) == record.folder
    for name in ("min", "other", "", "..", "x" * 5000, "a\0b"):
        assert find_sweep(tmp_path, name) is None


@pytest.mark.parametrize("report", ["", "{}", "[]", '{"answer": 3}', "{" * 9999])
def test_a_damaged_run_gives_nothing(tmp_path: Path, report: str) -> None:
    write_status(tmp_path, {"state": "done"})
    (tmp_path / "report.json").write_text(report)
    assert harvest(tmp_path) is None


def test_a_run_that_is_not_done_gives_nothing(tmp_path: Path) -> None:
    write_status(tmp_path, {"state": "running"})
    (tmp_path / "report.json").write_text(json.dumps({}))
    assert harvest(tmp_path) is None
