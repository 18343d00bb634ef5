"""The training of a search's best: by one of its processes, with one look at the test set."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..config.load import digest
from ..data.origins import load
from ..runs.folder import all_runs, find_named_run, name_of, read_status
from ..runs.lock import is_held
from .record import harvest
from .storage import catch_lost_storage
from .study import BEAT_S, Study
from .tune import study_of
from .tune_plan import TunePlan
from .tuning import WAIT_S

UNFINISHED = ("running", "interrupted", "failed")


@dataclass
class Claim:
    """The right to train a search's best, which one process has at a time.

    Attributes:
        facts: what the study holds of it: `run` as soon as there is one, and `answer` when it
            is done.
    """

    facts: dict[str, Any]
    _study: Study
    _name: str
    _key: str
    _root: Path
    _beaten: float = field(default_factory=time.monotonic)

    @property
    def answer(self) -> Mapping[str, Any] | None:
        """What a process has answered that has trained it; None where it is still to be done."""
        found: Mapping[str, Any] | None = self.facts.get("answer")
        return found

    def done_in(self) -> Path | None:
        """The run of a process that died when all was done, before it could answer."""
        run = self._run()
        return run if run is not None and harvest(run) is not None else None

    def find_unfinished(self) -> Path | None:
        """The run to go on with, so that a look at the test set that was begun stays one look."""
        run = self._run()
        state = None if run is None else (read_status(run) or {}).get("state")
        return run if run is not None and state in UNFINISHED and not is_held(run) else None

    def _run(self) -> Path | None:
        """The run that an earlier process began, where it is still here and of this config."""
        run = find_named_run(self._root, self.facts.get("run"))
        mine = (read_status(run) or {}).get("config_digest") == self._key
        return run if mine else None

    def begin(self, run: Path) -> None:
        """Keeps which run it is."""
        self._note(run=name_of(run))

    def beat(self) -> None:
        """Shows other machines that this process is at work on it."""
        if time.monotonic() - self._beaten > BEAT_S:
            self._beaten = time.monotonic()
            self._note(**self._study.sign())

    def finish(self, answer: Mapping[str, Any]) -> None:
        """Keeps the answer for the other processes, and for the same command typed again."""
        self._note(answer=dict(answer))

    def release(self) -> None:
        """Leaves it to whoever comes next, unless it is done."""
        if self.answer is None:
            self._note(owner="")

    def _note(self, **facts: Any) -> None:
        self.facts |= facts
        with self._study.lock():
            self._study.replace(self._name, self.facts)


@contextmanager
def claim_final(
    plan: TunePlan, arguments: Sequence[str], say: Callable[[str], None]
) -> Iterator[Claim]:
    """The claim on the training of a search's best, when no other process holds it any more.

    Args:
        plan: the search, which has ended.
        arguments: those of the best, with its look at the test set.
        say: told what is waited for.

    Raises:
        RunError: the storage of the study is lost.
    """
    key = digest(load(arguments, plan.config_dir).config)
    with catch_lost_storage(plan.options.storage), study_of(plan) as study:
        study.rest(True)
        claim = _await_claim(plan, study, key, say)
        try:
            yield claim
        finally:
            claim.release()


def _witness(plan: TunePlan, key: str) -> dict[str, Any]:
    """The run of a best that the study has lost, so that it is not evaluated a second time."""
    for run in reversed(all_runs(plan.root)):
        status = read_status(run) or {}
        if (status.get("best_of"), status.get("config_digest")) == (plan.name, key):
            return {"run": name_of(run)}
    return {}


def _await_claim(plan: TunePlan, study: Study, key: str, say: Callable[[str], None]) -> Claim:
    name, told = f"final {key}", False
    while True:
        with study.lock():
            known = study.fact(name) or _witness(plan, key)
            if known.get("answer") or not study.is_alive(known):
                claim = Claim({**known, **study.sign()}, study, name, key, plan.root)
                study.replace(name, claim.facts)
                return claim
        if not told:
            say("another process trains the best: waiting for its result")
        told = True
        time.sleep(WAIT_S)
