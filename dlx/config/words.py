"""dlx's own words among the arguments of a sweep, taken out before Hydra's grammar sees them.

`seeds=5`, `jobs=4`, `where='...'` and `zip(a,b)` stand for `sweep.seeds` and so on. Hydra's
launchers are known by their names: `hydra/launcher=submitit_slurm hydra.launcher.partition=gpu`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from ..errors import MethodError, Problem, UsageError
from ..machine import cores
from .check import SHELL
from .names import did_you_mean, join_names

WORDS = ("seeds", "jobs", "where")
_ZIP = re.compile(r"zip\(\s*(.*?)\s*\)")
_ANY = re.compile(r"(seeds|jobs|where)=|zip\(|hydra[/.]launcher|sweep\.\w+")
LAUNCHERS = ("basic", "joblib", "submitit_local", "submitit_slurm")


@dataclass(frozen=True)
class Words:
    """The arguments of a sweep, sorted.

    Attributes:
        arguments: those of the configs.
        own: those of the sweep, as arguments of the section `sweep`.
        conditions: what must hold of every setting, each as `where=` has it.
        coupled: keys that `zip()` lets vary together.
        typed: what was typed for each of `own`.
    """

    arguments: list[str]
    own: list[str]
    conditions: list[str]
    coupled: list[list[str]]
    typed: dict[str, str]


@contextmanager
def restore_typed(typed: Mapping[str, str]) -> Iterator[None]:
    """Within it, problems name what was typed, found by what dlx made of it."""
    try:
        yield
    except (UsageError, MethodError) as error:
        raise type(error)(*(_restore(one, typed) for one in error.problems)) from None


def _restore(problem: Problem, typed: Mapping[str, str]) -> Problem:
    made = problem.where.removeprefix(SHELL)
    if made == problem.where or made not in typed:
        return problem
    was, key = typed[made], made.partition("=")[0]
    what = problem.what.replace(f"`{key}`", f"`{re.split('[= ]', was)[0]}`")
    return replace(problem, what=what, where=SHELL + was)


def sort(arguments: Sequence[str]) -> Words:
    """Takes dlx's own words out of the arguments of `dlx train -m`.

    Raises:
        UsageError: a launcher is not known, or `zip()` is not closed.
    """
    found = Words([], [], [], [], {})
    for argument in arguments:
        before = {*found.own, argument}
        _sort_one(argument, found)
        made = (own for own in found.own if own not in before)
        found.typed.update(dict.fromkeys(made, argument))
    return found


def _sort_one(argument: str, found: Words) -> None:
    """Puts an argument where it belongs."""
    key, equals, value = argument.partition("=")
    if argument.startswith("zip("):
        found.coupled.append(_parse_zip(argument))
    elif equals and key in ("where", "sweep.where"):
        found.conditions.append(value)
    elif equals and key in WORDS:
        found.own.append(f"sweep.{argument}")
    elif key == "hydra/launcher":
        found.own[:0] = _launcher(argument, value)
    elif key == "hydra.launcher.n_jobs":
        found.own.append(f"sweep.jobs={cores() if value == '-1' else value}")
    elif key.startswith("hydra.launcher."):
        found.own.append(f"sweep.{argument.removeprefix('hydra.')}")
    elif key.startswith("sweep."):
        found.own.append(argument)
    else:
        found.arguments.append(argument)


def refuse(arguments: Sequence[str]) -> None:
    """For a command that trains one model.

    Raises:
        UsageError: an argument is a word of sweeps.
    """
    for argument in arguments:
        if found := _ANY.match(argument):
            what = f"`{found[0].rstrip('=(')}` is for sweeps, but this command trains once"
            raise UsageError(
                Problem(what, SHELL + argument, hint=f"dlx train -m ... {shlex.quote(argument)}")
            )


def _parse_zip(argument: str) -> list[str]:
    found = _ZIP.fullmatch(argument)
    if found is None or not found[1]:
        accepted = "zip(key,key), for example zip(optimizer.lr,trainer.batch_size)"
        raise UsageError(
            Problem(f"`{argument}` names fewer than two keys", SHELL + argument, accepted)
        )
    return [key.strip() for key in found[1].split(",")]


def _launcher(argument: str, name: str) -> list[str]:
    if name not in LAUNCHERS:
        hint = did_you_mean(name, LAUNCHERS, "hydra/launcher={}")
        what = f"there is no launcher `{name}`"
        raise UsageError(Problem(what, SHELL + argument, join_names(LAUNCHERS), hint))
    if name == "basic":
        return ["sweep.launcher.name=workers"]
    if name == "joblib":  # its processes are dlx's own here, so that nothing is pickled
        return ["sweep.launcher.name=workers", f"sweep.jobs={cores()}"]
    return [f"sweep.launcher.name={name}"]
