"""Sections on what a training left to be looked at: one for each kind, whatever learner left it."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..files import read_bytes
from ..runs.artifacts import HIDDEN, Artifact
from ..runs.pixels import picture_of, size_of
from . import charts
from .blocks import Alerts, Block, Card, Gallery, Heading, Section, Table, Text
from .read import Run, clean, columns_of, evenly, finite, get, mappings, numbers, tree_of
from .words import NONE, number, shorten, tally

EPOCHS = 8
"""As many of an artifact are shown that was made after every epoch."""
_NAMES = 20
_ROOM = 16 * 1024 * 1024  # bytes of all files of a kind
_ROWS, _COLUMNS = 50, 30
_CARDS, _FEATURES = 24, 40
_NARROW = 4  # as many features are read in a narrow card
_CELL, _LONGEST = 200, 4000  # characters of a cell, of a text
_NUMBERED = ("seed",)  # columns whose numbers are names: nobody reads them as amounts
_SIDE = 256  # pixels of an image's side that are drawn

Show = Callable[[Artifact, bytes], list[Block]]
"""What an artifact's file shows; ValueError where it is damaged."""


def of_kind(kind: str, title: str, show: Show) -> Callable[[Run], Section]:
    """What makes the section of a kind.

    Args:
        kind: as in `artifacts.json`; the section's anchor.
        title: its heading, where there are several artifacts.
        show: what shows one of them.
    """

    def make(run: Run) -> Section:
        found = [one for one in run.artifacts if one.kind == kind and not _hides(one)]
        names = list(dict.fromkeys(one.name for one in found))
        blocks: list[Block] = []
        room = _ROOM
        for name in names[:_NAMES]:
            every = [one for one in found if one.name == name]
            made, room = _show_each(run, every, show, room)
            if any(block.full for block in made):
                blocks += [*_head(every[-1], len(names) > 1), *made]
        if blocks and len(names) > _NAMES:
            blocks.append(Text([f"The first {_NAMES} of {len(names)} are shown."]))
        heading = _title(found[-1]) if len(names) == 1 else title
        return Section(kind, heading, blocks)

    make.__name__ = kind
    return make


def _hides(one: Artifact) -> bool:
    """Whether it is one of those that have sections of their own, also as a fold keeps it."""
    return any(f"/{one.file}".endswith(f"/{file}") for file in HIDDEN)


def _title(one: Artifact) -> str:
    return one.title or one.name.replace("_", " ").capitalize()


def _head(one: Artifact, several: bool) -> list[Block]:
    """What an artifact is, above what shows it; cards are counted as what they are."""
    told = "" if one.kind == "cards" else one.caption[:1].upper() + one.caption[1:]
    return [Heading(_title(one), told) if several else Text([told])]


def _show_each(
    run: Run, every: Sequence[Artifact], show: Show, room: int
) -> tuple[list[Block], int]:
    """What shows an artifact after some of its epochs, and the room that is left for others."""
    blocks: list[Block] = []
    wrong: list[str] = []
    shown = evenly(every, EPOCHS)
    for one in shown:
        try:
            content = read_bytes(run.folder / one.file, room)
            blocks += [_name_last(block, one, every) for block in show(one, content)]
            room -= len(content)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            wrong.append(f"{one.file} cannot be shown: {clean(str(why))}.")
    parts = [sum(one.epoch is not None for one in some) for some in (shown, every)]
    told = f"{parts[0]} of {parts[1]} epochs are shown, evenly spaced."
    blocks += [Alerts(wrong), Text([told if len(every) > EPOCHS else ""])]
    return blocks, room


def _name_last(block: Block, one: Artifact, every: Sequence[Artifact]) -> Block:
    """Beside what epochs have left, what the kept weights have is named so."""
    beside = one.epoch is None and any(other.epoch is not None for other in every)
    return replace(block, title="Kept weights") if beside and isinstance(block, Gallery) else block


def _epoch(one: Artifact) -> str:
    return "" if one.epoch is None else f"Epoch {number(one.epoch)}"


def _text(content: bytes) -> str:
    return clean(content.decode("utf-8", "replace"))


def _tree(content: bytes) -> dict[str, Any]:
    found = tree_of(_text(content))
    return found if isinstance(found, dict) else {}


def _pictures(one: Artifact, content: bytes) -> list[Block]:
    """A PNG file as it is, animated or not."""
    size_of(content)
    card = Card("", base64.b64encode(content).decode("ascii"), alt=_title(one))
    return [Gallery(_epoch(one), [card], broad=True, wide=False)]


def _texts(one: Artifact, content: bytes) -> list[Block]:
    found = _tree(content)
    cards = [Card(name, text=_cut(str(found[name]), _LONGEST)) for name in [*found][:_CARDS]]
    return [Gallery(_epoch(one), cards, broad=True)]


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}\N{HORIZONTAL ELLIPSIS}"


def _lines(one: Artifact, content: bytes) -> list[Block]:
    return [charts.lines(columns_of(_text(content)), _epoch(one))]


def _points(one: Artifact, content: bytes) -> list[Block]:
    return [charts.points(columns_of(_text(content)), _epoch(one))]


