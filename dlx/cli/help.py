"""The verb `dlx help KEY`: type, default, unit, range and choices of a config key."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from ..config.fields import (
    Chosen,
    Component,
    Option,
    Table,
    alternatives,
    describe,
    options_of,
    to_plain,
)
from ..config.keys import dotted_keys, every_option, lists_by_name, section_of
from ..config.meaning import SHORT, guess_key
from ..config.names import by_last_part, find_nearest
from ..config.plugins import require_plugins
from ..config.schema import Config
from ..config.specs import TABLES
from ..errors import Problem, UsageError
from .branches import BranchEntry, branch_words, find_branches
from .console import say, say_json, show_table

EXAMPLES = """examples:
  dlx help                  every section
  dlx help optimizer.lr     one key
  dlx help optimizer        the choices of a component
  dlx help optimizer.adam   the options of one choice
  dlx help layers           the layers of model=layers
  dlx help tokenize.ngrams  an option of a step, a layer or another component
  dlx help seeds            an option of sweeps, for `dlx train -m`
  dlx help branches         the branches of learning, and the tasks of each
"""
WIDEST = 120
"""Characters of a type in a table of options."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's arguments to its parser."""
    parser.add_argument("key", nargs="?", default="", help="a key, a section, or a component")
    told = "your own packages whose components are explained too"
    parser.add_argument("--plugins", nargs="*", default=[], metavar="NAME", help=told)
    parser.add_argument("--json", action="store_true", help="print JSON, for scripts")


def run(args: argparse.Namespace) -> int:
    """Explains a key.

    Raises:
        UsageError: there is no such key, or a plugin cannot be imported.
    """
    require_plugins(args.plugins)
    key = args.key.strip(".")
    found = _find_entries(key) if key else []
    if args.json:
        say_json([entry.plain() for entry in found] if key else _plain_options(Config))
        return 0
    if not key:
        _show_options(Config)
        say("")
        say("the branches of learning, and the tasks of each: dlx help branches")
    for index, entry in enumerate(found):
        if index:
            say("")
        entry.show()
    return 0


def _find_entries(key: str) -> Sequence[_Key | _Entry | BranchEntry]:
    """What a key stands for; options that several components share once.

    Raises:
        UsageError: it stands for nothing.
    """
    found, branches = find(key), find_branches(key)
    if not found and not branches:
        known = [*dotted_keys(), *_component_keys(), *_named_keys()]
        near = guess_key(key) or by_last_part(_named_keys()).get(key)
        near = near or find_nearest(key, [*known, *branch_words()])
        accepted = "a key of the config, for example optimizer.lr"
        hint = f"dlx help {near}" if near else "dlx help"
        raise UsageError(Problem(f"there is no key `{key}`", "", accepted, hint))
    told: list[_Key | _Entry] = []
    for entry in found:
        if isinstance(entry, _Key):
            if any(isinstance(one, _Key) and one.option == entry.option for one in told):
                continue
            owners = [e.owner for e in found if isinstance(e, _Key) and e.option == entry.option]
            named = dict.fromkeys(filter(None, owners))  # several models may have the same layers
            entry = _Key(entry.key, entry.option, ", ".join(named))
        told.append(entry)
    return [*told, *branches]


@dataclass(frozen=True)
class _Key:
    """An option, explained."""

    key: str
    option: Option
    owner: str

    def plain(self) -> dict[str, Any]:
        """It as JSON has it."""
        return {"key": self.key, "of": self.owner or None, **_plain_option(self.option)}

    def show(self) -> None:
        """Prints it."""
        meta = self.option.meta
        say(f"{self.key}" + (f"   (of {self.owner})" if self.owner else ""))
        say(f"  {meta.help}")
        say(f"  type: {describe(self.option.hint, meta)}")
        say(f"  default: {default_in_words(self.option)}")
        if meta.unit:
            say(f"  unit: {meta.unit}")
        if choices := _choices(self.option.hint):
            say(f"  choices: {', '.join(choices)}")
        if meta.example:
            say(f"  example: {meta.example}")
        if meta.table is not None:
            say("  choices:")
            _show_pairs({name: e.summary for name, e in meta.table.entries.items()})
        elif (section := section_behind(self.option.hint)) is not None:
            say("  keys:")
            prefix = f"{self.key}.NAME" if get_origin(self.option.hint) is dict else self.key
            options = options_of(section).items()
            _show_pairs({f"{prefix}.{name}": inner.meta.help for name, inner in options})


