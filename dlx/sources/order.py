"""In which order rows come: drawn, and those of about one length together."""

from __future__ import annotations

import torch
from torch import Tensor

CHUNK = 50
"""Batches whose rows are sorted by length together: few, so that an epoch stays well mixed."""


def draw_order(
    rows: int, generator: torch.Generator, chances: Tensor | None = None, draws: int | None = None
) -> Tensor:
    """Each row once; or with replacement where each has its own chance, or a number is drawn."""
    if chances is None:
        if draws is None:
            return torch.randperm(rows, generator=generator)
        return torch.randint(rows, (draws,), generator=generator)
    ends = chances.cumsum(0)
    many = rows if draws is None else draws
    places = torch.rand(many, generator=generator, dtype=torch.float64) * ends[-1]
    return torch.searchsorted(ends, places, right=True).clamp(max=rows - 1)  # of rounding


def gather_alike(
    order: Tensor, lengths: Tensor, batch_size: int, generator: torch.Generator
) -> Tensor:
    """The rows in an order in which those of a batch are of about one length.

    Rows are sorted within chunks of `CHUNK` batches, and the batches of all chunks come in an
    order of their own. The last batch of an epoch, if it has fewer rows, stays the last.

    Args:
        order: of the rows, as it was drawn.
        lengths: of each row, on the CPU.
        batch_size: rows a batch.
        generator: what the order of the batches is drawn from.
    """
    chunk = CHUNK * batch_size
    alike = torch.cat(
        [rows[lengths[rows].argsort(stable=True)] for rows in torch.split(order, chunk)]
    )
    whole = len(order) // batch_size
    batches = alike[: whole * batch_size].view(whole, batch_size)
    mixed = batches[torch.randperm(whole, generator=generator)]
    return torch.cat([mixed.flatten(), alike[whole * batch_size :]])


def share_filled(order: Tensor, lengths: Tensor, batch_size: int) -> float:
    """The share of the steps of all batches that fill rows to the longest of their batch."""
    each, whole = lengths[order], len(order) // batch_size * batch_size
    steps = batch_size * int(each[:whole].view(-1, batch_size).amax(1).sum())
    rest = each[whole:]
    steps += len(rest) * int(rest.max()) if len(rest) else 0
    return 1 - int(each.sum()) / steps


def describe_filling(lengths: Tensor, batch_size: int, alike: bool) -> str:
    """What rows of different length cost, as a sentence without a stop.

    Args:
        lengths: of the rows, on the CPU.
        batch_size: rows a batch.
        alike: whether those of a batch are of about one length.
    """
    generator = torch.Generator().manual_seed(0)
    drawn = draw_order(len(lengths), generator)
    sorted_ = gather_alike(drawn, lengths, batch_size, generator)
    as_drawn, sorted_by = (
        f"{100 * share_filled(order, lengths, batch_size):.0f} %" for order in (drawn, sorted_)
    )
    told = f"training rows have {int(lengths.min())} to {int(lengths.max())} steps"
    if as_drawn == sorted_by:
        return f"{told}: {as_drawn} of a batch is filling"
    if alike:
        return f"{told}: {sorted_by} of a batch is filling, {as_drawn} with trainer.bucket=none"
    return f"{told}: {as_drawn} of a batch is filling, {sorted_by} with trainer.bucket=length"
