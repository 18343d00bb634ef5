"""Files of a stranger's folder: nothing outside is read or changed, and nobody is waited for."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from dlx import files
from dlx.files import (
    LIMIT,
    append,
    fence,
    open_file,
    read_bytes,
    read_json,
    read_text,
    replace_file,
)

pytestmark = pytest.mark.skipif(os.name != "posix", reason="links and pipes as POSIX has them")

SECRET = b"secret of the user\n"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder of the user's that no run has a say in."""
    folder = tmp_path / "outside"
    (folder / "inner").mkdir(parents=True)
    (folder / "file").write_bytes(SECRET)
    (folder / "inner" / "file").write_bytes(SECRET)
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A fenced folder, reached by way of a link of the user's own."""
    (tmp_path / "disk" / "run").mkdir(parents=True)
    (tmp_path / "runs").symlink_to(tmp_path / "disk")
    return fence(tmp_path / "runs" / "run")


def everything(folder: Path) -> dict[Path, bytes]:
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


USES: dict[str, Callable[[Path], object]] = {
    "read": read_bytes,
    "append": lambda file: append(file, b"x"),
    "change": lambda file: open_file(file, "r+b"),
    "lock": lambda file: open_file(file, "a+b"),
}
BELOW: dict[str, Callable[[Path], object]] = {
    **USES,
    "replace": lambda file: replace_file(file, b"x"),
    "delete": files.remove_file,
    "delete a tree": lambda file: files.remove_tree(file.parent / "inner"),
    "make a folder": lambda file: files.make_folder(file.parent / "new" / "newer"),
}


@pytest.mark.parametrize("use", USES)
def test_a_link_in_the_place_of_a_file_is_not_followed(run: Path, outside: Path, use: str) -> None:
    before = everything(outside)
    for target in (outside / "file", outside / "not there", outside, Path("/dev/zero")):
        (run / "log.txt").symlink_to(target)
        with pytest.raises(
            OSError, match=r"`log.txt` is a symbolic link, and dlx follows none here"
        ):
            USES[use](run / "log.txt")
        (run / "log.txt").unlink()
    assert everything(outside) == before
    assert not (outside / "not there").exists()


@pytest.mark.parametrize("use", BELOW)
def test_a_link_on_the_way_is_not_followed(run: Path, outside: Path, use: str) -> None:
    before = everything(outside)
    (run / "folds").mkdir()
    (run / "folds" / "0").symlink_to(outside)
    for below in (Path("file"), Path("inner", "file")):
        with pytest.raises(OSError, match="`0` is a symbolic link"):
            BELOW[use](run / "folds" / "0" / below)
    assert everything(outside) == before
    assert sorted(os.listdir(outside)) == ["file", "inner"]


def test_what_is_looked_for_behind_a_link_is_not_there(run: Path, outside: Path) -> None:
    (run / "plots").symlink_to(outside)
    (run / "log.txt").symlink_to(outside / "file")

    assert not files.is_file(run / "log.txt")
    assert not files.is_file(run / "plots" / "file")
    assert not files.is_folder(run / "plots")
    assert not files.is_folder(run / "plots" / "inner")
    assert files.names_in(run / "plots") == []
    assert files.is_there(run / "plots")


def test_a_link_gives_way_to_a_file_that_is_written_whole(run: Path, outside: Path) -> None:
    (run / "status.json").symlink_to(outside / "file")
    (run / f".status.json.{os.getpid()}.tmp").symlink_to(outside / "file")

    replace_file(run / "status.json", b"new")

    assert (outside / "file").read_bytes() == SECRET
    assert not (run / "status.json").is_symlink()
    assert read_bytes(run / "status.json") == b"new"
    assert os.listdir(run) == ["status.json"]


@pytest.mark.parametrize("use", USES)
def test_pipes_sockets_and_folders_are_refused_without_waiting(run: Path, use: str) -> None:
    os.mkfifo(run / "pipe")
    (run / "folder").mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        here = os.getcwd()
        os.chdir(run)  # a socket's name may not be long
        listening.bind("socket")
        os.chdir(here)
        for name in ("pipe", "socket", "folder"):
            with pytest.raises(OSError, match=r"not a regular file|No such device|Is a directory"):
                USES[use](run / name)


@pytest.mark.parametrize("use", ["append", "change", "lock"])
def test_a_file_with_a_second_name_is_not_written_into(run: Path, outside: Path, use: str) -> None:
    os.link(outside / "file", run / "log.txt")

    with pytest.raises(OSError, match="a hard link"):
        USES[use](run / "log.txt")
    assert (outside / "file").read_bytes() == SECRET
    assert read_bytes(run / "log.txt") == SECRET


def test_the_users_own_links_above_a_folder_are_followed(run: Path, tmp_path: Path) -> None:
    files.make_folder(run / "folds" / "0")
    append(run / "folds" / "0" / "log.txt", b"one ")
    append(run / "folds" / "0" / "log.txt", b"two")

    assert (tmp_path / "disk/run/folds/0/log.txt").read_bytes() == b"one two"
    assert files.is_folder(run / "folds")
    assert files.names_in(run / "folds") == ["0"]
    files.remove_tree(run / "folds")
    assert files.names_in(run) == []


def test_a_run_folder_may_be_a_link_itself(run: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").symlink_to(run)
    mine = fence(tmp_path / "mine")
    replace_file(mine / "status.json", b"{}")

    assert files.is_folder(mine)
    assert files.is_file(mine / "status.json")


def test_nothing_leads_upward(run: Path, outside: Path) -> None:
    for use in USES.values():
        with pytest.raises(OSError, match="its path is outside its folder"):
            use(run / ".." / ".." / "outside" / "file")
    assert (outside / "file").read_bytes() == SECRET


def test_a_large_file_is_not_read_into_memory(run: Path) -> None:
    with (run / "status.json").open("wb") as stream:
        stream.truncate(6 * 2**30)

    with pytest.raises(OSError, match=f"6,442,450,944 bytes, and at most {LIMIT:,} are read"):
        read_json(run / "status.json")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[" * 100_000, "nested too deeply"),
        ("9" * 5000, "a number of 5,000 digits"),
        ('{"a": -' + "1" * 70 + "}", "a number of 71 digits"),
        ("\udcff", "utf-8"),
        ("", "Expecting value"),
    ],
)
def test_json_that_cannot_be_used_is_a_value_error(run: Path, text: str, why: str) -> None:
    (run / "a.json").write_bytes(text.encode("utf-8", "surrogateescape"))

    with pytest.raises(ValueError, match=why):
        read_json(run / "a.json")


def test_a_name_with_a_nul_is_nowhere(run: Path) -> None:
    assert not files.is_file(run / "a\0b")
    assert not files.is_folder(run / "a\0b" / "c")


def test_a_text_has_one_kind_of_line_end(tmp_path: Path) -> None:
    """A table written by csv, or edited elsewhere, ends its lines otherwise."""
    (tmp_path / "a.csv").write_bytes(b"true,predicted\r\n1,2\r3,4\n")
    assert read_text(tmp_path / "a.csv") == "true,predicted\n1,2\n3,4\n"


def test_a_digest_is_of_a_file_of_any_size(run: Path) -> None:
    (run / "weights").write_bytes(b"x" * 5000)

    with pytest.raises(OSError, match="5,000 bytes, and at most 4,999 are read"):
        read_bytes(run / "weights", 4999)
    assert read_bytes(run / "weights", None) == b"x" * 5000
    assert files.sha256_of(run / "weights") == hashlib.sha256(b"x" * 5000).hexdigest()
