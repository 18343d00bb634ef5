"""What a training takes of memory, held against what is free before anything is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import nn

from ..config.fields import Chosen
from ..config.learners import optimizer_of
from ..config.schema import Config
from ..config.specs.averages import is_averaged
from ..config.specs.optimizers import groups_of, recomputes
from ..data.code import is_shipped
from ..errors import Problem, UsageError
from ..machine import free_memory
from ..models.frozen import frozen_groups
from ..models.sizes import RowSizes, count_parameters, outline
from ..optimizers import step_of
from ..optimizers.groups import find_still

NUMBER = 4
"""Bytes of a number: weights, gradients and activations are float32."""

EVAL_BYTES = 2**30
"""Most that the widest layer may take in validation and test, where no gradient is kept."""


def still_in(config: Config, network: nn.Module, name: str = "model") -> set[str]:
    """The weights of a network that never move, by their names.

    Args:
        config: names its optimizer.
        network: with them.
        name: of the network, where there are several.
    """
    groups = {**groups_of(optimizer_of(config, name)[1]), **frozen_groups(network)}
    return find_still((name for name, _ in network.named_parameters()), groups) if groups else set()


def require_weights(
    config: Config,
    build: Callable[[], nn.Module],
    device: torch.device,
    name: str = "model",
) -> None:
    """Refuses a model whose weights alone, with all that training adds to them, do not fit.

    Args:
        config: names the optimizer that moves it, and whether its weights are averaged.
        build: builds the model.
        device: where it is to lie.
        name: of the network, where there are several.

    Raises:
        UsageError: with the estimate and what is free.
    """
    optimizer, model = optimizer_of(config, name)[1], outline(build)
    parameters, still = count_parameters(model), still_in(config, model, name)
    moved = sum(p.numel() for name, p in model.named_parameters() if name not in still)
    numbers = parameters + (1 + _count_kept(optimizer)) * moved  # gradients, and what is kept
    if is_averaged(config.trainer.average, config.trainer.epochs):
        numbers += 2 * parameters  # the averages, and what trains while these are validated
    need, free = NUMBER * numbers, free_on(device)
    if free is None or need <= free:
        return
    raise UsageError(
        Problem(
            f"the model has {parameters:,} parameters: with gradients and the state "
            f"of {optimizer.name}, {format_bytes(need)}",
            where="model",
            accepted=f"what fits in the {format_bytes(free)} that are free on the {device.type}",
            hint="smaller layers; `dlx summary` with the same arguments shows their sizes",
        )
    )


def require_batch(
    config: Config, sizes: RowSizes, rows: int, device: torch.device, longest: int = 0
) -> None:
    """Refuses a step whose activations do not fit.

    Args:
        config: names batch size and accumulation.
        sizes: of the model.
        rows: training rows that there are.
        device: where it computes.
        longest: steps of the longest row, where they differ.

    Raises:
        UsageError: with the estimate, what is free, and a batch size that fits.
    """
    trainer = config.trainer
    whole = min(trainer.batch_size, rows)
    if trainer.accumulate != "auto":
        at_once = -(-whole // trainer.accumulate)
    else:
        at_once = 1 if device.type == "cuda" else whole
    each, free = NUMBER * max(1, sizes.kept), free_on(device)
    if free is None or each * at_once <= free:
        return
    fits = free // (2 * each)
    smaller = f"trainer.batch_size={fits}" if fits else "smaller layers"
    if longest:
        cut = "{name: truncate, length: 500} in prepare.steps"
        smaller += f", or {cut}: a row has {longest:,} ids"
    raise UsageError(
        Problem(
            f"a step of {at_once:,} rows needs {format_bytes(each * at_once)} for its gradients",
            where="trainer.batch_size",
            accepted=f"what fits in the {format_bytes(free)} that are free on the {device.type}",
            hint=smaller,
        )
    )


def eval_rows(config: Config, sizes: RowSizes) -> int:
    """Rows a batch in validation and test: as many as asked for, or as `EVAL_BYTES` hold.

    A function of the config and the data's shapes, so that it is the same on every machine.
    """
    return max(
        1, min(config.trainer.eval_batch_size, EVAL_BYTES // (NUMBER * max(1, sizes.widest)))
    )


def set_eval_batch(config: Config, rows: int) -> Config:
    """A config whose batches of validation and test have so many rows."""
    return replace(config, trainer=replace(config.trainer, eval_batch_size=rows))


def free_on(device: torch.device) -> int | None:
    """Bytes that are free where a model is to lie; None where that cannot be told."""
    if device.type != "cuda":
        return free_memory()
    unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return int(torch.cuda.mem_get_info(device)[0]) + unused


def format_bytes(many: int) -> str:
    """Bytes as people say them."""
    size, units = float(many), ["bytes", "kB", "MB", "GB", "TB", "PB", "EB"]
    while size >= 1000 and len(units) > 1:
        size, units = size / 1000, units[1:]
    return f"{size:,.3g} {units[0]}"


_KEPT: dict[str, int] = {}


def _count_kept(optimizer: Chosen) -> int:
    """How many numbers an optimizer keeps of each weight, by a step of one with two weights.

    A plugin's is not stepped outside a training, and counts as one that keeps nothing.
    """
    if not is_shipped(optimizer.target):
        return 0
    if recomputes(optimizer):  # its history, a direction, two gradients, the start of a search
        return 2 * int(optimizer.options.history) + 4
    key = repr(optimizer)
    if key not in _KEPT:
        weight = nn.Parameter(torch.zeros(2))
        weight.grad = torch.zeros(2)
        made = optimizer.load()(optimizer.options, [weight])
        step_of(made)()
        state = made.state.get(weight, {}).values()
        _KEPT[key] = sum(isinstance(v, torch.Tensor) and v.shape == weight.shape for v in state)
    return _KEPT[key]
