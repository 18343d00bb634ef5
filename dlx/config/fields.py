"""Declaring configuration: options with range, unit and help; components chosen by name.

A section or a component's options are a frozen dataclass whose fields are made by `option`. From
that one declaration come the checks, the defaults, `dlx help KEY`, completion and the reference.
A subclass that adds no option needs no decorator of its own.
"""

from __future__ import annotations

import dataclasses
import importlib
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args, get_origin

_META = "dlx"


@dataclass(frozen=True)
class Meta:
    """What is known of an option beside its type."""

    help: str
    unit: str = ""
    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    aliases: tuple[str, ...] = ()
    table: Table | None = None
    example: str = ""
    path: bool = False
    newer: bool = False

    def bounds(self) -> list[str]:
        """The range in words, as in [">= 0", "< 1"]."""
        limits = {">=": self.ge, ">": self.gt, "<=": self.le, "<": self.lt}
        return [f"{sign} {limit:g}" for sign, limit in limits.items() if limit is not None]

    def excludes(self, value: float) -> bool:
        """Whether a number lies outside the range; of NaN that is not said."""
        return (
            (self.ge is not None and value < self.ge)
            or (self.gt is not None and value <= self.gt)
            or (self.le is not None and value > self.le)
            or (self.lt is not None and value >= self.lt)
        )


def option(
    default: Any = dataclasses.MISSING,
    help: str = "",  # noqa: A002 - the field's own word
    *,
    unit: str = "",
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
    aliases: tuple[str, ...] = (),
    table: Table | None = None,
    example: str = "",
    path: bool = False,
    newer: bool = False,
) -> Any:
    """Declares one option of a section or component.

    Args:
        default: the value without which none must be given; a callable makes a fresh one.
        help: one line, shown by `dlx help`.
        unit: of the number, as in "seconds".
        ge: the smallest accepted number (of each item, for a list).
        gt: an excluded lower bound.
        le: the largest accepted number.
        lt: an excluded upper bound.
        aliases: names that other tools use, answered with "did you mean".
        table: where the name of a `Chosen` is looked up.
        example: a value to show where no default serves.
        path: whether a text names a file or folder, in which `~` is the home folder.
        newer: whether it was added to what earlier versions had without it, so that its default,
            which is what they did, leaves digests of configs and datasets as they were.
    """
    meta = {_META: Meta(help, unit, ge, gt, le, lt, aliases, table, example, path, newer)}
    if callable(default):
        return dataclasses.field(default_factory=default, metadata=meta)
    return dataclasses.field(default=default, metadata=meta)


@dataclass(frozen=True)
class Option:
    """A declared option, read back from its dataclass."""

    name: str
    hint: Any
    meta: Meta
    required: bool
    default: Any


@cache
def options_of(cls: type) -> dict[str, Option]:
    """The options of a dataclass by name, in order of declaration."""
    hints = typing.get_type_hints(cls)
    found = {}
    for field in dataclasses.fields(cls):
        factory = field.default_factory
        default = field.default if factory is dataclasses.MISSING else factory()
        required = default is dataclasses.MISSING
        meta = field.metadata.get(_META, Meta(""))
        found[field.name] = Option(field.name, hints[field.name], meta, required, default)
    return found


@dataclass(frozen=True)
class Component:
    """One entry of a table: the options it takes and where its code lies.

    Attributes:
        options: dataclass of the options; its docstring's first line describes the component.
        target: "module:attribute", imported only when the component is used.
        needs: packages that its code imports and that dlx does not bring along.
        extra: the extra of dlx that brings them, as in "tensorboard".
    """

    options: type
    target: str
    needs: tuple[str, ...] = ()
    extra: str = ""

    @property
    def summary(self) -> str:
        """The first line of the options' docstring."""
        return (self.options.__doc__ or "").strip().splitlines()[0]


@dataclass(frozen=True)
class Chosen:
    """A component that a config chose by name, with its checked options."""

    name: str
    options: Any
    target: str

    def load(self) -> Any:
        """Imports and returns the component's code."""
        return import_code(self.target)


def import_code(target: str) -> Any:
    """What a component of a table names by "module:attribute"."""
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)


