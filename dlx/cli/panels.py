"""A workflow as it goes on: a panel a step on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..workflow.watcher import Watcher
from .console import console, say
from .streams import is_screen


class Lines(Watcher):
    """A line when a step begins, when something happens in it, and when it is done."""

    def on_step_start(self, number: int, title: str) -> None:
        """Prints the step's number and title."""
        say(f"step {number}: {title}")

    def on_message(self, number: int, text: str) -> None:  # noqa: ARG002
        """Prints what happens."""
        say(f"  {text}")

    def on_step_done(self, number: int, finding: str, known: bool) -> None:  # noqa: ARG002
        """Prints the finding."""
        say(f"  {'done before' if known else 'done'}: {finding}")

    def on_step_left_out(self, number: int, reason: str) -> None:  # noqa: ARG002
        """Prints the reason."""
        say(f"  left out: {reason}")

    def on_step_failed(self, number: int, how: str, reason: str) -> None:  # noqa: ARG002
        """Prints the reason in short; the error itself follows."""
        say(f"  {how}: {_shorten_reason(reason)}")


def _shorten_reason(reason: str) -> str:
    """The first line of a reason, without what only announces the next."""
    return reason.splitlines()[0].rpartition("; evaluations so far:")[0] or reason.splitlines()[0]


_COLOURS = {
    "waiting": "dim",
    "left out": "dim",
    "running": "yellow",
    "done": "green",
    "refused": "red",
    "failed": "red",
}


class Panels(Watcher):
    """A panel a step: waiting, running with what happens, done with its finding, or refused."""

    def __init__(self, titles: Sequence[str]) -> None:
        from rich.live import Live

        self._titles = list(titles)
        self._states = dict.fromkeys(range(1, len(titles) + 1), ("waiting", ""))
        self._live = Live(self._render(), console=console(), refresh_per_second=8)
        self._live.start()

    def on_step_start(self, number: int, title: str) -> None:  # noqa: ARG002
        """Marks the step as running."""
        self._set(number, "running", "")

    def on_message(self, number: int, text: str) -> None:
        """Shows what happens in the step's panel."""
        self._set(number, "running", text)

    def on_step_done(self, number: int, finding: str, known: bool) -> None:
        """Shows the finding."""
        self._set(number, "done", f"{finding}{' (done before)' if known else ''}")

    def on_step_left_out(self, number: int, reason: str) -> None:
        """Shows the reason."""
        self._set(number, "left out", f"left out: {reason}")

    def on_step_failed(self, number: int, how: str, reason: str) -> None:
        """Shows the reason."""
        self._set(number, how, _shorten_reason(reason))

    def close(self) -> None:
        """Leaves the panels as they are, and shows the cursor again."""
        self._live.stop()

    def _set(self, number: int, state: str, text: str) -> None:
        self._states[number] = (state, text)
        self._live.update(self._render())

    def _render(self) -> Any:
        from rich.console import Group
        from rich.panel import Panel
        from rich.text import Text

        return Group(
            *(
                Panel(
                    Text(text or state),
                    title=f"{number} {title}",
                    title_align="left",
                    border_style=_COLOURS[state],
                )
                for number, title in enumerate(self._titles, start=1)
                for state, text in [self._states[number]]
                if state != "waiting" or number <= self._last_step() + 1
            )
        )

    def _last_step(self) -> int:
        return max((n for n, (state, _) in self._states.items() if state != "waiting"), default=0)


def panels(titles: Sequence[str]) -> Watcher:
    """The way to show a workflow that fits standard output; to be closed however it ends."""
    return Panels(titles) if is_screen() else Lines()
