"""dlx's loop against a hand-written PyTorch loop over the same tensors, in one process.

    python benchmarks/loop.py [--rounds 9]

For each workload both loops train the same model for the same steps, in turn, with and without a
metric; the figure is the median of the rounds' ratios. Below each stands the chosen thread count
against PyTorch's default. The tensors are made up: only their shapes matter here.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dlx.config.load import load
from dlx.config.schema import Config
from dlx.data.columns import Input
from dlx.data.targets import EncodedTarget, TargetCodec
from dlx.learning.build import build_learner
from dlx.learning.meters import Meters
from dlx.learning.supervised import Supervised
from dlx.models.inputs import MultiHot
from dlx.running import threads
from dlx.running.staging import build_training
from dlx.sources.batches import Part
from dlx.sources.held import HeldDense, HeldSparse
from dlx.sources.source import RowSource
from dlx.training.loop import run_epoch
from dlx.training.training import Training

CPU = torch.device("cpu")


@dataclass
class Workload:
    """A model, its tensors, and how it is trained."""

    name: str
    overrides: list[str]
    inputs: dict[str, Input]
    part: Part
    outputs: int
    limit: float


def workloads() -> list[Workload]:
    source = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=source)

    def labels(rows: int, classes: int) -> Tensor:
        return torch.randint(classes, (rows,), generator=source)

    def part(name: str, values: Tensor, target: str, known: Tensor) -> Part:
        return Part({name: HeldDense(values)}, {target: known}, torch.arange(len(known)))

    images = part("image", normal(1024, 28, 28), "digit", labels(1024, 10))
    table = part("features", normal(404, 13), "price", normal(404))
    ids = torch.randint(1, 10_000, (1024, 100), generator=source)
    texts = part("review", ids, "sentiment", labels(1024, 2).float())
    known = {"sentiment": labels(7_680, 2).float()}
    reviews = Part({"review": HeldSparse(multi_hot(7_680))}, known, torch.arange(7_680))
    lstm = "model={name: layers, layers: [{embedding: 32}, {lstm: 32}]}"
    return [
        Workload(
            "imdb multi-hot MLP, batch 512",
            ["task=imdb"],
            {"review": Input("multi_hot", (10_000,))},
            reviews,
            1,
            1.05,
        ),
        Workload(
            "MNIST convnet, batch 64",
            ["task=mnist", "model=convnet", "trainer.batch_size=64"],
            {"image": Input("dense", (28, 28))},
            images,
            10,
            1.05,
        ),
        Workload(
            "Boston MLP, batch 1",
            ["task=boston_housing", "trainer.batch_size=1"],
            {"features": Input("dense", (13,))},
            table,
            1,
            1.15,
        ),
        Workload(
            "LSTM on 100 ids, batch 128",
            [
                "task=imdb",
                "prepare.steps=[{name: pad, length: 100}]",
                lstm,
                "trainer.batch_size=128",
            ],
            {"review": Input("ids", (100,), 10_000)},
            texts,
            1,
            1.05,
        ),
    ]


def multi_hot(rows: int) -> MultiHot:
    random = np.random.default_rng(0)
    chosen = [np.unique((random.zipf(1.2, 240) - 1) % 10_000).astype(np.int64) for _ in range(rows)]
    offsets = np.concatenate([[0], np.cumsum([len(c) for c in chosen])])
    indices = torch.from_numpy(np.concatenate(chosen))
    return MultiHot(indices, torch.from_numpy(offsets), 10_000)


def take_rows(column: Tensor | MultiHot, rows: Tensor) -> Tensor | MultiHot:
    """What somebody writes by hand to gather a batch."""
    if isinstance(column, Tensor):
        return column[rows]
    starts, ends = column.offsets[rows], column.offsets[rows + 1]
    pieces = [column.indices[a:b] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]
    offsets = torch.cat([torch.zeros(1, dtype=torch.int64), (ends - starts).cumsum(0)])
    return MultiHot(torch.cat(pieces), offsets, column.size)


def by_hand(
    work: Workload, learner: Supervised, config: Config, metric: bool
) -> Callable[[], None]:
    """One epoch as in every tutorial; one input, one target, loss and metric summed up."""
    model, head = learner.model, learner.heads[0]
    options = config.optimizer.options
    optimizer = torch.optim.RMSprop(
        model.parameters(), lr=options.lr, alpha=options.rho, eps=options.eps
    )
    (name, x), (target, y) = (
        next(iter(work.part.inputs.items())),
        next(iter(work.part.targets.items())),
    )
    size = config.trainer.batch_size

    def epoch() -> None:
        order = torch.randperm(len(y))
        total, right = 0.0, torch.zeros(())
        model.train()
        for start in range(0, len(y), size):
            rows = order[start : start + size]
            xb, yb = take_rows(x, rows), y[rows]
            optimizer.zero_grad()
            logits = model({name: xb})[target]
            loss = head.loss(logits, yb)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
            if metric:
                with torch.no_grad():
                    right += measure(head.problem, logits, yb)

    return epoch


def measure(problem: str, logits: Tensor, y: Tensor) -> Tensor:
    if problem == "binary":
        return ((logits[:, 0] > 0) == (y > 0.5)).sum()
    if problem == "multiclass":
        return (logits.argmax(1) == y).sum()
    return (logits[:, 0] - y).abs().sum()


def learner_of(work: Workload, config: Config) -> Supervised:
    target = next(iter(work.part.targets))
    values = np.zeros(0)
    classes = tuple(map(str, range(work.outputs)))
    codec = TargetCodec(config.targets[target].problem, work.outputs, classes)
    learner = build_learner(config, work.inputs, {target: EncodedTarget(values, codec)}, CPU)
    assert isinstance(learner, Supervised)
    return learner


def ours(work: Workload, config: Config, metric: bool) -> Callable[[], None]:
    learner = learner_of(work, config)
    source = RowSource(work.part, config.trainer.batch_size, config.seed)
    training: Training = build_training(config, learner, source)
    if not metric:
        none = {head.name: {} for head in learner.heads}
        training.train_meters = Meters("train", learner.heads, none)
    else:
        training.train_meters = learner.meters("train")

    def epoch() -> None:
        run_epoch(training)
        training.progress.close_epoch()

    return epoch


def timed(run: Callable[[], None]) -> float:
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun


def compare(
    a: Callable[[], None], b: Callable[[], None], rounds: int
) -> tuple[float, float, float]:
    """Median seconds of a and of b, and the median ratio a/b of the rounds."""
    a(), b()
    pairs = []
    for number in range(rounds):
        if number % 2:
            second = timed(b)
            pairs.append((timed(a), second))
        else:
            first = timed(a)
            pairs.append((first, timed(b)))
    ratios = statistics.median(x / y for x, y in pairs)
    return statistics.median(x for x, _ in pairs), statistics.median(y for _, y in pairs), ratios


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    default = torch.get_num_threads()
    print(f"torch {torch.__version__}, {default} threads by default, {rounds} rounds")
    print(f"{'workload':32} {'metric':6} {'dlx s':>8} {'hand s':>8} {'ratio':>6} {'target':>6}")
    for work in workloads():
        config = load(work.overrides).config
        step_epoch = ours(work, config, True)
        count = threads._measure(step_epoch_steps(work, config))["count"]
        torch.set_num_threads(count)
        for metric in (False, True):
            hand = by_hand(work, learner_of(work, config), config, metric)
            a, b, ratio = compare(ours(work, config, metric), hand, rounds)
            shown = "with" if metric else "none"
            print(f"{work.name:32} {shown:6} {a:8.3f} {b:8.3f} {ratio:6.3f} {work.limit:6.2f}")
        chosen, other, ratio = compare(
            with_threads(step_epoch, count), with_threads(step_epoch, default), max(3, rounds // 3)
        )
        seconds = f"{chosen:.3f} s, default {other:.3f} s, ratio {ratio:.3f}"
        print(f"{'  threads':32} {count} of {default}: {seconds}")


def step_epoch_steps(work: Workload, config: Config) -> Callable[[], None]:
    """One step on a throwaway model, as the probe of a run makes it."""
    learner = learner_of(work, config)
    source = RowSource(work.part, config.trainer.batch_size, config.seed)
    training, batch = build_training(config, learner, source), source.probe()
    training.model.train()
    return lambda: training.step(batch)


def with_threads(run: Callable[[], None], count: int) -> Callable[[], None]:
    def wrapped() -> None:
        torch.set_num_threads(count)
        run()

    return wrapped


if __name__ == "__main__":
    main()
