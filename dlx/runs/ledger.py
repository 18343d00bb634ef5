"""The ledger: every look at a test part, counted across runs (`runs/ledger.sqlite`).

A test part is known by the contents of its rows, so that renaming or copying the file, or
shuffling its rows, resets nothing.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..errors import MethodError, Problem, RunError

NAME = "ledger.sqlite"

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


def record(
    root: Path, test_part: str, run: str, verb: str, once: bool = False, again: bool = False
) -> list[Look]:
    """Writes down one look, before it is taken.

    Two processes at once lose no entry: SQLite serialises them.

    Args:
        root: the folder of all runs.
        test_part: from `key_of`.
        run: the run's name below the root.
        verb: "train", "test", "workflow", ...
        once: refuse a look where another run has looked with the same verb before.
        again: a run that was broken off may have written its look down already; it is the same.

    Returns:
        Every look up to this one, this one last.

    Raises:
        MethodError: `once`, and another run was first; nothing is written.
        RunError: the ledger cannot be written.
    """
    with _open(root) as connection:
        connection.execute("begin immediate")  # nobody else writes between reading and writing
        before = _looks(connection, test_part)
        if once:
            refuse_second(before, run, verb)
        known = [place for place, look in enumerate(before) if (look.run, look.verb) == (run, verb)]
        if again and known:
            return before[: known[-1] + 1]
        now = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        connection.execute(
            "insert into looks (test_part, run, verb, at) values (?, ?, ?, ?)",
            (test_part, run, verb, now),
        )
    return [*before, Look(run, verb, now)]


def looks(root: Path, test_part: str) -> list[Look]:
    """Every look at a test part so far, oldest first.

    Raises:
        RunError: the ledger cannot be read.
    """
    if not (root / NAME).is_file():
        return []
    with _open(root) as connection:
        return _looks(connection, test_part)


def refuse_second(before: Sequence[Look], run: str, verb: str) -> None:
    """Refuses a look where another run has looked with the same verb.

    Raises:
        MethodError: with every earlier look.
    """
    if not any(look.verb == verb and look.run != run for look in before):
        return
    listed = "".join(f"\n    {look.at}  dlx {look.verb}  {look.run}" for look in before)
    raise MethodError(
        Problem(
            f"a {verb} has looked at this test part before, and a test part tells the truth once; "
            f"looks so far:{listed}",
            "ledger.sqlite in the folder of the runs",
            "fresh test rows",
            f"workflow.until=6 stops before the test; {verb}.look_again=true looks all the same, "
            "and the report says so",
        )
    )


@contextmanager
def _open(root: Path) -> Iterator[sqlite3.Connection]:
    """A connection that commits at the end, or takes everything back."""
    file = root / NAME
    try:
        with closing(sqlite3.connect(file, timeout=30)) as connection:
            connection.executescript(_SCHEMA)
            with connection:
                yield connection
    except sqlite3.Error as error:
        raise RunError(
            Problem(f"the ledger of test looks cannot be written: {error}", str(file))
        ) from error


def _looks(connection: sqlite3.Connection, test_part: str) -> list[Look]:
    found = connection.execute(
        "select run, verb, at from looks where test_part = ? order by id", (test_part,)
    )
    return [Look(*row) for row in found.fetchall()]
