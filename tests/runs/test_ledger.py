from __future__ import annotations

import hashlib
import json
import random
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from forks import at_once

from dlx.errors import MethodError, RunError
from dlx.runs.ledger import Look, RowSet, looks, record, restore, rows_of

HASHES = [hashlib.sha256(i.to_bytes(2)).digest() for i in range(500)]
FOLDER = "wine/20260101-120000-1a2b3c4d-1"


def rows(start: int = 0, stop: int = 50) -> RowSet:
    return rows_of(HASHES[start:stop])


def test_rows_are_known_by_their_contents_whatever_their_order() -> None:
    shuffled = random.Random(0).sample(HASHES, len(HASHES))

    assert rows_of(shuffled).key == rows_of(iter(HASHES)).key
    assert rows_of(HASHES[1:]).key != rows_of(HASHES).key
    assert rows_of([*HASHES, HASHES[0]]).key != rows_of(HASHES).key
    assert len(rows_of([]).key) == 64
    assert len(rows_of([*HASHES, HASHES[0]])) == 500


def test_every_look_is_written_down_in_order(tmp_path: Path) -> None:
    found = [record(tmp_path, rows(), f"wine/{i}", v) for i, v in enumerate(["train", "test"])]
    other = record(tmp_path, rows(100, 150), "digits/1", "train")

    assert [one.times for one in (*found, other)] == [0, 1, 0]
    now = looks(tmp_path, rows())
    assert [(look.run, look.verb, look.rows) for look in now.looks] == [
        ("wine/0", "train", 50),
        ("wine/1", "test", 50),
    ]
    assert isinstance(now.looks[0], Look)
    assert time.strptime(now.looks[0].at, "%Y-%m-%dT%H:%M:%S%z")


def test_looks_are_counted_by_row(tmp_path: Path) -> None:
    """Any other cut of the same rows: each row counts the looks that took it in."""
    generator, times = random.Random(1), [0] * len(HASHES)
    for number in range(20):
        taken = sorted(generator.sample(range(500), generator.randint(1, 300)))

        before = record(tmp_path, rows_of(HASHES[i] for i in taken), f"wine/{number}", "train")

        assert before.times == max(times[i] for i in taken)
        assert before.seen == sum(times[i] > 0 for i in taken)
        assert before.rows == len(taken)
        for i in taken:
            times[i] += 1


def test_looks_of_an_older_dlx_count_where_the_part_is_the_same(tmp_path: Path) -> None:
    part = rows()
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as connection, connection:
        connection.execute(
            "create table looks (id integer primary key, test_part text not null, "
            "run text not null, verb text not null, at text not null)"
        )
        old = "insert into looks (test_part, run, verb, at) values (?, 'wine/1', 'train', 'then')"
        connection.execute(old, (part.key,))

    assert record(tmp_path, part, "wine/2", "train").times == 1
    assert record(tmp_path, rows(10, 60), "wine/3", "train").times == 2, "its rows are known now"
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as connection, connection:
        connection.execute(old, (part.key,))  # an older dlx beside this one
    assert looks(tmp_path, part).times == 4


def test_texts_are_data_not_sql(tmp_path: Path) -> None:
    run = "x'); drop table looks; --"
    record(tmp_path, rows(), run, run)

    assert [look.run for look in record(tmp_path, rows(), run, run).looks] == [run]


def test_a_run_looks_once_with_the_same_weights(tmp_path: Path) -> None:
    """Broken off between the count and the score, it goes on and has looked once."""
    for _ in range(3):
        assert record(tmp_path, rows(), "wine/1", "train", weights="step 16").times == 0
    assert record(tmp_path, rows(), "wine/1", "resume", weights="step 16").times == 0
    assert record(tmp_path, rows(), "wine/2", "train", weights="step 16").times == 1
    assert record(tmp_path, rows(), "wine/1", "train", weights="step 16").times == 0
    assert record(tmp_path, rows(), "wine/1", "resume", weights="step 32").times == 2
    assert looks(tmp_path, rows()).times == 3


