"""What a search may change: the levers of a model, and their ranges. No torch here."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..config.fields import to_plain
from ..config.schema import Config

Value = Any
"""A config value: number, truth value, text or list of them."""


@dataclass(frozen=True)
class Lever:
    """One config key that a search may move.

    Attributes:
        key: as in "model.dropout".
        kind: "choice" among `values`; "uniform" or "log" between the two `values`.
        values: the choices, or lower and upper bound.
    """

    key: str
    kind: Literal["choice", "uniform", "log"]
    values: tuple[Value, ...]


def levers(config: Config, sizes: Sequence[Sequence[int]]) -> tuple[Lever, ...]:
    """The levers of a model: size, dropout, penalties, learning rate, batch size (book 4.5.7).

    Args:
        config: the task's config; its own values lie in every range.
        sizes: sizes of the model that are worth trying.
    """
    plain = to_plain(config)
    found = []
    size = size_key(config)
    if size is not None:
        own = _value(plain, size)
        found.append(Lever(size, "choice", _distinct([own, *map(list, sizes)])))
    if "dropout" in plain["model"]:
        found.append(Lever("model.dropout", "choice", (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)))
    found.append(Lever("model.l2", "choice", _distinct([plain["model"]["l2"], 0.0, 1e-4, 1e-3])))
    found.append(Lever("model.l1", "choice", _distinct([plain["model"]["l1"], 0.0, 1e-5])))
    lr = plain["optimizer"]["lr"]
    found.append(Lever("optimizer.lr", "log", (lr / 4, lr * 4)))
    batch = plain["trainer"]["batch_size"]
    sizes_of_batch = _distinct([batch, max(1, batch // 2), batch * 2])
    found.append(Lever("trainer.batch_size", "choice", sizes_of_batch))
    return tuple(found)


SIZES = {"mlp": "model.units", "convnet": "model.channels"}
"""The key that holds a model's layer sizes."""


def size_key(config: Config) -> str | None:
    """The key of the model's layer sizes; None for a model whose size is no list of numbers."""
    return SIZES.get(config.model.name)


def own_values(config: Config, space: Sequence[Lever]) -> dict[str, Value]:
    """The task's own value of each lever."""
    plain = to_plain(config)
    return {lever.key: _value(plain, lever.key) for lever in space}


def _value(plain: Mapping[str, Any], key: str) -> Value:
    section, name = key.split(".")
    return plain[section][name]


def _distinct(values: Sequence[Value]) -> tuple[Value, ...]:
    return tuple({json.dumps(value): value for value in values}.values())


def as_arguments(changed: Mapping[str, Value]) -> list[str]:
    """Changed values as they are typed after `dlx train`: "model.units=[16,16]"."""
    return [f"{key}={_typed(value)}" for key, value in changed.items()]


def _typed(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{k}:{_typed(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(_typed, value)) + "]"
    return str(value)
