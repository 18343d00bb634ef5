"""Who is shown a workflow: this one takes no notice, others override what they show."""

from __future__ import annotations

from collections.abc import Sequence

from ..training.callbacks import Callback


class Watcher:
    """Told how a workflow gets on.

    Attributes:
        callbacks: what watches the final training.
    """

    callbacks: Sequence[Callback] = ()

    def on_step_start(self, number: int, title: str) -> None:
        """A step begins."""

    def on_message(self, number: int, text: str) -> None:
        """Something happens within a step."""

    def on_step_done(self, number: int, finding: str, known: bool) -> None:
        """A step is done; `known` where it was done by an earlier command."""

    def on_step_left_out(self, number: int, reason: str) -> None:
        """A step makes no sense for this kind of learning."""

    def on_step_failed(self, number: int, how: str, reason: str) -> None:
        """A step is refused, or failed."""

    def close(self) -> None:
        """Takes down what is shown."""
