"""Columns kept on disk between runs, under a key that names everything they depend on."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..files import (
    fence,
    is_folder,
    names_in,
    open_file,
    read_json,
    remove_file,
    remove_tree,
)
from .columns import KINDS, Column
from .scratch import alone, scratch, sweep

SMALL_BYTES = 1_000_000
"""Columns below this size are made again sooner than read."""
META, SUMS = "meta.json", "checksums.json"
_TUPLE = "__tuple__"
_UNREADABLE = (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, RecursionError)


@dataclass(frozen=True)
class Entry:
    """What a key stands for."""

    columns: dict[str, Column]
    meta: dict[str, Any]


class Cache:
    """A folder of entries, made when first written to.

    An entry appears whole or not at all, and a lost one is made again.
    """

    def __init__(self, root: Path) -> None:
        self.root = fence(root)

    def load(self, key: str) -> Entry | None:
        """The entry of a key, its arrays mapped from disk; None where there is none to be read."""
        sweep(self.root)
        folder = self.root / key
        try:
            sums = read_json(folder / SUMS)
            there = set(names_in(folder)) - {SUMS}
            if there != set(sums) or any(_sum(folder / n) != known for n, known in sums.items()):
                return None  # a damaged entry is made again
            meta = read_json(folder / META)
            columns = {
                name: _read(folder, str(place), about)
                for place, (name, about) in enumerate(meta["columns"].items())
            }
            return Entry(columns, _unpack(meta["meta"]))
        except _UNREADABLE:
            return None

    def store(
        self,
        key: str,
        columns: Mapping[str, Column],
        meta: dict[str, Any],
        least: int | None = None,
    ) -> None:
        """Keeps columns under a key; gives up silently where that cannot be done.

        The cache is a convenience: a run must not fail because the disk is full or read-only.
        What would not come back as it was, as an array of objects, is not kept either.

        Args:
            key: names everything that they depend on.
            columns: by name.
            meta: what is kept beside them.
            least: bytes below which they are not kept; None: `SMALL_BYTES`.
        """
        arrays = {name: column.arrays() for name, column in columns.items()}
        size = sum(a.nbytes for found in arrays.values() for a in found.values())
        if size < (SMALL_BYTES if least is None else least):
            return
        with suppress(OSError, TypeError, ValueError), scratch(self.root) as folder:
            kinds = {}
            for place, (name, column) in enumerate(columns.items()):
                for part, array in arrays[name].items():
                    np.save(folder / f"{place}.{part}.npy", array, allow_pickle=False)
                meta_of = _pack(column.meta())
                kinds[name] = {"kind": column.kind, "arrays": list(arrays[name]), "meta": meta_of}
            text = json.dumps({"columns": kinds, "meta": _pack(meta)})
            (folder / META).write_text(text, encoding="utf-8")
            sums = {file.name: _sum(file) for file in folder.iterdir()}
            (folder / SUMS).write_text(json.dumps(sums), encoding="utf-8")
            _delete(self.root / key)  # it could not be loaded
            os.rename(folder, self.root / key)

    def alone(self, key: str) -> AbstractContextManager[None]:
        """Within it no other process makes what belongs to a key; see `scratch.alone`."""
        return alone(self.root, key)


def _delete(place: Path) -> None:
    with suppress(OSError):
        remove_tree(place) if is_folder(place) else remove_file(place)


def _pack(value: Any) -> Any:
    """A value as JSON that `_unpack` makes the same value of again, tuples included.

    Raises:
        TypeError: no JSON can hold it.
    """
    if type(value) is tuple:
        return {_TUPLE: _pack(list(value))}
    if type(value) is list:
        return value if _is_flat(value) else [_pack(v) for v in value]
    if type(value) is dict and _TUPLE not in value and all(type(k) is str for k in value):
        return {k: _pack(v) for k, v in value.items()}
    if _is_flat([value]):
        return value
    raise TypeError(type(value).__name__)


def _unpack(value: Any) -> Any:
    if isinstance(value, dict):
        if _TUPLE in value:
            return tuple(_unpack(value[_TUPLE]))
        return {k: _unpack(v) for k, v in value.items()}
    if isinstance(value, list) and not _is_flat(value):
        return [_unpack(v) for v in value]
    return value


def _is_flat(values: list[Any]) -> bool:
    """Whether there is nothing in it to be packed: told of a million words at once."""
    return set(map(type, values)) <= {str, int, float, bool, type(None)}


def _sum(file: Path) -> int:
    """CRC-32 of a file: against decay, not against malice; 3 GB a second."""
    with open_file(file, "rb") as stream:
        return zlib.crc32(np.memmap(stream, mode="r").data)


def _read(folder: Path, place: str, about: dict[str, Any]) -> Column:
    arrays = {part: _map_array(folder / f"{place}.{part}.npy") for part in about["arrays"]}
    return KINDS[about["kind"]].restore(arrays, _unpack(about["meta"]))


def _map_array(file: Path) -> Any:
    """The array in an .npy file, mapped from the disk: `np.load`, by descriptor."""
    with open_file(file, "rb") as stream:
        version = np.lib.format.read_magic(stream)
        header = "read_array_header_1_0" if version == (1, 0) else "read_array_header_2_0"
        shape, fortran, dtype = getattr(np.lib.format, header)(stream)
        if dtype.hasobject:
            raise ValueError("it contains objects")
        order: Literal["C", "F"] = "F" if fortran else "C"
        return np.memmap(stream, dtype, "r", stream.tell(), shape, order)
