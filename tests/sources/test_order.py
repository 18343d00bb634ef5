"""Rows of about one length in a batch: every row once, in an order that seed and epoch give."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from dlx.data.columns import Sequence
from dlx.sources.batches import Part, make_part
from dlx.sources.order import CHUNK, describe_filling, gather_alike, share_filled
from dlx.sources.source import RowSource

CPU = torch.device("cpu")
ROWS = 530
LENGTHS = np.random.default_rng(0).integers(0, 90, ROWS)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def part() -> Part:
    offsets = np.concatenate([[0], np.cumsum(LENGTHS)])
    column = Sequence(np.ones(offsets[-1], dtype=np.int32), offsets, 2)
    return make_part({"x": column}, {"y": np.arange(ROWS)}, np.arange(ROWS), CPU)


def rows_of(source: RowSource, epoch: int, skip: int = 0) -> list[list[int]]:
    return [batch.targets["y"].tolist() for batch in source.epoch(epoch, skip)]


@pytest.mark.parametrize("size", [4, 33, 600])
def test_every_row_comes_once_an_epoch_and_only_the_last_batch_has_fewer(
    part: Part, size: int
) -> None:
    source = RowSource(part, size, 3, alike=True)
    found = rows_of(source, 0)
    assert sorted(row for one in found for row in one) == list(range(ROWS))
    assert [len(one) for one in found[:-1]] == [size] * (source.steps - 1)
    for skip in (1, 2, source.steps - 1):
        assert rows_of(source, 0, skip) == found[skip:]
    assert rows_of(RowSource(part, size, 3, alike=True), 0) == found


def test_another_epoch_or_seed_gives_another_order(part: Part) -> None:
    orders = [
        rows_of(RowSource(part, 8, seed, alike=True), epoch)
        for seed, epoch in ((3, 0), (3, 1), (4, 0))
    ]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert orders[one] != orders[other]


def test_rows_of_a_batch_are_alike_and_batches_come_in_no_order_of_length(part: Part) -> None:
    batches = rows_of(RowSource(part, 4, 3, alike=True), 0)[:-1]
    spans = [np.ptp(np.maximum(LENGTHS[one], 1)) for one in batches]
    assert np.mean(spans) < 4  # of 90
    longest = [LENGTHS[one].max() for one in batches]
    assert abs(np.corrcoef(longest, np.arange(len(longest)))[0, 1]) < 0.3


def test_rows_stay_among_those_that_were_drawn_near_them() -> None:
    order = torch.randperm(1000, generator=generator(1))
    lengths = torch.randint(1, 90, (1000,), generator=generator(2))
    chunks = order.split(CHUNK * 4)
    found = gather_alike(order, lengths, 4, generator())
    for batch in found.split(4):
        assert any(torch.isin(batch, chunk).all() for chunk in chunks)


def test_the_share_that_is_filled_is_told() -> None:
    lengths = torch.tensor([1, 3, 2, 2])
    assert share_filled(torch.tensor([0, 1, 2, 3]), lengths, 2) == pytest.approx(2 / 10)
    assert share_filled(torch.tensor([0, 2, 3, 1]), lengths, 2) == pytest.approx(2 / 10)
    assert share_filled(torch.tensor([1, 2, 3, 0]), lengths, 3) == pytest.approx(2 / 10)
    assert share_filled(torch.tensor([2, 3]), lengths, 2) == 0


def test_what_filling_costs_is_told_beside_what_it_would_cost() -> None:
    lengths = torch.from_numpy(np.maximum(LENGTHS, 1))
    told = "training rows have 1 to 89 steps: 2 % of a batch is filling, 43 % with trainer.bucket="
    assert describe_filling(lengths, 8, alike=True) == f"{told}none"
    other = describe_filling(lengths, 8, alike=False)
    assert other == told.replace("2 %", "x").replace("43 %", "2 %").replace("x", "43 %") + "length"
    whole = describe_filling(lengths, len(lengths), alike=False)  # one batch, however it is sorted
    assert re.fullmatch(r"training rows have 1 to 89 steps: \d+ % of a batch is filling", whole)


def test_rows_sorted_by_length_know_the_way_back(part: Part) -> None:
    assert part.by_length is not None
    samples, places = part.by_length
    assert samples.lengths is not None
    assert samples.lengths.diff().min() >= 0
    assert samples.targets["y"][places].tolist() == list(range(ROWS))


def test_rows_of_one_length_keep_the_order_that_was_drawn() -> None:
    column = Sequence.of_rows(np.arange(40, dtype=np.int32).reshape(20, 2), 40)
    same = make_part({"x": column}, {"y": np.arange(20)}, np.arange(20), CPU)
    assert same.by_length is None
    assert rows_of(RowSource(same, 4, 3, alike=True), 0) == rows_of(RowSource(same, 4, 3), 0)
