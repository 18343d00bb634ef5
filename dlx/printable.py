"""Text for a terminal, a log or a page: nothing in it moves a cursor or turns a line around."""

from __future__ import annotations

import re

UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters but tab and line break, half characters, and marks of direction."""


def printable(text: str) -> str:
    r"""A text whose unprintable characters stand as they are written in code: `\x1b`."""
    return UNPRINTABLE.sub(lambda found: _escape(found[0]), text)


def printable_line(text: str) -> str:
    """The same on one line: tabs and line breaks are written out too."""
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()
