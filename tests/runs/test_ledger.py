from __future__ import annotations

import hashlib
import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dlx.errors import MethodError, RunError
from dlx.runs.ledger import Look, key_of, looks, record

ROWS = [hashlib.sha256(bytes([i])).digest() for i in range(50)]


def test_the_key_is_of_the_rows_whatever_their_order() -> None:
    shuffled = random.Random(0).sample(ROWS, len(ROWS))

    assert key_of(shuffled) == key_of(iter(ROWS))
    assert key_of(ROWS[1:]) != key_of(ROWS)
    assert key_of([*ROWS, ROWS[0]]) != key_of(ROWS)
    assert len(key_of([])) == 64


def test_every_look_is_written_down_in_order(tmp_path: Path) -> None:
    looks = [
        record(tmp_path, "part", f"wine/{i}", verb) for i, verb in enumerate(["train", "test"])
    ]
    other = record(tmp_path, "another part", "digits/1", "train")

    assert [len(found) for found in looks] == [1, 2]
    assert [(look.run, look.verb) for look in looks[1]] == [("wine/0", "train"), ("wine/1", "test")]
    assert len(other) == 1
    assert isinstance(other[0], Look)
    assert time.strptime(other[0].at, "%Y-%m-%dT%H:%M:%S%z")


def test_texts_are_data_not_sql(tmp_path: Path) -> None:
    run = "x'); drop table looks; --"
    record(tmp_path, run, run, run)

    assert [look.run for look in record(tmp_path, run, run, run)] == [run, run]


def test_processes_at_the_same_time_lose_no_entry(tmp_path: Path) -> None:
    """All of them find no ledger when they begin."""
    code = (
        "import sys, time; from pathlib import Path; from dlx.runs.ledger import record\n"
        "while time.time() < float(sys.argv[2]): pass\n"
        "for i in range(25): record(Path(sys.argv[1]), 'part', f'{sys.argv[3]}/{i}', 'train')"
    )
    begin = str(time.time() + 1.5)
    command = [sys.executable, "-c", code, str(tmp_path), begin]
    running = [
        subprocess.Popen([*command, str(number)], stderr=subprocess.PIPE, text=True)
        for number in range(4)
    ]
    errors = [process.communicate()[1] for process in running]

    assert errors == [""] * 4
    looks = record(tmp_path, "part", "last", "train")
    assert {look.run for look in looks} == {f"{p}/{i}" for p in range(4) for i in range(25)} | {
        "last"
    }
    assert len(looks) == 101


def test_a_ledger_that_is_none_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").write_bytes(b"this is no database, however long it may be" * 100)

    with pytest.raises(RunError) as caught:
        record(tmp_path, "part", "wine/1", "train")

    assert str(caught.value) == (
        "the ledger of test looks cannot be written: file is not a database\n"
        f"  where: {tmp_path / 'ledger.sqlite'}"
    )


def test_no_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="cannot be written: unable to open database file"):
        record(tmp_path / "nowhere", "part", "wine/1", "train")


def test_a_ledger_that_cannot_be_written_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(tmp_path, "part", "wine/1", "train")
    connect = sqlite3.connect
    uri = f"file:{tmp_path / 'ledger.sqlite'}?mode=ro"
    monkeypatch.setattr(sqlite3, "connect", lambda *_, **__: connect(uri, uri=True))

    with pytest.raises(RunError, match="cannot be written: attempt to write a readonly database"):
        record(tmp_path, "part", "wine/2", "train")


class TestOnce:
    def test_a_second_run_with_the_same_verb_is_refused(self, tmp_path: Path) -> None:
        first = record(tmp_path, "part", "wine/1", "workflow", once=True)
        record(tmp_path, "part", "wine/2", "train", once=True)

        with pytest.raises(MethodError) as refused:
            record(tmp_path, "part", "wine/3", "workflow", once=True)

        told = str(refused.value)
        assert "a workflow has looked at this test part before" in told
        assert f"{first[0].at}  dlx workflow  wine/1" in told
        assert "workflow.look_again=true" in told
        assert [look.run for look in looks(tmp_path, "part")] == ["wine/1", "wine/2"]

    def test_the_same_run_may_go_on(self, tmp_path: Path) -> None:
        record(tmp_path, "part", "wine/1", "workflow", once=True)

        again = record(tmp_path, "part", "wine/1", "workflow", once=True)

        assert [look.run for look in again] == ["wine/1", "wine/1"]

    def test_other_parts_are_other_parts(self, tmp_path: Path) -> None:
        record(tmp_path, "part", "wine/1", "workflow", once=True)

        assert len(record(tmp_path, "another", "wine/2", "workflow", once=True)) == 1

    def test_of_two_processes_at_once_one_is_refused(self, tmp_path: Path) -> None:
        code = (
            "import sys, time; from pathlib import Path; from dlx.runs.ledger import record\n"
            "from dlx.errors import MethodError\n"
            "while time.time() < float(sys.argv[2]): pass\n"
            "try: record(Path(sys.argv[1]), 'part', f'wine/{sys.argv[3]}', 'workflow', once=True)\n"
            "except MethodError: sys.exit(4)"
        )
        begin = str(time.time() + 1.5)
        command = [sys.executable, "-c", code, str(tmp_path), begin]
        running = [subprocess.Popen([*command, str(number)]) for number in range(4)]

        assert sorted(one.wait() for one in running) == [0, 4, 4, 4]


def test_no_ledger_means_no_look(tmp_path: Path) -> None:
    assert looks(tmp_path, "part") == []
    assert list(tmp_path.iterdir()) == []
