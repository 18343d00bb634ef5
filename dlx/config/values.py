"""Plain values: which type they fit, and how they are told to the user."""

from __future__ import annotations

import dataclasses
import math
import os
import re
from typing import Any, Literal, get_args, get_origin

from .fields import Chosen, Meta, Table, alternatives
from .names import join_names
from .scalars import format_scalar


def is_of_type(kind: Any, value: Any) -> bool:
    """Whether a plain value is of a type, one of those without `|`."""
    origin = get_origin(kind)
    if origin is Literal:
        return any(value == choice and type(value) is type(choice) for choice in get_args(kind))
    if origin is tuple:
        return isinstance(value, list)
    if kind is Chosen:
        return isinstance(value, (dict, str))
    if origin is dict or dataclasses.is_dataclass(kind):
        return isinstance(value, dict)
    if kind is bool:
        return isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return kind is Any or isinstance(value, kind)


def is_of_any_type(hint: Any, value: Any) -> bool:
    """Whether a plain value is of a type, or of one of a union's."""
    return any(is_of_type(kind, value) for kind in alternatives(hint))


def format_value(value: Any) -> str:
    """A value in a few words, as messages have it."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return f"'{value}' (text)" if len(value) < 200 else f"a text of {len(value):,} characters"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        items = [v if isinstance(v, str) else format_value(v) for v in value[:9]]
        text = f"[{join_names(items)}]"
        short = len(text) < 60 and len(value) == len(items)
        return f"the list {text}" if short else f"a list of {len(value)} items"
    if isinstance(value, int) and is_endless(value):
        return f"a number of {value.bit_length()} bits"  # Python may refuse to write it out
    return str(value).lower() if isinstance(value, bool) else str(value)


def is_endless(value: float) -> bool:
    """Not a number, infinite, or more than a computer's whole numbers hold."""
    return abs(value) >= 2**63 if isinstance(value, int) else not math.isfinite(value)


def is_by_number(hint: Any, value: Any) -> bool:
    """Whether a list was asked for, and only some items of it were written, as in units.0=3."""
    lists = any(get_origin(kind) is tuple for kind in alternatives(hint))
    return lists and isinstance(value, dict) and bool(value) and all(map(str.isdecimal, value))


def format_changed_items(default: Any, items: dict[str, Any]) -> str:
    """A default list with some of its items changed, as it is typed on the shell."""
    changed = list(default) if isinstance(default, tuple) else []
    for number, item in sorted(items.items(), key=lambda pair: int(pair[0])):
        changed[int(number) : int(number) + 1] = [item]
    return f"[{','.join(map(str, changed))}]"


def guess_inside(hint: Any, value: Any, meta: Meta) -> str | None:
    """A value as an item of the list, or the names of the mapping, that is wanted in its place.

    Returns:
        As it is typed: "[32]" for 32, "[flip]" for flip, "{accuracy:{},f1:{}}" for
        [accuracy, f1]; None where that would not do either.
    """
    for kind in alternatives(hint):
        inner = get_args(kind)
        if get_origin(kind) is tuple and _is_item(inner[0], value):
            return f"[{format_scalar(value)}]"
        if get_origin(kind) is tuple and inner[0] is Chosen and meta.table is not None:
            return _as_item(value, meta.table)
        if get_origin(kind) is dict and inner[1] is Chosen and meta.table is not None:
            return _as_names(value, meta.table)
    return None


def _is_item(kind: Any, value: Any) -> bool:
    return kind in (int, float, str) and value != "" and is_of_type(kind, value)


def _as_item(value: Any, table: Table) -> str | None:
    if not isinstance(value, str) or value not in table.entries:
        return None
    return f"[{value}]" if table.short_forms else f"[{{name: {value}}}]"


def _as_names(value: Any, table: Table) -> str | None:
    names = value if isinstance(value, list) else [value]
    if not names or not all(isinstance(name, str) and name in table.entries for name in names):
        return None
    return "{" + ",".join(f"{name}:{{}}" for name in names) + "}"


def with_home(text: str) -> str:
    """A path or address of a file whose `~` is replaced by the home folder it stands for."""
    return _HOME.sub(lambda found: found[1] + os.path.expanduser(found[2]), text)


_HOME = re.compile(r"^((?:sqlite:///|file://)?)(~[^/]*)(?=/|$)")
