from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

import numpy as np
import pytest
import torch

from dlx.data.columns import Dense, Sequence, Sparse
from dlx.models.inputs import MultiHot, Padded
from dlx.sources import batches
from dlx.sources.batches import Batch, Part, make_part
from dlx.sources.held import ALIGNED, as_tensor
from dlx.sources.source import RowSource

ROWS, SIZE = 53, 11
RNG = np.random.default_rng(0)
MARKS = RNG.random((ROWS, SIZE)) < 0.3
MARKS[[4, 5, 52]] = False  # rows without a single one
CPU = torch.device("cpu")


def marked() -> Sparse:
    lengths = MARKS.sum(axis=1)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return Sparse(np.nonzero(MARKS)[1].astype(np.int32), offsets, SIZE)


@pytest.fixture
def part() -> Part:
    columns = {
        "row": Dense(np.arange(ROWS, dtype=np.float32)[:, None]),
        "marks": marked(),
        "ids": Sequence.of_rows(np.arange(2 * ROWS, dtype=np.int32).reshape(ROWS, 2), 200),
    }
    targets = {"y": np.arange(ROWS, dtype=np.int64)}
    return make_part(columns, targets, np.arange(ROWS), CPU)


def rows_of(batch: Batch) -> list[int]:
    """Which rows a batch holds; every column must hold the same ones."""
    rows = batch.targets["y"].tolist()
    assert batch.rows == len(rows)
    assert batch.part is not None
    assert batch.part.numbers[batch.start : batch.start + batch.rows].tolist() == rows
    assert batch.inputs["row"][:, 0].tolist() == rows
    assert batch.inputs["ids"].tolist() == [[2 * i, 2 * i + 1] for i in rows]
    marks = batch.inputs["marks"]
    assert isinstance(marks, MultiHot)
    np.testing.assert_array_equal(marks.dense().numpy(), MARKS[rows])
    return rows


def flat(found: Iterable[list[int]]) -> list[int]:
    return list(chain.from_iterable(found))


