"""Which files of a training hold the losses of its steps: 4 bytes each, little-endian."""

from __future__ import annotations

import re
from pathlib import Path

from ..errors import Problem, RunError
from ..files import names_in

LOSSES = "losses.f32"
"""The training loss of every optimizer step; of several optimizers that which is told first."""

_OTHER = re.compile(r"losses-[A-Za-z0-9_-]{1,80}\.f32")


def file_of(loss: str) -> str:
    """The file of a loss that is not told first: of "maker", losses-maker.f32.

    Raises:
        RunError: the name is none of a file.
    """
    name = f"losses-{loss.replace('/', '-')}.f32"
    if not _OTHER.fullmatch(name):
        what = f"a learner tells a loss named `{loss}`, which no file can have in its name"
        raise RunError(Problem(what, accepted="at most 80 letters, digits, _, - and /"))
    return name


def other_files(folder: Path) -> list[str]:
    """The names of the files of a folder that hold losses that are not told first."""
    return list(filter(_OTHER.fullmatch, names_in(folder)))
