"""Step 1, the data: where they lie, whether they are what they claim to be, and how to read them.

No torch here; and importing this package costs next to nothing, for the work is imported later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..config.fields import Chosen
    from .samples import Samples


def read(chosen: Chosen) -> Samples:
    """Reads a chosen dataset, after verifying its files.

    Args:
        chosen: an entry of `DATASETS` with its options; `sample=True` among them stands for a
            small made-up sample instead of the real data.

    Returns:
        All rows, training and test, with source and digest filled in.

    Raises:
        UsageError: a file is missing, truncated, corrupted or unreadable; says what to do.
    """
    from .reading import read as read_dataset

    return read_dataset(chosen)