def order(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("size", [1, 2, 7, 52, 53, 54, 1000])
def test_batches_in_order_hold_every_row_once(part: Part, size: int) -> None:
    found = [rows_of(batch) for batch in part.in_order(size)]

    assert flat(found) == list(range(ROWS))
    assert [len(rows) for rows in found[:-1]] == [size] * (len(found) - 1)


@pytest.mark.parametrize("size", [1, 2, 7, 52, 53, 54, 1000])
@pytest.mark.parametrize("block", [1, 100, 5_000, 1 << 30])
def test_shuffled_batches_hold_every_row_once(
    part: Part, monkeypatch: pytest.MonkeyPatch, size: int, block: int
) -> None:
    monkeypatch.setattr(batches, "BLOCK_BYTES", block)

    found = [rows_of(batch) for batch in part.iterate_shuffled(size, order(0))]

    assert sorted(flat(found)) == list(range(ROWS))
    assert [len(rows) for rows in found[:-1]] == [size] * (len(found) - 1)


@pytest.mark.parametrize("block", [1, 100, 5_000])
def test_the_block_size_does_not_change_the_batches(
    part: Part, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    usual = [rows_of(batch) for batch in part.iterate_shuffled(8, order(3))]
    monkeypatch.setattr(batches, "BLOCK_BYTES", block)

    assert [rows_of(batch) for batch in part.iterate_shuffled(8, order(3))] == usual


def test_the_order_is_the_generators(part: Part) -> None:
    orders = [flat(rows_of(b) for b in part.iterate_shuffled(8, order(s))) for s in (0, 0, 1, 2)]

    assert orders[0] == orders[1]
    assert len({tuple(rows) for rows in orders}) == 3
    assert orders[0] != list(range(ROWS))


@pytest.mark.parametrize("steps", [1, 20])
def test_an_epoch_of_a_number_of_steps_draws_rows_with_replacement(part: Part, steps: int) -> None:
    """Wherever it begins, as a run that is resumed within an epoch does."""
    source = RowSource(part, 8, 5, steps=steps)

    found = [[rows_of(batch) for batch in source.epoch(number)] for number in (0, 1)]

    assert source.steps == steps
    assert [list(map(len, epoch)) for epoch in found] == [[8] * steps] * 2
    assert found[0] != found[1]
    assert {*flat(found[0])} <= {*range(ROWS)}
    counts = np.bincount(flat(found[0]), minlength=ROWS)
    assert counts == pytest.approx(8 * steps / ROWS, abs=9)
    for skip in (0, 1, steps - 1):
        assert [rows_of(batch) for batch in source.epoch(0, skip)] == found[0][skip:]


@pytest.mark.parametrize("block", [0, 700, 10**6])
def test_a_batch_lies_where_it_lay_wherever_an_epoch_begins(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else products of its rows may end in another digit once a run is resumed."""
    monkeypatch.setattr(batches, "BLOCK_BYTES", block)
    rows = RNG.random((ROWS, 13), dtype=np.float32)
    source = RowSource(make_part({"x": Dense(rows)}, {}, np.arange(ROWS), CPU), 3, 5)

    def lie(skip: int) -> list[tuple[int, list[float]]]:
        given = [batch.inputs["x"] for batch in source.epoch(0, skip)]
        return [(one.data_ptr() % ALIGNED, one.flatten().tolist()) for one in given]

    every = lie(0)
    assert len(every) == source.steps
    for skip in range(source.steps):
        assert lie(skip) == every[skip:]


@pytest.mark.parametrize("place", [0, 1, 4, 16])
@pytest.mark.parametrize("writeable", [True, False])
def test_a_column_lies_as_torch_aligns_it_wherever_it_was(place: int, writeable: bool) -> None:
    array = np.arange(40, dtype=np.float32)[place : place + 12].reshape(3, 4)
    array.flags.writeable = writeable

    for given in (array, array.T, array[:, 1]):
        found = as_tensor(given, CPU)
        assert found.data_ptr() % ALIGNED == 0
        assert found.tolist() == given.tolist()


def test_chances_hold_for_a_number_of_steps_too(part: Part) -> None:
    chances = np.zeros(ROWS)
    chances[[3, 7]] = 0.5

    found = flat(rows_of(b) for b in RowSource(part, 8, 5, chances=chances, steps=10).epoch(0))

    assert len(found) == 80
    assert {*found} == {3, 7}


@pytest.mark.parametrize("rows", [[0], [52, 0, 4], [4, 5], [7, 7, 7], []])
def test_rows_are_taken_in_the_order_given(part: Part, rows: list[int]) -> None:
    taken = part.take(torch.tensor(rows, dtype=torch.int64))

    assert len(taken) == len(rows)
    if rows:
        assert rows_of(next(taken.in_order(10))) == rows


@pytest.mark.parametrize("parts", [1, 2, 3, 5, 8])
def test_micro_batches_are_the_batch(part: Part, parts: int) -> None:
    batch = next(part.iterate_shuffled(8, order(1)))

    found = [rows_of(micro) for micro in batch.split(parts)]

    assert flat(found) == rows_of(batch)
    assert len(found) <= parts
    assert max(map(len, found)) == -(-8 // parts)


def test_a_part_is_of_the_rows_asked_for() -> None:
    columns = {"marks": marked(), "row": Dense(np.arange(ROWS, dtype=np.float32)[:, None])}
    rows = np.array([5, 50, 1])

    part = make_part(columns, {"y": np.arange(ROWS)}, rows, CPU)

    (batch,) = part.in_order(9)
    assert batch.targets["y"].tolist() == [5, 50, 1]
    marks = batch.inputs["marks"]
    assert isinstance(marks, MultiHot)
    np.testing.assert_array_equal(marks.dense().numpy(), MARKS[rows])


def test_arrays_that_must_not_be_written_are_copied() -> None:
    mapped = np.zeros((3, 2), dtype=np.float32)
    mapped.flags.writeable = False

    part = make_part({"x": Dense(mapped)}, {"y": np.zeros(3, dtype=np.float32)}, np.arange(3), CPU)
    (batch,) = part.in_order(3)
    assert isinstance(batch.inputs["x"], torch.Tensor)
    batch.inputs["x"].add_(1)

    assert (mapped == 0).all()


LISTS = [[3, 1], [], [2], [5, 6, 7], []]


def test_rows_of_different_length_are_filled_to_the_longest_of_their_batch() -> None:
    offsets = np.cumsum([0, *map(len, LISTS)]).astype(np.int64)
    column = Sequence(np.array(list(chain(*LISTS)), dtype=np.int32), offsets, 9)
    part = make_part({"x": column}, {"y": np.arange(5)}, np.arange(5), CPU)

    found = [padded(batch) for batch in part.take(torch.tensor([3, 1, 0, 2])).in_order(2)]

    assert found == [([[5, 6, 7], [0, 0, 0]], [3, 1]), ([[3, 1], [2, 0]], [2, 1])]
    (whole,) = part.in_order(9)
    assert [padded(micro) for micro in whole.split(2)] == [
        ([[3, 1], [0, 0], [2, 0]], [2, 1, 1]),
        ([[5, 6, 7], [0, 0, 0]], [3, 1]),
    ]
    marks = part.inputs["x"]  # of a whole column, never filled
    assert isinstance(marks, MultiHot)
    np.testing.assert_array_equal(marks.dense().nonzero().numpy().T[1], [1, 3, 2, 5, 6, 7])


def padded(batch: Batch) -> tuple[list[list[int]], list[int]]:
    """The ids of a batch, and its lengths: a row without ids counts as one of a single 0."""
    found = batch.inputs["x"]
    assert isinstance(found, Padded)
    assert found.values.dtype == found.lengths.dtype == torch.int64
    return found.values.tolist(), found.lengths.tolist()
