"""Reasons as people see them: a map over a picture, words in colour, bars, a map over time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from torch import Tensor

from ..data.columns import Column, Dense, Sparse, Window
from ..data.columns import Sequence as Ids
from ..models.inputs import MultiHot, Padded
from .charts import draw_bars, draw_curve, draw_map
from .drawing import Numbers, Pixels, colour, enlarge, resize, tile
from .opened import Opened, Subject
from .pieces import Drawn, Listed, Marked, Piece, Plotted
from .subjects import picture_of

TITLES = {"integrated": "Integrated gradients", "occlusion": "Occlusion"}
P = TypeVar("P", bound=Piece)
Values = npt.NDArray[np.float64]
ACROSS = "steps before the last"
BARS = 15
"""Features that have a bar, those with the largest shares."""
WORDS = 60
"""Words of a row without an order that are drawn, those with the largest shares."""
_SIDE = 200
_FULL = 0.995
"""Share of pixels whose colour is not cut off: single ones would make all others pale."""


@dataclass(frozen=True, kw_only=True)
class Reason:
    """What the parts of an input do to a score.

    Attributes:
        opened: the run.
        subject: the row.
        method: that found it.
        name: the input.
        values: of the shape of a row of it; of a series also (steps,) or (features,).
        parts: of a series what the values are of: "each step", "each feature" or "".
        said: what it is of, as of a `Piece`: label and score.
        text: the baseline, and what the values add up to.
    """

    opened: Opened
    subject: Subject
    method: str
    name: str
    values: Values
    parts: str = ""
    said: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""

    @property
    def column(self) -> Column:
        """The input of the row, prepared; of a dataset's row among all of its rows."""
        found = self.subject.columns.get(self.name)
        return self.opened.fold.columns[self.name] if found is None else found

    @property
    def place(self) -> int:
        """Where the row stands in the column."""
        return 0 if self.subject.row is None else self.subject.row

    def piece(self, kind: type[P], what: str, title: str, **more: Any) -> P:
        """A piece about the score."""
        several = len(self.subject.inputs) > 1
        part = f"-{self.name}" if several else ""
        return kind(
            method=self.method,
            name=f"{self.subject.slug}-{self.said['label']}{part}{what}",
            title=f"{TITLES[self.method]}: {title}{f' ({self.name})' if several else ''}",
            subject=self.subject.title,
            text=self.text,
            **self.said,
            **more,
        )


def show(reason: Reason) -> Iterator[Piece]:
    """A reason as people see it."""
    kind = reason.opened.kinds[reason.name]
    if kind == "image":
        yield _over_picture(reason)
    elif kind == "text" and isinstance(reason.column, Ids):
        yield _words_in_order(reason)
    elif isinstance(reason.column, Sparse):
        yield _words_by_weight(reason)
    elif kind == "series":
        yield from _over_time(reason)
    else:
        yield from _by_feature(reason)


def _over_picture(reason: Reason) -> Drawn:
    values = reason.values
    flat = values.sum(axis=tuple(range(values.ndim - 2)))
    picture = picture_of(reason.opened, reason.subject, reason.name)
    return reason.piece(
        Drawn,
        "",
        f"what speaks for {reason.said['label']} (red) and against it (blue)",
        pixels=draw_reason(picture, flat),
    )


def draw_reason(picture: Pixels, values: Numbers) -> Pixels:
    """The picture, what speaks for and against, and the picture where anything speaks at all.

    Args:
        picture: (height, width, 3).
        values: (height, width), or of another size, which is enlarged to the picture's.
    """
    if values.shape != picture.shape[:2]:
        values = resize(values, *picture.shape[:2])
    far = float(np.quantile(np.abs(values), _FULL)) or float(np.abs(values).max()) or 1.0
    shares = np.clip(values / far, -1, 1)
    colours = colour(shares / 2 + 0.5, "RdBu_r")
    grey = picture.mean(axis=2, keepdims=True) * 0.35 + 255 * 0.65
    strength = np.abs(shares)[..., None]
    over = np.rint(grey * (1 - strength) + colours * strength).astype(np.uint8)
    return tile([enlarge(one, _SIDE) for one in (picture, colours, over)], 3)


def _words_in_order(reason: Reason) -> Marked:
    column, values = reason.column, reason.values
    assert isinstance(column, Ids)
    ids = _ids(reason)
    named = [column.words[i] if i < len(column.words) else str(i) for i in ids.tolist()]
    kept = [(w, float(v)) for w, i, v in zip(named, ids, values, strict=False) if i > 0]
    title = f"words that speak for {reason.said['label']} (red) and against it (blue)"
    return reason.piece(Marked, "", title, words=kept)


