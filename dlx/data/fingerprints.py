"""Hashes of rows, by content: duplicates across parts, and the key of a test part."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields

import numpy as np

from .columns import Dense, Rows
from .samples import Samples


def input_hashes(samples: Samples) -> list[bytes]:
    """A hash of every row's inputs, as they were read."""
    rows = np.arange(len(samples))
    columns = [samples.columns[name].hashes(rows) for name in samples.inputs]
    return [_digest(b"|".join(cells)) for cells in zip(*columns, strict=True)]


def row_hashes(samples: Samples, inputs: list[bytes], rows: Rows) -> list[bytes]:
    """A hash of some rows' inputs and targets, as they were before any option where that is known.

    Of the inputs every row's hash is given, as `input_hashes` made them.
    """
    if samples.identity:
        return samples.columns[samples.identity].hashes(rows)
    mine = [inputs[row] for row in rows.tolist()]
    targets = [samples.columns[name].hashes(rows) for name in samples.targets]
    return [_digest(b"|".join(cells)) for cells in zip(mine, *targets, strict=True)]


_NOT_CONTENT = {
    *("columns", "test", "validation", "source", "digest", "former_digest", "key", "sample"),
    *("names", "looks", "unsteady"),
}
_LATER = {"behind": 0, "seasons": {}, "notes": (), "clock": "", "horizons": ()}
"""Roles that earlier versions did not know, which change nothing where they have these values."""
_TOLD = {"names", "words"}
"""Of a column's meta what stands among the roles."""


def contents_digest(samples: Samples) -> str:
    """SHA-256 over everything that a reader returned: every column, its names, its roles."""
    roles = {f.name: getattr(samples, f.name) for f in fields(samples)}
    known = {name: value for name, value in roles.items() if name not in _NOT_CONTENT}
    told = {name: value for name, value in known.items() if _LATER.get(name) != value}
    digest = hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode())
    derived = (samples.names, samples.looks)
    columns = {name: one for name, one in samples.columns.items() if name not in derived}
    for part in ("test", "validation"):
        rows = getattr(samples, part)
        if rows is not None:
            columns[f"official {part} rows"] = Dense(rows)
    for name, column in sorted(columns.items()):
        arrays, about_it = column.contents()
        for array in arrays.values():
            about = json.dumps([name, array.dtype.str, array.shape])
            digest.update(about.encode())
            digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)  # no copy
        meta = {key: value for key, value in about_it.items() if value and key not in _TOLD}
        digest.update(json.dumps(meta, sort_keys=True).encode() if meta else b"")
    return digest.hexdigest()


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()


def duplicates(hashes: list[bytes], parts: Mapping[str, Rows]) -> dict[str, int]:
    """Rows of a part whose content also stands in another, by pair ("train-test").

    Of each pair the rows of the second part are counted.
    """
    sets = {name: {hashes[i] for i in rows.tolist()} for name, rows in parts.items()}
    names = list(parts)
    found = {}
    for index, first in enumerate(names):
        for second in names[index + 1 :]:
            count = sum(hashes[i] in sets[first] for i in parts[second].tolist())
            if count:
                found[f"{first}-{second}"] = count
    return found
