"""The branches of learning, as `dlx help branches` explains them."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..config.branches import BRANCHES, Branch
from ..config.fields import import_code
from ..config.specs.learners import LEARNERS
from .console import say
from .streams import is_screen
from .tasks import group_tasks, tasks

ALL = ("branches", "branch")
WIDTH = 100
"""Characters of a line where there is no screen."""


@dataclass(frozen=True)
class BranchEntry:
    """A branch of learning, explained.

    Attributes:
        name: of the branch.
        tasks: the names of its tasks, by problem.
    """

    name: Branch
    tasks: dict[str, list[str]]

    @property
    def learners(self) -> list[str]:
        """The learners that belong to it."""
        every: dict[str, Any] = {name: entry.options for name, entry in LEARNERS.entries.items()}
        return [n for n, one in every.items() if import_code(one.spec).branch == self.name]

    def plain(self) -> dict[str, Any]:
        """It as JSON has it."""
        facts = BRANCHES[self.name]
        told = {"branch": self.name, "help": facts.meaning, "book": facts.book or None}
        listed = {"learners": self.learners, "tasks": self.tasks}
        return {**told, "first": facts.first or None, **listed}

    def show(self) -> None:
        """Prints it."""
        facts = BRANCHES[self.name]
        say(self.name + (f"   (book {facts.book})" if facts.book else ""))
        problems = {problem or "tasks": ", ".join(names) for problem, names in self.tasks.items()}
        for line in (
            facts.meaning,
            f"learners: {', '.join(self.learners)}" if self.learners else "",
            *(f"{problem}: {names}" for problem, names in problems.items()),
            f"first: {facts.first}" if facts.first else "",
            f"its tasks: dlx tasks {self.name}" if self.tasks else "",
        ):
            for part in _wrap(line) if line else ():
                say(part)


def find_branches(key: str) -> list[BranchEntry]:
    """The branches that a word means: all that have tasks, one, or none."""
    if key not in branch_words():
        return []
    found: dict[str, dict[str, list[str]]] = {name: {} for name in BRANCHES}
    for group in group_tasks(tasks()).values():
        branch, problem = group[0]["branch"], group[0]["problem"]
        found[branch][problem] = [task["task"] for task in group]
    every = [BranchEntry(name, found[name]) for name in BRANCHES]
    return [one for one in every if (one.tasks if key in ALL else one.name == key)]


def branch_words() -> list[str]:
    """What `dlx help` explains as branches of learning."""
    return [*ALL, *BRANCHES]


def _wrap(text: str) -> Iterator[str]:
    width = shutil.get_terminal_size().columns if is_screen() else WIDTH
    yield from textwrap.wrap(
        text,
        max(width, 30),
        initial_indent="  ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
