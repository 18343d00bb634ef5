"""What a dataset's reader is, and the checks that readers share."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import Problem, UsageError
from .columns import Rows
from .samples import Samples


@dataclass(frozen=True)
class Reader:
    """How one dataset is read from its official files.

    Attributes:
        read: (options, folder) -> samples; their digest is left empty, and their source too but
            for `content_sha256` where the contents are pinned. Raises `UsageError`.
        write_sample: writes a small, deterministic, made-up sample in the official format; None
            where there is none.
        version: to be raised whenever `read` or `write_sample` gives something else than before;
            part of every digest.
        contents: the content digest of a file that may come in several packagings.
        decoder: the distribution whose version may change what `read` gives, such as a decoder of
            pictures: the contents are part of the dataset's digest then.
    """

    read: Callable[[Any, Path], Samples]
    write_sample: Callable[[Path], None] | None = None
    version: int = 1
    contents: Callable[[Path], str] | None = None
    decoder: str = ""


def content_digest(digests: Mapping[str, str]) -> str:
    """SHA-256 over the sorted lines "name sha256" of what a file holds, however it is packed."""
    lines = "".join(f"{name} {digest}\n" for name, digest in sorted(digests.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


FETCH_AGAIN = (
    "`dlx data verify` names every wrong file, `dlx data fetch NAME` downloads it again; "
    "synthetic samples are written again once deleted"
)


def damage(path: Path, what: str, accepted: str) -> UsageError:
    """The error of a file whose inside is not what its format asks for."""
    return UsageError(Problem(f"{path.name}: {what}", str(path), accepted, FETCH_AGAIN))


def check_samples(samples: Samples, dataset: str) -> Samples:
    """Samples whose columns are all there, and of one length.

    Raises:
        UsageError: they are not; with what the dataset's reader is to give.
    """
    forecasts = (*samples.naive.values(), *samples.seasons.values())
    naive = (name for found in forecasts for name in found.values())
    roles = (samples.time, samples.identity, samples.names, samples.looks)
    others = (*roles, *samples.groups, *naive)
    needed = [*samples.inputs, *samples.targets, *(name for name in others if name)]
    what = f"dataset {dataset}: its reader gave "
    if missing := [name for name in needed if name not in samples.columns]:
        what += f"no column {', '.join(missing)}"
        raise UsageError(Problem(what, "", f"the columns {', '.join(needed)}"))
    lengths = {name: len(column) for name, column in samples.columns.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} has {rows:,}" for name, rows in lengths.items())
        what += f"columns of different lengths: {told}"
        raise UsageError(Problem(what, "", "the same length"))
    return samples


def class_ids(path: Path, values: npt.NDArray[Any], names: Iterable[str]) -> Rows:
    """Labels as int64 class ids, shape (rows,).

    Raises:
        UsageError: a label is not a whole number from 0 to the number of classes - 1.
    """
    count = len(tuple(names))
    with np.errstate(invalid="ignore"):  # what is no number becomes one that is refused below
        ids: Rows = values.astype(np.int64)
    if ids.ndim != 1 or (ids != values).any() or (ids < 0).any() or (ids >= count).any():
        accepted = f"whole numbers from 0 to {count - 1}"
        raise damage(path, "contains labels that are not a class", accepted)
    return ids
