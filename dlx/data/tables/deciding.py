"""What one column holds, by its different cells and how often each is there."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ...config.names import plural
from ...errors import Problem
from ...printable import printable
from .seen import Seen, shorten
from .styles import (
    DIGITS,
    Dates,
    find_dates,
    find_unit,
    misfits,
    read_date,
    style_name,
    tell_format,
)

Holds = Literal["number", "category", "text", "image", "date", "identifier", "constant"]
MOSTLY = 0.8
"""Share of a column's values from which those of another kind are taken for mistakes."""
_NUMBER = re.compile(r"\d|\binf", re.IGNORECASE)
_MARKS = 3
"""Different texts among numbers or dates, at most, that may stand for a missing value."""
FEW, SHARE = 20, 10
"""Texts are categories if there are so few, or if each is there so often on average."""
WORDS = 3.0
"""Texts of so many words on average are texts."""
LARGEST_WHOLE = 2**53
_PICTURE = re.compile(r".+\.(jpe?g|png|gif|bmp|webp|tiff?)", re.IGNORECASE)
_ID = re.compile(r"(^|.*[\W_])(id|uuid|guid)$|.*[a-z](Id|ID)$", re.DOTALL)
_DAY = re.compile(r"date|datum|day|tag", re.IGNORECASE)
BOOLEANS = (
    *({"true", "false"}, {"yes", "no"}, {"y", "n"}, {"t", "f"}, {"on", "off"}),
    *({"ja", "nein"}, {"oui", "non"}, {"wahr", "falsch"}),
)


@dataclass(frozen=True)
class ColumnType:
    """What a column holds.

    Attributes:
        holds: one of `Holds`.
        rule: by which, in words with counts.
        missing: how many cells are missing.
        distinct: how many different values there are; None where there are too many to count.
        written: of dates, the format of `strptime`; "" is ISO 8601.
        unit: the sign before or behind each number.
        problem: what is wrong with it, so that it cannot be used unless the user says how.
    """

    holds: Holds
    rule: str
    missing: int = 0
    distinct: int | None = None
    written: str = ""
    unit: str = ""
    problem: Problem | None = None


@dataclass(frozen=True)
class Look:
    """A column, and what its type is decided by."""

    seen: Seen
    path: Path
    missing: frozenset[str]
    decimal: str
    thousands: str
    known: list[str] = field(default_factory=list)

    def type(self, holds: Holds, rule: str, **more: Any) -> ColumnType:
        """The type, with the column's counts."""
        lacking = (
            self.seen.count(self.seen.texts.keys() & self.missing) if self.seen.whole else None
        )
        missing = self.seen.missing if lacking is None else lacking
        distinct = len(self.known) if self.seen.whole else None
        return ColumnType(holds, rule, missing, distinct, **more)

    def refuse(
        self, what: str, accepted: str, fallback: Holds, marks: Sequence[str] = (), **more: Any
    ) -> ColumnType:
        """A type that is not sure, and what is wrong; `marks` may stand for a missing value."""
        name = self.seen.name
        other = [f"--type {shlex.quote(f'{name}={one}')}" for one in ("category", "skip")]
        hint = f"mend them; or {', '.join(other)}"
        repeated = len(marks) < self.seen.count(marks)
        if repeated and len(marks) <= _MARKS and not any(map(_NUMBER.search, marks)):
            said = " ".join(f"--missing {shlex.quote(one)}" for one in marks)
            hint = f"{said} if that means a missing value; else {hint}"
        told = f"{printable(self.path.name)}: column {name} {what}"
        problem = Problem(told, str(self.path), accepted, hint)
        return self.type(fallback, what, problem=problem, **more)


def decide(look: Look, wish: str) -> ColumnType:
    """What a column holds.

    Args:
        look: the column.
        wish: what the user says of it; "" where they say nothing.
    """
    if wish:
        return _follow(look, wish)
    if not look.known:
        return look.type("constant", "every cell is missing")
    if len(look.known) == 1 and look.seen.whole:
        if not look.seen.count(look.seen.texts.keys() & look.missing):
            return look.type("constant", f"every cell is {shorten(look.known[0])}")
        return look.type("category", f"one value, {shorten(look.known[0])}, or missing")
    for rule in (_pictures, _numbers, _dates, _booleans):
        if found := rule(look):
            return found
    return _texts(look)


def _follow(look: Look, wish: str) -> ColumnType:
    """The type that the user says, with how its cells are written."""
    rule = f"--type says {wish}"
    guess = {"number": _numbers, "date": _dates}.get(wish)
    found = guess(look) if guess else None
    if found is None:
        return look.type(wish, rule)  # type: ignore[arg-type]
    written, unit = found.written, found.unit
    return look.type(wish, rule, written=written, unit=unit, problem=found.problem)  # type: ignore[arg-type]


def _pictures(look: Look) -> ColumnType | None:
    if all(_PICTURE.fullmatch(text) for text in look.known):
        return look.type("image", "every cell is the name of a picture")
    return None


