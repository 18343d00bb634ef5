"""Noise on single numbers and numbers left out: functions of the row, in the shares asked for."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from dlx.config.specs import AUGMENTATIONS
from dlx.sources.draws import Draw, draw_uniform
from dlx.sources.numbers import Scattering, draw_each
from dlx.sources.shades import Shade

ROWS = torch.arange(400)


def draws(rows: Tensor, name: str) -> Draw:
    return lambda what: draw_uniform(rows, len(name + what))


def scattered(rows: Tensor, numbers: Tensor, *names: str) -> Tensor:
    chosen = [(name, AUGMENTATIONS.default(name)()) for name in names]
    members = [(name, one.load()(one.options)) for name, one in chosen]
    return Scattering(members, Shade)(numbers, partial(draws, rows))


def test_each_number_of_each_row_draws_by_itself() -> None:
    drawn = draw_each(draws(ROWS, "x"), torch.zeros(400, 3, 5))
    assert len(drawn.unique()) > 0.99 * drawn.numel()
    assert abs(float(drawn.mean()) - 0.5) < 0.02
    some = torch.tensor([7, 300])
    assert torch.equal(draw_each(draws(some, "x"), torch.zeros(2, 3, 5)), drawn[some])


def test_noise_has_its_deviation_and_as_many_numbers_are_left_out_as_asked_for() -> None:
    ones = torch.ones(400, 20)
    noisy = scattered(ROWS, ones, "jitter")
    assert abs(float(noisy.std()) - 0.1) < 0.005
    assert abs(float(noisy.mean()) - 1) < 0.005
    assert noisy.isfinite().all()
    left = scattered(ROWS, ones, "drop")
    assert {*left.unique().tolist()} == {0.0, 1.0}
    assert abs(float((left == 0).float().mean()) - 0.2) < 0.02
    both = scattered(ROWS, ones, "jitter", "drop")
    assert torch.equal(both, torch.where(left == 0, 0.0, noisy))
