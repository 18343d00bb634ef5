"""A small language of conditions over a config: `optimizer.lr < 0.1 and model.units[0] > 16`.

Python's grammar, read into a tree of which only comparisons, arithmetic, and/or/not, lists, indices
and a few functions are accepted. Nothing in it can call, import or reach an attribute of an object.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import Problem, UsageError
from .names import nearest

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


class Condition:
    """A condition that a config fulfils or not.

    Args:
        text: the condition, in the language above.
        where: how its place is named to the user.

    Raises:
        UsageError: it is not in the language.
    """

    def __init__(self, text: str, where: str) -> None:
        self._text, self._where = text, where
        if len(text) > MAX_CHARACTERS:
            raise self._wrong(f"it has {len(text):,} characters", f"at most {MAX_CHARACTERS:,}")
        try:
            self._tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            said = getattr(error, "msg", None) or str(error)
            raise self._wrong(f"it cannot be read: {said}") from None
        self._check(self._tree, 0)

    def holds(self, config: Mapping[str, Any]) -> bool:
        """Whether it is true of a config.

        Args:
            config: a whole config as dicts, lists and scalars.

        Raises:
            UsageError: it names a key that there is not, or compares what cannot be compared.
        """
        try:
            found = self._value(self._tree, config)
        except (TypeError, ValueError, ArithmeticError, LookupError) as error:
            raise self._wrong(f"it cannot be computed: {error}") from None
        if not isinstance(found, bool):
            hint = "a comparison, without quotes around all of it"
            raise self._wrong("its value is neither true nor false", hint=hint)
        return found

    def _check(self, node: ast.AST, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise self._wrong("it is nested too deeply", f"at most {MAX_DEPTH} levels")
        if not self._known(node):
            raise self._wrong(f"`{ast.unparse(node)[:60]}` is not allowed there")
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, (ast.operator, ast.cmpop, ast.unaryop, ast.boolop, ast.Load)):
                self._check(child, depth + 1)

    def _known(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Compare):
            return all(type(op) in _COMPARE for op in node.ops)
        if isinstance(node, ast.BinOp):
            return type(node.op) in _ARITHMETIC
        if isinstance(node, ast.UnaryOp):
            return type(node.op) in _SIGNS
        if isinstance(node, ast.Constant):
            return node.value is None or isinstance(node.value, (bool, int, float, str))
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else ""
            return name in _FUNCTIONS and not node.keywords
        return isinstance(
            node, (ast.BoolOp, ast.List, ast.Tuple, ast.Name, ast.Attribute, ast.Subscript)
        )

    def _value(self, node: ast.AST, config: Mapping[str, Any]) -> Any:
        if isinstance(node, ast.BoolOp):
            values = (self._value(one, config) for one in node.values)
            return all(values) if isinstance(node.op, ast.And) else any(values)
        if isinstance(node, ast.Compare):
            return self._compare(node, config)
        if isinstance(node, ast.BinOp):
            left, right = self._value(node.left, config), self._value(node.right, config)
            return self._small(_ARITHMETIC[type(node.op)], left, right)
        if isinstance(node, ast.UnaryOp):
            return _SIGNS[type(node.op)](self._value(node.operand, config))
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, (ast.List, ast.Tuple)):
            return [self._value(one, config) for one in node.elts]
        if isinstance(node, ast.Subscript):
            return self._value(node.value, config)[self._value(node.slice, config)]
        if isinstance(node, ast.Call):
            assert isinstance(node.func, ast.Name)  # see `_known`
            return _FUNCTIONS[node.func.id](*(self._value(one, config) for one in node.args))
        return self._key(node, config)

    def _compare(self, node: ast.Compare, config: Mapping[str, Any]) -> bool:
        left = self._value(node.left, config)
        for op, other in zip(node.ops, node.comparators, strict=True):
            right = self._value(other, config)
            if not _COMPARE[type(op)](_plain(left), _plain(right)):
                return False
            left = right
        return True

    def _small(self, operation: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
        """Arithmetic on numbers only: a text times a number could fill the memory."""
        for value in (left, right):
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise TypeError(f"{value!r} is not a number")
            if abs(value) > 1e300:
                raise OverflowError("a number is too large")
        return operation(left, right)

    def _key(self, node: ast.AST, config: Mapping[str, Any]) -> Any:
        """The value of a config key."""
        if isinstance(node, ast.Attribute):
            found, part = self._value(node.value, config), node.attr
            above = ast.unparse(node.value)
        else:
            found, part, above = config, ast.unparse(node), ""
            if part in _WORDS:
                return _WORDS[part]
        if not isinstance(found, Mapping) or part not in found:
            raise self._unknown(ast.unparse(node), above, found)
        return found[part]

    def _unknown(self, name: str, above: str, found: Any) -> UsageError:
        keys = [f"{above}.{key}".lstrip(".") for key in found] if isinstance(found, Mapping) else []
        near = nearest(name, keys)
        if near is None and name.isidentifier() and isinstance(found, Mapping):
            return self._wrong(
                f"there is no key `{name}`", hint=f"write a text in quotes: '{name}'"
            )
        what = f"there is no key `{name}`" + (f" in `{above}`" if above else "")
        return self._wrong(what, ", ".join(keys), near or "")

    def _wrong(self, what: str, accepted: str = ACCEPTED, hint: str = "") -> UsageError:
        return UsageError(
            Problem(f"the condition `{self._text[:80]}`: {what}", self._where, accepted, hint)
        )


def _plain(value: Any) -> Any:
    """A component compares as its name: model == 'convnet'."""
    return value["name"] if isinstance(value, Mapping) and "name" in value else value
