"""What a search may change where nothing is said, and values as they are typed. No torch here."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..config.fields import to_plain
from ..config.learners import check_models, optimizer_of, own_optimizers, reads
from ..config.schema import Config
from ..config.spaces import Lever, Value

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_OTHERWISE_READ = ("null", "true", "false", "nan", "inf", "yes", "no", "on", "off")


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
        own = value_of(plain, size)
        found.append(Lever(size, "choice", _distinct([own, *map(list, sizes)])))
    if "dropout" in plain["model"]:
        found.append(Lever("model.dropout", "choice", (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)))
    found.append(Lever("model.l2", "choice", _distinct([plain["model"]["l2"], 0.0, 1e-4, 1e-3])))
    found.append(Lever("model.l1", "choice", _distinct([plain["model"]["l1"], 0.0, 1e-5])))
    for group in ("", *own_optimizers(config)):
        key, chosen = optimizer_of(config, group)
        found.append(Lever(f"{key}.lr", "log", (chosen.options.lr / 4, chosen.options.lr * 4)))
    batch = plain["trainer"]["batch_size"]
    sizes_of_batch = _distinct([batch, max(1, batch // 2), batch * 2])
    if reads(config, "optimizer") or own_optimizers(config):  # else there are no steps
        found.append(Lever("trainer.batch_size", "choice", sizes_of_batch))
    read = {lever.key: lever for lever in found if reads(config, lever.key.partition(".")[0])}
    return tuple(read.values())


def size_key(config: Config) -> str | None:
    """The key of the model's layer sizes; None for a model whose size is not a list of numbers."""
    option = config.model.options.size
    return f"model.{option}" if option else None


def neighbours(config: Config) -> list[list[int]]:
    """Half and twice the model's size, and one layer more where it fits: worth trying unasked."""
    key = size_key(config)
    own: list[int] = list(value_of(to_plain(config), key)) if key else []
    if not own:
        return []
    scaled = [[max(1, int(factor * size)) for size in own] for factor in (0.5, 2)]
    return [size for size in (*scaled, [*own, own[-1]]) if _fits(config, size)]


def _fits(config: Config, size: Sequence[int]) -> bool:
    """Whether a model of this size can take the inputs, as far as their shapes are known."""
    options = replace(config.model.options, **{config.model.options.size: tuple(size)})
    changed = replace(config, model=replace(config.model, options=options))
    return not any(check_models(changed, lambda _: ""))


def own_values(config: Config, space: Sequence[Lever]) -> dict[str, Value]:
    """The task's own value of each lever."""
    plain = to_plain(config)
    return {lever.key: value_of(plain, lever.key) for lever in space}


def value_of(plain: Mapping[str, Any], key: str) -> Value:
    """The value of a dotted key; a component's is its name, what does not exist is null."""
    found: Any = plain
    for part in key.split("."):
        if isinstance(found, list) and part.isdecimal() and int(part) < len(found):
            found = found[int(part)]
        else:
            found = found.get(part) if isinstance(found, Mapping) else None
    return found["name"] if isinstance(found, Mapping) and "name" in found else found


def _distinct(values: Sequence[Value]) -> tuple[Value, ...]:
    return tuple({json.dumps(value): value for value in values}.values())


def as_arguments(changed: Mapping[str, Value]) -> list[str]:
    """Changed values as they are typed after `dlx train`: "model.units=[16,16]"."""
    return [f"{key}={format_value(value)}" for key, value in changed.items()]


def format_value(value: Value) -> str:
    """A value in Hydra's grammar."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{k}:{format_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(format_value, value)) + "]"
    text = str(value)
    if isinstance(value, int) or (_WORD.fullmatch(text) and text.lower() not in _OTHERWISE_READ):
        return text
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
