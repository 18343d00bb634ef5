"""The merged config tree, and who wrote each value in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from .files import Path


@dataclass(frozen=True)
class Writer:
    """One writing of one value.

    Attributes:
        where: "configs/task/imdb.yaml:12" or "command line: optimizer.lr=0.01".
        value: what was written.
        dropped: why the value no longer counts, "" while it may.
    """

    where: str
    value: Any
    dropped: str = ""


@dataclass(frozen=True)
class Layer:
    """One source of values: a file or one argument of the command line.

    Attributes:
        source: file name or argument, as shown to the user.
        values: nested mapping, already under the package it belongs to.
        lines: line of each path, for files.
        argument: what the user typed to choose the file, "" where another file did.
    """

    source: str
    values: dict[str, Any]
    lines: dict[Path, int] = field(default_factory=dict)
    argument: str = ""

    def where(self, path: Path) -> str:
        """The place of a path in this source: the nearest line that is known."""
        while path and path not in self.lines:
            path = path[:-1]
        place = f"{self.source}:{self.lines[path]}" if path else self.source
        return f"{place} (by {self.argument})" if self.argument else place


class Tree:
    """A nested mapping that remembers every writer of every leaf, in order.

    A component may have an implied name (by its path) where none is written.

    Args:
        implied: the name of each such component.
        short: sections that a text or a number may stand for -> the option that it is.
    """

    def __init__(
        self,
        implied: Mapping[Path, str] = MappingProxyType({}),
        short: Mapping[Path, str] = MappingProxyType({}),
    ) -> None:
        self.data: dict[str, Any] = {}
        self._implied, self._short = implied, short
        self._removed: dict[Path, str] = {}
        self.writers: dict[Path, list[Writer]] = {}

    def merge(self, layer: Layer) -> None:
        """Writes a layer over what is there.

        A component's options belong to its name: where the layer names another component, what
        was written for the earlier one is dropped.
        """
        self._merge(self.data, layer.values, (), layer)

    def _merge(self, into: dict[str, Any], new: dict[str, Any], path: Path, layer: Layer) -> None:
        for key, value in new.items():
            here = (*path, str(key))
            if here in self._short and isinstance(value, (str, int, float)):
                value = {self._short[here]: value}
            if isinstance(value, dict):
                existing = into.get(str(key))
                if not isinstance(existing, dict) or self._renames(existing, value, here):
                    self._drop(
                        here, f"another component was chosen in {layer.where((*here, 'name'))}"
                    )
                    into[str(key)] = {}
                if not value:
                    self._record(here, value, layer)
                self._merge(into[str(key)], value, here, layer)
            else:
                if isinstance(into.get(str(key)), dict):
                    self._drop(here, f"replaced in {layer.where(here)}")
                into[str(key)] = value
                self._record(here, value, layer)

    def _renames(self, existing: dict[str, Any], new: dict[str, Any], path: Path) -> bool:
        before = existing.get("name", self._implied.get(path))
        return bool(existing) and "name" in new and before not in (None, new["name"])

    def _record(self, path: Path, value: Any, layer: Layer) -> None:
        self.writers.setdefault(path, []).append(Writer(layer.where(path), value))

    def _drop(self, path: Path, reason: str) -> None:
        for known, writers in self.writers.items():
            if known[: len(path)] == path:
                writers[:] = [Writer(w.where, w.value, w.dropped or reason) for w in writers]

    def get(self, path: Path) -> Any:
        """The value at a path, None where there is none."""
        node: Any = self.data
        for part in path:
            if isinstance(node, list) and part.isdigit() and int(part) < len(node):
                node = node[int(part)]
            elif isinstance(node, dict) and part in node:
                node = node[part]
            else:
                return None
        return node

    def put(self, path: Path, value: Any) -> None:
        """Replaces the value at a path that is there by what it stands for; no writing."""
        self.get(path[:-1])[path[-1]] = value

    def remove(self, path: Path, source: str) -> bool:
        """Takes a value or section out again; False where there is none."""
        parent = self.get(path[:-1])
        if not isinstance(parent, dict) or path[-1] not in parent:
            return False
        self._drop(path, f"removed by {source}")
        self._removed[path] = source
        del parent[path[-1]]
        return True

    def where(self, path: Path) -> str:
        """Where the value at a path was last written: itself, what is below it, or above it."""
        below = [w for p, ws in self.writers.items() if p[: len(path)] == path for w in ws]
        alive = [w for w in below if not w.dropped]
        if alive:
            return alive[-1].where
        gone = [source for known, source in self._removed.items() if known[: len(path)] == path]
        if gone:
            return gone[-1]
        for length in range(len(path) - 1, 0, -1):
            if writers := self.writers.get(path[:length]):
                return writers[-1].where
        return ""


def nest(path: Path, value: Any) -> dict[str, Any]:
    """A value under a path, as a nested mapping."""
    for part in reversed(path):
        value = {part: value}
    return dict(value)
