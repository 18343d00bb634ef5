"""The ledger: every look at test rows, counted across runs (`runs/ledger.sqlite`).

Rows are known by their contents, one by one, so that renaming or copying the file, shuffling its
rows, or another cut of the test set resets nothing. Looks of an older dlx have no rows: they count
where the whole part is the same. Run folders tell of their looks too, see `witness.py`; what the
ledger has lost is written down again from there.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import MethodError, Problem, RunError
from ..files import check_database, is_there
from . import witness
from .witness import Entry

NAME = "ledger.sqlite"

_TABLES = (
    """create table if not exists looks (
         id integer primary key, test_part text not null, run text not null, verb text not null,
         at text not null
       )""",
    """create table if not exists parts (
         test_part text not null, rows blob not null, seal text not null
       )""",
)
_COLUMNS = "token, test_part, run, verb, at, weights, seal"
"""Those of `Entry`, in its order, and its seal."""
_ADDED = ("token", "weights", "seal")
"""Columns that a ledger of an older dlx lacks."""


@dataclass(frozen=True)
class RowSet:
    """Test rows, known by their contents.

    Attributes:
        key: a digest of all of them together.
        digests: 8 bytes of each, sorted, each once.
    """

    key: str
    digests: npt.NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.digests)


@dataclass(frozen=True)
class Look:
    """One look, beside the rows in question.

    Attributes:
        run: the run's name below the root.
        verb: "train", "test", "workflow", ...
        at: when.
        rows: how many of them it took in.
    """

    run: str
    verb: str
    at: str
    rows: int


@dataclass(frozen=True)
class Seen:
    """What has been seen of some rows before.

    Attributes:
        looks: every look that took in one of them, oldest first.
        times: how often the row that was seen most often.
        seen: how many of them were seen.
        rows: how many there are.
        warnings: where ledger and run folders disagree.
    """

    looks: tuple[Look, ...] = ()
    times: int = 0
    seen: int = 0
    rows: int = 0
    warnings: tuple[str, ...] = ()


def rows_of(row_hashes: Iterable[bytes]) -> RowSet:
    """Test rows by the hashes of their contents; their order is nothing."""
    whole, each = hashlib.sha256(), []
    for one in sorted(row_hashes):
        whole.update(one)
        each.append(hashlib.blake2b(one, digest_size=8).digest())
    return RowSet(whole.hexdigest(), np.unique(np.frombuffer(b"".join(each), dtype="<u8")))


def record(
    root: Path,
    rows: RowSet,
    run: str,
    verb: str,
    *,
    weights: str | None = None,
    once: bool = False,
    folder: Path | None = None,
) -> Seen:
    """Writes down one look, before it is taken.

    Two processes at once lose no entry: SQLite serialises them.

    Args:
        root: the folder of all runs.
        rows: from `rows_of`.
        run: the run's name below the root.
        verb: "train", "test", "workflow", ...
        weights: which weights of the run look; it looks with them once, however often it is broken
            off and gone on with. None makes each call another look.
        once: refuse a look where another run has looked at one of the rows with the same verb.
        folder: the run folder that is to tell of it too.

    Returns:
        What had been seen before.

    Raises:
        MethodError: `once`, and another run was first; nothing is written.
        RunError: the ledger is damaged, or cannot be written.
    """
    with _open(root) as connection:
        known = _read_looks(connection, root)
        place = _find_same(known.looks, run, verb, weights)
        before = known.count_seen(rows, place)
        if once:
            refuse_second(before, run, verb)
        if place is None:
            now = time.strftime("%Y-%m-%dT%H:%M:%S%z")
            entry = Entry(secrets.token_hex(8), rows.key, run, verb, now, weights)
            blob = rows.digests.tobytes()
            _insert(connection, entry)
            if rows.key not in known.parts:
                _insert_rows(connection, rows.key, blob)
            if folder is not None:  # the look counts where either of them is whole
                witness.tell(folder, entry, blob)
        return before


def looks(root: Path, rows: RowSet) -> Seen:
    """What has been seen of some rows so far.

    Raises:
        RunError: the ledger is damaged, or cannot be read.
    """
    if not is_there(root / NAME) and not witness.read_witnesses(root).looks:
        return Seen(rows=len(rows))
    with _open(root) as connection:
        return _read_looks(connection, root).count_seen(rows)


def restore(root: Path) -> tuple[str, ...]:
    """Writes down what only run folders tell, before they go.

    Returns:
        What was missing.

    Raises:
        RunError: the ledger is damaged, or cannot be written.
    """
    if not witness.read_witnesses(root).looks:
        return ()
    with _open(root) as connection:
        return tuple(_read_looks(connection, root).warnings)


def refuse_second(before: Seen, run: str, verb: str) -> None:
    """Refuses a look where another run has looked at one of the rows with the same verb.

    Raises:
        MethodError: with every earlier look.
    """
    others = [look for look in before.looks if look.verb == verb and look.run != run]
    if not others:
        return
    most = max(look.rows for look in others)
    which = "these test rows" if most == before.rows else f"{most} of these {before.rows} test rows"
    listed = "".join(f"\n    {look.at}  dlx {look.verb}  {look.run}" for look in before.looks)
    what = (
        f"a {verb} has evaluated on {which} before, and a test set is independent only once; "
        f"evaluations so far:{listed}"
    )
    hint = (
        f"workflow.until=6 stops before the test; {verb}.look_again=true evaluates anyway, with a "
        "warning in the report"
    )
    where = "ledger.sqlite in the folder of the runs"
    raise MethodError(Problem(what, where, "new test rows", hint))


def _find_same(known: Sequence[Entry], run: str, verb: str, weights: str | None) -> int | None:
    """The place of the look that a run has written down before; None where this is another."""
    if weights is None:
        return None
    for place, one in enumerate(known):
        older = not one.token and one.verb == verb
        if one.run == run and (older or one.weights == weights):
            return place
    return None


@dataclass
class _Known:
    """What ledger and run folders know together.

    Attributes:
        looks: every look, oldest first; then those that the ledger lacked.
        parts: the digests of each test set's rows, by its key.
        warnings: where ledger and run folders disagree.
    """

    looks: list[Entry]
    parts: dict[str, bytes]
    warnings: list[str]

    def count_seen(self, rows: RowSet, until: int | None = None) -> Seen:
        """How often each of some rows was looked at, by the first so many looks."""
        times = np.zeros(len(rows), dtype=np.int64)
        parts = {one.test_part for one in self.looks[:until]}
        overlaps = {part: self._overlap(part, rows) for part in parts}
        found = []
        for one in self.looks[:until]:
            mask = overlaps[one.test_part]
            if mask.any() or one.test_part == rows.key:
                times += mask
                found.append(Look(one.run, one.verb, one.at, int(mask.sum())))
        most = int(times.max(initial=0))
        return Seen(tuple(found), most, int((times > 0).sum()), len(rows), tuple(self.warnings))

    def _overlap(self, part: str, rows: RowSet) -> npt.NDArray[np.bool_]:
        """Which of some rows a test set holds."""
        if part == rows.key:
            return np.ones(len(rows), dtype=bool)
        theirs = np.frombuffer(self.parts.get(part, b""), dtype="<u8")
        return np.isin(rows.digests, theirs, assume_unique=True)


def _read_looks(connection: sqlite3.Connection, root: Path) -> _Known:
    """Every look; what the ledger lacks is written down again."""
    looks, parts, told = _entries(connection), _parts(connection), witness.read_witnesses(root)
    warnings = [f"{file.parent.name}/{file.name} cannot be read" for file in told.damaged]
    tokens = {one.token for one in looks}
    missing = {one.token: one for one, _ in told.looks if one.token not in tokens}
    for entry in missing.values():
        _insert(connection, entry)
    for entry, folder in told.looks:
        rows = witness.read_rows(folder, entry.test_part) if entry.test_part not in parts else None
        if rows is not None:
            _insert_rows(connection, entry.test_part, rows)
            parts[entry.test_part] = rows
    if missing:
        many = f"{len(missing)} evaluation{'s' if len(missing) > 1 else ''}"
        warnings.append(
            f"the ledger lacked {many} on test rows that run folders record; they are counted again"
        )
    looks += missing.values()
    if any(one.token and one.test_part not in parts for one in looks):
        warnings.append(
            "the rows of an evaluation are lost: it counts only for exactly the same test set"
        )
    return _Known(looks, parts, warnings)


def _entries(connection: sqlite3.Connection) -> list[Entry]:
    """Every look in the ledger, oldest first; no index is trusted."""
    found = []
    for *values, seal in connection.execute(f"select {_COLUMNS} from looks order by +id"):  # noqa: S608
        if seal is not None and seal != _seal(values):
            raise sqlite3.DatabaseError("an entry has changed since it was written")
        found.append(Entry(values[0] or "", *values[1:]))
    return found


def _parts(connection: sqlite3.Connection) -> dict[str, bytes]:
    """The rows of every test set, by its key."""
    found = {}
    for part, rows, seal in connection.execute("select test_part, rows, seal from parts"):
        if seal != _seal_of_rows(part, rows):
            what = "the rows of a test set have changed since they were written"
            raise sqlite3.DatabaseError(what)
        found[part] = bytes(rows)
    return found


def _insert(connection: sqlite3.Connection, entry: Entry) -> None:
    values = astuple(entry)
    insert = f"insert into looks ({_COLUMNS}) values (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
    connection.execute(insert, (*values, _seal(values)))


def _insert_rows(connection: sqlite3.Connection, part: str, rows: bytes) -> None:
    seal = _seal_of_rows(part, rows)
    connection.execute(
        "insert into parts (test_part, rows, seal) values (?, ?, ?)", (part, rows, seal)
    )


def _seal_of_rows(part: str, rows: bytes) -> str:
    return _seal([part, hashlib.sha256(rows).hexdigest()])


def _seal(values: Sequence[str | None]) -> str:
    """A digest of an entry: SQLite itself does not see a bit that has turned."""
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()


@contextmanager
def _open(root: Path) -> Iterator[sqlite3.Connection]:
    """A connection nobody else writes beside; it commits at the end, or takes everything back."""
    file = root / NAME
    try:
        check_database(file)
        with closing(sqlite3.connect(file, timeout=30, isolation_level=None)) as connection:
            connection.execute("pragma synchronous = extra")  # the folder's entry is synced too
            connection.execute("begin immediate")
            _check(connection)
            _bring_up_to_date(connection)
            yield connection
            connection.execute("commit")
    except (sqlite3.OperationalError, OSError) as error:
        said = getattr(error, "strerror", None) or error
        what = f"the ledger of evaluations on test sets cannot be written: {said}"
        raise RunError(Problem(what, str(file))) from error
    except (sqlite3.Error, UnicodeError) as error:
        what = f"the ledger of evaluations on test sets is damaged: {error}"
        hint = f"move {NAME} away: the evaluations that run folders record are then counted again"
        raise RunError(Problem(what, str(file), "the file as dlx wrote it", hint)) from error


def _check(connection: sqlite3.Connection) -> None:
    (found,) = connection.execute("pragma quick_check(1)").fetchone()
    if found != "ok":
        raise sqlite3.DatabaseError(" ".join(str(found).split()))


def _bring_up_to_date(connection: sqlite3.Connection) -> None:
    """Makes what is missing; an older dlx can still write here."""
    for table in _TABLES:
        connection.execute(table)
    known = {row[1] for row in connection.execute("pragma table_info(looks)")}
    for column in _ADDED:
        if column not in known:
            connection.execute(f"alter table looks add column {column} text")
