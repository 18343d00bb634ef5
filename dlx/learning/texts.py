"""What language models leave to be looked at: texts that they write, and how varied these are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np

from ..data.columns import Passages, Rows
from ..models.language import Language
from ..runs.artifacts import Artifacts
from .writing import Drawing, write

TEMPERATURES = (0.2, 0.5, 1.0, 1.2)
MANY = 8
"""Texts of each temperature that are counted in at the end."""
GRAMS = (2, 3, 4)
_WORD = re.compile(r"[^\W\d_]+")


class Told(NamedTuple):
    """A text that was written.

    Attributes:
        text: all of it.
        ids: its tokens.
    """

    text: str
    ids: list[int]


def write_texts(
    model: Language,
    prompt: Sequence[int],
    words: Sequence[str],
    ways: Sequence[Drawing],
    long: int,
    seed: int,
    fresh: int,
) -> list[Told]:
    """A text of each way of drawing, so many tokens long."""
    rows = zip(*islice(write(model, prompt, ways, seed, fresh), long), strict=True)
    return [Told("".join(words[at] for at in row), list(row)) for row in rows]


def leave_texts(
    into: Artifacts, prompt: str, found: Sequence[Told], ways: Sequence[Drawing]
) -> None:
    """Keeps a text of each temperature, below what all of them follow."""
    named = {
        f"temperature {way.temperature:g}": one.text for way, one in zip(ways, found, strict=True)
    }
    caption = "what the model writes on, at several temperatures, after a stretch of the "
    into.texts("samples", {"prompt": prompt, **named}, title="Samples", caption=caption + "text")


def leave_temperatures(
    into: Artifacts, found: Sequence[tuple[str, Sequence[Told]]], known: set[str], held: Told
) -> None:
    """Keeps a table: how varied texts are by temperature, and those of a stretch of the text.

    Args:
        into: takes it.
        found: texts by temperature.
        known: the words of the training text.
        held: a stretch of a text that did not train, as long as those of a temperature together.
    """
    every = [*found, ("held-out text", [held])]
    columns: dict[str, list[object]] = {"temperature": [name for name, _ in every]}
    for size in GRAMS:
        columns[f"distinct {size}-grams"] = [_distinct(texts, size) for _, texts in every]
    columns["entropy"] = [_entropy(texts) for _, texts in every]
    columns["known words"] = [_known(texts, known) for _, texts in every]
    caption = (
        "of all runs of n tokens the share that differ; bits a token of the frequencies of tokens; "
        "and the share of words that stand in the training text"
    )
    into.table("temperatures", columns, title="Temperatures", caption=caption)


def _distinct(texts: Sequence[Told], size: int) -> float:
    """The share of n-grams of tokens that differ, over several texts."""
    grams = [
        tuple(one.ids[at : at + size]) for one in texts for at in range(len(one.ids) - size + 1)
    ]
    return len({*grams}) / max(1, len(grams))


def _entropy(texts: Sequence[Told]) -> float:
    """Bits a token of how frequent tokens are."""
    counts = np.bincount(np.concatenate([one.ids for one in texts]))
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log2(shares)).sum())


def _known(texts: Sequence[Told], known: set[str]) -> float:
    """The share of whole words, those at both ends left out, that are known."""
    words = [word for one in texts for word in words_of(one.text)[1:-1]]
    return sum(word in known for word in words) / max(1, len(words))


def words_of(text: str) -> list[str]:
    """The words of a text, of letters only."""
    return _WORD.findall(text)


def text_of(column: Passages, rows: Rows) -> str:
    """The text that some rows hold, each token once."""
    given = column.take(rows)
    return "".join(column.words[at] for at in given.series[given.reached()].tolist())


def prompt_of(column: Passages, rows: Rows) -> list[int]:
    """The tokens of the first of some rows, without the last."""
    start = int(column.starts[rows[0]])
    return [int(one) for one in column.series[start : start + column.length]]


def follow(column: Passages, rows: Rows, long: int) -> Told:
    """So many tokens of the text from the first of some rows on, as far as they reach."""
    given = column.take(rows)
    ids = given.series[given.reached()][:long].tolist()
    return Told("".join(column.words[at] for at in ids), ids)
