"""Checking a merged tree against the schema: every mistake found, with where it was written."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Collection, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any, Literal, get_args, get_origin

from ..errors import Problem
from .fields import (
    Chosen,
    Meta,
    Option,
    Table,
    alternatives,
    article,
    describe,
    is_optional,
    options_of,
)
from .files import Path, Where
from .names import by_last_part, components, find_nearest, join_names
from .paths import group_files, search_path
from .scalars import format_scalar, guess_scalar, is_divided
from .values import (
    format_changed_items,
    format_value,
    guess_inside,
    is_by_number,
    is_endless,
    is_of_any_type,
    is_of_type,
    with_home,
)

SHELL = "command line: "


class _Bad(Exception):
    """A value that cannot be used; its problem is already noted."""


@dataclasses.dataclass(frozen=True)
class _Owner:
    """The component whose options are being checked."""

    table: Table
    name: str

    def find_owners(self, key: str) -> str:
        """Which other components of the kind have an option of this name."""
        have = [n for n, e in self.table.entries.items() if key in options_of(e.options)]
        verb = "has" if len(have) == 1 else "have"
        return f"{self.table.kind} {join_names(have)} {verb} it" if have else ""


class Checker:
    """Turns plain values into checked sections, noting every problem on the way.

    Args:
        where: gives the place where a path was written.
        known: all dotted keys of the schema and their options, for suggestions across sections.
        environment: the paths of what the environment gave: its texts stand for numbers too.

    Attributes:
        noted: every problem, with the path it concerns.
        texts: the paths at which any text is accepted, and was given.
    """

    def __init__(
        self,
        where: Where,
        known: Mapping[str, Option | None] = MappingProxyType({}),
        environment: Collection[Path] = (),
    ) -> None:
        self.noted: list[tuple[Path, Problem]] = []
        self.texts: set[Path] = set()
        self._where = where
        self._known = known
        self._environment = environment

    def section(self, cls: type, values: Any, path: Path) -> Any:
        """Checks a mapping against a dataclass.

        Returns:
            The dataclass's instance, or None if a problem was noted.
        """
        with suppress(_Bad):
            return self._fill(cls, values, path, None, "a section: key: value")
        return None

    def _fill(self, cls: type, values: Any, path: Path, owner: _Owner | None, wanted: str) -> Any:
        """A dataclass of a mapping; in other words, told as `wanted`, where it is none."""
        if not isinstance(values, dict):
            raise self._bad(f"`{_join(path)}` is {format_value(values)}", path, wanted)
        options = options_of(cls)
        before = len(self.noted)
        for key in values:
            if key not in options:
                self._note_unknown(key, values[key], path, options, owner)
        checked = {}
        for name, opt in options.items():
            here = (*path, name)
            if name in values:
                with suppress(_Bad):
                    checked[name] = self._value(opt.hint, values[name], here, opt)
            elif opt.required:
                self._missing(opt, path, owner)
        if len(self.noted) > before:
            raise _Bad
        return cls(**checked)

    def _value(self, hint: Any, value: Any, path: Path, opt: Option) -> Any:
        if value is None and is_optional(hint):
            return None
        value = self._read_number(hint, value, path)
        for kind in alternatives(hint):
            if is_of_type(kind, value):
                return self._convert(kind, value, path, opt)
        accepted = describe(hint, opt.meta)
        if is_by_number(hint, value):
            what = f"`{_join(path)}` has its default value: an item of it cannot be changed alone"
            changed = f"{_join(path)}={format_changed_items(opt.default, value)}"
            raise self._bad(what, path, accepted, shlex.quote(changed))
        what = f"`{_join(path)}` is {format_value(value)}"
        raise self._bad(what, path, accepted, self._hint_for(hint, value, path, opt))

    def _read_number(self, hint: Any, value: Any, path: Path) -> Any:
        """The number that a text of the environment, which has only texts, stands for."""
        if not self._is_from_environment(path) or not isinstance(value, str):
            return value
        number = None if is_of_any_type(hint, value) or is_divided(value) else guess_scalar(value)
        return number if number is not None and is_of_any_type(hint, number) else value

    def _is_from_environment(self, path: Path) -> bool:
        return any(path[:end] in self._environment for end in range(1, len(path) + 1))

    def _hint_for(self, hint: Any, value: Any, path: Path, opt: Option) -> str:
        """What was probably meant: a slip in a choice, a number in other digits, one of a list."""
        inside = guess_inside(hint, value, opt.meta)
        if inside is not None:
            return self._suggest(_join(path), path, value=inside)
        named = opt.meta.table is None and not path[-1].isdigit() and is_of_any_type(hint, "")
        if type(value) is int and named:  # part of a run's name, a file 2024
            key, _, written = self._where(path).removeprefix(SHELL).partition("=")
            typed = written == str(value)  # perhaps in short, as from_run=1704
            return f"\"{key}='{value}'\"" if typed else f"did you mean '{value}'?"
        if not isinstance(value, str):
            return ""
        choices = [
            str(c) for a in alternatives(hint) if get_origin(a) is Literal for c in get_args(a)
        ]
        near = find_nearest(value, choices, cutoff=0.7)
        number = None if self._is_from_environment(path) else guess_scalar(value)
        if near is None and number is not None and is_of_any_type(hint, number):
            near = format_scalar(number)
        return self._suggest(_join(path), path, value=near) if near else ""

    def _convert(self, kind: Any, value: Any, path: Path, opt: Option) -> Any:
        if kind is Chosen:
            return self.component(_table(opt.meta), value, path, opt.default)
        if dataclasses.is_dataclass(kind):
            return self._fill(kind, value, path, None, "a section: key: value")  # type: ignore[arg-type]
        if get_origin(kind) is tuple:
            return self._items(get_args(kind)[0], value, path, opt)
        if get_origin(kind) is dict:
            return self._mapping(get_args(kind)[1], value, path, opt)
        if kind is str:
            self.texts.add(path)
            return with_home(value) if opt.meta.path else value
        if kind in (int, float):
            self._check_range(value, path, kind, opt.meta)
        return float(value) if kind is float else value

    def _items(self, inner: Any, value: list[Any], path: Path, opt: Option) -> tuple[Any, ...]:
        found = []
        for index, item in enumerate(value):
            with suppress(_Bad):  # its problem is noted; the next item may have one too
                found.append(self._value(inner, item, (*path, str(index)), opt))
        if len(found) < len(value):
            raise _Bad
        return tuple(found)

    def _mapping(self, inner: Any, value: dict[str, Any], path: Path, opt: Option) -> Any:
        found = {}
        before = len(self.noted)
        for key, item in value.items():
            here = (*path, str(key))
            with suppress(_Bad):
                if opt.meta.table is None or inner is not Chosen:
                    self._refuse_slip(inner, value, key, here)
                    found[key] = self._value(inner, item, here, opt)
                elif item is not None:  # null turns off what an earlier layer turned on
                    found[key] = self._check_keyed(opt.meta.table, str(key), item, here)
        if len(self.noted) > before:
            raise _Bad
        return found

    def _refuse_slip(self, inner: Any, value: dict[str, Any], key: str, path: Path) -> None:
        """A section that lacks what it needs, and whose name is almost that of one beside it."""
        item = value[key]
        if not isinstance(item, dict) or not dataclasses.is_dataclass(inner):
            return
        near = find_nearest(key, [name for name in value if name != key])
        if near is None:
            return
        for opt in options_of(inner).values():  # type: ignore[arg-type]
            if opt.required and opt.name not in item:
                rest = (*item,) if len(item) == 1 else ()
                hint = self._suggest(_join((*path[:-1], near, *rest)), (*path, *rest))
                what = f"`{_join((*path, opt.name))}` is missing"
                raise self._bad(what, path, describe(opt.hint, opt.meta), hint)

    def _check_keyed(self, table: Table, name: str, options: Any, path: Path) -> Chosen:
        if name not in table.entries:
            raise self._unknown_name(table, name, path, as_key=True)
        entry, owner = table.entries[name], _Owner(table, name)
        wanted = f"the options of {name}, or {{}}"
        return Chosen(name, self._fill(entry.options, options, path, owner, wanted), entry.target)

    def component(self, table: Table, value: Any, path: Path, default: Any = None) -> Chosen:
        """Checks one component: its name against the table, its options against the dataclass."""
        if table.short_forms:
            value = self._long_form(table, value, path)
        if isinstance(value, str):
            near = value if value in table.entries else find_nearest(value, table.entries)
            typed = self._suggest(f"{_join(path)}.name", path, near) if near else ""
            hint = typed if "=" in typed or not near else f"did you mean {{name: {near}}}?"
            accepted = f"{article(table.kind)}: {{name: ..., options}}"
            raise self._bad(f"`{_join(path)}` is {format_value(value)}", path, accepted, hint)
        name = value.get("name", default.name if isinstance(default, Chosen) else None)
        if name is None:
            one = f"name: one of {join_names(table.entries)}"
            accepted = table.short_forms or one
            hint = self._suggest_name(table, value, path)
            raise self._bad(f"`{_join(path)}` has no name", path, accepted, hint)
        if not isinstance(name, str):
            what = f"`{_join((*path, 'name'))}` is {format_value(name)}"
            raise self._bad(what, (*path, "name"), join_names(table.entries))
        if name not in table.entries:
            raise self._unknown_name(table, name, (*path, "name"))
        rest = {k: v for k, v in value.items() if k != "name"}
        return self._check_keyed(table, name, rest, path)

    def _suggest_name(self, table: Table, value: dict[str, Any], path: Path) -> str:
        """The first component that has the options, where the shell can name it beside them."""
        fitting = (n for n, e in table.entries.items() if {*value} <= {*options_of(e.options)})
        name = next(fitting, None)
        typed = self._where(path).startswith(f"{SHELL}{_join(path)}.")
        return f"{_join(path)}.name={name}" if name and typed else ""

    def _long_form(self, table: Table, value: Any, path: Path) -> Any:
        """`relu` and `{linear: 16}` as {name: relu} and {name: linear, units: 16}."""
        if isinstance(value, str):
            return {"name": value}
        if isinstance(value, dict) and "name" not in value and len(value) == 1:
            ((name, given),) = value.items()
            if isinstance(given, dict):
                return {"name": name, **given}
            entry = table.entries.get(name)
            first = next(iter(options_of(entry.options)), None) if entry else None
            if entry is not None and first is None:
                raise self._bad(f"`{name}` takes no options", path, hint=str(name))
            return {"name": name, first or "value": given}
        return value

    def _unknown_name(self, table: Table, name: str, path: Path, as_key: bool = False) -> _Bad:
        near = find_nearest(name, table.entries)
        dotted = _join((*path[:-1], near) if as_key and near else path)
        hint = ""
        if near:
            hint = f"did you mean {near}?" if as_key else self._suggest(dotted, path, value=near)
        what = f"there is no {table.kind} `{name}`"
        return self._bad(what, path, components(table.entries), hint)

    def _note_unknown(
        self, key: str, value: Any, path: Path, options: dict[str, Option], owner: _Owner | None
    ) -> None:
        here = (*path, key)
        inner = here
        while isinstance(value, dict) and len(value) == 1:  # name the leaf that was written
            ((last, value),) = value.items()
            inner = (*inner, str(last))
        what = f"unknown key `{_join(inner)}`" + (f" (of {owner.name})" if owner else "")
        if key in ("_target_", "_partial_", "_args_", "_recursive_", "_convert_"):
            what += ": dlx never imports what a config names"
            near = None
        else:
            near = self._find_near(key, path, inner[len(here) :], options, owner)
        hint = self._suggest_key(near, inner, value) if near and near != _join(inner) else ""
        if not hint and owner is not None:
            hint = owner.find_owners(key)
        if not hint and value is None and " " in key:
            hint = "a text with a comma goes into quotes"
        self._note(what, inner, join_names(options) or "no options", hint)

    def _suggest_key(self, near: str, path: Path, value: Any) -> str:
        """What to type in place of an unknown key: what is written under it must fit the other."""
        opt = self._known.get(near)
        hint = self._suggest(near, path)
        if opt is None or "=" not in hint:
            return hint
        if opt.hint is Chosen and near != "dataset":  # whose targets would be others
            is_file = any(value in group_files(folder, near) for folder in search_path(None))
            named = value in _table(opt.meta).entries if isinstance(value, str) else False
            if named:
                return hint if is_file else self._suggest(f"{near}.name", path)
        fitting = opt.hint is not Chosen and is_of_any_type(opt.hint, value)
        return hint if fitting else f"dlx help {near}"

    def _find_near(
        self, key: str, path: Path, rest: Path, options: dict[str, Option], owner: _Owner | None
    ) -> str | None:
        """The dotted key that was probably meant: a sibling, or the same name elsewhere."""
        for name, opt in options.items():
            if key in opt.meta.aliases:
                return _join((*path, name, *rest))
        if owner is not None and owner.find_owners(key):
            return None
        if not rest and (other := self._find_alias(key)):
            return other
        sibling = find_nearest(key, options)
        if sibling:
            candidate = _join((*path, sibling, *rest))
            if rest in ((), ("name",)) or not self._known or candidate in self._known:
                return candidate
            deeper = find_nearest(candidate, self._known)
            return deeper or candidate
        ends = by_last_part(self._known)
        leaf = rest[-1] if rest else key
        return ends.get(find_nearest(leaf, ends, cutoff=0.8) or "")

    def _find_alias(self, name: str) -> str | None:
        """The key of another section that other tools call so."""
        named = ((key, opt) for key, opt in self._known.items() if opt is not None)
        found = [key for key, opt in named if name in opt.meta.aliases]
        return min(found, key=lambda key: key.count("."), default=None)

    def _missing(self, opt: Option, path: Path, owner: _Owner | None) -> None:
        named = _join((*path, opt.name))
        what = (
            f"{owner.name} needs `{named}`, which is missing" if owner else f"`{named}` is missing"
        )
        example = f"{opt.name}: {opt.meta.example}" if opt.meta.example else ""
        self._note(what, path, describe(opt.hint, opt.meta), example)

    def _check_range(self, value: float, path: Path, kind: Any, meta: Meta) -> None:
        if meta.excludes(value) or is_endless(value):
            accepted = describe(kind, meta)
            if not meta.excludes(value):
                accepted += ", finite" if isinstance(value, float) else ", of 63 bits at most"
            raise self._bad(f"`{_join(path)}` is {format_value(value)}", path, accepted)

    def _suggest(self, dotted: str, path: Path, value: str | None = None) -> str:
        """What to type: the whole argument where the shell wrote just this path, else the word."""
        where = self._where(path)
        key, equals, written = where.removeprefix(SHELL).partition("=")
        if where.startswith(SHELL) and equals and key.lstrip("+") == _join(path):
            return shlex.quote(f"{dotted}={written if value is None else value}")
        return f"did you mean {dotted if value is None else value}?"

    def _note(self, what: str, path: Path, accepted: str = "", hint: str = "") -> None:
        self.noted.append((path, Problem(what, self._where(path), accepted, hint)))

    def _bad(self, what: str, path: Path, accepted: str = "", hint: str = "") -> _Bad:
        self._note(what, path, accepted, hint)
        return _Bad()


def _join(path: Path) -> str:
    return ".".join(path)


def _table(meta: Meta) -> Table:
    assert meta.table is not None
    return meta.table
