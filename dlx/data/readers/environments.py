"""Environments as datasets: one row, what is seen as the first episode begins."""

from __future__ import annotations

from pathlib import Path

from ...config.specs.environments import Environment
from ..columns import Dense
from ..environments.base import find_unsteadiness, make
from ..reader import Reader
from ..samples import Samples


def _read(options: Environment, folder: Path) -> Samples:  # noqa: ARG001 - it needs no file
    first = make(options).reset(0)
    columns = {"observation": Dense(first[None])}
    unsteady = find_unsteadiness(options)
    return Samples(columns, options.inputs, (), unsteady=unsteady)


gridworld = Reader(_read, lambda folder: None)  # noqa: ARG005
gymnasium = Reader(_read, lambda folder: None)  # noqa: ARG005
