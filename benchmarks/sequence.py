"""Sequence models of the book's shapes, against what is written by hand, in one process.

    python benchmarks/sequence.py [--rounds 5]

Three questions: what dlx's loop adds to a hand-written one, what recurrent dropout adds to torch's
fused layers, and what rows of different length take without packed sequences, against with them.
The figure is the median of the rounds' ratios, on one thread. The tensors are made up: only their
shapes matter here.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import torch
from loop import Workload, by_hand, compare, learner_of, ours
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from dlx.config.load import load
from dlx.data.columns import Input
from dlx.models import recurrent
from dlx.models.inputs import Padded
from dlx.sources.batches import Part
from dlx.sources.held import HeldDense

ROWS, BATCH, UNITS = 1024, 128, 32
SHAPES = {"GRU": (240, 14), "LSTM": (500, 32)}
"""Steps and features that the book's layers read (6.3, 6.2)."""


def workloads() -> list[Workload]:
    """The book's LSTM on reviews, and its GRU on weather."""
    source = torch.Generator().manual_seed(0)
    ids = torch.randint(1, 10_000, (ROWS, 500), generator=source)
    liked = torch.randint(2, (ROWS,), generator=source).float()
    weather = torch.randn(ROWS, 240, 14, generator=source)
    degrees = torch.randn(ROWS, generator=source)
    batch = f"trainer.batch_size={BATCH}"
    padded = "prepare.steps=[{name: pad, length: 500}]"
    numbers = torch.arange(ROWS)
    reviews = Part({"review": HeldDense(ids)}, {"sentiment": liked}, numbers)
    windows = Part({"window": HeldDense(weather)}, {"temperature": degrees}, numbers)
    return [
        Workload(
            "LSTM 32 on 500 embedded ids, batch 128",
            ["task=imdb", padded, "model=lstm", batch],
            {"review": Input("ids", (500,), 10_000)},
            reviews,
            1,
            1.05,
        ),
        Workload(
            "GRU 32 on 240 x 14, batch 128",
            ["task=beijing_windows", "model=gru", batch],
            {"window": Input("steps", (240, 14))},
            windows,
            1,
            1.05,
        ),
    ]


def layer_of(kind: str, dropout: float = 0.0) -> nn.Module:
    """A layer of dlx with the book's shape."""
    layer: nn.Module = getattr(recurrent, kind)(SHAPES[kind][1], UNITS, batch_first=True)
    layer.state_dropout = layer.input_dropout = dropout
    return layer


def both_ways(run: Callable[[Tensor], Tensor], x: Tensor) -> Callable[[], None]:
    """Forward and backward."""

    def step() -> None:
        run(x).square().sum().backward()

    return step


def rows_of(kind: str) -> Tensor:
    return torch.randn(BATCH, *SHAPES[kind], requires_grad=True)


def packed(layer: nn.Module, lengths: Tensor) -> Callable[[Tensor], Tensor]:
    """The last outputs as torch's documentation has it."""
    fused = getattr(nn, type(layer).__name__)(layer.input_size, UNITS, batch_first=True)

    def run(x: Tensor) -> Tensor:
        rows = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        state = fused(rows)[1]
        last: Tensor = state[0] if isinstance(state, tuple) else state
        return last[0]

    return run


def show(name: str, a: Callable[[], None], b: Callable[[], None], rounds: int, limit: str) -> None:
    ours_, other, ratio = compare(a, b, rounds)
    print(f"{name:52} {ours_:7.3f} {other:7.3f} {ratio:6.3f} {limit:>6}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, 1 thread, {rounds} rounds")
    print(f"{'':52} {'dlx s':>7} {'other s':>7} {'ratio':>6} {'target':>6}")
    for work in workloads():
        config = load(work.overrides).config
        hand = by_hand(work, learner_of(work, config), config, True)
        show(f"{work.name}, by hand", ours(work, config, True), hand, rounds, f"{work.limit}")
    for kind in SHAPES:
        x = rows_of(kind)
        dropping, fused = (both_ways(layer_of(kind, rate), x) for rate in (0.2, 0.0))
        show(f"{kind} with recurrent dropout, fused without", dropping, fused, rounds, "1.3")
    for kind, (steps, _) in SHAPES.items():
        x, layer = rows_of(kind), layer_of(kind)
        lengths = torch.randint(steps // 10, steps + 1, (BATCH,))
        gathered = both_ways(lambda x, n=lengths, layer=layer: layer(Padded(x, n)), x)
        apart = both_ways(packed(layer, lengths), x)
        show(f"{kind} on rows of different length, packed", gathered, apart, rounds, "1.0")


if __name__ == "__main__":
    main()
