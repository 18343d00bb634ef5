"""All of a training's state as that of its parts, and back: what exact resume needs.

Order of batches, dropout and starting weights are functions of seed, fold, epoch and step
(dlx/seeds.py), so that of them the numbers suffice. Generators are kept for what a plugin draws.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..state import State, Stateful, join_states, part_of
from .callbacks import Callback
from .training import Training

Tensors = Mapping[str, Tensor]
States = dict[str, State]
"""By the name of a part."""

CHUNK = "chunk"
"""The kind of files that hold a chunk of tensors each."""

AVERAGE = "average"
"""The part whose tensors are kept by themselves in place of the learner's, where there is one."""


def parts_of(training: Training, callbacks: Mapping[str, Callback]) -> dict[str, Stateful]:
    """Everything that the rest of a training depends on, by name."""
    average = {} if training.average is None else {AVERAGE: training.average}
    parts = {"accumulation": training.accumulation} if training.accumulation.auto else {}
    return {
        "learner": training.learner,
        **average,
        **parts,
        "optimizers": training.optimizers,
        "source": training.source,
        "meters": training.train_meters,
        "callbacks": _Callbacks(callbacks),
        "generators": _Generators(),
        "progress": training.progress,
    }


def take(training: Training, callbacks: Mapping[str, Callback]) -> States:
    """The state of every part, at a step's end.

    Args:
        training: the training.
        callbacks: its callbacks, by name.

    Raises:
        RunError: a loss or a weight is no number: nothing could go on from there.
    """
    training.check_loss()  # takes the losses off the device, so that the sums are complete
    training.check_weights()
    states = {name: part.state() for name, part in parts_of(training, callbacks).items()}
    learner, average = states["learner"], training.average
    if average is not None:  # whose weights may stand in their place
        states["learner"] = replace(learner, tensors={**learner.tensors, **average.raw})
    return states


def restore(training: Training, callbacks: Mapping[str, Callback], states: States) -> None:
    """Puts back what `take` gave.

    Raises:
        RuntimeError, KeyError, ValueError, TypeError: it is another training's.
    """
    for name, part in parts_of(training, callbacks).items():
        part.restore(states[name])


def pack(states: States, weights: Collection[str]) -> tuple[dict[str, Tensors], dict[str, Any]]:
    """The states as a checkpoint has them on disk.

    Args:
        states: by part.
        weights: those tensors of the learner, or of the average, that are kept by themselves.

    Returns:
        The weights under their own names, the other tensors as "<part>/<name>", chunks among them
        by themselves, and the facts by part, after how far the training is.
    """
    owner, progress = _owner(states), states["progress"].facts
    known = states[owner]
    kept = {name: one for name, one in known.tensors.items() if name in weights}
    others = {name: one for name, one in known.tensors.items() if name not in weights}
    rest = join_states({**states, owner: replace(known, tensors=others)})
    together, chunks = dict(rest.tensors), {}
    for number, names in enumerate(rest.chunks):
        chunks[f"{CHUNK}.{number}"] = {name: together.pop(name) for name in names}
    at = {"epoch": progress["epoch"], "step": progress["step"]}
    return {"weights": kept, "training": together, **chunks}, {**at, **rest.facts}


def unpack(tensors: Mapping[str, Tensors], facts: Mapping[str, Any]) -> States:
    """The states that `pack` was given.

    Raises:
        KeyError: something is missing.
    """
    rest = State({**tensors["training"], **tensors.get(CHUNK, {})}, facts)
    states = {name: part_of(rest, name) for name in facts if name not in ("epoch", "step")}
    owner = _owner(states)
    known = states[owner]
    states[owner] = State({**tensors["weights"], **known.tensors}, known.facts)
    return states


def _owner(states: States) -> str:
    """The part whose tensors are the weights that are kept."""
    return AVERAGE if AVERAGE in states else "learner"


@dataclass(frozen=True)
class _Callbacks:
    """What callbacks remember, by the names that a config gives them."""

    named: Mapping[str, Callback]

    def state(self) -> State:
        kept = {n: c.state_dict() for n, c in self.named.items() if not c.watches_only}
        return State(facts=kept)

    def restore(self, state: State) -> None:
        for name, callback in self.named.items():
            if not callback.watches_only:
                callback.load_state_dict(state.facts[name])


class _Generators:
    """The global generators: torch's on every device, NumPy's and Python's."""

    def state(self) -> State:
        tensors = {"cpu": torch.get_rng_state()}
        if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            for index, one in enumerate(torch.cuda.get_rng_state_all()):
                tensors[f"cuda{index}"] = one
        version, words, gauss = random.getstate()
        _, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
        tensors["numpy"] = torch.from_numpy(np.asarray(keys).astype(np.int64))
        facts = {
            "python": [version, list(words), gauss],
            "numpy": [int(position), int(has_gauss), float(cached)],
        }
        return State(tensors, facts)

    def restore(self, state: State) -> None:
        torch.set_rng_state(state.tensors["cpu"])
        if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            for index in range(torch.cuda.device_count()):
                if f"cuda{index}" in state.tensors:
                    torch.cuda.set_rng_state(state.tensors[f"cuda{index}"], index)
        version, words, gauss = state.facts["python"]
        random.setstate((version, tuple(words), gauss))
        keys = state.tensors["numpy"].numpy().astype(np.uint32)
        np.random.set_state(("MT19937", keys, *state.facts["numpy"]))
