"""What a training keeps so that it can say how far its predictions can be trusted.

Everything is learnt from training rows and from answers to validation rows, never from test rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..data.columns import Rows
from ..data.samples import Frame
from ..data.targets import Answers, EncodedTarget
from ..data.unlike import evenly, unknown_words
from ..judging import conformal, sureness
from ..judging.sureness import Ranks
from ..judging.trusted import Known, Space, Trusted
from ..losses import activate
from ..prepare.unknown import count_unknown
from ..sources.batches import Inputs, Part
from ..sources.device import one_thread
from ..sources.fold import FoldData
from . import space

ANSWERED, LOOKED = 20_000, 1_000
"""Validation rows whose answers are scored, and rows that are compared and encoded."""

Array = npt.NDArray[Any]
Encode = Callable[[Inputs], Tensor]


def learn_trust(
    fold: FoldData, logits: Mapping[str, Tensor], chosen: bool, encode: Encode | None, batch: int
) -> Trusted:
    """What a training with validation rows tells.

    Args:
        fold: its rows.
        logits: of the validation rows, (rows, outputs) by target.
        chosen: whether these rows chose the epoch.
        encode: gives features of rows; None where there are none.
        batch: rows that are encoded at once.
    """
    every = np.arange(len(fold.rows.validation))
    asked, looked = evenly(every, ANSWERED), evenly(every, LOOKED)
    near, place = _distances(fold, looked, encode, batch)
    sure = {}
    for name, one in answer(fold, logits, looked).items():
        found = sureness.confidence(fold.pipeline.targets[name], one, near)
        if found is not None:
            sure[name] = found
    ranks = {name: Ranks.of(values) for name, values in sure.items()}
    rows = fold.rows.validation
    scores = {
        name: conformal.score(
            fold.targets[name].codec.problem, one, fold.targets[name].values[rows[asked]]
        )
        for name, one in answer(fold, logits, asked).items()
    }
    known = _known(fold, rows[looked])
    surest = Ranks.of(least_sure(ranks, sure, len(looked)))
    return Trusted(len(every), chosen, 1, scores, ranks, surest, known, place)


def learn_whole(fold: FoldData, encode: Encode | None, batch: int) -> Trusted:
    """What training rows tell of a run over folds, whose final model has no validation rows.

    Args:
        fold: of its last training.
        encode: gives features of rows, where that is of the final model; else None.
        batch: rows that are encoded at once.
    """
    place = None if encode is None else _place(fold, encode, batch)
    known, data = {}, fold.data
    for name in data.samples.inputs:
        if arrays := data.samples.columns[name].remember(data.split.rest):
            known[name] = Known(arrays, np.zeros(0, np.bool_), np.zeros(0, np.float32))
    for name in _unknown(fold, data.split.rest[:1]):
        known[name] = Known({}, np.zeros(1, np.bool_), np.zeros(0, np.float32))
    return Trusted(0, False, 0, {}, {}, Ranks.of(np.zeros(0)), known, place)


def least_sure(
    ranks: Mapping[str, Ranks], sure: Mapping[str, Array], rows: int
) -> npt.NDArray[np.float64]:
    """How sure all answers to a row are: by each the share of validation rows that are less so."""
    shares = [ranks[name].share_below(values) for name, values in sure.items()]
    return np.min(shares, axis=0) if shares else np.zeros(rows)


def answer(fold: FoldData, logits: Mapping[str, Tensor], places: Rows) -> dict[str, Answers]:
    """What the model says of some of the rows that the logits are of."""
    some = torch.from_numpy(places)
    activated = {
        name: activate(fold.targets[name].codec.problem, one[some.to(one.device)]).cpu().numpy()
        for name, one in logits.items()
    }
    return fold.pipeline.decode(activated)


def encode_places(encode: Encode, part: Part, places: Rows, batch: int) -> npt.NDArray[np.float32]:
    """The features of some rows of a part, as they are compared, (rows, numbers)."""
    some = part.take(torch.from_numpy(places).to(part.numbers.device))
    found = []
    for one in some.in_order(batch):
        features = encode(one.inputs)
        with one_thread():
            found.append(space.reduce(features))
    return np.concatenate(found)


def _distances(
    fold: FoldData, looked: Rows, encode: Encode | None, batch: int
) -> tuple[npt.NDArray[np.float32] | None, Space | None]:
    """How far validation rows are in feature space, and where the training rows are."""
    if encode is None or (found := _place(fold, encode, batch)) is None:
        return None, None
    assert fold.validation is not None
    features = encode_places(encode, fold.validation, looked, batch)
    with one_thread():
        near = space.measure(features, found.arrays)
    return near, Space(found.arrays, near)


def _place(fold: FoldData, encode: Encode, batch: int) -> Space | None:
    """Where training rows lie in feature space."""
    places = evenly(np.arange(len(fold.train)), LOOKED)
    first = fold.train.take(torch.zeros(1, dtype=torch.int64, device=fold.train.numbers.device))
    (one,) = first.in_order(1)
    if encode(one.inputs).shape[1] > space.WIDEST:
        return None
    features = encode_places(encode, fold.train, places, batch)
    with one_thread():
        arrays = space.place(features, _classes(fold, places))
    return None if arrays is None else Space(arrays, np.zeros(0, np.float32))


def _classes(fold: FoldData, places: Rows) -> Array | None:
    """The class of training rows, where there is one target, and it has classes."""
    targets: list[EncodedTarget] = list(fold.targets.values())
    if len(targets) != 1 or targets[0].codec.problem not in ("binary", "multiclass"):
        return None
    (values,) = fold.train.targets.values()
    ids: Array = values[torch.from_numpy(places).to(values.device)].cpu().numpy().astype(np.int64)
    return ids


def _known(fold: FoldData, rows: Rows) -> dict[str, Known]:
    """What training rows had in each input, and how far beyond it some validation rows go."""
    samples = fold.data.samples
    known: dict[str, Known] = {}
    for name in samples.inputs:
        column = samples.columns[name]
        arrays = column.remember(fold.rows.train)
        found = column.take(rows).compare(arrays) if arrays else None
        if found is not None:
            known[name] = Known.of(arrays, found)
    for name, shares in _unknown(fold, rows).items():
        known[name] = Known.of({}, unknown_words(name, shares))
    return known


def _unknown(fold: FoldData, rows: Rows) -> dict[str, Array]:
    """Which share of the words of some rows the preparation does not know, by input."""
    samples = fold.data.samples
    frame = Frame({name: samples.columns[name].take(rows) for name in fold.pipeline.read})
    return count_unknown(fold.pipeline, frame)
