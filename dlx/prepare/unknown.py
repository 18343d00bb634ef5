"""Which share of each text's words a fitted preparation does not know."""

from __future__ import annotations

from ..data.columns import Array
from ..data.samples import Frame
from .pipeline import Pipeline
from .steps import Step


def count_unknown(pipeline: Pipeline, frame: Frame) -> dict[str, Array]:
    """The share of each row's words, (rows,), by the frame's column; of texts with a vocabulary.

    Args:
        pipeline: the fitted preparation.
        frame: the rows, as they were read.
    """
    found: dict[str, Array] = {}
    for name, raw in pipeline.raw.items():
        first = next((step for step in pipeline.steps if step.column == name), None)
        of = raw.of or name
        if first is None or of in found or of not in frame.columns:
            continue
        chosen = first.choose()
        step = chosen.load()(chosen.options)
        if isinstance(step, Step):
            shares = step.unknown(frame.columns[of], first.state)
            found |= {} if shares is None else {of: shares}
    return found
