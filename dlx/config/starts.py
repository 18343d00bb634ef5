"""What in a config starts from a file: embeddings from vectors of words, bases from weights.

Embeddings stand wherever layers do: in a list of layers, in the nodes of a graph, in a learner's
models. Bases are models, or steps of the preparation.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from .fields import Chosen
from .files import Path
from .schema import Config
from .specs.features import RunFeatures
from .specs.judge import Judge
from .specs.layers import Embedding
from .specs.pretrained import Base

T = TypeVar("T")
Change = Callable[[Path, Any], Any]


def change_embeddings(config: Config, change: Callable[[Path, Embedding], Embedding]) -> Config:
    """A config whose embeddings that start from a file are what `change` makes of them.

    Args:
        config: the config.
        change: is given where the embedding's options stand, and these.
    """
    return _change_all(config, Embedding, lambda at, one: change(at, one) if one.vectors else one)


def change_bases(config: Config, change: Callable[[Path, Base], Base]) -> Config:
    """A config whose bases that start from a file are what `change` makes of them.

    Args:
        config: the config.
        change: is given where the base's options stand, and these.
    """
    return _change_all(config, Base, lambda at, one: change(at, one) if one.reads_file else one)


def change_judges(config: Config, change: Callable[[Path, Judge], Judge]) -> Config:
    """A config whose judges of samples that read a run are what `change` makes of them.

    Args:
        config: the config.
        change: is given where the judge's options stand, and these.
    """
    return _change_all(config, Judge, lambda at, one: change(at, one) if one.run else one)


def change_feature_runs(config: Config, change: Callable[[Path, RunFeatures], Any]) -> Config:
    """A config whose steps `run_features` are what `change` makes of them.

    Args:
        config: the config.
        change: is given where the step's options stand, and these.
    """
    return _change_all(config, RunFeatures, change)


def _change_all(config: Config, kind: type[T], change: Callable[[Path, T], T]) -> Config:
    """A config with other options of a kind in it; itself where none is changed."""

    def choose(path: Path, value: Any) -> Any:
        return change(path, value) if isinstance(value, kind) else None

    parts = {name: getattr(config, name) for name in ("model", "learner", "prepare")}
    made = {name: _change(part, choose, (name,)) for name, part in parts.items()}
    return config if _are_same(made.values(), parts.values()) else replace(config, **made)


def _change(value: Any, change: Change, path: Path) -> Any:
    """A part of a config, itself where nothing in it changes."""
    made = value
    if (own := change(path, value)) is not None:
        made = own
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
        made = value if _are_same(new.values(), old.values()) else replace(value, **new)
    return made


def _are_same(some: Any, others: Any) -> bool:
    return all(one is other for one, other in zip(some, others, strict=True))
