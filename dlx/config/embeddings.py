"""The embeddings of a config that start from vectors of a file: found, and changed in their place.

They stand wherever layers do: in a list of layers, in the nodes of a graph, in a learner's models.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from .fields import Chosen
from .files import Path
from .schema import Config
from .specs.layers import Embedding

Change = Callable[[Path, Embedding], Embedding]


def change_embeddings(config: Config, change: Change) -> Config:
    """A config whose embeddings that start from a file are what `change` makes of them.

    Args:
        config: the config.
        change: is given where the embedding's options stand, and these.
    """
    model = _change(config.model, change, ("model",))
    learner = _change(config.learner, change, ("learner",))
    same = model is config.model and learner is config.learner
    return config if same else dataclasses.replace(config, model=model, learner=learner)


def _change(value: Any, change: Change, path: Path) -> Any:
    """A part of a config, itself where nothing in it changes."""
    made = value
    if isinstance(value, Embedding):
        made = change(path, value) if value.vectors else value
    elif isinstance(value, tuple):
        parts = [_change(one, change, (*path, str(i))) for i, one in enumerate(value)]
        made = value if _are_same(parts, value) else tuple(parts)
    elif isinstance(value, dict):
        found = {key: _change(one, change, (*path, key)) for key, one in value.items()}
        made = value if _are_same(found.values(), value.values()) else found
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        old = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        short = isinstance(value, Chosen)  # its options stand beside its name
        new = {k: _change(v, change, path if short else (*path, k)) for k, v in old.items()}
        made = value if _are_same(new.values(), old.values()) else dataclasses.replace(value, **new)
    return made


def _are_same(some: Any, others: Any) -> bool:
    return all(one is other for one, other in zip(some, others, strict=True))
