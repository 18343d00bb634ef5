"""What is to be looked at of a projection: the plane of rows, and what its axes are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..config.names import plural
from ..data.columns import Input, Rows
from ..data.samples import Samples
from ..metrics.base import Values
from ..runs.artifacts import Artifacts
from ..sources.labels import Labels
from .latents import as_pictures

_NAMED = 3
"""Columns that are named of each component, those with the largest weights."""


def leave_plane(
    into: Artifacts,
    places: Values,
    rows: Rows,
    samples: Samples,
    held: Labels | None,
    told: str,
) -> None:
    """Where rows lie along the first two numbers, coloured by a class.

    Args:
        into: takes them.
        places: (rows, components); of one component nothing is kept.
        rows: their numbers in the dataset.
        samples: the dataset.
        held: the labels of the rows; None for none.
        told: what rows they are, in words.
    """
    if places.shape[1] < 2:
        return
    held = held or Labels("", np.zeros(len(rows), np.int64), ("",))
    order = np.argsort(held.ids, kind="stable")  # so that a legend names the classes in order
    columns: dict[str, Any] = {f"component {at + 1}": places[order, at] for at in (0, 1)}
    columns[held.name or "class"] = [held.classes[number] for number in held.ids[order].tolist()]
    columns |= _name_rows(samples, rows[order])
    caption = f"{plural(len(rows), 'row')}, {told}"
    if held.name:
        caption += f", coloured by {held.name}, which the learner has not seen"
    into.points("projection", columns, title="Projection", caption=caption)


def _name_rows(samples: Samples, rows: Rows) -> dict[str, list[Any]]:
    """The number of each row in the dataset, and its name where it has one."""
    found: dict[str, list[Any]] = {"row": rows.tolist()}
    if samples.names:
        column = samples.columns[samples.names]
        found["name"] = [column.show(row).content for row in rows.tolist()]
    return found


def leave_components(
    into: Artifacts,
    shares: Values,
    weights: Values,
    names: list[str],
    inputs: Mapping[str, Input],
) -> None:
    """What each component tells, and which columns it is made of; of pictures it is one itself.

    Args:
        into: takes them.
        shares: of the variance of the training rows, (components,).
        weights: (components, columns).
        names: of the columns.
        inputs: described, by name.
    """
    largest = np.argsort(-np.abs(weights), axis=1, kind="stable")[:, :_NAMED]
    made = [
        ", ".join(f"{names[at]} {row[at]:+.2f}" for at in chosen.tolist())
        for row, chosen in zip(weights, largest, strict=True)
    ]
    table: dict[str, Any] = {
        "component": list(range(1, len(shares) + 1)),
        "share of variance": shares,
        "with those before": shares.cumsum(),
        "largest weights": made,
    }
    caption = "shares of the variance of the training rows"
    into.table("components", table, title="Components", caption=caption)
    shapes = [one.shape for one in inputs.values()]
    if len(shapes) == 1 and len(shapes[0]) in (2, 3):
        import torch

        sizes = np.abs(weights).max(axis=1, keepdims=True)
        pixels = torch.from_numpy(0.5 + weights / np.where(sizes == 0, 1, sizes) / 2)
        caption = (
            "grey tells nothing; what is light in a row moves it one way, what is dark the other"
        )
        images = as_pictures(pixels, shapes[0])
        into.pictures("components", images, title="Components as pictures", caption=caption)
