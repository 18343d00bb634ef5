"""A small language of conditions over a config: `optimizer.lr < 0.1 and model.units[0] > 16`.

Python's grammar, read into a tree of which only comparisons, arithmetic, and/or/not, lists, indices
and a few functions are accepted. Nothing in it can call, import or reach an attribute of an object.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from ..errors import Problem, UsageError
from .names import find_nearest

ACCEPTED = (
    "config keys, numbers, texts, lists, and, or, not, < <= > >= == != in, + - * / // %, "
    "[index], len, min, max, sum, abs"
)
MAX_CHARACTERS = 1000
MAX_DEPTH = 20

_COMPARE: dict[type, Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
}
_ARITHMETIC: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_SIGNS: dict[type, Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "len": len,
    "min": min,
    "max": max,
    "sum": sum,
    "abs": abs,
}
_WORDS = {"true": True, "false": False, "null": None}
_Value = Callable[[Mapping[str, Any]], Any]
"""Computes a part of a condition from a config."""


class Condition:
    """A condition, in the language above, that a config fulfils or not.

    Raises:
        UsageError: it is not in the language.
    """

    def __init__(self, text: str, where: str) -> None:
        self._text, self._where = text, where
        if len(text) > MAX_CHARACTERS:
            raise self._error(f"it has {len(text):,} characters", f"at most {MAX_CHARACTERS:,}")
        try:
            tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            said = getattr(error, "msg", None) or str(error)
            raise self._error(f"it cannot be read: {said}") from None
        self._value = self._read(tree, 0)

    def holds(self, config: Mapping[str, Any]) -> bool:
        """Whether it is true of a whole config, given as dicts, lists and scalars.

        Raises:
            UsageError: it names a key that there is not, or compares what cannot be compared.
        """
        try:
            found = self._value(config)
        except (TypeError, ValueError, ArithmeticError, LookupError) as error:
            raise self._error(f"it cannot be computed: {error}") from None
        if not isinstance(found, bool):
            hint = "a comparison, without quotes around all of it"
            raise self._error("its value is neither true nor false", hint=hint)
        return found

    def _read(self, node: ast.AST, depth: int) -> _Value:
        """What computes a node of the tree; only what stands here is in the language."""
        if depth > MAX_DEPTH:
            raise self._error("it is nested too deeply", f"at most {MAX_DEPTH} levels")
        read = partial(self._read, depth=depth + 1)
        match node:
            case ast.Constant(value=None | int() | float() | str() as value):
                return lambda _: value
            case ast.List(elts=items) | ast.Tuple(elts=items):
                return _each(map(read, items))
            case ast.BoolOp(op=op, values=parts):
                join, values = all if isinstance(op, ast.And) else any, list(map(read, parts))
                return lambda config: join(one(config) for one in values)
            case ast.Compare(ops=ops) if all(type(op) in _COMPARE for op in ops):
                return partial(_compare, ops, read(node.left), list(map(read, node.comparators)))
            case ast.BinOp(op=op) if operation := _ARITHMETIC.get(type(op)):
                left, right = read(node.left), read(node.right)
                return lambda config: _small(operation, left(config), right(config))
            case ast.UnaryOp(op=op) if sign := _SIGNS.get(type(op)):
                operand = read(node.operand)
                return lambda config: sign(operand(config))
            case ast.Call(func=ast.Name(id=name), keywords=[]) if name in _FUNCTIONS:
                given = _each(map(read, node.args))
                return lambda config: _FUNCTIONS[name](*given(config))
            case ast.Subscript():
                whole, place = read(node.value), read(node.slice)
                return lambda config: whole(config)[place(config)]
            case ast.Attribute(attr=part):
                section, above = read(node.value), ast.unparse(node.value)
                return lambda config: self._key(section(config), part, above)
            case ast.Name(id=name):
                return lambda config: _WORDS[name] if name in _WORDS else self._key(config, name)
        raise self._error(f"`{ast.unparse(node)[:60]}` is not allowed there")

    def _key(self, found: Any, part: str, above: str = "") -> Any:
        """The value of a config key."""
        if not isinstance(found, Mapping) or part not in found:
            raise self._name_error(f"{above}.{part}".lstrip("."), above, found)
        return found[part]

    def _name_error(self, name: str, above: str, found: Any) -> UsageError:
        keys = [f"{above}.{key}".lstrip(".") for key in found] if isinstance(found, Mapping) else []
        near = find_nearest(name, keys)
        if near is None and name.isidentifier() and isinstance(found, Mapping):
            return self._error(
                f"there is no key `{name}`", hint=f"write a text in quotes: '{name}'"
            )
        what = f"there is no key `{name}`" + (f" in `{above}`" if above else "")
        return self._error(what, ", ".join(keys), near or "")

    def _error(self, what: str, accepted: str = ACCEPTED, hint: str = "") -> UsageError:
        return UsageError(
            Problem(f"the condition `{self._text[:80]}`: {what}", self._where, accepted, hint)
        )


def _plain(value: Any) -> Any:
    """A component compares as its name: model == 'convnet'."""
    return value["name"] if isinstance(value, Mapping) and "name" in value else value


def _each(values: Iterable[_Value]) -> _Value:
    every = list(values)
    return lambda config: [one(config) for one in every]


def _compare(
    ops: Sequence[ast.cmpop], first: _Value, others: Sequence[_Value], config: Mapping[str, Any]
) -> bool:
    left = first(config)
    for op, other in zip(ops, others, strict=True):
        right = other(config)
        if not _COMPARE[type(op)](_plain(left), _plain(right)):
            return False
        left = right
    return True


def _small(operation: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    """Arithmetic on numbers only: a text times a number could fill the memory."""
    for value in (left, right):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise TypeError(f"{value!r} is not a number")
        if abs(value) > 1e300:
            raise OverflowError("a number is too large")
    return operation(left, right)
