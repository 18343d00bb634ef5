"""Hashes of rows, by content: duplicates across parts, and the key of a test part."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from .columns import take
from .samples import Column, Ragged, Rows, Samples


def input_hashes(samples: Samples) -> list[bytes]:
    """A hash of every row's inputs, as they were read."""
    columns = [_row_bytes(samples.columns[name]) for name in samples.inputs]
    return [_digest(b"|".join(cells)) for cells in zip(*columns, strict=True)]


def row_hashes(samples: Samples, inputs: list[bytes], rows: Rows) -> list[bytes]:
    """A hash of some rows' inputs and targets, as they were before any option where that is known.

    Args:
        samples: the dataset.
        inputs: from `input_hashes`, of every row.
        rows: which rows.
    """
    if samples.identity:
        return _row_bytes(take(samples.columns[samples.identity], rows))  # type: ignore[arg-type]
    targets = [_row_bytes(samples.columns[name]) for name in samples.targets]
    return [_digest(b"|".join([inputs[i], *(t[i] for t in targets)])) for i in rows.tolist()]


_NOT_CONTENT = {"columns", "test", "source", "digest", "former_digest", "key", "sample"}


def contents_digest(samples: Samples) -> str:
    """SHA-256 over everything that a reader returned: every column, its names, its roles."""
    roles = {f.name: getattr(samples, f.name) for f in fields(samples)}
    told = {name: value for name, value in roles.items() if name not in _NOT_CONTENT}
    digest = hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode())
    columns: dict[str, Column] = dict(samples.columns)
    if samples.test is not None:
        columns["official test rows"] = samples.test
    for name, column in sorted(columns.items()):
        for array in _arrays(column):
            about = json.dumps([name, array.dtype.str, array.shape])
            digest.update(about.encode() + array.tobytes())
    return digest.hexdigest()


def _arrays(column: Column) -> list[npt.NDArray[Any]]:
    if isinstance(column, Ragged):
        return [column.values, column.offsets]
    if isinstance(column, list) or column.dtype.hasobject:
        cells = [str(cell).encode(errors="surrogatepass") for cell in column]
        return [np.array([len(c) for c in cells]), np.frombuffer(b"".join(cells), np.uint8)]
    return [column]


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()


def _row_bytes(column: Column) -> list[bytes]:
    if isinstance(column, list):
        return [text.encode() for text in column]
    if isinstance(column, Ragged):
        whole = np.ascontiguousarray(column.values).tobytes()
        ends = (column.offsets * column.values.itemsize).tolist()
        return [whole[a:b] for a, b in pairwise(ends)]
    rows = np.ascontiguousarray(column)
    whole = rows.tobytes()
    step = len(whole) // max(1, len(rows))
    return [whole[i : i + step] for i in range(0, len(whole), step)]


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
