"""Printing: tables and lines, pretty on a terminal and plain elsewhere."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..judging.verdict import display_name
from ..printable import UNPRINTABLE, printable
from .streams import is_screen, is_unicode
from .tables import Look, grouped_lines

if TYPE_CHECKING:
    from rich.console import Console

SAMPLE = "SAMPLE DATA: synthetic, for smoke tests only; not a result"
"""Stands under every score of made-up data."""


def console() -> Console:
    """A console on standard output; it honours NO_COLOR."""
    from rich.console import Console
    from rich.segment import Segment

    class Clean(Console):
        """Prints no control character but its own: a name may have been made by a stranger."""

        def render(self, *arguments: Any, **options: Any) -> Iterator[Segment]:
            for one in super().render(*arguments, **options):
                yield one if one.control else Segment(printable(one.text), one.style)

    return Clean(highlight=False)


def say(text: str, styled: bool = False) -> None:
    """Prints a line.

    Args:
        text: the line; its control characters are written out.
        styled: whether colours stand in it already, around texts made `printable`.
    """
    sys.stdout.write((text if styled else printable(text)) + "\n")
    sys.stdout.flush()


def warn(text: str) -> None:
    """Prints a warning on standard error, which is no part of an answer."""
    sys.stderr.write(f"warning: {printable(text)}\n")
    sys.stderr.flush()


def say_json(value: Any) -> None:
    """Prints a value for scripts; a number that JSON lacks, as of an undefined score, is null.

    What a terminal might obey is escaped, as JSON has it.
    """
    from ..runs.files import plain

    text = json.dumps(plain(value), indent=2, ensure_ascii=not is_unicode(), allow_nan=False)
    say(UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def show_table(
    titles: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[str] = ()
) -> None:
    """Prints a table in aligned columns; a terminal's width is kept to, and no number is cut.

    Args:
        titles: of the columns.
        rows: cells as text.
        right: titles of the columns that are aligned to the right.
    """
    show_groups(titles, {"": rows}, right)


def show_groups(
    titles: Sequence[str],
    groups: Mapping[str, Sequence[Sequence[str]]],
    right: Collection[str] = (),
) -> None:
    """Prints a table whose rows stand in groups, as `show_table` does.

    Args:
        titles: of the columns.
        groups: rows by the heading above them.
        right: titles of the columns that are aligned to the right.
    """
    look = Look()
    if is_screen():
        look = Look(shutil.get_terminal_size().columns, True, "NO_COLOR" not in os.environ)
    if not is_unicode():
        look = replace(look, rule=False)
    for line in grouped_lines(titles, groups, right, look):
        say(line, styled=True)


def number(value: float | None) -> str:
    """A score with four significant digits; "-" where there is none."""
    if value is None or value != value:
        return "-"
    if value == 0 or 0.001 <= abs(value) < 1000:
        return f"{value:#.4g}"
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e9 else f"{value:.3e}"


def figure(name: str, value: float | None) -> str:
    """A figure of an experiment; a whole number of epochs, rows or places has no decimals."""
    counts = name.endswith("_epoch") or name.startswith(("rows/", "input/", "model/"))
    return f"{value:,.0f}" if counts and value is not None and value % 1 == 0 else number(value)


def whole(value: float | None) -> str:
    """An epoch, or the mean of several; nothing where there is none."""
    return "" if value is None else f"{value:g}"


def interval_text(interval: Sequence[float] | None) -> str:
    """An interval as "0.9540 to 0.9861"; nothing where there is none."""
    return f"{number(interval[0])} to {number(interval[1])}" if interval else ""


def baseline_text(baseline: Any) -> str:
    """A baseline as "0.3889  majority"; nothing where a report holds none."""
    value = baseline.get("value") if isinstance(baseline, dict) else None
    if not isinstance(value, (int, float)):
        return ""
    return f"{number(value)}  {display_name(str(baseline.get('name', '')))}".rstrip()


def looks_text(times: int, rows: Mapping[str, int]) -> str:
    """How often a test set has been evaluated, this time included.

    Args:
        times: of the row that was seen most often.
        rows: how many `rows` it has, and how many of them were `seen` before.
    """
    told = f"the test set has been evaluated {'once' if times == 1 else f'{times} times'}"
    if not 0 < rows["seen"] < rows["rows"]:
        return told
    return f"{told}: {rows['seen']:,} of its {rows['rows']:,} rows were evaluated before"
