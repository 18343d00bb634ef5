from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from dlx.data.columns import Dense, Sequence, Text
from dlx.data.fingerprints import duplicates, input_hashes, row_hashes
from dlx.data.samples import Samples
from dlx.runs.ledger import rows_of

RNG = np.random.default_rng(0)
ROWS = 20


def some_samples() -> Samples:
    lengths = RNG.integers(0, 5, ROWS)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return Samples(
        columns={
            "numbers": RNG.normal(size=(ROWS, 3)),
            "lists": Sequence(RNG.integers(0, 99, offsets[-1]).astype(np.int32), offsets),
            "texts": [f"text {i}" for i in range(ROWS)],
            "y": RNG.integers(0, 2, ROWS),
        },
        inputs=("numbers", "lists", "texts"),
        targets=("y",),
        test=None,
        source={},
        digest="",
    )


def of_rows(samples: Samples, rows: Any) -> Samples:
    return replace(
        samples, columns={n: c.take(np.asarray(rows)) for n, c in samples.columns.items()}
    )


def hashes(samples: Samples) -> list[bytes]:
    return row_hashes(samples, input_hashes(samples), np.arange(len(samples)))


def test_shuffled_or_copied_rows_have_the_same_key() -> None:
    samples = some_samples()
    shuffled = of_rows(samples, RNG.permutation(ROWS))
    copied = of_rows(samples, np.arange(ROWS))

    key = rows_of(hashes(samples)).key

    assert rows_of(hashes(shuffled)).key == key
    assert rows_of(hashes(copied)).key == key
    assert rows_of(hashes(of_rows(samples, [*range(ROWS - 1), 0]))).key != key
    assert rows_of(hashes(of_rows(samples, range(ROWS - 1)))).key != key


def test_every_value_counts() -> None:
    samples = some_samples()
    keys = {rows_of(hashes(samples)).key}
    for name in samples.columns:
        changed: Any
        column = samples.columns[name]
        if isinstance(column, Text):
            changed = Text([*column.values[:-1], "another text"])
        else:
            assert isinstance(column, (Dense, Sequence))
            values = column.values.copy()
            values.flat[0] += 1
            changed = replace(column, values=values)
        keys.add(rows_of(hashes(replace(samples, columns={**samples.columns, name: changed}))).key)

    assert len(keys) == 1 + len(samples.columns)


def test_inputs_alone_do_not_see_the_target() -> None:
    samples = some_samples()
    flipped = replace(
        samples, columns={**samples.columns, "y": 1 - np.asarray(samples.columns["y"])}
    )

    assert input_hashes(flipped) == input_hashes(samples)
    assert not set(hashes(flipped)) & set(hashes(samples))


def test_hashes_are_of_the_rows_asked_for() -> None:
    samples = some_samples()
    rows = np.array([5, 0, 5])

    found = row_hashes(samples, input_hashes(samples), rows)

    assert found == [hashes(samples)[row] for row in rows]


def test_duplicates_are_counted_by_pair_of_parts() -> None:
    hashes = [b"a", b"b", b"a", b"c", b"a", b"b"]
    parts = {
        "train": np.array([0, 1]),
        "val": np.array([2, 3]),
        "test": np.array([4, 5]),
    }

    assert duplicates(hashes, parts) == {"train-val": 1, "train-test": 2, "val-test": 1}
    assert duplicates(hashes, {"train": np.array([0, 2]), "test": np.array([3])}) == {}
