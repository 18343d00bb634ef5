"""The ledger: every look at a test part, counted across runs (`runs/ledger.sqlite`).

A test part is known by the contents of its rows, so that renaming or copying the file, or
shuffling its rows, resets nothing.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ..errors import Problem, RunError

_SCHEMA = """
create table if not exists looks (
  id integer primary key,
  test_part text not null,
  run text not null,
  verb text not null,
  at text not null
);
create index if not exists looks_by_part on looks (test_part);
"""


@dataclass(frozen=True)
class Look:
    """One look at a test part."""

    run: str
    verb: str
    at: str


def key_of(row_hashes: Iterable[bytes]) -> str:
    """The key of a test part: a digest of its rows' sorted hashes."""
    digest = hashlib.sha256()
    for one in sorted(row_hashes):
        digest.update(one)
    return digest.hexdigest()


def record(root: Path, test_part: str, run: str, verb: str) -> list[Look]:
    """Writes down one look, before it is taken.

    Two processes at once lose no entry: SQLite serialises them.

    Args:
        root: the folder of all runs.
        test_part: from `key_of`.
        run: the run's name below the root.
        verb: "train", "test", ...

    Returns:
        Every look so far, this one last.

    Raises:
        RunError: the ledger cannot be written.
    """
    file = root / "ledger.sqlite"
    try:
        with closing(sqlite3.connect(file, timeout=30)) as connection, connection:
            connection.executescript(_SCHEMA)
            now = time.strftime("%Y-%m-%dT%H:%M:%S%z")
            connection.execute(
                "insert into looks (test_part, run, verb, at) values (?, ?, ?, ?)",
                (test_part, run, verb, now),
            )
            rows = connection.execute(
                "select run, verb, at from looks where test_part = ? order by id", (test_part,)
            ).fetchall()
    except sqlite3.Error as error:
        raise RunError(
            Problem(f"the ledger of test looks cannot be written: {error}", str(file))
        ) from error
    return [Look(*row) for row in rows]