class Table:
    """Names of one kind of component, and what each stands for; read without importing torch.

    Args:
        kind: of component, in words.
        entries: the components by name.
        short_forms: examples of them, where they may be written short; "" where they may not.
    """

    def __init__(
        self, kind: str, entries: Mapping[str, Component], *, short_forms: str = ""
    ) -> None:
        self.kind = kind
        self.short_forms = short_forms
        self.entries: dict[str, Component] = dict(entries)
        self.plugins: dict[str, str] = {}  # entry -> the plugin that brought it

    def default(self, name: str, **options: Any) -> Callable[[], Chosen]:
        """A factory of the component `name` with its default options, for use in `option`."""

        def make() -> Chosen:
            entry = self.entries[name]
            return Chosen(name, entry.options(**options), entry.target)

        return make


def is_optional(hint: Any) -> bool:
    """Whether None is among the accepted values."""
    return type(None) in get_args(hint)


def alternatives(hint: Any) -> tuple[Any, ...]:
    """The types of a union without None; a plain type alone."""
    if get_origin(hint) in (typing.Union, types.UnionType):
        return tuple(a for a in get_args(hint) if a is not type(None))
    return (hint,)


_NOUNS = {
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    bool: ("true or false", "true or false values"),
    str: ("text", "texts"),
    Any: ("any value", "any values"),
}


def describe(hint: Any, meta: Meta | None = None, plural: bool = False) -> str:
    """A type and its range in words, as in "a whole number >= 1" or "a list of numbers > 0"."""
    meta = meta or Meta("")
    words = [_describe_one(a, meta, plural) for a in alternatives(hint)]
    if is_optional(hint):
        words.append("null")
    return " or ".join(words)


def _describe_one(hint: Any, meta: Meta, plural: bool) -> str:
    origin = get_origin(hint)
    if origin is Literal:
        choices = [str(v) for v in get_args(hint)]
        return "one of " + ", ".join(choices) if len(choices) > 1 else choices[0]
    if origin is tuple:
        items = describe(get_args(hint)[0], meta, plural=True)
        return f"{'lists' if plural else 'a list'} of {items}"
    if origin is dict:
        if meta.table is not None and get_args(hint)[1] is Chosen:
            return f"a mapping of {meta.table.kind} names to their options"
        return f"a mapping of names to {describe(get_args(hint)[1], meta, plural=True)}"
    if hint is Chosen:
        kind = meta.table.kind if meta.table else "component"
        return f"{kind} components" if plural else f"{article(kind)}: {{name: ..., options}}"
    if dataclasses.is_dataclass(hint):
        return "sections" if plural else "a section"
    noun = _NOUNS[hint][1 if plural else 0]
    if hint not in (int, float):
        return noun
    unit = f" ({meta.unit})" if meta.unit else ""
    bounds = " and ".join(meta.bounds())
    return f"{noun} {bounds}".rstrip() + unit


def article(noun: str) -> str:
    """A noun after "a" or "an"."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def to_plain(value: Any, newer: bool = True) -> Any:
    """A checked config as dicts, lists and scalars, as `config.yaml` holds it.

    Args:
        value: a config, or a part of one.
        newer: whether options that were added later are told where they have their default;
            digests leave them out, so that what was known before keeps its own.
    """
    if isinstance(value, Chosen):
        return {"name": value.name, **to_plain(value.options, newer)}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        told = [f for f in dataclasses.fields(value) if newer or not _is_unset(value, f)]
        return {f.name: _field_to_plain(value, f, newer) for f in told}
    if isinstance(value, dict):
        return {k: to_plain(v, newer) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(v, newer) for v in value]
    return value


def _is_unset(owner: Any, field: dataclasses.Field[Any]) -> bool:
    """Whether an option that was added later has its default."""
    meta, factory = field.metadata.get(_META), field.default_factory
    default = field.default if factory is dataclasses.MISSING else factory()
    return meta is not None and meta.newer and getattr(owner, field.name) == default


def _field_to_plain(owner: Any, field: dataclasses.Field[Any], newer: bool) -> Any:
    value = getattr(owner, field.name)
    meta = field.metadata.get(_META)
    if meta is not None and meta.table is not None and isinstance(value, dict):
        # components keyed by their own name do not repeat it
        every = {k: v.options if isinstance(v, Chosen) else v for k, v in value.items()}
        return to_plain(every, newer)
    return to_plain(value, newer)
