"""Who is shown a sweep or a search: this one takes no notice, others override what they show."""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]
"""A trial as `sweep.json` holds it: `point`, `state`, `value`, `values`, ..."""


class Watch:
    """Who is shown trials as they go on."""

    def on_sweep_start(self, rows: list[Row]) -> None:
        """All trials as they stand when the command starts."""

    def on_trial_start(self, row: Row) -> None:
        """A trial is under way."""

    def reports(self, row: Row, report: dict[str, Any]) -> None:
        """A trial has finished an epoch, or a fold."""

    def on_trial_end(self, row: Row) -> None:
        """A trial is done, pruned, failed, or interrupted and so waiting again."""

    def tick(self) -> None:
        """Some time has passed."""

    def on_message(self, text: str) -> None:
        """Something is worth a word, such as what is waited for."""
