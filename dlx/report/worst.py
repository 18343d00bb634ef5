"""The section that shows the rows the model was most wrong about, as what they are."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import Any

import numpy as np

from .blocks import Block, Card, Gallery, Section
from .read import Run, amount, finite, get, mappings
from .words import number

_SIDE = 256  # pixels of an image's side that are drawn
_FEATURES = 40
_NARROW = 4  # as many features are read in a narrow card


def worst(run: Run) -> Section | None:
    """A gallery a target: images, excerpts or features, each with truth and answer."""
    blocks: list[Block] = []
    for target in run.worst:
        rows = mappings(get(run.worst, target, dict), "rows")
        cards = [_card(row) for row in rows]
        if cards:
            of = f"{target}: the" if len(run.worst) > 1 else "The"
            title = f"{of} {len(cards)} rows with the largest losses, worst first"
            broad = any(card.text or len(card.inputs) > _NARROW for card in cards)
            blocks.append(Gallery(title, cards, broad))
    return Section("worst", "Worst errors", blocks) if blocks else None


def _card(row: Mapping[str, Any]) -> Card:
    shown = get(row, "shown", dict)
    facts = [("true", _said(row, "true")), ("predicted", _said(row, "predicted"))]
    measured = ("probability", "loss")
    facts += [(name, number(row[name])) for name in measured if amount(row, name) is not None]
    features = get(shown, "features", dict)
    inputs = [(name, number(features[name])) for name in list(features)[:_FEATURES]]
    text = get(shown, "text", str)
    return Card(f"row {number(amount(row, 'row'))}", _image(shown), text, facts, inputs)


def _said(row: Mapping[str, Any], name: str) -> str:
    return number(row[name]) if row.get(name) is not None else ""


def _image(shown: Mapping[str, Any]) -> str:
    """A grey image as PNG in base64; "" where it is none, or damaged."""
    if shown.get("kind") != "image":
        return ""
    shape = [side for side in get(shown, "shape", list) if isinstance(side, int)]
    values = [finite(value) for value in get(shown, "values", list)]
    whole = len(shape) == 2 and all(1 <= side <= _SIDE for side in shape)
    if not whole or len(values) != shape[0] * shape[1] or not np.isfinite(values).all():
        return ""
    from PIL import Image

    grey = np.clip(np.array(values).reshape(shape), 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(grey).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode("ascii")