@dataclass(frozen=True)
class _Entry:
    """A component, explained."""

    kind: str
    name: str
    component: Component

    def plain(self) -> dict[str, Any]:
        """It as JSON has it."""
        options = _plain_options(self.component.options)
        summary = self.component.summary
        return {"kind": self.kind, "name": self.name, "help": summary, "options": options}

    def show(self) -> None:
        """Prints it."""
        say(f"{self.kind} {self.name}: {self.component.summary}")
        _show_options(self.component.options)
        if example := self._example():
            say(f"  example: {{name: {self.name}, {example}}}")

    def _example(self) -> str:
        """Those options with an example that are empty unless given."""
        options = options_of(self.component.options).values()
        given = [o for o in options if o.meta.example and (o.required or not o.default)]
        return ", ".join(f"{o.name}: {o.meta.example}" for o in given)


def _plain_options(cls: type) -> list[dict[str, Any]]:
    return [{"key": name, **_plain_option(opt)} for name, opt in options_of(cls).items()]


def _plain_option(opt: Option) -> dict[str, Any]:
    table = opt.meta.table
    default = opt.default.name if isinstance(opt.default, Chosen) else to_plain(opt.default)
    return {
        "help": opt.meta.help,
        "type": describe(opt.hint, opt.meta),
        "required": opt.required,
        "default": None if opt.required else default,
        "unit": opt.meta.unit or None,
        "choices": list(table.entries) if table else _choices(opt.hint),
        "example": opt.meta.example or None,
    }


def find(key: str) -> list[_Key | _Entry]:
    """What a key stands for: options of that name, or a component."""
    parts = SHORT.get(key, key).split(".")
    found = list(_walk(Config, parts, "", ""))
    if found:
        return found
    for table in TABLES.values():  # "layers" are all layers before they are the model `layers`
        if key in (table.kind, f"{table.kind}s"):
            return [_Entry(table.kind, name, entry) for name, entry in table.entries.items()]
    for table in TABLES.values():
        names = {table.kind, f"{table.kind}s"}
        if parts[-1] in table.entries and (len(parts) == 1 or parts[0] in names | _groups(table)):
            return [_Entry(table.kind, parts[-1], table.entries[parts[-1]])]
    return _find_option(*parts) if len(parts) == 2 else []


def _find_option(name: str, option: str) -> list[_Key | _Entry]:
    """The option of a component that is named without what it is a part of."""
    chosen = [(t.kind, t.entries[name]) for t in TABLES.values() if name in t.entries]
    each = [_walk(one.options, [option], f"{name}.", kind) for kind, one in chosen]
    return [entry for found in each for entry in found]


def _groups(table: Table) -> set[str]:
    """The sections that choose of a table, themselves or one of their options."""

    def is_choice(opt: Option) -> bool:
        section = section_behind(opt.hint)
        inner = options_of(section).values() if section is not None else ()
        return any(one.meta.table is table for one in (opt, *inner))

    return {name for name, opt in options_of(Config).items() if is_choice(opt)}


def _walk(cls: type, parts: list[str], prefix: str, owner: str) -> list[_Key | _Entry]:
    options = options_of(cls)
    if parts[0] not in options:
        return []
    opt = options[parts[0]]
    key, rest = f"{prefix}{opt.name}", parts[1:]
    by_name = lists_by_name(opt)
    if rest and by_name and rest[0] not in _names(opt):
        rest = rest[1:]  # whatever their name, one list is explained as all of them
    if rest and rest[0].isdecimal() and (by_name or _origin(opt.hint) is tuple):
        rest = rest[1:]  # one item of a list is explained as the list
    chosen = opt.meta.table is not None and _origin(opt.hint) is not dict
    if not rest or (chosen and rest == ["name"]):  # the name is what the key itself is about
        return [_Key(key, opt, owner)]
    if opt.meta.table is not None:
        key, origin = (f"{key}.NAME", tuple) if by_name else (key, _origin(opt.hint))
        return _walk_table(opt.meta.table, rest, key, origin)
    inner = section_behind(opt.hint)
    if inner is None:
        return []
    if _origin(opt.hint) is not dict:
        return _walk(inner, rest, f"{key}.", owner)
    if rest[0] in options_of(inner):
        return _walk(inner, rest, f"{key}.NAME.", owner)
    named = _walk(inner, rest[1:], f"{key}.{rest[0]}.", owner) if rest[1:] else []
    return named or ([] if rest[1:] else [_Key(key, opt, owner)])


