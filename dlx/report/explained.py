"""The page of an explanation: what a network sees, method by method."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..explain.drawing import enlarge, png
from ..explain.methods import METHODS
from ..explain.pieces import Drawn, Explanation, Listed, Marked, Piece, Plotted, Sample, Samples
from .blocks import Alerts, Block, Card, Gallery, Heading, Picture, Section, Table, Text, Words
from .page import write_page
from .words import number

_ROWS = 25
_WORDS = 2000
_LEAST = 64  # pixels that a small picture has a side, at least


def build_explanation(page: Path, explanation: Explanation) -> Path:
    """Writes the page of an explanation.

    Args:
        page: the file.
        explanation: what it shows.

    Raises:
        RunError: it cannot be written.
    """
    makers = [*map(_section, METHODS), _notes]
    texts = {"title": "What the network sees", "run": explanation.run}
    return write_page(page, makers, explanation, texts, word="run", plots=False)


def _section(method: str) -> Callable[[Explanation], Section]:
    """What makes the section of a method."""

    def make(found: Explanation) -> Section:
        blocks: list[Block] = []
        for piece in found.pieces:
            if piece.method == method:
                blocks += [Heading(piece.title, _line(piece)), *_SHOWN[type(piece)](piece)]
        about = METHODS[method].about
        lead = [Text([f"{about[:1].upper()}{about[1:]}."])] if blocks else []
        return Section(method, METHODS[method].title, [*lead, *blocks])

    make.__name__ = method
    return make


def _line(piece: Piece) -> str:
    """What a piece is of, and what to know of it."""
    facts = (f"{name} {number(value)}" for name, value in piece.facts().items())
    text = piece.text[:1].upper() + piece.text[1:]
    return ". ".join(filter(None, (" · ".join(facts), text)))


def _drawn(piece: Any) -> list[Block]:
    picture: Drawn = piece
    card = Card("", base64.b64encode(png(picture.pixels)).decode("ascii"), alt=picture.title)
    return [Gallery("", [card], whole=True)]


def _plotted(piece: Any) -> list[Block]:
    plot: Plotted = piece
    return [Picture(plot.name, png(plot.pixels), "", plot.title)]


def _listed(piece: Any) -> list[Block]:
    table: Listed = piece
    columns = {name: [*cells][:_ROWS] for name, cells in table.columns.items()}
    texts = [at for at, cells in enumerate(columns.values()) if any(map(_is_text, cells))]
    rows = [[number(cell) for cell in row] for row in zip(*columns.values(), strict=True)]
    many = len(next(iter(table.columns.values()), ()))
    cut = f"The first {_ROWS} of {many:,} rows are shown." if many > _ROWS else ""
    return [Table("", [*columns], rows, texts=texts), Text([cut])]


def _is_text(cell: object) -> bool:
    return not isinstance(cell, (int, float))


def _samples(piece: Any) -> list[Block]:
    samples: Samples = piece
    broad = any(one.text or len(one.features) > 4 for one in samples.samples)
    return [Gallery("", [_card(one) for one in samples.samples], broad)]


def _card(one: Sample) -> Card:
    image = ""
    if one.pixels is not None:
        image = base64.b64encode(png(enlarge(one.pixels, _LEAST))).decode("ascii")
    facts = [(name, number(value)) for name, value in one.facts.items()]
    features = [(name, number(value)) for name, value in one.features.items()]
    return Card(one.title, image, one.text, facts, features)


def _marked(piece: Any) -> list[Block]:
    marked: Marked = piece
    shown = marked.words[:_WORDS]
    far = max((abs(weight) for _, weight in shown), default=0.0) or 1.0
    words = [(word, round(weight / far, 3), f"{weight:+.3g}") for word, weight in shown]
    more = len(marked.words) - len(shown)
    return [Words(words), Text([f"{more:,} more words are in the file." if more else ""])]


_SHOWN: dict[type[Piece], Callable[[Any], list[Block]]] = {
    Drawn: _drawn,
    Plotted: _plotted,
    Listed: _listed,
    Samples: _samples,
    Marked: _marked,
}


def _notes(found: Explanation) -> Section:
    """Which weights were looked at, and what does not fit."""
    skipped = [f"{name} was left out: {why}" for name, why in found.skipped.items()]
    looks = f"{found.looks_rows['rows']} test rows were looked at" if found.looks else ""
    told = [f"Weights: {found.weights}", looks, *skipped]
    return Section("notes", "Notes", [Alerts(list(found.warnings)), Text(told)])


_notes.__name__ = "notes"
