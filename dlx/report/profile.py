"""The table of what each column of the data holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .blocks import Table
from .read import amount, get, mappings
from .words import NONE, number

_FEW = 15  # as many columns are shown without being asked for
HEAD = (
    *("column", "type", "missing", "zeros", "min", "max", "outliers", "most frequent"),
    "its share",
)


def profile(found: Mapping[str, Any], folded: bool = False) -> Table:
    """Type, missing values, zeros, range, outliers and usual value of each column.

    Args:
        found: the `profile` of `data.json`; that of an older run is empty.
        folded: whether the table opens on a click, however few the columns.
    """
    cells = [_row(column) for column in mappings(found, "columns")]
    title = f"Profile of the columns, over {number(amount(found, 'rows'))} training rows"
    many = folded or len(cells) > _FEW
    return Table(title, HEAD, cells, texts=(0, 1, 7), folded=many)


def _row(column: Mapping[str, Any]) -> list[str]:
    unit = get(column, "unit", str)
    share = amount(column, "share")
    return [
        get(column, "feature", str) or get(column, "column", str),
        get(column, "type", str) or NONE,
        number(amount(column, "missing")),
        number(amount(column, "zeros")),
        _limit(column, "low"),
        f"{_limit(column, 'high')} {unit}".strip(),
        number(amount(column, "outliers")),
        get(column, "top", str) or NONE,
        NONE if share is None else f"{share:.1%}",
    ]


def _limit(column: Mapping[str, Any], key: str) -> str:
    """An end of the range: a whole number without its decimals."""
    value = amount(column, key)
    whole = value is not None and float(value).is_integer()
    return number(int(value) if whole and value is not None else value)
