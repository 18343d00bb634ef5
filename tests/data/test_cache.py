from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlx.data import cache as cache_module
from dlx.data.cache import Cache
from dlx.data.columns import Column, Dense, Sequence, Sparse, Text

IDS, OFFSETS = np.array([1, 5, 2], dtype=np.int32), np.array([0, 2, 2, 3], dtype=np.int64)
COLUMNS: dict[str, Column] = {
    "../lists/of ids": Sequence(IDS, OFFSETS),
    "lists.values": Dense(np.arange(3, dtype=np.float64)),
    "dense": Dense(np.arange(24, dtype=np.float32).reshape(3, 2, 4)),
    "table": Dense(np.arange(9, dtype=np.uint8).reshape(3, 3), ("a", "b", "c")),
    "lists": Sequence(IDS, OFFSETS, 9, ("of", "words")),
    "marks": Sparse(IDS, OFFSETS, 7),
    "weights": Sparse(IDS, OFFSETS, 7, np.array([0.5, 1, -2], np.float32)),
    "ids": Sequence.of_rows(np.arange(6, dtype=np.int32).reshape(3, 2), 6),
    "texts": Text(["plain", "", "naïve 😀\n", "\udcff"]),
    "no texts": Text(["", "", ""]),
}


@pytest.fixture(autouse=True)
def everything_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "SMALL_BYTES", 0)


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_comes_back_as_it_was(tmp_path: Path, name: str) -> None:
    cache = Cache(tmp_path / "cache")
    cache.store("key", {name: COLUMNS[name]}, {"learnt": [1.5, "word"]})

    found = cache.load("key")

    assert found is not None
    assert found.meta == {"learnt": [1.5, "word"]}
    given, back = COLUMNS[name], found.columns[name]
    assert (type(back), back.meta()) == (type(given), given.meta())
    for one, other in zip(back.arrays().values(), given.arrays().values(), strict=True):
        np.testing.assert_array_equal(one, other, strict=True)


def test_several_columns_share_an_entry(tmp_path: Path) -> None:
    Cache(tmp_path).store("key", COLUMNS, {})

    found = Cache(tmp_path).load("key")

    assert found is not None
    assert list(found.columns) == list(COLUMNS)


def test_what_is_not_there_is_none(tmp_path: Path) -> None:
    assert Cache(tmp_path / "nowhere").load("key") is None


def test_small_columns_are_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "SMALL_BYTES", 10_000)

    Cache(tmp_path).store("key", COLUMNS, {})

    assert list(tmp_path.iterdir()) == []


def files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file())


def test_an_entry_cut_short_is_as_good_as_none(tmp_path: Path) -> None:
    Cache(tmp_path).store("key", COLUMNS, {})
    for file in files(tmp_path):
        whole = file.read_bytes()
        for length in {0, 1, len(whole) // 2, len(whole) - 1}:
            file.write_bytes(whole[:length])
            assert Cache(tmp_path).load("key") is None, (file.name, length)
            zeroed = whole[:length].ljust(len(whole), b"\0")
            file.write_bytes(zeroed)
            assert (Cache(tmp_path).load("key") is None) == (zeroed != whole), (file.name, length)
        file.unlink()
        assert Cache(tmp_path).load("key") is None, file.name
        file.write_bytes(whole)
    assert Cache(tmp_path).load("key") is not None


def test_checksums_that_name_no_file_vouch_for_none(tmp_path: Path) -> None:
    Cache(tmp_path).store("key", COLUMNS, {})
    (tmp_path / "key" / "checksums.json").write_text("{}", encoding="utf-8")

    assert Cache(tmp_path).load("key") is None


@pytest.mark.parametrize("value", [(1, 2), [1, 2], {"a": (1, ["x", ()], None)}, 1.5, True, "x"])
def test_what_is_kept_beside_the_columns_comes_back_as_it_was(tmp_path: Path, value: Any) -> None:
    Cache(tmp_path).store("key", COLUMNS, {"it": value})

    found = Cache(tmp_path).load("key")

    assert found is not None
    assert repr(found.meta["it"]) == repr(value)


@pytest.mark.parametrize("value", [np.int64(1), {1: 2}, {"__tuple__": 1}, object()])
def test_what_would_not_come_back_as_it_was_is_not_kept(tmp_path: Path, value: Any) -> None:
    Cache(tmp_path).store("key", COLUMNS, {"it": value})

    assert list(tmp_path.iterdir()) == []


def test_a_file_in_an_entrys_place_makes_way(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("what is this")

    Cache(tmp_path).store("key", COLUMNS, {})

    assert Cache(tmp_path).load("key") is not None


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "null", '{"columns": {"x": {}}, "meta": {}}', '{"columns": 3}']
)
@pytest.mark.parametrize("name", ["meta.json", "checksums.json"])
def test_an_entry_without_sense_is_as_good_as_none(tmp_path: Path, text: str, name: str) -> None:
    (tmp_path / "key").mkdir()
    (tmp_path / "key" / "checksums.json").write_text("{}", encoding="utf-8")
    (tmp_path / "key" / name).write_text(text, encoding="utf-8")

    assert Cache(tmp_path).load("key") is None


