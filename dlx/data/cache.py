"""Columns kept on disk between runs, under a key that names everything they depend on."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import zlib
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from .columns import AnyColumn, IdRows, MultiHotRows
from .samples import Ragged

SMALL_BYTES = 1_000_000
"""Columns below this size are made again sooner than read."""
SUMS = "checksums.json"


@dataclass(frozen=True)
class Entry:
    """What a key stands for."""

    columns: dict[str, AnyColumn]
    meta: dict[str, Any]


class Cache:
    """A folder of entries; an entry appears whole or not at all, and a lost one is made again.

    Args:
        root: the folder; made when first written to.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def load(self, key: str) -> Entry | None:
        """The entry of a key, its arrays mapped from disk; None where there is none to be read."""
        folder = self.root / key
        try:
            sums = json.loads((folder / SUMS).read_text(encoding="utf-8"))
            if any(_sum(folder / name) != known for name, known in sums.items()):
                return None  # a damaged entry is made again
            meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
            columns = {n: _read(folder, n, kind) for n, kind in meta["columns"].items()}
        except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError):
            return None
        return Entry(columns, meta["meta"])

    def store(self, key: str, columns: dict[str, AnyColumn], meta: dict[str, Any]) -> None:
        """Keeps columns under a key; gives up silently where the disk is full or read-only.

        The cache is a convenience: a run must not fail because it cannot be written.
        """
        if sum(_size(c) for c in columns.values()) < SMALL_BYTES:
            return
        temporary = None
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            temporary = Path(tempfile.mkdtemp(prefix=".tmp-", dir=self.root))
            kinds = {name: _write(temporary, name, column) for name, column in columns.items()}
            text = json.dumps({"columns": kinds, "meta": meta})
            (temporary / "meta.json").write_text(text, encoding="utf-8")
            sums = {file.name: _sum(file) for file in temporary.iterdir()}
            (temporary / SUMS).write_text(json.dumps(sums), encoding="utf-8")
            shutil.rmtree(self.root / key, ignore_errors=True)  # it could not be loaded
            os.rename(temporary, self.root / key)
        except OSError:
            if temporary is not None:
                shutil.rmtree(temporary, ignore_errors=True)


def _sum(file: Path) -> int:
    """CRC-32 of a file: against decay, not against malice; 3 GB a second."""
    return zlib.crc32(np.memmap(file, mode="r").data)


def _size(column: AnyColumn) -> int:
    if isinstance(column, list):
        return sum(map(len, column))
    if isinstance(column, MultiHotRows):
        return _size(column.rows)
    if isinstance(column, Ragged):
        return column.values.nbytes + column.offsets.nbytes
    return column.values.nbytes if isinstance(column, IdRows) else column.nbytes


def _write(folder: Path, name: str, column: AnyColumn) -> dict[str, Any]:
    """Writes one column's arrays; returns what is needed to put them together again."""
    if isinstance(column, MultiHotRows):
        return {**_write(folder, name, column.rows), "kind": "multi_hot", "size": column.size}
    if isinstance(column, IdRows):
        return {**_write(folder, name, column.values), "kind": "ids", "ids": column.ids}
    if isinstance(column, list):
        encoded = [text.encode() for text in column]
        lengths = np.fromiter(map(len, encoded), dtype=np.int64, count=len(encoded))
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        ragged = Ragged(np.frombuffer(b"".join(encoded), dtype=np.uint8), offsets)
        return {**_write(folder, name, ragged), "kind": "text"}
    if isinstance(column, Ragged):
        np.save(folder / f"{name}.values.npy", column.values, allow_pickle=False)
        np.save(folder / f"{name}.offsets.npy", column.offsets, allow_pickle=False)
        return {"kind": "ragged"}
    np.save(folder / f"{name}.npy", column, allow_pickle=False)
    return {"kind": "dense"}


def _read(folder: Path, name: str, about: dict[str, Any]) -> AnyColumn:
    def array(part: str) -> Any:
        return np.load(folder / f"{name}{part}.npy", mmap_mode="r", allow_pickle=False)

    if about["kind"] == "dense":
        return array("")  # type: ignore[no-any-return]
    if about["kind"] == "ids":
        return IdRows(array(""), int(about["ids"]))
    ragged = Ragged(array(".values"), np.asarray(array(".offsets")))
    if about["kind"] == "multi_hot":
        return MultiHotRows(ragged, int(about["size"]))
    if about["kind"] == "text":
        whole = ragged.values.tobytes()
        ends = ragged.offsets.tolist()
        return [whole[a:b].decode() for a, b in pairwise(ends)]
    return ragged
