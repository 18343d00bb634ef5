"""The schema as JSON Schema, for editors: types, ranges, choices and help of every key.

Draft 7, which language servers for YAML know best. Files are layers that are merged, so nothing is
required, and values may refer to others (`${key}`); what a whole config lacks, dlx itself says.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal, get_args, get_origin

from .fields import (
    Chosen,
    Meta,
    Option,
    Table,
    alternatives,
    is_optional,
    options_of,
    to_plain,
)
from .keys import SHORT
from .schema import Config

Schema = dict[str, Any]

DRAFT = "http://json-schema.org/draft-07/schema#"
REFERENCE: Schema = {"type": "string", "pattern": r"\$\{"}
NULL: Schema = {"type": "null"}
_TYPES = {int: "integer", float: "number", bool: "boolean", str: "string"}
_LIMITS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}


def build() -> Schema:
    """The schema of a file that is merged into a config, such as a task.

    Components of plugins are among it where these were loaded before. What a component may be
    stands in `definitions` under its kind ("layer"), the options of each under its name too
    ("layer.linear").
    """
    found = _Builder()
    whole = found.section(Config)
    properties = whole["properties"]
    properties["defaults"] = {"type": "array", "description": "configs that are merged before it"}
    for (key,), inside in SHORT.items():
        properties[key] = _any_of(properties[key], {"type": "string", "description": inside})
    title = "a config of dlx, or a part of one"
    return {"$schema": DRAFT, "title": title, **whole, "definitions": found.definitions}


class _Builder:
    """Follows options from section to section; a table is defined once, when it is first met."""

    def __init__(self) -> None:
        self.definitions: Schema = {}
        self._names: dict[int, str] = {}

    def section(self, cls: type) -> Schema:
        """The options of a section or component, each with its help; no others."""
        properties = {name: self._option(one) for name, one in options_of(cls).items()}
        return {"type": "object", "properties": properties, "additionalProperties": False}

    def _option(self, one: Option) -> Schema:
        told: Schema = {"description": one.meta.help} if one.meta.help else {}
        if not one.required:
            told["default"] = to_plain(one.default)
        return {**told, **self._value(one.hint, one.meta)}

    def _value(self, hint: Any, meta: Meta) -> Schema:
        kinds = [self._kind(kind, meta) for kind in alternatives(hint)]
        null = [NULL] if is_optional(hint) else []
        refers = [REFERENCE] if any(_is_scalar(one) for one in kinds) else []
        return _any_of(*kinds, *null, *refers)

    def _kind(self, kind: Any, meta: Meta) -> Schema:
        origin, inner = get_origin(kind), get_args(kind)
        if origin is Literal:
            return {"enum": list(inner)}
        if origin is tuple:
            items = self._value(inner[0], meta)
            # one item of a list may be changed alone, by its number: {0: ...}
            by_number = {"type": "object", "patternProperties": {r"^\d+$": items}}
            return _any_of({"type": "array", "items": items}, by_number)
        if origin is dict and meta.table is not None and inner[1] is Chosen:
            return self._keyed(meta.table)
        if origin is dict:
            return {"type": "object", "additionalProperties": self._value(inner[1], meta)}
        if kind is Chosen:
            assert meta.table is not None, "where a component's name is looked up"
            return {"$ref": self._define(meta.table)}
        if dataclasses.is_dataclass(kind):
            return self.section(kind)  # type: ignore[arg-type]
        if kind is Any:
            return {}
        limits = {_LIMITS[name]: getattr(meta, name) for name in _LIMITS}
        known = {name: limit for name, limit in limits.items() if limit is not None}
        return {"type": _TYPES[kind], **(known if kind in (int, float) else {})}

    def _keyed(self, table: Table) -> Schema:
        """A mapping of components' names to their options; null turns one off."""
        self._define(table)
        options = {name: _any_of(self._options_of(table, name), NULL) for name in table.entries}
        return {"type": "object", "properties": options, "additionalProperties": False}

    def _define(self, table: Table) -> str:
        """Where the definition of a table's components stands; made when it is first asked for."""
        if id(table) not in self._names:
            plain = table.kind.replace(" ", "_")
            taken = [*self._names.values()]
            name = plain if plain not in taken else f"{plain}{sum(map(plain.__eq__, taken)) + 1}"
            self._names[id(table)] = name
            for one, entry in table.entries.items():
                options = self.section(entry.options)
                options["properties"] = {"name": {"const": one}, **options["properties"]}
                self.definitions[f"{name}.{one}"] = {"description": entry.summary, **options}
            whole = self._component(table)
            short = self._short_forms(table) if table.short_forms else []
            if short:  # where `{dropout: 0.5}` is no option of a component that has no name
                whole["required"] = ["name"]
            self.definitions[name] = _any_of(whole, *short)
        return f"#/definitions/{self._names[id(table)]}"

    def _options_of(self, table: Table, name: str) -> Schema:
        return {"$ref": f"#/definitions/{self._names[id(table)]}.{name}"}

    def _component(self, table: Table) -> Schema:
        """`{name: ..., options}`: a name, and the options of that; of no name those of any."""
        names = _any_of({"enum": list(table.entries)}, REFERENCE)
        known = {one for entry in table.entries.values() for one in options_of(entry.options)}
        any_option = {"propertyNames": {"enum": ["name", *sorted(known)]}}
        chosen = [self._of_name(table, name) for name in table.entries]
        described = {"description": f"which {table.kind}", **names}
        return {"type": "object", "properties": {"name": described}, "allOf": [any_option, *chosen]}

    def _of_name(self, table: Table, name: str) -> Schema:
        named = {"properties": {"name": {"const": name}}, "required": ["name"]}
        return {"if": named, "then": self._options_of(table, name)}

    def _short_forms(self, table: Table) -> list[Schema]:
        """`relu` and `{linear: 16}`, whose value is the first option, or all of them."""
        first = {}
        for name, entry in table.entries.items():
            own = next(iter(options_of(entry.options).values()), None)
            value = [self._value(own.hint, own.meta)] if own else []
            first[name] = _any_of(self._options_of(table, name), *value)
        one = {"type": "object", "minProperties": 1, "maxProperties": 1}
        written = {**one, "properties": first, "additionalProperties": False}
        return [{"enum": list(table.entries)}, written]


def _is_scalar(one: Schema) -> bool:
    """Whether it is of a text, number or choice, in whose place a reference may be written."""
    return "enum" in one or one.get("type") in _TYPES.values()


def _any_of(*schemas: Schema) -> Schema:
    """Any of some schemas, each once; one alone as it is."""
    flat: list[Schema] = []
    for one in schemas:
        inner = one["anyOf"] if set(one) == {"anyOf"} else [one]
        flat += [each for each in inner if each not in flat]
    if {} in flat:
        return {}
    return flat[0] if len(flat) == 1 else {"anyOf": flat}
