"""The rows that a model was most wrong about, as a report shows them: `errors.json`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor

from ..data.columns import Array, Rows
from ..data.samples import Samples
from ..data.targets import Answers, EncodedTarget

SHOWN = 12
TEXT = 400
"""Characters of a text that are kept."""
WIDEST = 64
"""Pixels of an image's side that are kept, at most."""


def worst_errors(
    samples: Samples,
    rows: Rows,
    targets: Mapping[str, EncodedTarget],
    logits: Mapping[str, Tensor],
    answers: Mapping[str, Answers],
) -> dict[str, list[dict[str, Any]]]:
    """The rows with the largest losses, among those that were answered wrongly.

    Args:
        samples: the dataset.
        rows: the rows that were predicted, in order.
        targets: encoded targets by name.
        logits: of the rows, (rows, outputs) by target.
        answers: what they say, by target.

    Returns:
        Target -> its worst rows with truth, prediction, probability, loss, and the inputs as an
        image, a text or named features.
    """
    found = {}
    for name, target in targets.items():
        true, said = target.values[rows], answers[name]
        losses = _losses(target.codec.problem, true, logits[name].cpu(), said)
        order = np.argsort(-losses, kind="stable")[:SHOWN]
        found[name] = [
            {
                "row": int(rows[i]),
                **name_row(samples, int(rows[i])),
                "true": target.codec.texts(true[i : i + 1])[0],
                "predicted": target.codec.texts(said.values[i : i + 1])[0],
                **_probability(target.codec.problem, said, i),
                "loss": float(losses[i]),
                "shown": show_inputs(samples, int(rows[i])),
            }
            for i in order.tolist()
            if losses[i] > 0 and np.isfinite(losses[i])
        ]
    return found


def name_row(samples: Samples, row: int) -> dict[str, str]:
    """What a row is called, where rows have names, as pictures have paths."""
    return {"name": samples.columns[samples.names].show(row).content} if samples.names else {}


def _losses(problem: str, true: Array, logits: Tensor, said: Answers) -> Array:
    """How wrong each answer is; 0 for a right one."""
    values, wanted = (array.reshape(len(true), -1) for array in (said.values, true))
    if said.probabilities is None:
        off: Array = np.abs(values - wanted).mean(axis=1)
        return off
    if problem == "multiclass":
        each = F.cross_entropy(logits, torch.from_numpy(true), reduction="none")
    else:
        marks = torch.from_numpy(true.astype(np.float32)).reshape(logits.shape)
        each = F.binary_cross_entropy_with_logits(logits, marks, reduction="none")
        each = each.reshape(len(true), -1).sum(dim=1)
    return np.where((values != wanted).any(axis=1), each.numpy(), 0.0)


def _probability(problem: str, said: Answers, row: int) -> dict[str, float]:
    """That of the class that was answered; none for numbers and for several labels."""
    if said.probabilities is None or problem == "multilabel":
        return {}
    shares = said.probabilities[row]
    if shares.ndim:
        return {"probability": float(shares.max())}
    second = float(shares)
    return {"probability": second if second > 0.5 else 1 - second}


def show_inputs(samples: Samples, row: int) -> dict[str, Any]:
    """The inputs of a row as people see them: the first input that is an image, text or table."""
    features: dict[str, Any] = {}
    for name in samples.inputs:
        shown = samples.columns[name].show(row)
        if shown.kind == "text":
            return {"kind": "text", "text": shown.content[:TEXT]}
        if shown.kind == "row":
            features |= {feature or name: value for feature, value in shown.content.items()}
        else:
            return _image(shown.content)
    return {"kind": "row", "features": features}


def _image(pixels: Array) -> dict[str, Any]:
    """Three channels are colours, others become grey; a large image becomes smaller."""
    shown = pixels.astype(np.float64)
    if len(shown) != 3:
        shown = shown.mean(axis=0)
    shown = _shrink(shown)
    low, high = float(shown.min()), float(shown.max())
    scaled = (shown - low) / ((high - low) or 1.0) * 255
    return {
        "kind": "image",
        "shape": list(shown.shape),
        "values": scaled.round().astype(int).ravel().tolist(),
    }


def _shrink(pixels: Array) -> Array:
    """Means of squares of pixels, where a side is longer than `WIDEST`; a rest is cut off."""
    *colours, height, width = pixels.shape
    step = -(-max(height, width) // WIDEST)
    down, across = min(step, height), min(step, width)
    high, wide = height // down, width // across
    whole = pixels[..., : high * down, : wide * across]
    return np.asarray(whole.reshape(*colours, high, down, wide, across).mean(axis=(-3, -1)))
