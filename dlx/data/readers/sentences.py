"""The two sentences of the book's toys (6.1.1), for looking at what preparation makes of texts."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...config.specs.datasets import TwoSentences
from ..columns import Dense, Text
from ..reader import Reader
from ..samples import Samples

SENTENCES = ("The cat sat on the mat.", "The dog ate my homework.")


def _read(options: TwoSentences, folder: Path) -> Samples:  # noqa: ARG001 - it needs no file
    rows = 2 * len(SENTENCES)
    return Samples(
        columns={
            "text": Text([*SENTENCES, *SENTENCES]),
            "animal": Dense(np.arange(rows, dtype=np.int64) % len(SENTENCES)),
        },
        inputs=options.inputs,
        targets=tuple(options.targets),
        test=np.arange(len(SENTENCES), rows, dtype=np.int64),
        classes={"animal": ("cat", "dog")},
    )


two_sentences = Reader(_read, lambda folder: None)  # noqa: ARG005
