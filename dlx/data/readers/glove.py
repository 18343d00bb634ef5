"""GloVe's vectors (Pennington and others, 2014), Stanford's archive: a text for each length."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from ...config.specs.datasets import Glove
from ...errors import Problem, UsageError
from ..reader import Reader
from ..samples import Samples

LENGTHS = (50, 100, 200, 300)


def _read(options: Glove, folder: Path) -> Samples:  # noqa: ARG001 - every reader takes both
    what = "dataset glove holds vectors of words, and no rows to learn from"
    hint = "{name: embedding, dim: 100, vectors: glove} among the layers of a model of texts"
    raise UsageError(Problem(what, str(folder), "a dataset of rows", hint))


def _write_sample(folder: Path) -> None:
    """The words of the made-up texts of other datasets, in the archive's layout."""
    words = [f"word{i}" for i in range(120)]
    words += ["dull", "awful", "worse", "fine", "great", "best"]
    random = np.random.RandomState(0)
    with zipfile.ZipFile(folder / "glove.6B.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for length in LENGTHS:
            rows = random.randint(-99999, 100000, (len(words), length)) / 100000
            lines = [" ".join([w, *map(str, r)]) for w, r in zip(words, rows.tolist(), strict=True)]
            member = zipfile.ZipInfo(f"glove.6B.{length}d.txt")  # of 1980: the same bytes always
            archive.writestr(member, "\n".join(lines) + "\n", zipfile.ZIP_DEFLATED)


glove = Reader(_read, _write_sample)