def test_arrays_of_objects_are_never_unpickled(tmp_path: Path) -> None:
    Cache(tmp_path).store("key", {"x": COLUMNS["dense"]}, {})
    trap = np.array([{}], dtype=object)
    np.save(tmp_path / "key" / "0.values.npy", trap, allow_pickle=True)
    sums = {f.name: cache_module._sum(f) for f in files(tmp_path) if f.name != "checksums.json"}
    (tmp_path / "key" / "checksums.json").write_text(json.dumps(sums), encoding="utf-8")

    assert Cache(tmp_path).load("key") is None


@pytest.mark.parametrize("name", ["mkdir", "rename"])
def test_a_disk_that_refuses_is_no_error_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    root = tmp_path / "cache"
    root.mkdir()

    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, name, refuse)
    Cache(root).store("key", COLUMNS, {})
    monkeypatch.undo()

    assert list(root.iterdir()) == []


@pytest.mark.parametrize("at", range(8))
def test_a_full_disk_in_the_middle_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    saves = 0
    save = np.save

    def full(file: Any, array: Any, **options: Any) -> None:
        nonlocal saves
        if saves == at:
            Path(file).write_bytes(b"half")
            raise OSError(28, "No space left on device")
        saves += 1
        save(file, array, **options)

    monkeypatch.setattr(np, "save", full)
    Cache(tmp_path).store("key", COLUMNS, {})

    assert list(tmp_path.iterdir()) == []
    assert Cache(tmp_path).load("key") is None


def test_writers_at_the_same_time_leave_one_whole_entry(tmp_path: Path) -> None:
    start = threading.Barrier(8)

    def write() -> None:
        start.wait()
        Cache(tmp_path).store("key", COLUMNS, {"from": "all alike"})

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [p.name for p in tmp_path.iterdir()] == ["key"]
    found = Cache(tmp_path).load("key")
    assert found is not None
    assert found.meta == {"from": "all alike"}


def test_a_bit_that_turned_on_disk_is_noticed_and_mended(tmp_path: Path) -> None:
    columns = {"x": COLUMNS["dense"]}
    Cache(tmp_path).store("key", columns, {})
    for file in files(tmp_path):
        content = bytearray(file.read_bytes())
        content[-2] ^= 1
        file.write_bytes(content)
        assert Cache(tmp_path).load("key") is None, file.name

        Cache(tmp_path).store("key", columns, {})
        assert Cache(tmp_path).load("key") is not None


def test_the_meta_file_is_plain_json(tmp_path: Path) -> None:
    Cache(tmp_path).store("key", COLUMNS, {"a": 1})

    meta = json.loads((tmp_path / "key" / "meta.json").read_text(encoding="utf-8"))

    assert meta["meta"] == {"a": 1}
    assert list(meta["columns"]) == list(COLUMNS)
