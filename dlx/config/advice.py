"""What to type next: arguments that the checks accept for the data at hand."""

from __future__ import annotations

import dataclasses
from typing import Any

from .learners import reads, spec_of
from .schema import Config
from .specs.protocols import Chronological, IteratedKFold, Protocol, Rolling

_WIDER = 0.4
"""The largest share of validation rows that is advised where rows are in time."""


def more_reliable(config: Config, repeated: bool) -> str:
    """The arguments under which validation is more reliable than under those of a config.

    Rows in time are never dealt into folds: there a longer validation part is advised, or of
    several origins more. What keeps rows together, and what cuts the test set, stays as it is.
    Where some rows have equal inputs (`repeated`), folds must not part these.

    Returns:
        As typed, or "" where dlx knows none.
    """
    if not reads(config, "protocol"):
        return ""
    if config.dataset.options.time:
        return _widen_validation(config)
    if "folds" not in spec_of(config).can:
        return ""
    options = config.protocol.options
    if isinstance(options, IteratedKFold):
        return f"protocol.iterations={2 * options.iterations}"
    kept = _changed_options(options, IteratedKFold)
    if repeated and kept.get("duplicates", "refuse") == "refuse":
        kept["duplicates"] = "together"
    return _format_protocol("iterated_kfold", kept)


def _widen_validation(config: Config) -> str:
    options = config.protocol.options
    if isinstance(options, Rolling):
        more = {**_changed_options(options, Rolling), "k": str(2 * options.k)}
        fits = 2 * options.k * options.validation <= _WIDER * 2
        return _format_protocol("rolling", more) if fits else ""
    share = getattr(options, "validation", Chronological().validation)
    wider = min(2 * share, _WIDER)
    if not share < wider:  # a count, or wide enough
        return ""
    kept = {**_changed_options(options, Chronological), "validation": f"{wider:g}"}
    return _format_protocol("chronological", kept)


def _changed_options(options: Any, other: type[Protocol]) -> dict[str, str]:
    """The options that differ from their defaults, and that another protocol has too."""
    found, default = {}, other()
    for field in dataclasses.fields(default):
        known = getattr(default, field.name)
        value = getattr(options, field.name, known)
        if value != known:
            found[field.name] = str(value).lower() if isinstance(value, bool) else str(value)
    return found


def _format_protocol(name: str, options: dict[str, str]) -> str:
    return " ".join([f"protocol={name}", *(f"protocol.{key}={v}" for key, v in options.items())])
