"""A search's trials in Optuna's storage: a journal file, SQLite or PostgreSQL, shared by processes.

A trial under way carries the name of the process that owns it. A process holds a lock file for as
long as it lives, so that what it leaves when it is killed can be told from what is at work.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from ..config.spaces import Lever
from ..errors import Problem, UsageError
from ..files import (
    append,
    is_folder,
    is_there,
    make_folder,
    names_in,
    remove_file,
    remove_tree,
    sweep_temporaries,
)
from ..runs.files import plain
from ..runs.lock import is_held, try_to_hold
from ..seeds import derive
from .storage import catch_unusable_storage, mend, open_by_several
from .suggest import Tried, distribution, goals, params_of, silence

STALE_S = 600.0
"""Silence after which a process that cannot be looked at (another machine's) counts as dead."""
BEAT_S = 60.0
FORGOTTEN = "forgotten"
RESTING = "resting"
"""File of a process that has nothing to begin and waits for the others."""

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
        with catch_unusable_storage(storage), silence() as optuna:
            self.mended = False
            if not self.shared:
                with self._lock_folder():  # else what another has read would change under it
                    self.mended = not any(self._others()) and mend(storage, folder)
            self._storage = open_by_several(storage, folder)
            self._study = optuna.create_study(
                study_name=name,
                storage=self._storage,
                directions=goals(directions),
                load_if_exists=True,
            )
        self._id = self._study._study_id

    def __enter__(self) -> Study:
        """Shows other processes that this one lives."""
        with self.lock():
            self._forget_the_dead()
            owner = self._folder / "owners" / self._own
            make_folder(owner)
            self._held.enter_context(try_to_hold(owner))
        return self

    def __exit__(self, *_: object) -> None:
        """Takes the sign of life away, and leaves the storage."""
        self._held.close()
        with suppress(OSError):
            remove_tree(self._folder / "owners" / self._own)
        if hasattr(self._storage, "engine"):
            self._storage.remove_session()
            self._storage.engine.dispose()

    def _forget_the_dead(self) -> None:
        """Takes away what killed processes left of themselves; their trials stay orphans."""
        for name in names_in(self._folder / "owners"):
            place = self._folder / "owners" / name
            with try_to_hold(place, sign=False) as mine:
                if mine:
                    with suppress(OSError):
                        remove_tree(place)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """One process at a time, for a look and a change that belong together.

        Of this folder; on PostgreSQL, of all machines.
        """
        with ExitStack() as stack:
            stack.enter_context(self._lock_folder())
            if self.shared and self._storage.engine.dialect.name == "postgresql":
                stack.enter_context(self._lock_database())
            yield

    @contextmanager
    def _lock_database(self) -> Iterator[None]:
        from sqlalchemy import text

        key = {"key": derive(0, self._study.study_name)}  # it may be any 63 bits
        with self._storage.engine.connect() as connection:
            connection.execute(text("select pg_advisory_lock(:key)"), key)
            try:
                yield
            finally:
                connection.execute(text("select pg_advisory_unlock(:key)"), key)

    @contextmanager
    def _lock_folder(self) -> Iterator[None]:
        place = self._deciding
        make_folder(place)
        while True:
            with try_to_hold(place, sign=False) as mine:
                if mine:
                    yield
                    return
            time.sleep(0.02)

    def trials(self) -> list[Any]:
        """Every trial that counts, by number: neither one too many nor forgotten."""
        every = self._all()
        gone = set(self.fact(FORGOTTEN) or ())
        counted = [t for t in every if not t.user_attrs.get("surplus") and t.number not in gone]
        return sorted(counted, key=lambda trial: int(trial.number))

    def size(self) -> int:
        """How many trials there are in all, those that do not count with them."""
        return len(self._all())

    def _all(self) -> list[Any]:
        with silence():
            return list(self._storage.get_all_trials(self._id, deepcopy=False))

    def sweep(self) -> None:
        """Deletes what killed processes left half-written, where no other process is at work."""
        with self.lock():
            if not any(self._others()):
                sweep_temporaries(self._folder)

    def rest(self, resting: bool) -> None:
        """Shows the others that this process has nothing to begin; or that it has again."""
        mark = self._folder / "owners" / self._own / RESTING
        with suppress(FileNotFoundError):
            append(mark, b"") if resting else remove_file(mark)

    def has_others(self) -> bool:
        """Whether another process has a trial under way, or may begin one; ask `lock`."""
        running = [t for t in self.trials() if t.state.name == "RUNNING"]
        if any(self.is_alive(t.user_attrs) for t in running if t.number not in self._mine):
            return True
        return any(not is_there(place / RESTING) for place in self._others())

    def _others(self) -> Iterator[Path]:
        """The signs of other processes that live."""
        owners = self._folder / "owners"
        places = (owners / name for name in names_in(owners) if name != self._own)
        return filter(is_held, places)

    def replace(self, name: str, value: Any) -> None:
        """Gives a fact of the whole study another value; to be called `lock`."""
        self._storage.set_study_user_attr(self._id, name, plain(value))

    def sign(self) -> dict[str, Any]:
        """What shows for how long this process lives, beside what it has taken on."""
        return {"owner": self._own, "beat": time.time()}

    def forget_failures(self) -> int:
        """Lets all trials be tried again where every one has failed, and nobody is at work.

        What made them all fail lies outside the space. Beside one that did not fail, failures tell
        the search where not to look, and count.

        Returns:
            How many trials are forgotten.
        """
        with self.lock():
            trials = self.trials()
            if any(state_of(one) != "failed" for one in trials) or self.has_others():
                return 0
            if trials:
                known = self.fact(FORGOTTEN) or ()
                self.replace(FORGOTTEN, [*known, *(one.number for one in trials)])
            return len(trials)

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
        with self.lock():
            known = self.fact("identity", identity)
        if known != identity:
            what = (
                f"the study `{name}` belongs to another search, with other values, search space "
                "or objectives"
            )
            hint = "tune.name=ANOTHER; only tune.trials, jobs and the budget may change"
            raise UsageError(Problem(what, "tune.name", hint=hint))

    def begin(self, changed: Mapping[str, Any], most: int, **facts: Any) -> int | None:
        """Writes a trial down as under way; None where the study has all its trials by now."""
        from optuna.trial import TrialState, create_trial

        template = create_trial(
            state=TrialState.RUNNING,
            params=params_of(self._space, dict(changed)),
            distributions=self._distributions,
            user_attrs={**self.sign(), **facts},
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
        self.report(number, step, value)
        with silence():
            trial = self._storage.get_trial(self._trial_id(number))
            return bool(pruner.prune(self._study, trial))

    def report(self, number: int, step: int, value: float) -> None:
        """Writes the score of an epoch down, once."""
        trial_id = self._trial_id(number)
        if step not in self._storage.get_trial(trial_id).intermediate_values:
            self._storage.set_trial_intermediate_value(trial_id, step, value)

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
        return [
            t for t in running if t.number not in self._mine and not self.is_alive(t.user_attrs)
        ]

    def adopt(self, number: int) -> None:
        """Makes an orphan this process's own; to be called `lock`."""
        self.note(number, **self.sign())
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

    def is_alive(self, facts: Mapping[str, Any]) -> bool:
        """Whether the process lives that has signed something it has taken on."""
        owner = str(facts.get("owner", ""))
        if not re.fullmatch("[0-9a-f]{12}", owner):
            return False
        place = self._folder / "owners" / owner
        if is_folder(place):
            return is_held(place)
        return self.shared and time.time() - float(facts.get("beat", 0.0)) < STALE_S

    def _trial_id(self, number: int) -> int:
        return int(self._storage.get_trial_id_from_study_id_trial_number(self._id, number))


def state_of(trial: Any) -> str:
    """A trial's state in dlx's words."""
    return _STATES.get(trial.state.name, "waiting")


def changed_values(trial: Any, space: Sequence[Lever]) -> dict[str, Any]:
    """The values of a trial's levers."""
    import json

    known = [(lever, trial.params[lever.key]) for lever in space if lever.key in trial.params]
    return {one.key: json.loads(text) if one.kind == "choice" else text for one, text in known}


def make_tried(trial: Any, space: Sequence[Lever]) -> Tried:
    """A trial of the study as the sampler sees it; a pruned one counts with its last score."""
    state, changed = state_of(trial), changed_values(trial, space)
    if state in ("running", "waiting"):
        return Tried(changed, None, running=True)
    values = trial.values if state in ("done", "pruned") else None
    return Tried(changed, None if values is None else [float(v) for v in values])
