"""A search's trials in Optuna's storage: a journal file, SQLite or PostgreSQL, shared by processes.

A trial under way carries the name of the process that owns it. A process holds a lock file for as
long as it lives, so that what it leaves when it is killed can be told from what is at work.
"""

from __future__ import annotations

import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..config.secrets import without_password
from ..config.spaces import Lever
from ..errors import Problem, RunError, UsageError
from ..runs.files import plain
from ..runs.lock import tried
from ..seeds import derive
from .suggest import distribution, params_of, quiet

STALE_S = 600.0
"""Silence after which a process that cannot be looked at (another machine's) counts as dead."""
BEAT_S = 60.0

_STATES = {"COMPLETE": "done", "PRUNED": "pruned", "FAIL": "failed", "RUNNING": "running"}


class Study:
    """The trials of a search, in a storage that several processes may share.

    Args:
        name: of the study.
        storage: "journal", "sqlite", or a URL.
        folder: the search's folder, for files and locks.
        space: what may change.
        directions: "max" or "min" of each objective.

    Raises:
        UsageError: the storage cannot be reached, or its driver is missing.
    """

    def __init__(
        self,
        name: str,
        storage: str,
        folder: Path,
        space: Sequence[Lever],
        directions: Sequence[str],
    ) -> None:
        self._folder, self._space = folder, space
        self._distributions = {lever.key: distribution(lever) for lever in space}
        self._own = f"{uuid.uuid4().hex[:12]}"
        self._held = ExitStack()
        self._beaten = 0.0
        self._mine: set[int] = set()
        self.shared = "://" in storage
        if storage.startswith("sqlite:///"):  # its lock lies beside it, for all who share it
            self._deciding = Path(f"{storage.removeprefix('sqlite:///')}.deciding")
        else:
            self._deciding = folder / "deciding"
        goals = ["maximize" if one == "max" else "minimize" for one in directions]
        with _storage_errors(storage), quiet() as optuna:
            self._storage = _opened_by_several(storage, folder)
            self._study = optuna.create_study(
                study_name=name, storage=self._storage, directions=goals, load_if_exists=True
            )
        self._id = self._study._study_id

    def __enter__(self) -> Study:
        """Shows other processes that this one lives."""
        with self.alone():
            self._forget_the_dead()
            owner = self._folder / "owners" / self._own
            owner.mkdir(parents=True)
            self._held.enter_context(tried(owner))
        return self

    def __exit__(self, *_: object) -> None:
        """Takes the sign of life away, and leaves the storage."""
        self._held.close()
        shutil.rmtree(self._folder / "owners" / self._own, ignore_errors=True)
        if hasattr(self._storage, "engine"):
            self._storage.remove_session()
            self._storage.engine.dispose()

    def _forget_the_dead(self) -> None:
        """Takes away what killed processes left of themselves; their trials stay orphans."""
        for place in (self._folder / "owners").glob("*"):
            with tried(place, sign=False) as mine:
                if mine:
                    shutil.rmtree(place, ignore_errors=True)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """One process at a time, for a look and a change that belong together.

        Of this folder; on PostgreSQL, of all machines.
        """
        with ExitStack() as stack:
            stack.enter_context(self._alone_in_folder())
            if self.shared and self._storage.engine.dialect.name == "postgresql":
                stack.enter_context(self._alone_in_database())
            yield

    @contextmanager
    def _alone_in_database(self) -> Iterator[None]:
        from sqlalchemy import text

        key = {"key": derive(0, self._study.study_name)}  # it may be any 63 bits
        with self._storage.engine.connect() as connection:
            connection.execute(text("select pg_advisory_lock(:key)"), key)
            try:
                yield
            finally:
                connection.execute(text("select pg_advisory_unlock(:key)"), key)

    @contextmanager
    def _alone_in_folder(self) -> Iterator[None]:
        place = self._deciding
        place.mkdir(exist_ok=True)
        while True:
            with tried(place, sign=False) as mine:
                if mine:
                    yield
                    return
            time.sleep(0.02)

    def trials(self) -> list[Any]:
        """Every trial by number, those left out that came too late to count."""
        with quiet():
            every = self._storage.get_all_trials(self._id, deepcopy=False)
        counted = [t for t in every if not t.user_attrs.get("surplus")]
        return sorted(counted, key=lambda trial: int(trial.number))

    def fact(self, name: str, value: Any = None) -> Any:
        """A fact of the whole study; the first value given stays."""
        known = self._storage.get_study_user_attrs(self._id)
        if name not in known and value is not None:
            self._storage.set_study_user_attr(self._id, name, value)
            return value
        return known.get(name)

    def refuse_another(self, identity: str, name: str) -> None:
        """A study is of one search: its trials are of one task, space and objective.

        Args:
            identity: what the search is known by.
            name: of the study, for the message.

        Raises:
            UsageError: the study is of another search.
        """
        with self.alone():
            known = self.fact("identity", identity)
        if known != identity:
            what = f"the study `{name}` is of another search: of other values, space or objectives"
            hint = "tune.name=ANOTHER; only tune.trials, jobs and the budget may change"
            raise UsageError(Problem(what, "tune.name", hint=hint))

    def begin(self, changed: Mapping[str, Any], most: int, **facts: Any) -> int | None:
        """Writes a trial down as under way; None where the study has all its trials by now."""
        from optuna.trial import TrialState, create_trial

        template = create_trial(
            state=TrialState.RUNNING,
            params=params_of(self._space, dict(changed)),
            distributions=self._distributions,
            user_attrs={"owner": self._own, "beat": time.time(), **facts},
        )
        trial_id = self._storage.create_new_trial(self._id, template_trial=template)
        number = int(self._storage.get_trial(trial_id).number)
        if sum(trial.number < number for trial in self.trials()) >= most:
            self._storage.set_trial_user_attr(trial_id, "surplus", True)
            self._storage.set_trial_state_values(trial_id, TrialState.FAIL)
            return None
        self._mine.add(number)
        return number

    def note(self, number: int, **facts: Any) -> None:
        """Adds facts to a trial that is under way."""
        for name, value in plain(facts).items():
            self._storage.set_trial_user_attr(self._trial_id(number), name, value)

    def prune(self, pruner: Any, number: int, step: int, value: float) -> bool:
        """Takes the score of an epoch, and says whether the trial is to be given up."""
        if value != value:
            return False
        trial_id = self._trial_id(number)
        if step not in self._storage.get_trial(trial_id).intermediate_values:
            self._storage.set_trial_intermediate_value(trial_id, step, value)
        with quiet():
            return bool(pruner.prune(self._study, self._storage.get_trial(trial_id)))

    def last_report(self, number: int) -> float | None:
        """The last score that `prune` was given for a trial."""
        reports = self._storage.get_trial(self._trial_id(number)).intermediate_values
        return float(reports[max(reports)]) if reports else None

    def finish(
        self, number: int, state: str, values: Sequence[float] | None = None, **facts: Any
    ) -> None:
        """Writes down how a trial ended; what another process has written down first stays.

        Args:
            number: of the trial.
            state: "done", "pruned" or "failed".
            values: one an objective; for a pruned trial its last score.
            facts: kept with it.
        """
        from optuna.exceptions import OptunaError
        from optuna.trial import TrialState

        states = {word: name for name, word in _STATES.items()}
        self._mine.discard(number)
        with suppress(OptunaError, RuntimeError):
            self.note(number, **facts)
            self._storage.set_trial_state_values(
                self._trial_id(number), TrialState[states[state]], values
            )

    def orphans(self) -> list[Any]:
        """Trials under way whose process is dead; those of living ones are left alone."""
        running = [t for t in self.trials() if t.state.name == "RUNNING"]
        return [t for t in running if t.number not in self._mine and not self._lives(t)]

    def adopt(self, number: int) -> None:
        """Makes an orphan this process's own; to be called `alone`."""
        self.note(number, owner=self._own, beat=time.time())
        self._mine.add(number)

    def release(self, number: int) -> None:
        """Leaves a trial that was interrupted to whoever comes next."""
        self._mine.discard(number)
        self.note(number, owner="")

    def beat(self) -> None:
        """Shows other machines that the trials of this process are at work."""
        if self._mine and time.monotonic() - self._beaten > BEAT_S:
            self._beaten = time.monotonic()
            for number in self._mine:
                self.note(number, beat=time.time())

    def _lives(self, trial: Any) -> bool:
        owner = str(trial.user_attrs.get("owner", ""))
        if not re.fullmatch("[0-9a-f]{12}", owner):
            return False
        place = self._folder / "owners" / owner
        if place.is_dir():
            with tried(place, sign=False) as mine:
                return not mine
        if not self.shared:
            return False
        return time.time() - float(trial.user_attrs.get("beat", 0.0)) < STALE_S

    def _trial_id(self, number: int) -> int:
        return int(self._storage.get_trial_id_from_study_id_trial_number(self._id, number))


