"""A sweep or search as it runs: a table of trials on a terminal, a line a trial elsewhere."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..search.watch import Row, Watch
from .console import baseline_text, console, number, say
from .experiments_time import duration
from .streams import is_screen

if TYPE_CHECKING:
    from rich.console import RenderableType

REFRESH_S = 0.2
LEAST_WIDTH = 64
"""Columns of a terminal that has room for every column of the table."""
_TITLES = ("trial", "state", "epoch", "score", "seconds")
LATEST = 8
"""Trials that ended last, as the table shows them."""


@contextmanager
def open_display(quiet: bool, total: int, kind: str) -> Iterator[Silent]:
    """The way to show trials that fits standard output.

    Args:
        quiet: whether nothing is to be shown.
        total: trials in all.
        kind: "sweep" or "search".
    """
    if quiet:
        yield Silent(total)
    elif is_screen():
        with Table(total, kind) as table:
            yield table
    else:
        yield Lines(total)


class Silent(Watch):
    """Counts trials and shows nothing.

    Args:
        total: trials in all.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.counts: Counter[str] = Counter()

    def on_sweep_start(self, rows: list[Row]) -> None:
        """Takes the trials that were there already."""
        for row in rows:
            self.counts[row["state"]] += row["state"] in ("done", "pruned", "failed")

    def on_trial_end(self, row: Row) -> None:
        """Counts a trial that has ended."""
        self.counts[row["state"]] += 1

    @property
    def over(self) -> int:
        """Trials that need nothing more."""
        return sum(self.counts[state] for state in ("done", "pruned", "failed"))


class Lines(Silent):
    """One plain line a trial, when it has ended."""

    def on_sweep_start(self, rows: list[Row]) -> None:
        """Says how many are left."""
        super().on_sweep_start(rows)
        if self.over:
            say(f"{self.over} of {self.total} trials are already done")

    def on_trial_end(self, row: Row) -> None:
        """Says how a trial ended."""
        super().on_trial_end(row)
        if row["state"] != "waiting":
            say(f"[{self.over}/{self.total}] {_label(row)}: {result_of(row)}")

    def on_message(self, text: str) -> None:
        """Says it."""
        say(text)


class Table(Silent):
    """A live table: what runs, what ended last, how many of each, and the time left."""

    def __init__(self, total: int, kind: str) -> None:
        from rich.live import Live

        super().__init__(total)
        self._kind = kind
        self._begun = time.monotonic()
        self._since = 0
        self._running: dict[int, tuple[Row, Mapping[str, Any], float]] = {}
        self._latest: list[Row] = []
        self._best: Row | None = None
        self._shown = 0.0
        self._live = Live(console=console(), auto_refresh=False, transient=True)

    def __enter__(self) -> Table:
        """Puts the table up."""
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Takes it down, and leaves the failures on the screen."""
        self._live.stop()

    def on_sweep_start(self, rows: list[Row]) -> None:
        """Takes the trials that were there already."""
        super().on_sweep_start(rows)
        for row in rows:
            self._keep_best(row)

    def on_trial_start(self, row: Row) -> None:
        """Adds a row."""
        self._running[row["trial"]] = (row, {}, time.monotonic())
        self.tick()

    def reports(self, row: Row, report: Mapping[str, Any]) -> None:
        """Shows how far a trial is."""
        begun = self._running.get(row["trial"], (row, {}, time.monotonic()))[2]
        self._running[row["trial"]] = (row, report, begun)
        self.tick()

    def on_trial_end(self, row: Row) -> None:
        """Moves a trial to those that ended; a failure is told above the table for good."""
        super().on_trial_end(row)
        self._running.pop(row["trial"], None)
        self._since += row["state"] != "waiting"
        self._latest = [*self._latest, row][-LATEST:]
        self._keep_best(row)
        if row["state"] == "failed":
            self._live.console.print(f"{_label(row)}: {result_of(row)}", style="red", markup=False)
        self._shown = 0.0
        self.tick()

    def on_message(self, text: str) -> None:
        """Says it above the table, for good."""
        self._live.console.print(text, markup=False)

    def _keep_best(self, row: Row) -> None:
        if row["state"] != "done" or row.get("value") is None:
            return
        sign = -1.0 if row.get("direction") == "max" else 1.0
        if self._best is None or sign * row["value"] < sign * self._best["value"]:
            self._best = row

    def tick(self) -> None:
        """Draws the table anew, a few times a second."""
        now = time.monotonic()
        if now - self._shown >= REFRESH_S:
            self._shown = now
            self._live.update(self._draw(), refresh=True)

    def _draw(self) -> RenderableType:
        from rich.box import SIMPLE_HEAD
        from rich.console import Group
        from rich.table import Table as Rich
        from rich.text import Text

        rows = list(self._cells())
        # A narrow screen shows less, so that what it shows is whole.
        kept = range(len(_TITLES)) if self._live.console.width >= LEAST_WIDTH else (0, 1, 3)
        words = (word for cells, _ in rows for word in cells[3].split())
        least = {"score": max(map(len, words), default=0)}
        table = Rich(box=SIMPLE_HEAD, pad_edge=False)
        for place in kept:
            title = _TITLES[place]
            firm = title not in ("trial", "score")
            table.add_column(title, overflow="fold", no_wrap=firm, min_width=least.get(title))
        for cells, style in rows:
            table.add_row(*(Text(cells[place]) for place in kept), style=style)
        return Group(table, Text(self._summary()))

    def _cells(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """The cells of each row, and its colour: what ended last, then what runs."""
        colours = {"failed": "red", "pruned": "yellow", "done": "green"}
        for row in self._latest:
            score = result_of(row) if row["state"] != "waiting" else ""
            cells = (_label(row), row["state"], _epoch(row), score, number(row.get("seconds")))
            yield cells, colours.get(row["state"], "")
        for row, report, begun in self._running.values():
            seconds = f"{time.monotonic() - begun:.0f}"
            epoch = str(report.get("epoch", ""))
            yield (_label(row), "running", epoch, _short(report), seconds), ""

    def _summary(self) -> str:
        """How many of each, the best so far, and the time left."""
        named = ("done", "pruned", "failed")
        parts = [f"{len(self._running)} running"]
        parts += [f"{self.counts[s]} {s}" for s in named if self.counts[s] or s == "done"]
        left = max(0, self.total - self.over)
        parts.append(f"{left} left")
        if self._since and left:
            each = (time.monotonic() - self._begun) / self._since
            parts.append(f"about {duration(each * left)}")
        best = self._best
        if best is not None:
            parts.append(f"best {result_of(best)}: {_label(best)}")
        return f"{self._kind}: " + " · ".join(parts)


def _label(row: Row) -> str:
    return " ".join(row.get("shown") or ()) or "task defaults"


def _epoch(row: Row) -> str:
    return str(row["epoch"]) if row.get("epoch") is not None else ""


def _short(report: Mapping[str, Any]) -> str:
    scores = report.get("scores", {})
    held_out = {n: v for n, v in scores.items() if n.startswith("val/")}
    first = sorted(held_out, key=lambda name: name.endswith("/loss"))
    return "  ".join(f"{name} {number(held_out[name])}" for name in first[:1])


def result_of(row: Row) -> str:
    """What a trial gave, in a line."""
    if row["state"] in ("failed", "pruned"):
        return f"{row['state']}: {next(iter(str(row['reason']).splitlines()), '')}"
    if row.get("value") is None:
        return "no validation score"
    told = " ".join(baseline_text(row.get("baseline")).split())
    beside = f" (baseline {told})" if told else ""
    return f"{row['score']} {number(row['value'])}{beside}"
