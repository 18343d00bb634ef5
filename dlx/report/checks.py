"""The section on the data's own faults: leaks, warnings and facts, with examples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .blocks import Section, Table
from .read import Run, amount, get, mappings
from .words import NONE, number, parts

_ORDER = {"leak": 0, "smell": 1, "fact": 2}
_KINDS = {"smell": "data warning"}


def checks(run: Run) -> Section:
    """Every check that found something, the gravest first."""
    found = [check for check in mappings(run.report, "checks") if get(check, "text", str)]
    found.sort(key=lambda check: _ORDER.get(get(check, "kind", str), 3))
    rows = [_row(check) for check in found]
    head = ("kind", "check", "set", "rows", "result")
    table = Table("Data warnings, leaks and facts", head, rows, texts=(0, 1, 2, 4))
    return Section("checks", "Data checks", [table, *map(_examples, found)])


def _row(check: Mapping[str, Any]) -> list[str]:
    return [
        _KINDS.get(get(check, "kind", str), get(check, "kind", str)) or NONE,
        get(check, "name", str).replace("_", " "),
        parts(get(check, "part", str)) or NONE,
        number(amount(check, "count")),
        get(check, "text", str),
    ]


def _examples(check: Mapping[str, Any]) -> Table:
    """Which rows, where a check names some."""
    cells = [[text] for text in get(check, "examples", list) if isinstance(text, str)]
    return Table(f"Examples: {get(check, 'text', str)}", ("rows",), cells, folded=True)
