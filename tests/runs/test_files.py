from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from dlx.errors import RunError
from dlx.runs.files import append_bytes, compact_text, plain, write_bytes, write_json, write_text

FULL = OSError(28, "No space left on device")


def test_a_file_is_written_whole_and_nothing_beside_it(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "naïve 😀\n")
    write_bytes(tmp_path / "a.txt", b"second")

    assert (tmp_path / "a.txt").read_bytes() == b"second"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_json_has_no_nan(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"a": float("nan"), "b": (1.5, float("-inf")), 3: "ä"})

    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads(text) == {"a": None, "b": [1.5, None], "3": "ä"}
    assert "ä" in text
    assert text.endswith("}\n")


def test_compact_text_has_a_line_for_each_list() -> None:
    value = {"steps": [{"words": ["a", "ä"], "counts": [[0, 1], [2, float("nan")]]}], "none": {}}

    text = compact_text(value)

    assert json.loads(text) == json.loads(json.dumps(plain(value)))
    assert text == (
        '{\n "steps": [\n  {\n   "words": ["a", "ä"],\n   "counts": [[0, 1], [2, null]]\n  }\n ],\n'
        ' "none": {}\n}'
    )


def test_plain_keeps_what_json_has() -> None:
    value = {"a": [1, 2.5, "x", None, True], "b": {"c": []}}

    assert plain(value) == value


def test_what_a_killed_process_left_of_the_same_file_goes(tmp_path: Path, dead: int) -> None:
    left = [f".a.{dead}.tmp", f".a.{os.getpid()}.tmp", ".a.0.tmp"]
    others = [f".a.{os.getppid()}.tmp", f".b.{dead}.tmp", f".a.b.{dead}.tmp", f".a.x{dead}.tmp"]
    for name in (*left, *others):
        (tmp_path / name).touch()
    (tmp_path / f".a.00{dead}.tmp").mkdir()

    write_bytes(tmp_path / "a", b"whole")

    assert {p.name for p in tmp_path.iterdir()} == {"a", *others, f".a.00{dead}.tmp"}


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_keeps_the_old_file_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    file = tmp_path / "a.json"
    write_json(file, {"old": 1})

    def full(*_: Any, **__: Any) -> None:
        raise FULL

    monkeypatch.setattr(os, call, full)
    with pytest.raises(RunError) as caught:
        write_json(file, {"new": 2})
    monkeypatch.undo()

    assert str(caught.value) == (
        "a.json cannot be written: No space left on device\n"
        f"  where: {tmp_path}\n"
        "  try: free some space, or choose another folder with run.root=FOLDER"
    )
    assert json.loads(file.read_text(encoding="utf-8")) == {"old": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_a_link_in_the_place_of_a_file_is_to_be_deleted(tmp_path: Path) -> None:
    (tmp_path / "log.txt").symlink_to(tmp_path / "outside")

    with pytest.raises(RunError) as caught:
        append_bytes(tmp_path / "log.txt", b"a line")

    assert str(caught.value) == (
        "log.txt cannot be written: `log.txt` is a symbolic link, and dlx follows none here\n"
        f"  where: {tmp_path}\n"
        "  try: delete it, if you know where this folder comes from: dlx itself makes no such thing"
    )
    assert not (tmp_path / "outside").exists()


def test_the_first_error_is_told_also_when_cleaning_up_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise FULL

    def broken(*_: Any, **__: Any) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    monkeypatch.setattr(os, "unlink", broken)
    with pytest.raises(RunError, match="No space left on device"):
        write_bytes(tmp_path / "a", b"x")


def test_ctrl_c_in_the_middle_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_bytes(tmp_path / "a", b"x")

    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"a.txt cannot be written: its folder does not exist"):
        write_text(tmp_path / "nowhere" / "a.txt", "x")


@pytest.mark.skipif(os.name != "posix", reason="folders are synced on POSIX systems only")
def test_file_and_folder_are_synced_before_it_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    sync, replace = os.fsync, os.replace

    def spy_sync(handle: int) -> None:
        calls.append("folder" if os.path.isdir(f"/proc/self/fd/{handle}") else "file")
        sync(handle)

    def spy_replace(source: Any, target: Any, **options: Any) -> None:
        calls.append("rename")
        replace(source, target, **options)

    monkeypatch.setattr(os, "fsync", spy_sync)
    monkeypatch.setattr(os, "replace", spy_replace)
    write_bytes(tmp_path / "a", b"x")

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("there is no /proc to tell files from folders by their handle")
    assert calls == ["file", "rename", "folder"]
