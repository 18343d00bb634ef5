"""A model of mixed inputs, numbers, categories and texts: nodes of a graph. No torch."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from ...errors import Problem
from ..fields import option
from ..files import Where
from .layers import choose
from .model import Common
from .nodes import Known, Node

Form = Literal["numbers", "columns", "text", "marks"]
"""What an input is to the model: numbers, ids of category columns, ids in order, multi-hot rows."""
_READ = "read"
_Plain = tuple[str, dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Tabular(Common):
    """Wide and deep, on any inputs together (Cheng and others, 2016; arXiv:1606.07792).

    Categories are embedded, texts as the mean of their words' vectors; all of it stands side by
    side. The deep part is residual blocks of dense layers (Gorishniy and others, 2021;
    arXiv:2106.11959); the wide part hands numbers and categories to the output layer as they are.
    """

    size = "units"
    small = ((1,), (1, 1), (4,))

    units: tuple[int, ...] = option((64, 64), "size of each residual block", ge=1)
    dropout: float = option(
        0.2, "share set to zero within each block, and after the last", ge=0, lt=1
    )
    wide: bool = option(True, "hand numbers and categories to the output layer too")
    mask: float = option(
        0.05, "share of categories that are taken for rare ones in training", ge=0, lt=1
    )
    embedding: int = option(32, "length of a word's vector, for texts as ids in order", ge=1)

    def nodes(self, forms: Mapping[str, Form]) -> dict[str, Node]:
        """The parts by name; the last one gives what the output layer reads.

        Args:
            forms: what each input is.
        """
        found = {}
        kinds: dict[bool, list[str]] = {True: [], False: []}
        for number, (source, form) in enumerate(forms.items(), start=1):
            found[f"{_READ}{number}"] = _node([source], *self._reader(form))
            kinds[form == "marks"].append(f"{_READ}{number}")
        marks, ends = kinds[True], ["all"] if kinds[False] else []
        if ends:
            found["all"] = _node(kinds[False], join="concat")
        starts = {f"start_{one}": _node([one], _linear(self.units[0])) for one in (*ends, *marks)}
        last = "start"
        found |= starts
        found[last] = _node([*starts], join="add")
        for number, units in enumerate(self.units, start=1):
            found |= self._block(number, units, last)
            last = f"sum{number}"
        found["deep"] = _node([last], ("layer_norm", {}), ("relu", {}), *self._drop())
        if self.wide and ends:
            found["both"] = _node(["deep", *ends], join="concat")
        return found

    def part(self, ids: bool) -> dict[str, Node]:
        """Its nodes, of one input."""
        return self.nodes({"input": "text" if ids else "numbers"})

    def _reader(self, form: Form) -> Sequence[_Plain]:
        readers: dict[Form, Sequence[_Plain]] = {
            "numbers": [("flatten", {})],
            "columns": [("embed_columns", {"mask": self.mask})],
            "text": [("embedding", {"dim": self.embedding}), ("global_avg_pool", {})],
            "marks": [],
        }
        return readers[form]

    def _block(self, number: int, units: int, last: str) -> Iterator[tuple[str, Node]]:
        """A block's layers, a shortcut where the size changes, and their sum."""
        block, shortcut = f"block{number}", f"shortcut{number}"
        layers = [("layer_norm", {}), _linear(units), ("relu", {}), *self._drop(), _linear(units)]
        yield block, _node([last], *layers)
        before = self.units[max(0, number - 2)]
        if before != units:
            yield shortcut, _node([last], _linear(units))
            last = shortcut
        yield f"sum{number}", _node([block, last], join="add")

    def _drop(self) -> list[_Plain]:
        return [("dropout", {"rate": self.dropout})] if self.dropout else []

    def check(self, inputs: Known, targets: Sequence[str], where: Where) -> Iterator[Problem]:  # noqa: ARG002
        """No block at all."""
        if not self.units:
            at = where(("model", "units"))
            hint = "model.units=[8]"
            yield Problem("`model.units` is empty", at, "a whole number >= 1 or several", hint)


def name_apart(nodes: Mapping[str, Node], inputs: Collection[str]) -> dict[str, Node]:
    """Nodes under names that no input has."""
    prefix = ""
    while any(prefix + name in inputs for name in nodes):
        prefix += "_"
    return {
        prefix + name: node
        if name.startswith(_READ)  # the only nodes that read inputs, and nothing else
        else replace(node, of=tuple(prefix + one for one in node.of))
        for name, node in nodes.items()
    }


def _node(of: Sequence[str], *layers: _Plain, join: Literal["concat", "add"] | None = None) -> Node:
    return Node(of=tuple(of), layers=choose(*layers), join=join if len(of) > 1 else None)


def _linear(units: int) -> _Plain:
    return "linear", {"units": units}