def state_of(trial: Any) -> str:
    """A trial's state in dlx's words."""
    return _STATES.get(trial.state.name, "waiting")


def changed_of(trial: Any, space: Sequence[Lever]) -> dict[str, Any]:
    """The values of a trial's levers."""
    import json

    return {
        lever.key: json.loads(trial.params[lever.key])
        if lever.kind == "choice"
        else trial.params[lever.key]
        for lever in space
        if lever.key in trial.params
    }


def _opened_by_several(storage: str, folder: Path) -> Any:
    """The storage; where another process makes the same tables at this moment, a little later."""
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
        lock: Any = _FileLock(file)
        return JournalStorage(JournalFileBackend(str(file), lock_obj=lock))
    from optuna.storages import RDBStorage

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

        self._stream = self._file.with_suffix(".lock").open("a")
        fcntl.flock(self._stream, fcntl.LOCK_EX)
        if not _ends_whole(self._file):
            os.truncate(self._file, self._file.read_bytes().rfind(b"\n") + 1)
        return True

    def release(self) -> None:
        """Lets go."""
        self._stream.close()


def _ends_whole(file: Path) -> bool:
    """Whether a file of lines is missing, empty, or ends with a whole line."""
    if not file.exists() or not file.stat().st_size:
        return True
    with file.open("rb") as stream:
        stream.seek(-1, os.SEEK_END)
        return stream.read() == b"\n"


@contextmanager
def storage_kept(storage: str) -> Iterator[None]:
    """Within it, a storage that goes away is told as that.

    Raises:
        RunError: the database cannot be reached any more, or its disk is full.
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


@contextmanager
def _storage_errors(storage: str) -> Iterator[None]:
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
    except (ValueError, LookupError, TypeError, AssertionError, AttributeError) as error:
        raise RunError(Problem(f"the study cannot be read: {error!r}", where)) from error
