"""The storage of a study: a journal, SQLite or PostgreSQL; opened, locked, told when lost."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..config.secrets import without_password
from ..errors import Problem, RunError, UsageError
from ..files import check_database, check_plain, is_there, open_file
from ..machine import shortage


def open_by_several(storage: str, folder: Path) -> Any:
    """The storage; where another process makes the same tables at this moment, a little later.

    Args:
        storage: "journal", "sqlite", or a URL.
        folder: the search's folder, for the files of the first two.
    """
    from sqlalchemy.exc import SQLAlchemyError

    for wait in (0.2, 0.5, 1.0, 2.0, 4.0):
        try:
            return _opened(storage, folder)
        except SQLAlchemyError as error:
            if not re.search("already exists|duplicate key|UNIQUE constraint|locked", str(error)):
                raise
            time.sleep(wait)
    return _opened(storage, folder)


def _opened(storage: str, folder: Path) -> Any:
    if storage == "journal":
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend

        file = folder / "study.journal"
        check_plain(file)
        lock: Any = _FileLock(file)
        return JournalStorage(JournalFileBackend(str(file), lock_obj=lock))
    from optuna.storages import RDBStorage

    if storage == "sqlite":
        check_database(folder / "study.sqlite")
    url = f"sqlite:///{folder / 'study.sqlite'}" if storage == "sqlite" else storage
    url = re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", url)
    if url.startswith("sqlite"):
        return RDBStorage(url, engine_kwargs={"connect_args": {"timeout": 60}})
    return RDBStorage(url, engine_kwargs={"pool_pre_ping": True})


class _FileLock:
    """The journal's lock: freed by the system when its holder is killed, whose half line goes.

    Args:
        file: the journal.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stream: Any = None

    def acquire(self) -> bool:
        """Waits for the lock, then cuts off a line that a killed process left unfinished."""
        import fcntl

        self._stream = open_file(self._file.with_suffix(".lock"), "ab")
        fcntl.flock(self._stream, fcntl.LOCK_EX)
        if not _ends_whole(self._file):
            with open_file(self._file, "r+b") as stream:
                stream.truncate(stream.read().rfind(b"\n") + 1)
        return True

    def release(self) -> None:
        """Lets go."""
        self._stream.close()


def _ends_whole(file: Path) -> bool:
    """Whether a file of lines is missing, empty, or ends with a whole line."""
    if not is_there(file):
        return True
    with open_file(file, "rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - 1))
        return stream.read() in (b"", b"\n")


@contextmanager
def storage_kept(storage: str) -> Iterator[None]:
    """Within it, a storage that goes away is told as that.

    Raises:
        RunError: the database cannot be reached any more, or a disk is full.
    """
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (SQLAlchemyError, StorageInternalError) as error:
        said = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        what = f"the storage of the study is lost: {said}"
        where = f"tune.storage={without_password(storage)}"
        raise RunError(Problem(what, where, hint="the same command goes on")) from error
    except OSError as error:
        if not (said := shortage(error)):
            raise
        hint = "the same command goes on, once the machine has enough again"
        problem = Problem(f"the search stops: {said}", str(error.filename or ""), hint=hint)
        raise RunError(problem) from error


@contextmanager
def storage_opened(storage: str) -> Iterator[None]:
    """Within it, what goes wrong with a storage is told as what it is, passwords hidden.

    Raises:
        UsageError: the storage cannot be opened.
        RunError: a file of it is damaged.
    """
    from sqlalchemy.exc import SQLAlchemyError

    shown = without_password(storage)
    where = f"tune.storage={shown}"
    accepted = "journal, sqlite, sqlite:///FILE, postgresql://USER@HOST/DATABASE"
    if storage.startswith("postgres") and find_spec("psycopg") is None:
        what = "tune.storage needs the package psycopg"
        raise UsageError(Problem(what, where, hint="pip install 'dlx[postgresql]'"))
    if "://" not in storage and storage not in ("journal", "sqlite"):
        raise UsageError(Problem(f"there is no storage `{shown}`", where, accepted))
    try:
        yield
    except (SQLAlchemyError, ImportError) as error:
        said = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        server = "://" in storage and not storage.startswith("sqlite")
        hint = "is the server running, and may you connect?" if server else ""
        what = f"the storage cannot be opened: {said}".replace(storage, shown)
        raise UsageError(Problem(what, where, accepted, hint)) from None
    except OSError as error:
        what = f"the study cannot be opened: {error.strerror or error}"
        raise RunError(Problem(what, str(error.filename or where))) from error
    except (ValueError, LookupError, TypeError, AssertionError, AttributeError) as error:
        raise RunError(Problem(f"the study cannot be read: {error!r}", where)) from error
