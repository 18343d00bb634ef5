"""Files in folders that a stranger may have made: a run's, a sweep's, the cache.

A folder from an archive or a `git clone` may hold a link in the place of `log.txt`, or a pipe that
would be waited for. So it is fenced where it is found or made, and what lies in it is opened step
by step from there: no link is followed, and only plain files and real folders are opened, as told
by their descriptors. What lies above a fence is the user's own, links and all. Without a fence, the
folder of a file stands for it.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Literal

from .names import is_left, temporary_name

LIMIT = 256 * 1024 * 1024
"""Bytes of a file that are read into memory where nothing else is said."""
MAX_DIGITS = 64
"""Of a whole number in JSON: a longer one is none of ours, and many functions choke on it."""

_FENCED: set[Path] = set()
_BY_FOLDER = os.open in os.supports_dir_fd
_ALWAYS = sum(getattr(os, f"O_{name}", 0) for name in ("NOFOLLOW", "CLOEXEC", "NOCTTY", "BINARY"))
_FOLDER = os.O_RDONLY | _ALWAYS | getattr(os, "O_DIRECTORY", 0)
_WAITS_FOR_NOBODY = getattr(os, "O_NONBLOCK", 0)
_FLAGS = {
    "rb": os.O_RDONLY,
    "r+b": os.O_RDWR,
    "ab": os.O_WRONLY | os.O_APPEND | os.O_CREAT,
    "a+b": os.O_RDWR | os.O_APPEND | os.O_CREAT,
}

Mode = Literal["rb", "r+b", "ab", "a+b"]


def fence(folder: Path) -> Path:
    """Follows no link below a folder from now on, in this process.

    Returns:
        The folder; itself it may be reached by links.
    """
    _FENCED.add(folder.absolute())
    return folder


def open_file(file: Path, mode: Mode) -> IO[bytes]:
    """Opens a plain file, without waiting for anybody.

    Raises:
        OSError: it does not exist, is a link, or no plain file, or lies behind a link; or is to be
            written to, and has another name elsewhere.
    """
    with _reach(file) as (at, name):
        handle = os.open(name, _FLAGS[mode] | _ALWAYS | _WAITS_FOR_NOBODY, 0o666, dir_fd=at)
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file", str(file))
        if mode != "rb" and found.st_nlink > 1:
            raise OSError(errno.EMLINK, "it is a hard link", str(file))
        return os.fdopen(handle, mode)
    except BaseException:
        os.close(handle)
        raise


def read_bytes(file: Path, limit: int | None = LIMIT) -> bytes:
    """What a plain file holds.

    Args:
        file: the file.
        limit: bytes that it may have; None for any number.

    Raises:
        OSError: it does not exist, is not a regular file, lies behind a link, or is larger.
    """
    with open_file(file, "rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        if limit is not None and size > limit:
            what = f"it has {size:,} bytes, and at most {limit:,} are read"
            raise OSError(errno.EFBIG, what, str(file))
        return stream.read()


def sha256_of(file: Path) -> str:
    """The SHA-256 of a plain file of any size, as hex, without holding it in memory.

    Raises:
        OSError: it does not exist, is not a regular file, or lies behind a link.
    """
    with open_file(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]


def read_text(file: Path, errors: str = "strict") -> str:
    r"""Like `read_bytes`, from UTF-8, every line's end as "\n", as `Path.read_text` gives it.

    Raises:
        OSError: as `read_bytes`.
        UnicodeDecodeError: it is no text.
    """
    text = read_bytes(file).decode("utf-8", errors)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_json(file: Path) -> Any:
    """What a JSON file holds.

    Raises:
        OSError: as `read_bytes`.
        ValueError: it is no JSON, is nested too deeply, or has a number that is too long.
    """
    return parse_json(read_bytes(file))


def parse_json(text: str | bytes) -> Any:
    """What JSON text says.

    Raises:
        ValueError: it is no JSON, is nested too deeply, or has a number that is too long.
    """
    try:
        return json.loads(text, parse_int=_parse_int)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _parse_int(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"it has a number of {len(digits):,} digits")
    return int(digits)


def replace_file(file: Path, content: bytes) -> None:
    """Writes a file under a temporary name, syncs it, and gives it its name.

    What a killed process left of the same file goes.

    Raises:
        OSError: it cannot be written, or lies behind a link; nothing is left behind.
    """
    with _reach(file, sync=True) as (at, name):
        temporary = temporary_name(file.name)
        if at is None:
            temporary = str(file.with_name(temporary))
        else:
            _remove_left(file.name, at)
        try:
            with os.fdopen(_open_fresh(temporary, at), "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(temporary, name, src_dir_fd=at, dst_dir_fd=at)
        except BaseException:
            with suppress(OSError):  # the first error says what is wrong
                os.unlink(temporary, dir_fd=at)
            raise


def _remove_left(name: str, at: int) -> None:
    for left in os.listdir(at):
        if is_left(left, name):
            with suppress(OSError):  # somebody else was first, or it is a folder
                os.unlink(left, dir_fd=at)


def create_private(file: Path, content: bytes) -> None:
    """Makes a file that only its owner may read.

    Raises:
        FileExistsError: it is there.
        OSError: it cannot be made, or lies behind a link.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _ALWAYS
    with (
        _reach(file) as (at, name),
        os.fdopen(os.open(name, flags, 0o600, dir_fd=at), "wb") as stream,
    ):
        stream.write(content)


