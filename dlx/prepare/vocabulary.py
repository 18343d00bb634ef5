"""The step `vocabulary`: the tokens of a text by numbers that the training rows give."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..config.specs import text as specs
from ..data.columns import Column, Passages
from ..errors import Problem, UsageError
from .steps import State, Step

UNKNOWN = "(unknown)"
"""Stands for what no training row has; its number is 0."""


class Vocabulary(Step[specs.Vocabulary]):
    """Numbers from 1, the most frequent token of the training rows first; 0 is any other."""

    def fit(self, column: Column) -> State:
        """The tokens that are known.

        Raises:
            UsageError: it is given no text, or no token is frequent enough.
        """
        given = _require_text(column)
        counts, options = given.counts(), self.options
        order = np.argsort(-counts, kind="stable")[: options.most]  # ties by the token's characters
        words = [given.words[at] for at in order.tolist() if counts[at] >= options.min_count]
        if not words:
            what = f"no token stands in the training rows {options.min_count:,} times"
            raise UsageError(Problem(what, "", f"at most {int(counts.max()):,}", "min_count: 1"))
        kept = int(sum(counts[at] for at in order[: len(words)].tolist()))
        seen = {"tokens": int(counts.sum()), "different": int((counts > 0).sum()), "kept": kept}
        return {"words": words, "seen": seen}

    def apply(self, column: Column, state: State) -> Column:
        """The same stretches in these numbers."""
        given = _require_text(column)
        place = {word: at for at, word in enumerate(state["words"], start=1)}
        of_each = np.array([place.get(word, 0) for word in given.words], np.int32)
        wide = np.array(list(map(len, given.words)), np.uint16)
        words = (UNKNOWN, *state["words"])
        series = of_each[given.series]
        return replace(given, series=series, words=words, widths=wide[given.series])

    def remarks(self, state: State) -> list[str]:
        """How much of the training rows is known."""
        seen, words = state["seen"], len(state["words"])
        share = seen["kept"] / max(1, seen["tokens"])
        told = f"vocabulary: {words:,} of {seen['different']:,} different tokens"
        return [f"{told}, {share:.1%} of the {seen['tokens']:,} in the training rows"]

    def counts(self, state: State) -> dict[str, int]:
        """How many different tokens there were."""
        return {"tokens": int(state["seen"]["different"])}


def _require_text(column: Column) -> Passages:
    if isinstance(column, Passages) and not column.numbered:
        return column
    what = f"prepare step vocabulary takes a text, but is given {column.holds}"
    raise UsageError(Problem(what, "", "dataset: text, once", "leave it out"))
