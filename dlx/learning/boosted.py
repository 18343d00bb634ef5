"""Gradient-boosted trees beside a network: grown once a fold, kept as arrays, asked again later."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..config.names import join_names
from ..data.columns import Column, Rows
from ..data.raw_rows import Reading, is_table
from ..data.samples import Frame
from ..errors import Problem, RunError, UsageError
from ..files import is_there, read_bytes
from ..judging.boosting import Boosted, Table, grow
from ..judging.trees import Trees
from ..problem import PROBLEMS
from ..runs.artifacts import BOOSTING, Artifacts, list_artifacts
from ..sources.fold import FoldData

ARTIFACT = BOOSTING.name
"""Name of the file of arrays, and of what a fold keeps of it."""
_ABOUT = "about"
"""The array of the text that says what the others are."""

Logits = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Forest:
    """The boosted trees of a fold's targets.

    Attributes:
        reading: how rows are read.
        boosted: by target.
        thresholds: of targets for which the trees have such of their own.
    """

    reading: Reading
    boosted: dict[str, Boosted]
    thresholds: dict[str, tuple[float, ...]] = field(default_factory=dict)

    def answer(self, frame: Frame) -> dict[str, Logits]:
        """The logits by target, of numbers themselves, (rows, outputs).

        Raises:
            UsageError: a column is missing.
        """
        names = {one.input for one in self.reading.fields}
        if lacking := sorted(names - set(frame.columns)):
            what = f"boosted trees read {', '.join(lacking)}, which the rows lack"
            raise UsageError(Problem(what, "", "the inputs that the run was trained on"))
        rows = self.reading.matrix(frame.columns, np.arange(len(frame)))
        return {name: one.logits(rows) for name, one in self.boosted.items()}


def fits(fold: FoldData) -> bool:
    """Whether boosted trees can read some input of the rows."""
    return is_table(fold.data.samples.columns, fold.data.samples.inputs)


def describe_left(fold: FoldData) -> list[str]:
    """Which inputs boosted trees do not read, a sentence each without its full stop."""
    if not fits(fold):
        return ["gradient boosting is left out: no input is numbers or categories side by side"]
    if left := _reading(fold).left:
        return [f"gradient boosting does not read {join_names(left)}: no numbers or categories"]
    return []


def answer_boosted(
    fold: FoldData, target: str, outputs: int, part: str, seed: int, device: torch.device
) -> Tensor | None:
    """What boosted trees answer to the rows of a part, (rows, outputs); None where they cannot.

    Grown on the fold's training rows when first asked for, their number picked on its validation
    rows; the fold keeps both.

    Args:
        fold: the rows.
        target: the target.
        outputs: numbers that a model gives for it.
        part: "val" or "test".
        seed: of what is drawn.
        device: where the answers are to lie.
    """
    values = fold.data.targets[target].values
    wide = values.reshape(len(values), -1).shape[1]
    if not fits(fold) or (
        outputs != wide and fold.data.targets[target].codec.problem != "multiclass"
    ):
        return None
    known = f"{ARTIFACT}/{target}/{part}"
    if known not in fold.learnt:
        boosted = _boosted(fold, target, outputs, seed)
        fold.learnt[known] = boosted.logits(_matrix(fold, fold.rows_of(part)))
    return torch.from_numpy(fold.learnt[known]).to(device)


def _boosted(fold: FoldData, target: str, outputs: int, seed: int) -> Boosted:
    name = f"{ARTIFACT}/{target}"
    if name not in fold.learnt:
        values, problem = fold.data.targets[target].values, fold.data.targets[target].codec.problem
        sets = [fold.rows.train, *([] if fold.validation is None else [fold.rows.validation])]
        tables = [Table(_matrix(fold, rows), values[rows]) for rows in sets]
        reading = _reading(fold)
        validation = tables[1] if len(tables) > 1 else None
        fold.learnt[name] = grow(problem, outputs, tables[0], validation, reading.categories, seed)
    found: Boosted = fold.learnt[name]
    return found


def _reading(fold: FoldData) -> Reading:
    name = f"{ARTIFACT} reading"
    if name not in fold.learnt:
        samples = fold.data.samples
        fold.learnt[name] = Reading.learn(samples.columns, samples.inputs, fold.rows.train)
    found: Reading = fold.learnt[name]
    return found


def _matrix(fold: FoldData, rows: Rows) -> npt.NDArray[np.float64]:
    columns: Mapping[str, Column] = fold.data.samples.columns
    return _reading(fold).matrix(columns, rows)


def leave_boosted(into: Artifacts, fold: FoldData) -> None:
    """Keeps the trees that a fold has grown; nothing where it has none."""
    grown = {n: one for n in fold.data.targets if (one := fold.learnt.get(f"{ARTIFACT}/{n}"))}
    if not grown:
        return
    told = [
        {
            "name": name,
            "problem": one.problem,
            "chosen": one.chosen,
            "threshold": fold.learnt.get(f"{ARTIFACT}/{name}/threshold", ()),
        }
        for name, one in grown.items()
    ]
    text = json.dumps({"reading": _reading(fold).plain(), "targets": told}, sort_keys=True)
    arrays = {_ABOUT: np.frombuffer(text.encode(), np.uint8)}
    for place, one in enumerate(grown.values()):
        for name, values in one.trees.arrays().items():
            arrays[f"{place}.{name}"] = np.ascontiguousarray(values)
    into.arrays(ARTIFACT, arrays, title=BOOSTING.title, caption="Each tree as its nodes.")


def open_forest(folder: Path) -> Forest | None:
    """The boosted trees that a run has kept, or a fold of it; None where there are none.

    Raises:
        RunError: they are damaged.
    """
    listed = [o for o in list_artifacts(folder) if (o.kind, o.name) == ("arrays", ARTIFACT)]
    if not listed or not is_there(folder / listed[0].file):
        return None
    from safetensors.numpy import load

    try:
        return _read_forest(load(read_bytes(folder / listed[0].file)))
    except Exception as error:  # safetensors raises a type of its own
        what = f"the boosted trees cannot be read: {error}"
        raise RunError(Problem(what, str(folder / listed[0].file), hint="train again")) from error


def _read_forest(arrays: Mapping[str, Any]) -> Forest:
    told = json.loads(bytes(arrays[_ABOUT]).decode())
    reading, boosted = Reading.restore(told["reading"]), {}
    thresholds = {
        str(o["name"]): tuple(map(float, o.get("threshold", ()))) for o in told["targets"]
    }
    for place, one in enumerate(told["targets"]):
        own = f"{place}."
        trees = Trees.restore(
            {name.removeprefix(own): v for name, v in arrays.items() if name.startswith(own)}
        )
        if one["problem"] not in PROBLEMS or trees.feature.max(initial=0) >= len(reading.fields):
            raise ValueError(f"no trees of target {one['name']}")
        boosted[str(one["name"])] = Boosted(one["problem"], trees, dict(one["chosen"]))
    return Forest(reading, boosted, {name: one for name, one in thresholds.items() if one})
