"""Two run folders of one config, byte by byte: where they first differ."""

from __future__ import annotations

import csv
import io
import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import Problem, RunError
from ..files import is_file, is_folder, is_there, names_in, parse_json, read_bytes, sha256_of
from ..names import is_number
from ..prepare import pipeline
from ..runs.artifacts import NAME, PREDICTIONS, list_artifacts
from ..runs.files import bare_cell
from ..runs.step_losses import LOSSES, other_files
from ..training import checkpoint

CURVES = ("metrics.jsonl", "final.jsonl")
Losses = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True)
class Difference:
    """One way in which a run is not its original.

    Attributes:
        what: "step", "score", "tensor", "preparation" or an artifact's name, as "predictions".
        where: the fold's folder, "" for the run itself; then step, epoch and score, or tensor.
        text: it in a sentence.
    """

    what: str
    where: str
    text: str


def differences(original: Path, again: Path) -> list[Difference]:
    """Every kind of difference between two runs, what came first in training first.

    Raises:
        RunError: the original keeps nothing to compare with, or is damaged.
    """
    stages = list(dict.fromkeys([*stages_of(original), *stages_of(again)]))
    if not stages_of(original):
        what = "the run has no weights to compare with"
        raise RunError(Problem(what, str(original), "a finished run", "dlx resume, or train again"))
    found: list[Difference] = []
    for stage in stages:
        one, other = original / stage, again / stage
        found += [*_steps(stage, one, other), *_scores(stage, one, other)]
        found += _preparation(stage, one, other)
        found += _tensors(stage, one, other)
    for stage in dict.fromkeys([*stages, ""]):
        found += _artifacts(stage, original / stage, again / stage)
    return found


def stages_of(run: Path) -> list[str]:
    """The folders of a run that hold a training: "folds/0", ..., "" for the run itself."""
    folds = sorted(filter(is_number, names_in(run / "folds")), key=int)
    every = [f"folds/{name}" for name in folds]
    return [stage for stage in [*every, ""] if is_folder(run / stage / "checkpoints" / "last")]


def _steps(stage: str, one: Path, other: Path) -> list[Difference]:
    """The first optimizer step whose loss differs: of each optimizer that the original names.

    An earlier version named the first alone, and each part of a step that was computed in parts:
    then there are more losses than steps, and weights and scores tell.
    """
    found: list[Difference] = []
    if not is_there(one / LOSSES) and not is_there(other / LOSSES):
        return found  # what has no gradient, or trained no epoch, tells none
    steps = _count_steps(one)
    for file in (LOSSES, *other_files(one)):
        if 0 < steps < len(_losses(one / file)):
            continue
        if is_there(other / file) or file == LOSSES:
            found += _steps_of(stage, file, _losses(one / file), _losses(other / file))
        else:
            told = f"{file} is missing in the run"
            found.append(Difference("step", _place(stage, file), told))
    return found


def _count_steps(folder: Path) -> int:
    """The steps of a finished training, as its curve has them; 0 where that is not known."""
    for curve in CURVES:
        with suppress(OSError, ValueError, LookupError, TypeError):
            return int(parse_json(read_bytes(folder / curve).splitlines()[-1])["step"])
    return 0


def _steps_of(stage: str, file: str, a: Losses, b: Losses) -> list[Difference]:
    """The first step whose loss differs in one file."""
    same, among = min(len(a), len(b)), "" if file == LOSSES else f" in {file}"
    unequal = np.flatnonzero(a[:same].view(np.uint32) != b[:same].view(np.uint32))
    if len(unequal):
        step = int(unequal[0])
        told = f"the loss of step {step + 1}{among} is {b[step]:.9g}, was {a[step]:.9g}"
        return [Difference("step", _place(stage, f"step {step + 1}{among}"), told)]
    if len(a) != len(b):
        told = f"it took {len(b):,} steps{among}, and {len(a):,} before"
        return [Difference("step", _place(stage, f"step {same + 1}{among}"), told)]
    return []


