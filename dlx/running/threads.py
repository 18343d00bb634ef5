"""How many CPU threads: measured, not guessed.

No constant is right. On a shared 2-core machine torch's default of two threads took 88 s for a
small convnet where one thread took 6 s, because threads spin at barriers while the host has given
the core away; for an LSTM two threads were the faster by far. So a few real steps are timed.
"""

from __future__ import annotations

import hashlib
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from ..config.schema import Config
from ..data.scratch import scratch
from ..data.store import cache_root
from ..files import fence, read_json
from ..learning.build import build_learner
from ..learning.memory import require_batch
from ..machine import cores
from ..sources.fold import FoldData
from . import threads
from .environment import cpu_model
from .staging import build_training

BUDGET_S = 0.8
SLOW_STEP_S = 0.3
GAIN = 0.9
"""More threads must take less than this share of the time of fewer: a tie goes to fewer."""


def choose(
    asked: int | str, workload: Any, make_step: Callable[[], Callable[[], None]], cache: Path
) -> dict[str, Any]:
    """Sets torch's thread count, and says which and why.

    Args:
        asked: a count, or "auto" to measure.
        workload: JSON-able facts that the best count depends on: model, batch size, shapes.
        make_step: makes a function that does one training step on a throwaway model.
        cache: folder in which the answer is remembered for this machine and workload.

    Returns:
        `count`, `how` ("asked", "remembered", "measured", "one core", "slow steps"), and of those
        that were timed the (median) seconds a step by count.
    """
    if asked != "auto":
        return _set({"count": int(asked), "how": "asked"})
    if cores() == 1:
        return _set({"count": 1, "how": "one core"})
    file = fence(cache) / "threads" / f"{_key(workload)}.json"
    remembered = _read(file)
    if remembered is not None:
        return _set({"count": remembered, "how": "remembered"})
    found = _measure(make_step())
    with suppress(OSError), scratch(file.parent) as folder:  # else measured again next time
        (folder / file.name).write_text(json.dumps(found), encoding="utf-8")
        os.replace(folder / file.name, file)
    return _set(found)


def _set(found: dict[str, Any]) -> dict[str, Any]:
    torch.set_num_threads(found["count"])
    return found


def _key(workload: Any) -> str:
    facts = [cpu_model(), cores(), torch.__version__, workload]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]


def _read(file: Path) -> int | None:
    try:
        found = read_json(file)
        count = found["count"]
        if found.get("how") == "slow steps":
            _ = found["seconds_per_step"]  # without them no second count was ever tried
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return count if type(count) is int and 1 <= count <= cores() else None


def candidates() -> list[int]:
    """1, 2, 4 ... and the number of cores."""
    counts = [1]
    while counts[-1] * 2 < cores():
        counts.append(counts[-1] * 2)
    return sorted({*counts, cores()})


def _measure(step: Callable[[], None]) -> dict[str, Any]:
    """Times steps at each count in turn, so that a slow moment hits all alike."""
    begun = time.perf_counter()
    counts = candidates()
    first = _time_steps(step, 1, 1)
    if first > SLOW_STEP_S:  # a step each, and only of the two that differ most
        return _fastest({1: first, cores(): _time_steps(step, cores(), 1)}, "slow steps")
    repeats = max(1, int(0.01 / max(1e-6, _time_steps(step, 1, 1))))
    times: dict[int, list[float]] = {count: [] for count in counts}
    while time.perf_counter() - begun < BUDGET_S and len(times[counts[-1]]) < 15:
        for count in counts:
            times[count].append(_time_steps(step, count, repeats))
    return _fastest({count: statistics.median(t) for count, t in times.items()}, "measured")


def _fastest(seconds: dict[int, float], how: str) -> dict[str, Any]:
    """The count with the shortest step, ascending counts given; fewer win a tie."""
    best = 1
    for count, one in seconds.items():
        if one < GAIN * seconds[best]:
            best = count
    timings = {str(count): one for count, one in seconds.items()}
    return {"count": best, "how": how, "seconds_per_step": timings}


def _time_steps(step: Callable[[], None], count: int, repeats: int) -> float:
    torch.set_num_threads(count)
    begun = time.perf_counter()
    for _ in range(repeats):
        step()
    return (time.perf_counter() - begun) / repeats


def choose_threads(config: Config, fold: FoldData) -> dict[str, Any]:
    """Sets the thread count, measured on real steps of a throwaway model where that is asked."""

    def make_step() -> Any:
        learner = build_learner(config, fold.inputs, fold.targets, fold.device)
        sizes = learner.measure(fold.inputs)
        require_batch(config, sizes, len(fold.train), fold.device, fold.longest)
        training = build_training(config, learner, learner.source(fold, 0))
        batch = training.source.probe()
        training.set_to_train()
        training.check_every = sys.maxsize  # a loss that explodes is for the run itself to tell

        def step() -> None:
            training.step(batch)

        return step

    asked = config.trainer.threads if fold.device.type == "cpu" else torch.get_num_threads()
    return threads.choose(asked, _workload(config, fold), make_step, cache_root())


def _workload(config: Config, fold: FoldData) -> list[Any]:
    inputs = {n: (i.kind, i.shape, i.ids) for n, i in fold.inputs.items()}
    trainer = (config.trainer.batch_size, config.trainer.accumulate, config.trainer.precision)
    return [str(config.learner), str(config.model), config.optimizer.name, str(inputs), trainer]