@pytest.mark.slow
def test_many_rows_in_many_test_sets(tmp_path: Path) -> None:
    many = [i.to_bytes(16) for i in range(100_000)]
    for number in range(20):
        record(tmp_path, rows_of(many[number * 100 : number * 100 + 25_000]), f"a/{number}", "x")

    assert record(tmp_path, rows_of(many[:25_000]), "a/last", "x").times == 20


def test_processes_at_the_same_time_lose_no_entry(tmp_path: Path) -> None:
    """All of them find no ledger when they begin."""
    code = (
        f"from pathlib import Path; from dlx.runs.ledger import record, rows_of\n"
        f"for i in range(25):\n"
        f"    record(Path({str(tmp_path)!r}), rows_of([b'row']), f'{{NUMBER}}/{{i}}', 'train')"
    )
    with at_once(code) as ended:
        assert [(one.wait(), one.told()) for one in ended] == [(0, "")] * 4

    found = looks(tmp_path, rows_of([b"row"]))
    assert {look.run for look in found.looks} == {f"{p}/{i}" for p in range(4) for i in range(25)}
    assert found.times == 100


def test_a_ledger_that_is_none_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").write_bytes(b"this is no database, however long it may be" * 100)

    with pytest.raises(RunError) as caught:
        record(tmp_path, rows(), "wine/1", "train")

    assert str(caught.value) == (
        "the ledger of evaluations on test sets is damaged: file is not a database\n"
        f"  where: {tmp_path / 'ledger.sqlite'}\n"
        "  accepted: the file as dlx wrote it\n"
        "  try: move ledger.sqlite away: the evaluations that run folders record are then "
        "counted again"
    )


def test_no_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="cannot be written: unable to open database file"):
        record(tmp_path / "nowhere", rows(), "wine/1", "train")


def test_a_ledger_that_cannot_be_written_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(tmp_path, rows(), "wine/1", "train")
    connect = sqlite3.connect
    uri = f"file:{tmp_path / 'ledger.sqlite'}?mode=ro"
    monkeypatch.setattr(sqlite3, "connect", lambda *_, **__: connect(uri, uri=True))

    with pytest.raises(RunError, match="cannot be written: attempt to write a readonly database"):
        record(tmp_path, rows(), "wine/2", "train")


class TestOnce:
    def test_a_second_run_with_the_same_verb_is_refused(self, tmp_path: Path) -> None:
        record(tmp_path, rows(), "wine/1", "workflow", once=True)
        record(tmp_path, rows(), "wine/2", "train", once=True)

        with pytest.raises(MethodError) as refused:
            record(tmp_path, rows(), "wine/3", "workflow", once=True)

        found = looks(tmp_path, rows()).looks
        told = str(refused.value)
        assert "a workflow has evaluated on these test rows before" in told
        assert f"{found[0].at}  dlx workflow  wine/1" in told
        assert "workflow.look_again=true" in told
        assert [look.run for look in found] == ["wine/1", "wine/2"]

    def test_one_row_in_common_is_one_too_many(self, tmp_path: Path) -> None:
        record(tmp_path, rows(0, 50), "wine/1", "workflow", once=True)

        with pytest.raises(MethodError, match="has evaluated on 1 of these 50 test rows before"):
            record(tmp_path, rows(49, 99), "wine/2", "workflow", once=True)
        assert record(tmp_path, rows(50, 100), "wine/2", "workflow", once=True).times == 0

    def test_the_same_run_may_go_on(self, tmp_path: Path) -> None:
        record(tmp_path, rows(), "wine/1", "workflow", once=True)

        again = record(tmp_path, rows(), "wine/1", "workflow", once=True)

        assert [look.run for look in again.looks] == ["wine/1"]

    def test_of_two_processes_at_once_one_is_refused(self, tmp_path: Path) -> None:
        code = (
            f"import sys; from pathlib import Path\n"
            f"from dlx.runs.ledger import record, rows_of\n"
            f"from dlx.errors import MethodError\n"
            f"root, run = Path({str(tmp_path)!r}), f'wine/{{NUMBER}}'\n"
            f"try: record(root, rows_of([b'row']), run, 'workflow', once=True)\n"
            f"except MethodError: sys.exit(4)"
        )
        with at_once(code) as ended:
            assert sorted(one.wait() for one in ended) == [0, 4, 4, 4]