def _open_fresh(name: str, at: int | None) -> int:
    """A file that nobody else has open; what a killed process left by this name gives way."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _ALWAYS
    try:
        return os.open(name, flags, 0o666, dir_fd=at)
    except FileExistsError:
        os.unlink(name, dir_fd=at)
        return os.open(name, flags, 0o666, dir_fd=at)


def append(file: Path, content: bytes) -> None:
    """Adds to the end of a file, which is made if missing.

    Raises:
        OSError: it cannot be written, is not a regular file, or lies behind a link.
    """
    with open_file(file, "ab") as stream:
        stream.write(content)


def make_folder(folder: Path) -> None:
    """Makes a folder and those above it, where they are missing.

    Raises:
        OSError: it cannot be made, or is a link or a file, or lies behind a link.
    """
    fenced, steps = _way(folder)
    if not _BY_FOLDER or fenced not in _FENCED:
        folder.mkdir(parents=True, exist_ok=True)
        return
    for end in range(1, len(steps) + 1):
        with _reach(fenced.joinpath(*steps[:end])) as (at, name):
            with suppress(FileExistsError):
                os.mkdir(name, dir_fd=at)
            os.close(os.open(name, _FOLDER, dir_fd=at))


def remove_file(file: Path) -> None:
    """Deletes a file, or a link itself.

    Raises:
        OSError: it cannot be deleted, or lies behind a link.
    """
    with _reach(file) as (at, name):
        os.unlink(name, dir_fd=at)


def remove_tree(folder: Path) -> None:
    """Deletes a folder with all that is in it; links in it are deleted, not followed.

    Raises:
        OSError: not all of it can be deleted, or it is a link, or lies behind one.
    """
    with _reach(folder) as (at, name):
        shutil.rmtree(name, dir_fd=at)


def is_file(file: Path) -> bool:
    """Whether there is a plain file, and no link on the way."""
    return stat.S_ISREG(_mode(file))


def is_folder(folder: Path) -> bool:
    """Whether there is a real folder, and no link on the way; a fenced one may be a link itself."""
    if folder.absolute() in _FENCED:
        return folder.is_dir()
    return stat.S_ISDIR(_mode(folder))


def is_there(file: Path) -> bool:
    """Whether a name is taken, by whatever: a file, a folder, a link, a pipe."""
    return _mode(file) != 0


def _mode(file: Path) -> int:
    with suppress(OSError, ValueError), _reach(file) as (at, name):
        return _mode_at(name, at)
    return 0


def _mode_at(name: str, at: int | None) -> int:
    with suppress(OSError):
        return os.stat(name, dir_fd=at, follow_symlinks=False).st_mode
    return 0


def check_plain(*files: Path) -> None:
    """Before a library opens files by their names: each is a plain one, or does not exist.

    Raises:
        OSError: one is a link or no plain file, has a second name, or lies behind a link.
    """
    for file in files:
        with suppress(FileNotFoundError), open_file(file, "r+b"):
            pass


def check_database(file: Path) -> None:
    """Like `check_plain`, for a database of SQLite and what it keeps beside it."""
    check_plain(file, *(file.with_name(file.name + end) for end in ("-journal", "-wal", "-shm")))


def check_tree(folder: Path, depth: int = 5) -> None:
    """Before a library writes into a folder: nothing in it leads elsewhere.

    Raises:
        OSError: it holds a link, something else than files and folders, or is nested too deeply.
    """
    for name in names_in(folder):
        if not is_folder(folder / name):
            check_plain(folder / name)
        elif depth:
            check_tree(folder / name, depth - 1)
        else:
            raise OSError(errno.EINVAL, "its folders are nested too deeply", str(folder))


def sweep_temporaries(folder: Path, depth: int = 5) -> None:
    """Deletes what `replace_file` of a killed process left half-written, some folders deep.

    What another process that lives may be writing stays.
    """
    for name in names_in(folder):
        if is_folder(folder / name):
            if depth:
                sweep_temporaries(folder / name, depth - 1)
        elif is_left(name):
            with suppress(FileNotFoundError):
                remove_file(folder / name)


def names_in(folder: Path) -> list[str]:
    """The names in a folder, sorted; none where there is no real folder."""
    with suppress(OSError, ValueError):
        if not _BY_FOLDER:
            return sorted(os.listdir(folder)) if is_folder(folder) else []
        with _reach(folder / "any") as (at, _):  # its folder is the one that is meant
            return sorted(os.listdir(at))
    return []


def _way(file: Path) -> tuple[Path, tuple[str, ...]]:
    """The outermost fenced folder above a file, and the names from there to the file."""
    whole = file.absolute()
    for above in reversed(whole.parents):
        if above in _FENCED:
            return above, whole.relative_to(above).parts
    return file.parent, (file.name,)


@contextmanager
def _reach(file: Path, sync: bool = False) -> Iterator[tuple[int | None, str]]:
    """The folder of a file, reached from its fence step by step, and the file's name in it.

    Args:
        file: the file, there or not.
        sync: whether the folder is written to the disk at the end.
    """
    fenced, steps = _way(file)
    if ".." in steps or not steps[-1]:
        raise OSError(errno.EINVAL, "its path is outside its folder", str(file))
    if not _BY_FOLDER:
        yield _check_links(fenced, steps, file)
        return
    at = os.open(fenced, _FOLDER & ~getattr(os, "O_NOFOLLOW", 0))
    try:
        for step in steps[:-1]:
            below = _enter(step, at, file)
            os.close(at)
            at = below
        with _explain_links(at, steps[-1], file):
            yield at, steps[-1]
        if sync:
            os.fsync(at)
    finally:
        os.close(at)


def _enter(step: str, at: int, file: Path) -> int:
    with _explain_links(at, step, file):
        return os.open(step, _FOLDER, dir_fd=at)


@contextmanager
def _explain_links(at: int, name: str, file: Path) -> Iterator[None]:
    """Gives an error with a link its reason: systems differ in what they call it."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR) and stat.S_ISLNK(_mode_at(name, at)):
            raise _a_link(name, file) from error
        raise


def _a_link(name: str, file: Path) -> OSError:
    what = f"`{name}` is a symbolic link, and dlx follows none here"
    return OSError(errno.ELOOP, what, str(file))


def _check_links(fenced: Path, steps: tuple[str, ...], file: Path) -> tuple[None, str]:
    """Where folders have no descriptors, as on Windows: the way is looked at before it is gone."""
    place = fenced
    for step in steps:
        place = place / step
        if place.is_symlink():
            raise _a_link(step, file)
    return None, str(file)
