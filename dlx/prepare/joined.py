"""Several fitted preparations as one: each model's inputs under names of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..data.columns import Input
from ..data.targets import TargetCodec
from .pipeline import FittedStep, Pipeline, RawColumn


def name_input(member: str, name: str) -> str:
    """What an input of a member is called among those of all."""
    return f"{member}.{name}"


def join(pipelines: Mapping[str, Pipeline], targets: Mapping[str, TargetCodec]) -> Pipeline:
    """One pipeline that prepares a row for each of several models.

    Args:
        pipelines: those that the models were trained behind, by member.
        targets: what the values of each target stand for.
    """
    raw: dict[str, RawColumn] = {}
    inputs: dict[str, Input] = {}
    steps: list[FittedStep] = []
    for member, one in pipelines.items():
        for name, column in one.raw.items():
            raw[name_input(member, name)] = replace(column, of=column.of or name)
        steps += [replace(s, column=name_input(member, s.column)) for s in one.steps]
        inputs |= {name_input(member, name): found for name, found in one.inputs.items()}
    return Pipeline(raw, tuple(steps), dict(targets), inputs)