def _table(one: Artifact, content: bytes) -> list[Block]:
    """The first rows and columns of a table; where numbers stand, as a page shows them."""
    columns = columns_of(_text(content))
    shown = {name: _cells(name, columns[name][:_ROWS]) for name in [*columns][:_COLUMNS]}
    texts = [at for at, (_, numeric) in enumerate(shown.values()) if not numeric]
    cells = list(zip(*(column for column, _ in shown.values()), strict=True))
    block = Table(_epoch(one), [*shown], cells, texts=texts)
    rows = len(next(iter(columns.values()), ()))
    bounds = ((rows, _ROWS, "row"), (len(columns), _COLUMNS, "column"))
    cut = " and ".join(f"{most} of {tally(has, of)}" for has, most, of in bounds if has > most)
    return [block, *([Text([f"The first {cut} are shown: all are in {one.file}."])] if cut else [])]


def _cells(column: str, cells: Sequence[str]) -> tuple[list[str], bool]:
    """A column's cells as a page shows them: rounded, where all are numbers; whether they are."""
    values = numbers(cells)
    if len(values) == len(cells) and np.isfinite(values).all():
        if column in _NUMBERED:
            return [*cells], True
        return [number(int(v) if v.is_integer() else v) for v in values.tolist()], True
    return [shorten(cell, _CELL) for cell in cells], False


def _cards(one: Artifact, content: bytes) -> list[Block]:
    """A gallery a group: images, excerpts or features, each with its facts."""
    groups = _tree(content)
    blocks: list[Block] = []
    for group in groups:
        cards = [_card(row) for row in mappings(get(groups, group, dict), "rows")][:_CARDS]
        if cards:
            lead = ", ".join(filter(None, (_epoch(one), group if len(groups) > 1 else "")))
            title = f"{f'{lead}: the' if lead else 'The'} {len(cards)} {one.caption or 'samples'}"
            broad = any(card.text or len(card.inputs) > _NARROW for card in cards)
            blocks.append(Gallery(title, cards, broad))
    return blocks


def _card(row: Mapping[str, Any]) -> Card:
    shown = get(row, "shown", dict)
    told = [name for name in row if name not in ("row", "shown") and row[name] is not None]
    facts = [(name, shorten(number(row[name]), _CELL)) for name in told]
    features = get(shown, "features", dict)
    inputs = [(name, number(features[name])) for name in list(features)[:_FEATURES]]
    title = f"row {number(row['row'])}" if "row" in row else ""
    return Card(title, _image(shown), get(shown, "text", str), facts, inputs)


def _image(shown: Mapping[str, Any]) -> str:
    """An image, grey or in colour, as PNG in base64; "" where it is none, or damaged."""
    if shown.get("kind") != "image":
        return ""
    shape = [side for side in get(shown, "shape", list) if isinstance(side, int)]
    values = [finite(value) for value in get(shown, "values", list)]
    colours, sides = (shape[0], shape[1:]) if len(shape) == 3 else (1, shape)
    whole = colours in (1, 3) and len(sides) == 2 and all(1 <= side <= _SIDE for side in sides)
    if not whole or len(values) != colours * math.prod(sides) or not np.isfinite(values).all():
        return ""
    pixels = np.clip(np.array(values), 0, 255).astype(np.uint8).reshape(1, colours, *sides)
    return base64.b64encode(picture_of(pixels)).decode("ascii")


def vectors(run: Run) -> Section:
    """Where vectors of words lie, and what takes them; the file itself is not read."""
    found = [one for one in run.artifacts if one.kind == "vectors"]
    blocks: list[Block] = []
    for one in found:
        blocks += _head(one, len(found) > 1)
        use = "an embedding starts from them with vectors: and the name of this run"
        blocks.append(Text([f"All are in {one.file}, in the text format of GloVe; {use}."]))
    heading = _title(found[-1]) if len(found) == 1 else "Vectors"
    return Section("vectors", heading, blocks)


def _arrays(one: Artifact, content: bytes) -> list[Block]:
    """The size and the range of each array; their numbers are not shown."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        found = load(content)
    except (SafetensorError, KeyError, TypeError) as error:
        raise ValueError(str(error)) from error
    cells = []
    for name in [*found][:_ROWS]:
        values = found[name]
        size = " x ".join(map(str, values.shape))
        known = [f(values) for f in (np.min, np.mean, np.max)] if values.size else []
        zeros = [np.mean(values == 0)] if values.size else []
        numbers_told = [number(float(one)) for one in (*known, *zeros)] or [NONE] * 4
        cells.append((shorten(clean(name), _CELL), size, *numbers_told))
    head = ["array", "size", "smallest", "mean", "largest", "share of zeros"]
    cut = f"The first {_ROWS} of {tally(len(found), 'array')} are listed."
    more = [Text([cut])] if len(found) > _ROWS else []
    return [Table(_epoch(one) or "Sizes and ranges", head, cells, texts=[0, 1]), *more]


SECTIONS = (
    of_kind("cards", "Samples", _cards),
    of_kind("pictures", "Pictures", _pictures),
    of_kind("film", "Films", _pictures),
    of_kind("texts", "Texts", _texts),
    of_kind("lines", "Lines", _lines),
    of_kind("points", "Points", _points),
    of_kind("table", "Tables", _table),
    of_kind("arrays", "Arrays", _arrays),
    vectors,
)
"""What shows each kind of artifact, from top to bottom."""