def _numbers(look: Look) -> ColumnType | None:
    """A column of numbers, or of whole numbers that are codes."""
    unit = find_unit(look.known)
    wrong = misfits(look.known, look.decimal, look.thousands, unit)
    if wrong:
        odd = {*wrong}
        right = [text for text in look.known if text not in odd]
        share = look.seen.count(right) / max(1, look.seen.count(look.known))
        if share < MOSTLY or look.seen.count(right) < 5:
            return None
        told = f"has numbers in {look.seen.count(right):,} cells, but not in "
        told += f"{look.seen.count(wrong):,}: {look.seen.show(wrong)}"
        accepted = f"numbers as {style_name(look.decimal, look.thousands)}, below 3.4e38"
        return look.refuse(told, accepted, "category", wrong)
    if found := _codes(look):
        return found
    rule = "every cell is a number"
    if look.seen.plain is False and not unit:
        rule += f", as {style_name(look.decimal, look.thousands)}"
    rule += f" with {unit}" if unit else ""
    return look.type("number", rule + _but_missing(look), unit=unit)


def _codes(look: Look) -> ColumnType | None:
    """Whole numbers that name something, rather than count it."""
    name, known = look.seen.name, look.known
    if not all(re.fullmatch(r"[+-]?\d+", text) for text in known):
        return None
    if _DAY.search(name) and all(len(t) == 8 and read_date(t, DIGITS) for t in known):
        return look.type("date", "eight digits are year, month and day", written=DIGITS)
    if any(len(text) > 1 and text.startswith("0") for text in known):
        return _many(look, "whole numbers with zeros in front are codes")
    if max(abs(int(text)) for text in known) > LARGEST_WHOLE:
        return _many(look, "whole numbers of more than 15 digits are codes")
    unique = look.seen.whole and len(known) == look.seen.rows
    if look.seen.counting and look.seen.rows >= FEW:
        return look.type("identifier", "each is one more than the one before: it numbers the rows")
    if _ID.fullmatch(name):
        if unique:
            return look.type("identifier", "whole numbers that all differ, and its name says so")
        return _many(look, "its name says that whole numbers are codes")
    return None


def _many(look: Look, rule: str) -> ColumnType:
    """A column of codes: categories if they are few, else identifiers."""
    few = look.seen.whole and len(look.known) <= max(FEW, look.seen.rows // (SHARE * SHARE))
    return look.type("category" if few else "identifier", f"{rule}; {_distinct(look)}")


def _but_missing(look: Look) -> str:
    many = look.seen.count(look.seen.texts.keys() & look.missing) if look.seen.whole else 0
    many = many or look.seen.missing
    return f" or missing ({many:,})" if many else ""


def _distinct(look: Look) -> str:
    if not look.seen.whole:
        return f"more than {look.seen.most:,} different"
    return f"{len(look.known):,} different in {plural(look.seen.rows, 'row')}"


def _dates(look: Look) -> ColumnType | None:
    dates = find_dates(look.known)
    right = look.seen.count(dates.read)
    every = look.seen.count(look.known)
    if not right or right < MOSTLY * every or right < 2:
        return None
    best = dates.best()
    if len(dates.fits[best[0]]) < len(dates.read):
        return _mixed(look, dates)
    if right < every:
        wrong = [text for text in look.known if text not in dates.read]
        told = (
            f"has dates in {right:,} cells, but not in {every - right:,}: {look.seen.show(wrong)}"
        )
        return look.refuse(told, f"dates as {tell_format(best[0])}", "category", wrong)
    return _one_format(look, dates, best)


def _mixed(look: Look, dates: Dates) -> ColumnType:
    """Dates of which no format reads all."""
    told = []
    for written in dates.mixed():
        texts = dates.fits[written]
        told.append(f"{tell_format(written)} ({look.seen.show(texts[:1])})")
    what = f"has dates in {plural(len(told), 'format')}: {', '.join(told)}"
    return look.refuse(what, "one format in the whole column", "text")


def _one_format(look: Look, dates: Dates, best: list[str]) -> ColumnType:
    written = best[0]
    if written == "" and dates.naive and dates.zoned:
        what = f"has dates with a time zone, as {look.seen.show(dates.zoned[:1])}, and without, as "
        return look.refuse(
            what + look.seen.show(dates.naive[:1]), "a zone in every cell, or in none", "text"
        )
    orders = {one.replace("%d", "%").replace("%m", "%") for one in best}
    if len(best) > 1 and len(orders) < len(best):
        example = look.seen.show(dates.fits[written][:1])
        what = f"has dates whose day and month cannot be told apart: {example}, "
        what += "and no number is above 12"
        return look.refuse(what, "dates as 2024-05-31", "date", written=written)
    rule = f"every cell is a date, as {tell_format(written)}{_but_missing(look)}"
    if "%y" in written:
        rule += "; years 69 to 99 are of the 20th century"
    if dates.zoned:
        rule += "; times are those of UTC"
    return look.type("date", rule, written=written)


def _booleans(look: Look) -> ColumnType | None:
    if {text.lower() for text in look.known} in BOOLEANS:
        return look.type("category", f"words for yes and no: {', '.join(sorted(look.known))}")
    return None


def _texts(look: Look) -> ColumnType:
    """Categories, texts or identifiers, by how many differ and how long they are."""
    known, rows, whole = look.known, look.seen.rows, look.seen.whole
    often = f"{_distinct(look)}"
    if whole and len(known) <= max(FEW, rows // SHARE):
        return look.type("category", f"texts that repeat: {often}")
    words = sum(len(text.split()) for text in known) / len(known)
    if words >= WORDS:
        return look.type("text", f"{words:.1f} words on average: {often}")
    if _ID.fullmatch(look.seen.name):
        return look.type("identifier", f"its name says so: {often}")
    if not whole or len(known) == look.seen.count(known):
        return look.type("identifier", f"short texts that all differ: {often}")
    return look.type("category", f"short texts, some of which repeat: {often}")
