"""Which rows were taken for what: the commonest pairs of classes, with examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from ..config.names import plural
from ..data.columns import Array
from ..data.targets import TargetCodec
from ..sources.batches import Part
from .drawing import as_pixels
from .opened import Asked, Opened, UnfitError
from .pieces import Listed, Piece, Sample, Samples

ROWS = 10_000
"""Rows that are looked at, at most."""
PAIRS, EXAMPLES = 8, 6
_BATCH = 256
_TEXT = 300


def explain(opened: Opened, asked: Asked) -> Iterator[Piece]:
    """A table of the pairs, and of the commonest the rows that the network was surest of."""
    codecs = {n: c for n, c in opened.codecs.items() if c.classes and c.problem != "multilabel"}
    if not codecs:
        raise UnfitError("it has no target of classes, one of them a row")
    which, part = opened.rows_looked_at(ROWS)
    answers = _answers(opened, part)
    for name, codec in codecs.items():
        if asked.label and asked.label not in codec.classes:
            continue
        rows = part.numbers.cpu().numpy()
        truth = opened.fold.data.targets[name].values
        known = rows < len(truth)  # copies of rows have numbers beyond
        yield from _pairs(opened, asked, name, codec, which, rows[known], answers[name][known])


@torch.no_grad()
def _answers(opened: Opened, part: Part) -> dict[str, Array]:
    """The activated answers for some rows, by target."""
    found: dict[str, list[Array]] = {}
    for batch in part.in_order(_BATCH):
        for name, one in opened.scores(batch.inputs).items():
            found.setdefault(name, []).append(one.cpu().numpy())
    return {name: np.concatenate(parts) for name, parts in found.items()}


def _pairs(
    opened: Opened,
    asked: Asked,
    name: str,
    codec: TargetCodec,
    which: str,
    rows: Array,
    answers: Array,
) -> Iterator[Piece]:
    truth = opened.fold.data.targets[name].values[rows].astype(np.int64)
    taken = codec.choose(answers).astype(np.int64)
    share = answers.max(axis=1) if answers.ndim > 1 else np.maximum(answers, 1 - answers)
    pairs = zip(truth.tolist(), taken.tolist(), strict=True)
    counts = Counter(pair for pair in pairs if pair[0] != pair[1])
    if asked.label:
        place = codec.classes.index(asked.label)
        counts = Counter({pair: many for pair, many in counts.items() if place in pair})
    every = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    wrong = int((truth != taken).sum())
    yield Listed(
        method="confusions",
        name=f"{name}-pairs",
        title=f"{wrong:,} of {which} were taken for another {name}",
        columns={
            "true": [codec.classes[pair[0]] for pair, _ in every],
            "taken for": [codec.classes[pair[1]] for pair, _ in every],
            "rows": [many for _, many in every],
            "share of the true class": [
                many / int((truth == pair[0]).sum()) for pair, many in every
            ],
        },
    )
    for pair, many in every[:PAIRS]:
        true, said = codec.classes[pair[0]], codec.classes[pair[1]]
        places = np.flatnonzero((truth == pair[0]) & (taken == pair[1]))
        places = places[np.argsort(-share[places], kind="stable")][:EXAMPLES]
        yield Samples(
            method="confusions",
            name=f"{name}-{true}-taken-for-{said}",
            title=f"{true} taken for {said}: {plural(many, 'row')}",
            label=said,
            text="the rows that the network was surest of first" if many > 1 else "",
            samples=[
                _sample(opened, int(rows[at]), {"true": true, "taken for": said}, float(share[at]))
                for at in places
            ],
        )


def _sample(opened: Opened, row: int, facts: dict[str, Any], score: float) -> Sample:
    facts = {**facts, "probability": score}
    samples = opened.fold.data.samples
    features: dict[str, float] = {}
    for name in samples.inputs:
        shown = samples.columns[name].show(row)
        if shown.kind == "image":
            return Sample(f"row {row}", facts, as_pixels(np.asarray(shown.content)))
        if shown.kind == "text":
            return Sample(f"row {row}", facts, text=str(shown.content)[:_TEXT])
        features |= {feature or name: value for feature, value in shown.content.items()}
    return Sample(f"row {row}", facts, features=features)
