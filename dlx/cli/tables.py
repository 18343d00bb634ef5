"""Tables of text: aligned columns; on a narrow screen cells are wrapped, and no number is cut."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from ..printable import printable_line

GAP = 2
TALLEST = 6
"""Lines of a row; where wrapping would make more, each row becomes a list of its cells."""
_COLOURS = {
    **dict.fromkeys(("failed", "killed", "wrong"), "31"),
    **dict.fromkeys(("refused", "pruned", "damaged"), "33"),
    **dict.fromkeys(("done", "here", "embedded"), "32"),
    "running": "36",
    "missing": "2",
}
"""Of the words in a column "state"."""


@dataclass(frozen=True)
class Look:
    """How a table looks.

    Attributes:
        width: columns of the screen; None where lines may be of any length.
        rule: whether a line stands below the titles.
        colour: whether titles are bold, and states coloured.
    """

    width: int | None = None
    rule: bool = False
    colour: bool = False

    def paint(self, text: str, code: str) -> str:
        """A text in a colour or weight of the terminal's."""
        return f"\033[{code}m{text}\033[0m" if self.colour and text else text


def table_lines(
    titles: Sequence[str],
    rows: Sequence[Sequence[str]],
    right: Collection[str] = (),
    look: Look | None = None,
) -> list[str]:
    """A table as lines.

    Args:
        titles: of the columns.
        rows: cells as text.
        right: titles of the columns that are aligned to the right; they are never wrapped.
        look: how it looks.
    """
    return grouped_lines(titles, {"": rows}, right, look)


def grouped_lines(
    titles: Sequence[str],
    groups: Mapping[str, Sequence[Sequence[str]]],
    right: Collection[str] = (),
    look: Look | None = None,
) -> list[str]:
    """A table whose rows stand in groups, with a heading above each, as lines.

    Args:
        titles: of the columns.
        groups: their rows, by heading; "" has none.
        right: titles of the columns that are aligned to the right; they are never wrapped.
        look: how it looks.
    """
    look = look or Look()
    safe = {
        heading: [[printable_line(cell) for cell in row] for row in rows]
        for heading, rows in groups.items()
    }
    every = [row for rows in safe.values() for row in rows]
    widths = _choose_widths(titles, every, right, look)
    lines = []
    if widths is not None:
        lines = [look.paint(line, "1") for line in _row(titles, titles, widths, right, Look())]
        if look.rule:
            lines.append(look.paint("─" * _total(widths), "2"))
    for heading, rows in safe.items():
        if heading:
            lines += ["", look.paint(printable_line(heading), "1")]
        if widths is None:
            lines += _list_rows(titles, rows, look)
        else:
            lines += [line for row in rows for line in _row(row, titles, widths, right, look)]
    return lines


def _choose_widths(
    titles: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[str], look: Look
) -> list[int] | None:
    """The width of each column; None where the screen has no room for columns."""
    columns = [list(column) for column in zip(titles, *rows, strict=True)]
    widths = [max(map(len, column)) for column in columns]
    if look.width is None or _total(widths) <= look.width:
        return widths
    firm = [title in right for title in titles]
    fitted = _fit_widths(columns, widths, firm, look.width)
    return None if fitted is None or _tallest(rows, fitted) > TALLEST else fitted


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)


def _fit_widths(
    columns: Sequence[Sequence[str]], widths: Sequence[int], firm: Sequence[bool], room: int
) -> list[int] | None:
    """Narrower widths at which no word is cut, the widest columns giving first; None if none do."""
    least = [
        width if fixed else max(len(word) for cell in column for word in (*cell.split(), ""))
        for column, width, fixed in zip(columns, widths, firm, strict=True)
    ]
    if _total(least) > room:
        return None
    found = list(widths)
    while (excess := _total(found) - room) > 0:
        at = max((i for i in range(len(found)) if found[i] > least[i]), key=found.__getitem__)
        others = [w for i, w in enumerate(found) if i != at and w > least[i]]
        found[at] = max(least[at], found[at] - excess, min(max(others, default=0), found[at] - 1))
    return found


def _wrap(cell: str, width: int) -> list[str]:
    if len(cell) <= width:
        return [cell]
    return textwrap.wrap(cell, max(1, width), break_long_words=False, break_on_hyphens=False)


def _tallest(rows: Sequence[Sequence[str]], widths: Sequence[int]) -> int:
    heights = (
        len(_wrap(cell, width)) for row in rows for cell, width in zip(row, widths, strict=True)
    )
    return max(heights, default=1)


def _row(
    row: Sequence[str],
    titles: Sequence[str],
    widths: Sequence[int],
    right: Collection[str],
    look: Look,
) -> list[str]:
    """A row as lines, each cell wrapped to its column."""
    cells = [_wrap(cell, width) for cell, width in zip(row, widths, strict=True)]
    lines = []
    for line in range(max(map(len, cells))):
        parts = []
        for cell, title, width in zip(cells, titles, widths, strict=True):
            text = cell[line] if line < len(cell) else ""
            code = _COLOURS.get(text, "") if title == "state" else ""
            shown = look.paint(text, code) if code else text
            space = " " * (width - len(text))
            parts.append(space + shown if title in right else shown + space)
        lines.append((" " * GAP).join(parts).rstrip())
    return lines


def _list_rows(titles: Sequence[str], rows: Sequence[Sequence[str]], look: Look) -> list[str]:
    """Each row as a list of its cells, for a screen that has no room for columns."""
    lines = []
    for row in rows:
        told: list[str] = []
        for title, cell in zip(titles, row, strict=True):
            if cell.strip() and not title and told:
                told[-1] += f"  {cell}"
            elif cell.strip():
                told.append(f"{title}: {cell}" if title else cell)
        head, *rest = told or [""]
        lines += [look.paint(line, "1") for line in _break_lines(head, look)]
        lines += [line for text in rest for line in _break_lines(f"  {text}", look)]
    return lines


def _break_lines(text: str, look: Look) -> list[str]:
    """A text as lines of the screen's width, broken between words."""
    return textwrap.wrap(
        text,
        max(1, look.width or len(text)),
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
