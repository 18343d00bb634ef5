"""How numbers and dates are written: tried on every cell, and what fits all is taken."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .cells import LARGEST, Writing, read_number

STYLES = (
    (".", ""),
    (".", ","),
    (",", ""),
    (",", "."),
    (".", " "),
    (",", " "),
    (".", "'"),
    (",", "'"),
)
"""Decimal sign and what parts thousands, the plainest first."""
SIGNS = "%$€£¥°"
_THOUSAND = re.compile(r"[+-]?\d{1,3}(,\d{3})+")
_DAYS = (
    *("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d-%m-%Y", "%m-%d-%Y", "%Y.%m.%d"),
    *("%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%d-%m-%y", "%m-%d-%y"),
    *("%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%d-%b-%Y", "%d-%b-%y"),
)
_TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
FORMATS = ("", *(day + time for time in _TIMES for day in _DAYS))
"""Of dates, as `strptime` knows them; "" is ISO 8601."""
DIGITS = "%Y%m%d"
TRIED = 50
"""Texts by which formats are chosen that are then tried on all."""
_WORDS = {
    "%d": "day",
    "%m": "month",
    "%Y": "year",
    "%y": "year of two digits",
    "%b": "month's name",
    "%B": "month's name",
    "%H": "hour",
    "%I": "hour",
    "%M": "minute",
    "%S": "second",
    "%p": "AM or PM",
}
_DATE = re.compile(r"\d")


def style_name(decimal: str, thousands: str) -> str:
    """A way to write numbers, as in 1.234,5."""
    return f"1{thousands}234{decimal}5"


def misfits(texts: Iterable[str], decimal: str, thousands: str, unit: str = "") -> list[str]:
    """The texts that are no numbers as this style writes them."""
    how = Writing(frozenset(), decimal, thousands)
    wrong = []
    for text in texts:
        number = read_number(text, how, unit)
        if number is None or abs(number) > LARGEST:
            wrong.append(text)
    return wrong


def is_ambiguous(texts: Iterable[str]) -> bool:
    """Whether a comma in each text may part thousands as well as decimals."""
    with_comma = [text for text in texts if "," in text]
    return (
        bool(with_comma)
        and all(_THOUSAND.fullmatch(one) for one in with_comma)
        and all(one.count(",") == 1 for one in with_comma)
    )


def find_unit(texts: Sequence[str]) -> str:
    """The sign before or behind each number; "" where there is none."""
    for sign in SIGNS:
        if texts and all(text.startswith(sign) or text.endswith(sign) for text in texts):
            return sign
    return ""


@dataclass(frozen=True)
class Dates:
    """How some texts are written as dates.

    Attributes:
        fits: by format, the texts that it reads.
        naive: those of ISO 8601 without a zone.
        zoned: those with one.
    """

    fits: dict[str, list[str]]
    naive: list[str]
    zoned: list[str]

    @property
    def read(self) -> set[str]:
        """The texts that some format reads."""
        return {text for texts in self.fits.values() for text in texts}

    def best(self) -> list[str]:
        """The formats that read most texts."""
        most = max(map(len, self.fits.values()), default=0)
        return [name for name, texts in self.fits.items() if len(texts) == most] if most else []

    def mixed(self) -> list[str]:
        """Few formats that together read all that any reads, the most frequent first."""
        left, found = self.read, []
        while left:
            name = max(self.fits, key=lambda one: len(left & {*self.fits[one]}))
            found.append(name)
            left -= {*self.fits[name]}
        return found


def find_dates(texts: Sequence[str]) -> Dates:
    """Which formats of dates read which of some texts."""
    dated = [text for text in texts if _DATE.search(text) and len(text) <= 40]
    tried = dated[:: max(1, len(dated) // TRIED)]
    formats = [name for name in FORMATS if any(read_date(text, name) for text in tried)]
    fits = {name: [text for text in dated if read_date(text, name)] for name in formats}
    zoned = [text for text in fits.get("", ()) if read_date(text, "").tzinfo]  # type: ignore[union-attr]
    with_zone = {*zoned}
    naive = [text for text in fits.get("", ()) if text not in with_zone]
    return Dates(fits, naive, zoned)


def read_date(text: str, written: str) -> datetime.datetime | None:
    """A text as a date by one format; None if it is none."""
    try:
        if written:
            return datetime.datetime.strptime(text, written)
        # Digits alone, as 20240531, are more often numbers.
        return datetime.datetime.fromisoformat(text) if text[4:5] == "-" else None
    except ValueError:
        return None


def tell_format(written: str) -> str:
    """A format in the words of people, as day.month.year."""
    if not written:
        return "year-month-day (ISO 8601)"
    return re.sub("%.", lambda found: _WORDS[found[0]], written)
