"""The influence of a window over a series: how far covering a step or a feature moves an answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .attribution import Window, slide
from .charts import draw_bars, draw_curve
from .opened import Opened, Subject
from .pieces import Listed, Piece, Plotted
from .shown import ACROSS, names_of, steps_back
from .subjects import subjects_of_rows

ROWS = 32
"""Rows whose movements are averaged, evenly spaced."""
Cover = Callable[[Subject, str, list[Window]], Any]
"""A row, an input and the places that are covered in turn -> the falls of its score."""


def sizes_of(steps: int, features: int) -> dict[str, tuple[int, int]]:
    """What is covered in turn, by name: each step with all its features, each feature always."""
    return {"each step": (1, features), "each feature": (steps, 1)}


def show_influence(opened: Opened, name: str, cover: Cover) -> Iterator[Piece]:
    """The mean movement of the score, over some rows, for each step and for each feature.

    Args:
        opened: the run.
        name: the input that is a series.
        cover: gives the falls of a row's score.
    """
    which, part = opened.rows_looked_at(ROWS)
    rows = [row for row in part.numbers.tolist() if row < len(opened.fold.data.samples)]
    subjects = subjects_of_rows(opened, rows)
    steps, features = opened.inputs[name].shape
    column = opened.fold.columns[name]
    places: dict[str, Sequence[Any]] = {
        "each step": steps_back(column, steps),
        "each feature": names_of(column, features),
    }
    for what, size in sizes_of(steps, features).items():
        windows = slide((steps, features), size, size)
        moved = [np.abs(cover(one, name, windows).numpy()) for one in subjects]
        yield from _show(what, places[what], np.mean(moved, axis=0).tolist(), which)


def _show(what: str, places: Sequence[Any], moved: list[float], which: str) -> Iterator[Piece]:
    by_step = what == "each step"
    common: dict[str, Any] = {
        "method": "occlusion",
        "name": f"influence-of-{what.replace(' ', '-')}",
        "baseline": "the mean of training rows and steps",
        "text": f"mean absolute movement of the score, over {which}",
    }
    title = f"Occlusion: how far covering {what} moves the answer"
    up = "moves by"
    order = sorted(range(len(moved)), key=lambda at: -moved[at])
    drawn = (
        draw_curve(places, moved, ACROSS, up)
        if by_step
        else draw_bars([str(places[at]) for at in order], [moved[at] for at in order], up)
    )
    columns = {ACROSS if by_step else "feature": places, up: moved}
    yield Plotted(title=title, pixels=drawn, **common)
    yield Listed(title=f"{title}, in numbers", columns=columns, **common)