def _ids(reason: Reason) -> npt.NDArray[np.int64]:
    given = reason.subject.inputs[reason.name]
    assert not isinstance(given, MultiHot)
    row = given.values[0, : int(given.lengths[0])] if isinstance(given, Padded) else given[0]
    found: npt.NDArray[np.int64] = row.cpu().numpy()
    return found


def _words_by_weight(reason: Reason) -> Marked:
    """The words of a row that has no order, from what speaks most for the class."""
    column = reason.column
    assert isinstance(column, Sparse)
    given, values = reason.subject.inputs[reason.name], reason.values
    assert isinstance(given, MultiHot)
    there = given.indices.tolist()
    most = sorted(there, key=lambda at: -abs(values[at]))[:WORDS]
    ordered = sorted(most, key=lambda at: -values[at])
    cut = f", the {WORDS} of {len(there)} with the largest shares" if len(there) > WORDS else ""
    title = f"words that speak for {reason.said['label']} (red) and against it (blue){cut}"
    return reason.piece(
        Marked, "", title, words=[(column.name(at), float(values[at])) for at in ordered]
    )


def _by_feature(reason: Reason) -> Iterator[Piece]:
    names = names_of(reason.column, reason.values.size)
    values = reason.values.ravel()
    order = np.argsort(-np.abs(values), kind="stable").tolist()
    shown, given = _read(reason), reason.subject.inputs[reason.name]
    assert isinstance(given, Tensor)
    prepared = given[0].cpu().numpy().ravel().tolist()
    title = f"what each feature does to {reason.said['label']}"
    yield reason.piece(
        Plotted,
        "",
        title,
        pixels=draw_bars(
            [names[at] for at in order[:BARS]],
            values[order[:BARS]].tolist(),
            f"for {reason.said['label']} (above 0) or against it",
        ),
    )
    yield reason.piece(
        Listed,
        "",
        f"{title}, in numbers",
        columns={
            "feature": [names[at] for at in order],
            "value": [shown.get(names[at], "") for at in order],
            "prepared": [prepared[at] for at in order],
            "adds": values[order].tolist(),
        },
    )


def _read(reason: Reason) -> Mapping[str, Any]:
    """The features of the row as they were read, by name."""
    if reason.subject.row is None:
        return {}
    found = reason.opened.fold.data.samples.columns[reason.name].show(reason.subject.row)
    return found.content if isinstance(found.content, dict) else {}


def _over_time(reason: Reason) -> Iterator[Piece]:
    """Of a window a map, and the sum of each step; of single steps or features only these."""
    values, label, column = reason.values, reason.said["label"], reason.column
    names = names_of(column, values.shape[-1])
    back = steps_back(column, values.shape[0])
    if reason.parts == "each feature":
        yield from _features_of_series(reason, names, values)
        return
    if values.ndim == 2:
        title = f"what each step of each feature does to {label}"
        yield reason.piece(Plotted, "-map", title, pixels=draw_map(values.T, names, back, ACROSS))
        yield from _features_of_series(reason, names, values.sum(axis=0))
        values = values.sum(axis=1)
    yield reason.piece(
        Plotted,
        "-steps",
        f"what each step does to {label}",
        pixels=draw_curve(back, values.tolist(), ACROSS, str(label)),
    )
    columns = {ACROSS: back, "adds": values.tolist()}
    title = f"what each step does to {label}, in numbers"
    yield reason.piece(Listed, "-steps", title, columns=columns)


def _features_of_series(reason: Reason, names: Sequence[str], values: Values) -> Iterator[Piece]:
    order = np.argsort(-np.abs(values), kind="stable").tolist()
    named, sizes = [names[at] for at in order], values[order].tolist()
    title = f"what each feature does to {reason.said['label']}"
    pixels = draw_bars(named[:BARS], sizes[:BARS], str(reason.said["label"]))
    yield reason.piece(Plotted, "-features", title, pixels=pixels)
    columns = {"feature": named, "adds": sizes}
    yield reason.piece(Listed, "-features", f"{title}, in numbers", columns=columns)


def names_of(column: Column, many: int) -> list[str]:
    """The names of so many features of a column; of one without a name its number."""
    names: Sequence[str] = column.names if isinstance(column, (Dense, Window)) else ()
    return [names[at] if at < len(names) else str(at) for at in range(many)]


def steps_back(column: Column, steps: int) -> list[int]:
    """How far each step of a row lies from the last, 0 or less."""
    if isinstance(column, Window) and len(column.offsets) == steps:
        return [-one for one in column.offsets.tolist()]
    return [*range(1 - steps, 1)]