def test_no_ledger_means_no_look(tmp_path: Path) -> None:
    assert looks(tmp_path, rows()).times == 0
    assert list(tmp_path.iterdir()) == []


class TestWitness:
    """Run folders tell of their looks too."""

    LACKED = (
        "the ledger lacked 1 evaluation on test rows that run folders record; "
        "they are counted again"
    )

    def look(self, root: Path, verb: str = "train") -> Path:
        """A look of a run that has a folder."""
        folder = root / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        record(root, rows(), FOLDER, verb, folder=folder)
        return folder

    @pytest.mark.parametrize("damage", ["gone", "empty", "its last look"])
    def test_what_the_ledger_lost_is_counted_again_and_told(
        self, tmp_path: Path, damage: str
    ) -> None:
        ledger = tmp_path / "ledger.sqlite"
        record(tmp_path, rows(), "wine/deleted", "train")
        before = ledger.read_bytes()
        self.look(tmp_path)
        if damage == "gone":
            ledger.unlink()
        else:
            ledger.write_bytes(b"" if damage == "empty" else before)

        found = looks(tmp_path, rows(40, 60))

        assert found.times == (2 if damage == "its last look" else 1)
        assert (found.seen, found.warnings) == (10, (self.LACKED,))
        assert looks(tmp_path, rows()).warnings == (), "it is written down again"

    def test_a_folder_that_goes_leaves_its_look(self, tmp_path: Path) -> None:
        folder = self.look(tmp_path)
        (tmp_path / "ledger.sqlite").unlink()

        assert restore(tmp_path) == (self.LACKED,)

        (folder / "looks.json").unlink()
        assert looks(tmp_path, rows(40, 60)).times == 1

    def test_a_copied_folder_tells_the_same_look(self, tmp_path: Path) -> None:
        folder = self.look(tmp_path)
        copy = folder.with_name("20260101-120000-1a2b3c4d-2")
        folder.rename(copy)
        self.look(tmp_path, "test")

        assert looks(tmp_path, rows()).times == 2

    @pytest.mark.parametrize("content", ["", "{}", "[1]", "[" * 100_000, '{"looks": [{}]}'])
    def test_one_that_cannot_be_read_is_told(self, tmp_path: Path, content: str) -> None:
        folder = self.look(tmp_path)
        (folder / "looks.json").write_text(content)

        found = looks(tmp_path, rows())

        assert found.times == 1
        assert found.warnings == (f"{folder.name}/looks.json cannot be read",)
        self.look(tmp_path, "test")
        assert len(json.loads((folder / "looks.json").read_text())["looks"]) == 1

    @pytest.mark.parametrize("count", [150, pytest.param(2000, marks=pytest.mark.slow)])
    @pytest.mark.parametrize("kind", ["bit", "cut", "zeros"])
    def test_no_damage_forgets_a_look(self, tmp_path: Path, kind: str, count: int) -> None:
        """One bit turned, a file cut short, a last block of zeros: an error, or all looks."""
        ledger = tmp_path / "ledger.sqlite"
        for verb in ("train", "test", "test"):
            self.look(tmp_path, verb)
        sound = ledger.read_bytes()
        generator, told = random.Random(2), 0
        for _ in range(count):
            content = bytearray(sound)
            place = generator.randrange(len(sound))
            if kind == "bit":
                content[place] ^= 1 << generator.randrange(8)
            elif kind == "cut":
                del content[place:]
            else:
                content[place:] = bytes(len(sound) - place)
            ledger.write_bytes(content)
            (tmp_path / "ledger.sqlite-journal").unlink(missing_ok=True)
            try:
                assert looks(tmp_path, rows(40, 60)).times == 3, (kind, place)
            except RunError as error:
                told += "ledger" in str(error)
        assert told
