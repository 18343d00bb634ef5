from __future__ import annotations

import os
import re
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from dlx.errors import UsageError
from dlx.runs.folder import (
    all_runs,
    check_writable,
    create,
    find,
    find_named_run,
    read_status,
    write_status,
)

DIGEST = "1a2b3c4d5e6f"
NAME = "20260101-120000-1a2b3c4d-1"


def test_a_name_says_when_and_what(tmp_path: Path) -> None:
    before = time.strftime("%Y%m%d-%H%M%S")
    folder = create(tmp_path / "runs", "digits", DIGEST)

    assert folder.is_dir()
    assert folder.parent == tmp_path / "runs" / "digits"
    found = re.fullmatch(r"(\d{8}-\d{6})-1a2b3c4d-1", folder.name)
    assert found
    assert before <= found[1] <= time.strftime("%Y%m%d-%H%M%S")


def test_64_threads_that_start_together_get_64_folders(tmp_path: Path) -> None:
    start = threading.Barrier(64)
    made: list[Path] = []

    def begin() -> None:
        start.wait()
        made.append(create(tmp_path, "digits", DIGEST))

    threads = [threading.Thread(target=begin) for _ in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(made)) == 64
    assert sorted(all_runs(tmp_path)) == sorted(made)


def test_runs_of_one_second_are_listed_as_they_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "strftime", lambda _: "20260101-120000")
    digests = ["ffffffff", "00000000", "88888888", "ffffffff"]
    tasks = ["wine", "digits", "wine", "digits"]

    made = [create(tmp_path, task, d) for task, d in zip(tasks, digests, strict=True)]
    for run in made:
        write_status(run, {})

    assert all_runs(tmp_path) == made
    assert find(tmp_path, "last") == made[-1]


def test_the_last_run_is_one_that_has_begun(three: list[Path]) -> None:
    """A process that is killed at its start leaves a folder and no status."""
    three[2].joinpath("status.json").unlink()

    assert find(three[0].parent.parent, "last") == three[1]


def test_later_seconds_come_later_whatever_their_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stamps = iter(["20260101-120000"] * 11 + ["20260101-120001"] * 2)
    monkeypatch.setattr(time, "strftime", lambda _: next(stamps))

    made = [create(tmp_path, "wine", DIGEST) for _ in range(13)]

    assert all_runs(tmp_path) == made
    assert made[10].name.endswith("-11")
    assert made[11].name.endswith("-1")


def test_other_folders_are_no_runs(tmp_path: Path) -> None:
    run = create(tmp_path, "digits", DIGEST)
    (tmp_path / "digits" / "notes").mkdir()
    (tmp_path / "digits" / f"{run.name}.tar").touch()
    (tmp_path / "ledger.sqlite").touch()

    assert all_runs(tmp_path) == [run]
    assert all_runs(tmp_path / "nowhere") == []


@pytest.fixture
def three(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    root = tmp_path / "runs"
    made = []
    for day, task, digest in [(1, "wine", "aaaa1111"), (2, "wine", "bbbb2222"), (3, "imdb", "cc")]:
        monkeypatch.setattr(time, "strftime", lambda _, day=day: f"2026010{day}-120000")
        made.append(create(root, task, digest * 4))
        write_status(made[-1], {"state": "done"})
    return made


@pytest.mark.parametrize(
    ("name", "index"),
    [("last", 2), ("aaaa1111", 0), ("20260102", 1), ("imdb", 2), ("wine/20260101", 0)],
)
def test_any_unique_part_of_a_name_finds_a_run(three: list[Path], name: str, index: int) -> None:
    assert find(three[0].parent.parent, name) == three[index]


def test_a_path_finds_a_run_outside_the_root(three: list[Path], tmp_path: Path) -> None:
    assert find(tmp_path / "elsewhere", str(three[1])) == three[1]


def test_an_ambiguous_name_lists_what_it_stands_for(three: list[Path]) -> None:
    root = three[0].parent.parent
    with pytest.raises(UsageError) as caught:
        find(root, "wine")

    assert str(caught.value) == (
        "`wine` matches 2 runs\n"
        f"  where: {root}\n"
        "  accepted: more characters of the name: wine/20260101-120000-aaaa1111-1, "
        "wine/20260102-120000-bbbb2222-1"
    )


@pytest.mark.parametrize("name", ["mnist", "../wine", "nothing\0", "x" * 200])
def test_no_such_run(three: list[Path], name: str) -> None:
    root = three[0].parent.parent
    with pytest.raises(UsageError) as caught:
        find(root, name)

    assert str(caught.value) == (
        f"there is no run `{name}`\n"
        f"  where: {root}\n"
        "  accepted: a run folder, `last`, or a unique part of a run's name\n"
        "  try: `dlx runs` lists them"
    )


def test_there_is_no_last_run_at_first(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no run `last`"):
        find(tmp_path / "runs", "last")


def test_status_comes_back(tmp_path: Path) -> None:
    write_status(tmp_path, {"state": "done", "scores": {"val/loss": float("nan")}})

    assert read_status(tmp_path) == {
        "schema_version": 1,
        "state": "done",
        "scores": {"val/loss": None},
    }


@pytest.mark.parametrize("content", [None, b"", b"{", b"[1]", b"\xff\xfe", b"null"])
def test_a_status_that_cannot_be_read_is_none(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "status.json").write_bytes(content)

    assert read_status(tmp_path) is None


def refused(root: Path) -> str:
    with pytest.raises(UsageError) as caught:
        check_writable(root)
    return str(caught.value)


def test_a_root_that_can_be_made_is_fine(tmp_path: Path) -> None:
    check_writable(tmp_path / "not" / "there" / "yet")
    check_writable(tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_a_file_in_place_of_the_root(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert refused(tmp_path / "file" / "runs") == (
        f"no run folder can be made below {tmp_path / 'file' / 'runs'}: it is not a folder\n"
        f"  where: {tmp_path / 'file'}\n"
        "  accepted: a folder with write permission\n"
        "  try: run.root=FOLDER chooses another"
    )


def test_a_root_that_is_read_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)

    assert refused(tmp_path / "runs").splitlines()[0] == (
        f"no run folder can be made below {tmp_path / 'runs'}: it is read-only"
    )


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), OSError(28, "Full")])
def test_a_folder_that_cannot_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(Path, "mkdir", fail)
    with pytest.raises(UsageError) as caught:
        create(tmp_path, "digits", DIGEST)

    assert str(caught.value) == (
        f"no run folder can be made: {error.strerror}\n"
        f"  where: {tmp_path / 'digits'}\n"
        "  accepted: a folder with write permission\n"
        "  try: run.root=FOLDER chooses another"
    )


@pytest.mark.parametrize(
    "name",
    ["../digits/" + NAME, "/etc/" + NAME, "digits/../..", "digits/x", "a/b/" + NAME, "", None, 3],
)
def test_a_name_in_a_file_leads_to_no_other_folder(tmp_path: Path, name: object) -> None:
    (tmp_path / "digits" / NAME).mkdir(parents=True)

    assert not find_named_run(tmp_path / "runs", name).exists()
    assert find_named_run(tmp_path, f"digits/{NAME}").is_dir()