def _walk_table(table: Table, rest: list[str], key: str, origin: Any) -> list[_Key | _Entry]:
    """What follows the key of a component, of a list of them, or of a mapping of them by name."""

    def walk_options(name: str, entry: Component, parts: list[str]) -> list[_Key | _Entry]:
        prefix = {dict: f"{key}.{name}.", tuple: f"{key}.0."}.get(origin, f"{key}.")
        return _walk(entry.options, parts, prefix, name)

    found: list[_Key | _Entry] = []
    chosen = table.entries.get(rest[0])
    if chosen is not None and rest[1:]:
        found.extend(walk_options(rest[0], chosen, rest[1:]))
    elif chosen is not None:
        found.append(_Entry(table.kind, rest[0], chosen))
    if not found or not rest[1:]:  # `layers` is a model, and an option of it
        for name, entry in table.entries.items():
            found.extend(walk_options(name, entry, rest))
    return found


def _names(opt: Option) -> list[str]:
    """The names of the components that an option is made of."""
    return list(opt.meta.table.entries) if opt.meta.table is not None else []


def _origin(hint: Any) -> Any:
    return next((get_origin(h) for h in alternatives(hint) if get_origin(h)), None)


def section_behind(hint: Any) -> type | None:
    """The dataclass behind a section, or behind a mapping of names to sections."""
    inner = get_args(hint)[1] if get_origin(hint) is dict else hint
    return inner if isinstance(inner, type) and dataclasses.is_dataclass(inner) else None


def choices_of(key: str) -> list[str]:
    """The values that a key may take, where they can be listed."""
    found: dict[str, None] = {}
    for entry in find(key):
        if isinstance(entry, _Key):
            table = entry.option.meta.table
            names = list(table.entries) if table else _choices(entry.option.hint)
            found |= dict.fromkeys(names)
            if bool in alternatives(entry.option.hint):
                found |= {"true": None, "false": None}
    return list(found)


def _component_keys() -> list[str]:
    names = [(table.kind, name) for table in TABLES.values() for name in table.entries]
    typed = [f"{kind}.{name}" for kind, name in names if " " not in kind]
    return typed + [name for _, name in names]


def _named_keys() -> list[str]:
    """The keys of sections that the user names: "targets.NAME.scale"."""
    sections = {key: section_of(opt) for key, opt in every_option().items()}
    named = [(key, options_of(cls)) for key, cls in sections.items() if cls is not None]
    return [f"{key}.NAME.{name}" for key, options in named for name in options]


def _choices(hint: Any) -> list[str]:
    return [str(c) for h in alternatives(hint) if get_origin(h) is Literal for c in get_args(h)]


def default_in_words(option: Option) -> str:
    """What an option is where nothing is given."""
    if option.required:
        return "none: required"
    if isinstance(option.default, Chosen):
        return option.default.name
    plain = to_plain(option.default)
    if isinstance(plain, dict) and plain:
        return "see its keys"
    if plain is None or isinstance(plain, bool):
        return str(plain).lower().replace("none", "null")
    return str(plain) if plain != "" else "empty"


def _show_pairs(pairs: dict[str, str]) -> None:
    width = max(map(len, pairs))
    for name, text in pairs.items():
        say(f"    {name.ljust(width)}  {text}")


def _show_options(cls: type) -> None:
    options = options_of(cls)
    if not options:
        say("  no options")
        return
    rows = [
        [name, default_in_words(opt), _shorten(describe(opt.hint, opt.meta)), opt.meta.help]
        for name, opt in options.items()
    ]
    show_table(("key", "default", "type", "description"), rows)


def _shorten(text: str) -> str:
    """A type as a cell of a table: of many choices the first, and how many there are."""
    if len(text) <= WIDEST:
        return text
    cut = text[:WIDEST].rpartition(", ")[0]
    return f"{cut}, ... ({text.count(', ') + 1} in all)"
