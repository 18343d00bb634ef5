"""Words that readers of YAML take for different values, and what was probably meant by them."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from functools import partial

_DIVIDED = re.compile(
    r"[-+]?0[0-9_]+(\.[0-9_]*)?([eE][-+]?[0-9]+)?"  # 010 is 8, 10, or a text
    r"|[-+]?0[xXbBoO][0-9a-fA-F_]+"  # 0x10 is 16, or a text
    r"|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?"  # 1:20 is 80, or a text
    r"|(?=.*(__|_\.|\._|_$))[-+]?[0-9][0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9]+)?"
    r"|yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF"
)
_NUMBER = re.compile(r"[-+]?([0-9]+(_[0-9]+)*)?(\.[0-9]*)?([eE][-+]?[0-9]+)?")
_BASED = re.compile(r"[-+]?0([xXoO][0-9a-fA-F]+|[bB][01]+)")
_TRUE, _FALSE = ("true", "yes", "on", "y"), ("false", "no", "off", "n")
MAX_LENGTH = 40
"""Characters of a number that somebody may have meant."""


def is_divided(text: str) -> bool:
    """Whether YAML 1.1, YAML 1.2 and the shell do not all read a plain word as the same value."""
    return _DIVIDED.fullmatch(text) is not None


def guess_scalar(text: str) -> bool | int | float | None:
    """The number or truth value that a text looks like: 010 is 10, 0x10 is 16, yes is true.

    Returns:
        None where it looks like neither.
    """
    word = text.strip().lower()
    if word in (*_TRUE, *_FALSE):
        return word in _TRUE
    if len(word) > MAX_LENGTH or not any(map(str.isdecimal, word)) or not word.isascii():
        return None
    if _BASED.fullmatch(word):
        read: Callable[[str], int | float] = partial(int, base=0)
    elif _NUMBER.fullmatch(word):
        read = float if set(".e") & set(word) else int
    else:
        return None
    with suppress(ValueError):  # as for "e5" and 0o9
        return read(word)
    return None


def format_scalar(value: bool | int | float | str) -> str:
    """A plain value as it is typed, on the shell and in files."""
    return str(value).lower() if isinstance(value, bool) else str(value)
