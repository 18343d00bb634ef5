"""The storage of a study: a journal, SQLite or PostgreSQL; opened, locked, told when lost."""

from __future__ import annotations

import os
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..config.secrets import hide_passwords
from ..errors import Problem, RunError, UsageError
from ..files import check_database, is_there, remove_file
from ..machine import shortage
from ..runs.lines import Lines
from .journal import Damaged, Journal


def open_by_several(storage: str, folder: Path) -> Any:
    """The storage; where another process makes the same tables at this moment, a little later.

    Args:
        storage: "journal", "sqlite", or a URL.
        folder: the search's folder, for the files of the first two.
    """
    from sqlalchemy.exc import SQLAlchemyError

    for wait in (0.2, 0.5, 1.0, 2.0, 4.0):
        try:
            return _open_storage(storage, folder)
        except SQLAlchemyError as error:
            if not re.search("already exists|duplicate key|UNIQUE constraint|locked", str(error)):
                raise
            time.sleep(wait)
    return _open_storage(storage, folder)


def _open_storage(storage: str, folder: Path) -> Any:
    if storage == "journal":
        from optuna.storages import JournalStorage

        backend: Any = Journal(folder / "study.journal")
        return JournalStorage(backend)
    from optuna.storages import RDBStorage

    if storage == "sqlite":
        check_database(folder / "study.sqlite")
    url = f"sqlite:///{folder / 'study.sqlite'}" if storage == "sqlite" else storage
    url = re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", url)
    if url.startswith("sqlite"):
        return RDBStorage(url, engine_kwargs={"connect_args": {"timeout": 60}})
    return RDBStorage(url, engine_kwargs={"pool_pre_ping": True})


def try_storage(storage: str) -> None:
    """Finds out whether a storage can be opened, and makes nothing.

    Raises:
        UsageError: it cannot, or its driver is missing.
    """
    with catch_unusable_storage(storage):
        if "://" not in storage:
            return
        from sqlalchemy import create_engine
        from sqlalchemy.exc import OperationalError

        url = re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", storage)
        file = Path(storage.removeprefix("sqlite:///"))
        if storage.startswith("sqlite:///") and not is_there(file):
            if not os.access(file.parent, os.W_OK | os.X_OK):
                raise OperationalError("", {}, Exception("unable to open database file"))
            return
        engine = create_engine(url)
        engine.connect().close()
        engine.dispose()


def mend(storage: str, folder: Path) -> bool:
    """Puts a damaged file of a study aside; what is sound of it, if anything, is gone on with.

    Args:
        storage: as for `open_by_several`; where it is a URL nothing is done.
        folder: the search's folder, in which nobody is at work.

    Returns:
        Whether it was damaged; the file is kept with `.damaged` behind its name.
    """
    if storage == "journal":
        return Lines(folder / "study.journal").mend() > 0
    file = folder / "study.sqlite"
    if storage != "sqlite" or not is_there(file) or _is_sound(file):
        return False
    os.replace(file, f"{file}.damaged")
    for end in ("-journal", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            remove_file(file.with_name(file.name + end))
    return True


def _is_sound(file: Path) -> bool:
    """Whether SQLite finds nothing wrong with a database."""
    check_database(file)
    try:
        with closing(sqlite3.connect(file, timeout=60)) as connection:
            return bool(connection.execute("pragma quick_check").fetchone() == ("ok",))
    except sqlite3.OperationalError:  # it is locked, or cannot be opened: opening it tells
        return True
    except sqlite3.DatabaseError:
        return False


@contextmanager
def catch_lost_storage(storage: str) -> Iterator[None]:
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
        where = f"tune.storage={hide_passwords(storage)}"
        raise RunError(Problem(what, where, hint="the same command continues")) from error
    except Damaged as error:
        what = f"the study's journal is damaged: {error}"
        hint = "the same command repairs it, when no other process is using it"
        raise RunError(Problem(what, f"tune.storage={storage}", hint=hint)) from error
    except OSError as error:
        if not (said := shortage(error)):
            raise
        hint = "the same command continues once the machine has enough again"
        problem = Problem(f"the search stops: {said}", str(error.filename or ""), hint=hint)
        raise RunError(problem) from error


@contextmanager
def catch_unusable_storage(storage: str) -> Iterator[None]:
    """Within it, what goes wrong with a storage is told as what it is, passwords hidden.

    Raises:
        UsageError: the storage cannot be opened.
        RunError: a file of it is damaged.
    """
    from sqlalchemy.exc import SQLAlchemyError

    shown = hide_passwords(storage)
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
        hint = (
            "move its file away; the same command then recovers its trials from their run folders"
        )
        problem = Problem(f"the study cannot be read: {error!r}", where, hint=hint)
        raise RunError(problem) from error
