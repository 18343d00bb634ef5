"""All of a training's state as tensors and JSON, and back: what exact resume needs.

Order of batches, dropout and starting weights are functions of seed, fold, epoch and step
(dlx/seeds.py), so that of them the numbers suffice. Generators are kept for what a plugin draws.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .callbacks import Callback
from .training import Training

Tensors = dict[str, dict[str, Tensor]]


def take(training: Training, callbacks: Mapping[str, Callback]) -> tuple[Tensors, dict[str, Any]]:
    """Everything that the rest of a training depends on, at a step's end.

    Args:
        training: the training.
        callbacks: its callbacks, by name.

    Returns:
        Tensors by kind and name, and JSON-able state.

    Raises:
        RunError: a loss or a weight is no number: nothing could go on from there.
    """
    training.check_loss()  # takes the losses off the device, so that the sums are complete
    training.check_weights()
    state = training.state
    optimizer, rest = _optimizer(training.optimizer)
    meters, sums = training.train_meters.state()
    generators, plain = _generators()
    parts = {"optimizer": optimizer, "meters": meters, "generators": generators}
    moved = {f"{part}/{k}": v for part, found in parts.items() for k, v in found.items()}
    facts = {
        "epoch": state.epoch,
        "step": state.step,
        "position": state.position,
        "stop": state.stop,
        "lr": training.lr,
        "optimizer": rest,
        "schedule": training.schedule.state_dict(),
        "scaler": training.scaler_state(),
        "sums": sums,
        "callbacks": {n: c.state_dict() for n, c in callbacks.items() if not c.watches_only},
        "generators": plain,
    }
    return {"weights": dict(training.model.state_dict()), "training": moved}, facts


def restore(
    training: Training,
    callbacks: Mapping[str, Callback],
    tensors: Mapping[str, Mapping[str, Tensor]],
    facts: Mapping[str, Any],
) -> None:
    """Puts back what `take` gave.

    Raises:
        RuntimeError, KeyError, ValueError, TypeError: it is another training's.
    """
    moved = tensors["training"]
    training.model.load_state_dict(dict(tensors["weights"]))
    _restore_optimizer(training.optimizer, _below("optimizer", moved), facts["optimizer"])
    training.schedule.load_state_dict(facts["schedule"])
    training.load_scaler_state(facts["scaler"])
    training.train_meters.restore(_below("meters", moved), facts["sums"], training.device)
    for name, callback in callbacks.items():
        if not callback.watches_only:
            callback.load_state_dict(facts["callbacks"][name])
    _restore_generators(_below("generators", moved), facts["generators"])
    training.lr = facts["lr"]
    state = training.state
    state.epoch, state.step = facts["epoch"], facts["step"]
    state.position, state.stop = facts["position"], facts["stop"]


def _below(part: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    prefix = f"{part}/"
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _optimizer(
    optimizer: torch.optim.Optimizer,
) -> tuple[dict[str, Tensor], dict[str, dict[str, Any]]]:
    """What it keeps of each parameter: tensors as "<parameter>/<name>", and what is none.

    Rates and the like are the config's and the schedule's.
    """
    tensors = {}
    rest: dict[str, dict[str, Any]] = {}
    for index, entries in optimizer.state_dict()["state"].items():
        for name, value in entries.items():
            if isinstance(value, Tensor):
                tensors[f"{index}/{name}"] = value
            else:
                rest.setdefault(str(index), {})[name] = value
    return tensors, rest


def _restore_optimizer(
    optimizer: torch.optim.Optimizer,
    tensors: Mapping[str, Tensor],
    rest: Mapping[str, Mapping[str, Any]],
) -> None:
    state = {int(index): dict(entries) for index, entries in rest.items()}
    for key, value in tensors.items():
        index, _, name = key.partition("/")
        state.setdefault(int(index), {})[name] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def _generators() -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The states of the global generators: torch's on every device, NumPy's and Python's."""
    tensors = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        for index, one in enumerate(torch.cuda.get_rng_state_all()):
            tensors[f"cuda{index}"] = one
    version, words, gauss = random.getstate()
    _, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
    tensors["numpy"] = torch.from_numpy(np.asarray(keys).astype(np.int64))
    return tensors, {
        "python": [version, list(words), gauss],
        "numpy": [int(position), int(has_gauss), float(cached)],
    }


def _restore_generators(tensors: Mapping[str, Tensor], plain: Mapping[str, Any]) -> None:
    torch.set_rng_state(tensors["cpu"])
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        for index in range(torch.cuda.device_count()):
            if f"cuda{index}" in tensors:
                torch.cuda.set_rng_state(tensors[f"cuda{index}"], index)
    version, words, gauss = plain["python"]
    random.setstate((version, tuple(words), gauss))
    keys = tensors["numpy"].numpy().astype(np.uint32)
    np.random.set_state(("MT19937", keys, *plain["numpy"]))
