"""The section on the data's own faults: leaks, warnings and facts, with examples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .blocks import Block, Section, Table
from .read import Run, amount, get, mappings
from .words import NONE, PARTS, number

_ORDER = {"leak": 0, "smell": 1, "fact": 2}
_KINDS = {"smell": "data warning"}


def checks(run: Run) -> Section | None:
    """Every check that found something, the gravest first."""
    found = [check for check in mappings(run.report, "checks") if get(check, "text", str)]
    found.sort(key=lambda check: _ORDER.get(get(check, "kind", str), 3))
    rows = [_row(check) for check in found]
    head = ("kind", "check", "set", "rows", "result")
    title = "Data warnings, leaks and facts"
    blocks: list[Block] = [Table(title, head, rows, texts=(0, 1, 2, 4))] if rows else []
    return Section("checks", "Data checks", [*blocks, *_examples(found)]) if rows else None


def _row(check: Mapping[str, Any]) -> list[str]:
    parts = get(check, "part", str).split("-")
    return [
        _KINDS.get(get(check, "kind", str), get(check, "kind", str)) or NONE,
        get(check, "name", str).replace("_", " "),
        " and ".join(PARTS.get(name, name) for name in parts) or NONE,
        number(amount(check, "count")),
        get(check, "text", str),
    ]


def _examples(found: list[dict[str, Any]]) -> list[Block]:
    """Which rows, for each check that names some."""
    blocks: list[Block] = []
    for check in found:
        cells = [[text] for text in get(check, "examples", list) if isinstance(text, str)]
        if cells:
            title = f"Examples: {get(check, 'text', str)}"
            blocks.append(Table(title, ("rows",), cells, texts=(0,), folded=True))
    return blocks
