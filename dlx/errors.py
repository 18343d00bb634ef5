"""What goes wrong, said in four parts: what was found, where, what is accepted, what to type."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        what: what was found, as a sentence without a full stop.
        where: file and line, command-line argument, or dataset row.
        accepted: what would have been accepted.
        hint: what to do or type next.
    """

    what: str
    where: str = ""
    accepted: str = ""
    hint: str = ""

    def lines(self) -> list[str]:
        """The problem as lines of plain text, the first without indent."""
        rest = [("where", self.where), ("accepted", self.accepted), ("try", self.hint)]
        return [self.what] + [f"  {label}: {text}" for label, text in rest if text]

    def __str__(self) -> str:
        return "\n".join(self.lines())


class DlxError(Exception):
    """Base of every error that dlx explains to its user; exits 1 unless a subclass says more."""

    exit_code = 1

    def __init__(self, *problems: Problem | str) -> None:
        self.problems = tuple(Problem(p) if isinstance(p, str) else p for p in problems)
        super().__init__("\n".join(str(p) for p in self.problems))


class RunError(DlxError):
    """The run itself failed: a full disk, a loss that is not a number, a damaged file."""

    exit_code = 1


class UsageError(DlxError):
    """The command, the config or the data it names cannot be used as they are."""

    exit_code = 2


class MethodError(DlxError):
    """The method forbids it: a temporal leak, a second look at a test set."""

    exit_code = 4


class Interrupted(DlxError):
    """The user or the machine asked the run to stop, and it did, in good order."""

    exit_code = 130


class Pruned(DlxError):
    """A search has given up the run: others were better at the same point."""

    exit_code = 1
