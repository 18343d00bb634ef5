"""The rows that a model was most wrong about, as a report shows them: `errors.json`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..data.samples import Ragged, Rows, Samples
from ..data.targets import EncodedTarget
from ..losses import activate
from ..problem import PROBLEMS

SHOWN = 12
TEXT = 400
"""Characters of a text that are kept."""
WIDEST = 64
"""Pixels of an image's side that are kept."""


def worst_errors(
    samples: Samples,
    rows: Rows,
    targets: Mapping[str, EncodedTarget],
    problems: Mapping[str, str],
    logits: Mapping[str, Tensor],
) -> dict[str, list[dict[str, Any]]]:
    """The rows with the largest losses, among those that were answered wrongly.

    Args:
        samples: the dataset.
        rows: the rows that were predicted, in order.
        targets: encoded targets by name.
        problems: problem type of each.
        logits: of the rows, (rows, outputs) by target.

    Returns:
        Target -> its worst rows with truth, prediction, probability, loss, and the inputs as an
        image, a text or named features.
    """
    found = {}
    for name, target in targets.items():
        predicted = activate(problems[name], logits[name]).cpu().numpy()
        losses = _losses(problems[name], target, rows, logits[name].cpu(), predicted)
        order = np.argsort(-losses, kind="stable")[:SHOWN]
        found[name] = [
            {
                "row": int(rows[i]),
                **_answer(problems[name], target, rows[i], predicted[i]),
                "loss": float(losses[i]),
                "shown": _shown(samples, int(rows[i])),
            }
            for i in order.tolist()
            if losses[i] > 0 and np.isfinite(losses[i])
        ]
    return found


def _losses(problem: str, target: EncodedTarget, rows: Rows, logits: Tensor, predicted: Any) -> Any:
    """How wrong each answer is; 0 for a right one."""
    true = target.values[rows]
    if problem == "multiclass":
        each = torch.nn.functional.cross_entropy(logits, torch.from_numpy(true), reduction="none")
        return np.where(predicted.argmax(axis=1) == true, 0.0, each.numpy())
    if PROBLEMS[problem].classes:
        wanted = torch.from_numpy(true.astype(np.float32)).reshape(logits.shape)
        each = torch.nn.functional.binary_cross_entropy_with_logits(
            logits, wanted, reduction="none"
        )
        wrong = (predicted > 0.5).reshape(len(rows), -1) != (true > 0.5).reshape(len(rows), -1)
        return np.where(wrong.any(axis=1), each.reshape(len(rows), -1).sum(dim=1).numpy(), 0.0)
    off = np.abs(predicted.reshape(len(rows), -1) - true.reshape(len(rows), -1))
    return off.mean(axis=1)


def _answer(problem: str, target: EncodedTarget, row: Any, predicted: Any) -> dict[str, Any]:
    true, names = target.values[row], target.classes
    if PROBLEMS[problem].answer == "class":
        shares = np.ravel(predicted).tolist()
        shares = shares if problem == "multiclass" else [1 - shares[0], shares[0]]
        chosen = int(np.argmax(shares))
        said = {"true": names[int(true)], "predicted": names[chosen]}
        return {**said, "probability": shares[chosen]}
    if problem == "multilabel":
        marked = (
            "|".join(n for n, on in zip(names, v > 0.5, strict=True) if on)
            for v in (true, predicted)
        )
        return dict(zip(("true", "predicted"), marked, strict=True))
    texts = ("|".join(f"{v:.5g}" for v in np.ravel(value)) for value in (true, predicted))
    return dict(zip(("true", "predicted"), texts, strict=True))


def _shown(samples: Samples, row: int) -> dict[str, Any]:
    """The inputs of a row as people see them: the first input that is an image, text or table."""
    features: dict[str, Any] = {}
    for name in samples.inputs:
        column = samples.columns[name]
        if isinstance(column, list):
            return {"kind": "text", "text": column[row][:TEXT]}
        if isinstance(column, Ragged):
            words = samples.words.get(name, ())
            ids = column.row(row).tolist()[:TEXT]
            text = " ".join(words[i] if i < len(words) else str(i) for i in ids)
            return {"kind": "text", "text": text[:TEXT]}
        if column.ndim >= 3 and max(column.shape[1:3]) <= WIDEST:
            return _image(column[row])
        if column.ndim == 1:
            features[name] = float(column[row])
        if column.ndim == 2:
            named = samples.features.get(name) or tuple(map(str, range(column.shape[1])))
            features |= {n: float(v) for n, v in zip(named, column[row], strict=True)}
    return {"kind": "row", "features": features}


def _image(values: Any) -> dict[str, Any]:
    grey = values.astype(np.float64)
    if grey.ndim == 3:
        grey = grey.mean(axis=-1)
    low, high = float(grey.min()), float(grey.max())
    scaled = (grey - low) / ((high - low) or 1.0) * 255
    return {
        "kind": "image",
        "shape": list(grey.shape),
        "values": scaled.round().astype(int).ravel().tolist(),
    }