def _losses(file: Path) -> Losses:
    try:
        content = read_bytes(file)
    except OSError as error:
        reason = error.strerror or str(error)
        what = f"{file.name} cannot be read: {reason}"
        raise RunError(Problem(what, str(file.parent))) from error
    whole = content[: len(content) // 4 * 4]
    return np.frombuffer(whole, dtype="<f4").astype(np.float32)


def _scores(stage: str, one: Path, other: Path) -> list[Difference]:
    """The first score of an epoch that differs, as hex."""
    for curve in CURVES:
        before, now = _rows(one / curve), _rows(other / curve)
        for epoch, (a, b) in enumerate(zip(before, now, strict=False), start=1):
            if not a.keys() >= b.keys():
                told = f"{curve} has no {', '.join(b.keys() - a.keys())} in epoch {epoch}"
                return [Difference("score", _place(stage, f"epoch {epoch}"), told)]
            for name, text in a.items():
                if b.get(name) != text:
                    value = float.fromhex(b[name]) if name in b else "missing"
                    told = f"{name} of epoch {epoch} is {value}, was {float.fromhex(text)}"
                    return [Difference("score", _place(stage, f"epoch {epoch}, {name}"), told)]
        if len(before) != len(now):
            told = f"{curve} has {len(now)} epochs, had {len(before)}"
            return [Difference("score", _place(stage, curve), told)]
    return []


def _rows(file: Path) -> list[dict[str, str]]:
    if not is_there(file):
        return []
    try:
        rows = [parse_json(line)["hex"] for line in read_bytes(file).decode().splitlines()]
        for row in rows:
            for text in row.values():
                float.fromhex(text)
        return [dict(row) for row in rows]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunError(Problem(f"{file.name} cannot be read: {error}", str(file.parent))) from error


def _bytes(what: str, name: str, stage: str, one: Path, other: Path) -> list[Difference]:
    """Whether a file is the same."""
    files = (one / name, other / name)
    if not is_there(files[0]):
        gone = Difference(what, _place(stage, name), f"{name} is missing in the run")
        return [gone] if is_file(files[1]) else []
    same = _equal(*files)
    return [] if same else [Difference(what, _place(stage, name), f"{name} differs")]


def _equal(one: Path, other: Path) -> bool:
    """Whether two files of any size are the same; not so if one is missing, or a link."""
    try:
        return sha256_of(one) == sha256_of(other)
    except OSError:
        return False


def _preparation(stage: str, one: Path, other: Path) -> list[Difference]:
    """Whether the fitted preparation is the same; earlier versions kept its steps alone.

    How a version breaks its lines is no difference.
    """
    if not is_there(one / pipeline.FOLDER / pipeline.OLD_FILE):
        name = f"{pipeline.FOLDER}/{pipeline.FILE}"
        found = _bytes("preparation", name, stage, one, other)
        before = _tree(one / name) if found else None
        return [] if before is not None and before == _tree(other / name) else found
    name = f"{pipeline.FOLDER}/{pipeline.OLD_FILE}"
    before, now = (
        json.dumps([asdict(step) for step in pipeline.Pipeline.load(run, ()).steps])
        for run in (one, other)
    )
    differs = Difference("preparation", _place(stage, name), f"{name} differs")
    return [] if before == now else [differs]


def _tree(file: Path) -> str | None:
    """What a JSON file says, however it is written; None of one that cannot be read."""
    try:
        return json.dumps(parse_json(read_bytes(file)))
    except (OSError, ValueError):
        return None


def _artifacts(stage: str, one: Path, other: Path) -> list[Difference]:
    """Whether every file that either run lists is the same.

    What an earlier version did not leave at all is no difference.
    """
    before = list_artifacts(one)
    known = {entry.name for entry in before}
    both = [*before, *(entry for entry in list_artifacts(other) if entry.name in known)]
    if not is_there(one / NAME):  # an older version compared its predictions only
        both = [PREDICTIONS]
    names = {entry.file: entry.name for entry in both}
    found = [d for file, name in names.items() for d in _bytes(name, file, stage, one, other)]
    return [d for d in found if d.what != PREDICTIONS.name or not _alike(one, other)]


def _alike(one: Path, other: Path) -> bool:
    """Whether every column of the original's predictions is the same.

    What earlier versions left out, or wrote behind an apostrophe, is no difference.
    """
    files = (one / PREDICTIONS.file, other / PREDICTIONS.file)
    if not all(map(is_file, files)):
        return False
    before, now = map(_cells, files)
    return bool(before) and all(now.get(column) == cells for column, cells in before.items())


def _cells(file: Path) -> dict[str, list[str]]:
    """The columns of a CSV file by their title; none of one that is damaged."""
    try:
        text = read_bytes(file).decode("utf-8", "replace")
        columns = list(zip(*csv.reader(io.StringIO(text, newline="")), strict=True))
    except (csv.Error, ValueError, OSError):  # rows of different lengths; more than is read
        return {}
    return {title: [bare_cell(cell) for cell in rest] for title, *rest in columns}


def _tensors(stage: str, one: Path, other: Path) -> list[Difference]:
    """The first tensor of the last weights that differs, in the model's order of names."""
    before = checkpoint.load(one / "checkpoints" / "last")[0]["weights"]
    now = checkpoint.load(other / "checkpoints" / "last")[0]["weights"]
    for name, a in before.items():
        b = now.get(name)
        if b is None or not _is_same(a, b):
            told = f"tensor {name} {_describe_distance(a, b)}"
            return [Difference("tensor", _place(stage, name), told)]
    return []


def _is_same(a: Tensor, b: Tensor) -> bool:
    """To the bit: -0 is not 0, and a NaN is itself."""
    return a.dtype == b.dtype and a.shape == b.shape and bits_of(a) == bits_of(b)


def bits_of(tensor: Tensor) -> bytes:
    """The bytes of a tensor's values, of any type."""
    return tensor.contiguous().view(-1).view(torch.uint8).numpy().tobytes()


def _describe_distance(a: Tensor, b: Tensor | None) -> str:
    if b is None:
        return "is missing"
    if a.dtype != b.dtype or a.shape != b.shape:
        return f"is {b.dtype} {tuple(b.shape)}, was {a.dtype} {tuple(a.shape)}"
    return f"differs by up to {float((a.double() - b.double()).abs().max()):.3g}"


def _place(stage: str, place: str) -> str:
    return f"{stage}: {place}" if stage else place
