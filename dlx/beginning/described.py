"""What a path of the user's own holds, as it is shown, and the one who makes a task of it."""

from __future__ import annotations

import shlex
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .draft import Draft

HOLDS = ("number", "category", "text", "date", "identifier", "skip")
"""What a column of a table may hold."""


@dataclass(frozen=True)
class Guess:
    """Something that is taken for granted unless the user says otherwise.

    Attributes:
        what: as a sentence.
        rule: why, or what to type where it is wrong; "" where that is the file's doing.
        asks: whether it is worth a question, as a column that may give the target away is.
    """

    what: str
    rule: str = ""
    asks: bool = False

    def __str__(self) -> str:
        return f"{self.what}: {self.rule}" if self.rule else self.what


@dataclass(frozen=True)
class Description:
    """What a path holds.

    Attributes:
        title: in one line.
        titles: of the columns of a table that tells it part by part.
        rows: of that table.
        right: titles of those aligned to the right.
        guesses: what is guessed, each with its rule.
        facts: all of it, as JSON holds it.
    """

    title: str
    titles: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    right: tuple[str, ...] = ()
    guesses: tuple[Guess, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """As JSON holds it."""
        told = [{"what": one.what, "rule": one.rule, "asks": one.asks} for one in self.guesses]
        return {"title": self.title, **self.facts, "guesses": told}


@dataclass(frozen=True)
class Wishes:
    """What the user says beside the path.

    Attributes:
        types: what columns hold, by name, in place of what is guessed.
        group: column whose equal cells are to stay together; "" for none, None where they say
            nothing of it.
        time: column that orders the rows in time, likewise.
        command: what they typed, to which an answer can be added.
        missing: cells that stand for a missing value, beside the usual ones.
    """

    types: dict[str, str] = field(default_factory=dict)
    group: str | None = None
    time: str | None = None
    command: str = ""
    missing: tuple[str, ...] = ()


def correct(command: str, flag: str, old: str, new: str) -> str:
    """A command with another value of a flag: of `--type age=date` the column alone is changed.

    Args:
        command: what was typed.
        flag: its name; it is added where the command has not this value of it.
        old: the value, or what it begins with.
        new: what stands in its place.
    """
    words = shlex.split(command)
    for at, word in enumerate(words):
        value = word if words[at - 1] == flag else word.removeprefix(f"{flag}=")
        given = words[at - 1] == flag or value != word
        if given and old and (value == old or value.startswith(f"{old}=")):
            start = words[: at - 1] if words[at - 1] == flag else words[:at]
            return shlex.join([*start, flag, new + value.removeprefix(old), *words[at + 1 :]])
    return shlex.join([*words, flag, new])


class Subject(ABC):
    """What a path holds, read once; a kind of `kinds.KINDS` opens it.

    Attributes:
        new: what a file of new rows is called in the commands that are printed.
    """

    new: str = "NEW_FILE"

    def choices(self) -> tuple[str, ...]:
        """The columns that may be predicted; empty where it is settled what is."""
        return ()

    @abstractmethod
    def settle(self, targets: Sequence[str]) -> None:
        """Says what is to be predicted.

        Args:
            targets: `COLUMN[=PROBLEM]`, as typed.

        Raises:
            AmbiguousError: it may be classes or a quantity.
            UsageError: there is no such column, or it cannot be predicted.
        """

    @abstractmethod
    def describe(self) -> Description:
        """What it holds, with what is guessed of it."""

    @abstractmethod
    def draft(self) -> Draft:
        """The task file, all but what depends on its name."""
