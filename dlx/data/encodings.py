"""Texts as bytes: in which encoding they are, told by what they hold."""

from __future__ import annotations

import codecs
import re

_MARKED = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before that of UTF-16, which it begins with
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""Byte order marks, and the encodings that take them off."""
NAMES = {
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8",
    "cp1252": "Windows-1252",
    "latin-1": "Latin-1",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
    "utf-32": "UTF-32",
}
"""What encodings are called in messages."""
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_LOOK = 4096
"""Bytes by which UTF-16 without a mark is known."""


class NoTextError(ValueError):
    """What is no text, or in no encoding that is known; the message says why."""


def find_encoding(data: bytes) -> str:
    """The encoding of a text: by its mark, else UTF-16 by its zeros, else UTF-8 or Windows-1252.

    Raises:
        NoTextError: it is none of these.
    """
    for mark, name in _MARKED.items():
        if data.startswith(mark):
            return name
    if b"\0" in data:
        return _find_wide(data)
    try:
        data.decode()
        return "utf-8"
    except UnicodeDecodeError as error:
        wrong = error
    try:
        data.decode("cp1252")
        return "cp1252"
    except UnicodeDecodeError:
        line = data[: wrong.start].count(b"\n") + 1
        told = f"it is neither UTF-8 nor Windows-1252: byte {data[wrong.start]:#04x} in line {line}"
        raise NoTextError(told) from None


def _find_wide(data: bytes) -> str:
    """UTF-16 whose bytes for Latin letters are zeros, at one side of each pair."""
    some = data[:_LOOK]
    first, second = (some[side::2].count(0) / max(1, len(some) // 2) for side in (0, 1))
    if second > 0.4 and first < 0.1:
        return "utf-16-le"
    if first > 0.4 and second < 0.1:
        return "utf-16-be"
    raise NoTextError("it has bytes of value 0, as files that are no texts have")


def decode(data: bytes, encoding: str = "auto") -> tuple[str, str]:
    """A text, and the encoding that it was in.

    Args:
        data: the whole file.
        encoding: Python's name of it; "auto": `find_encoding`.

    Raises:
        NoTextError: it is no text, or not in this encoding.
    """
    name = find_encoding(data) if encoding == "auto" else encoding
    try:
        text = data.decode(name)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        told = f"it is not {NAMES[name]}: byte {data[error.start]:#04x} in line {line:,}"
        raise NoTextError(told) from None
    if found := _CONTROLS.search(text):
        line = text.count("\n", 0, found.start()) + 1
        told = f"it has the control character {ord(found[0]):#04x} in line {line:,}"
        raise NoTextError(f"{told}, as files that are no texts have")
    return text, name
