"""Kinds of columns: a class each, which knows all that dlx asks of data."""

from __future__ import annotations

from typing import Any

import numpy as np

from .base import KINDS, Array, Column, Input, Numeric, Rows, Shown
from .categories import Categories
from .category_ids import CategoryIds
from .dense import Dense
from .files import Files
from .image import Image, Pictures
from .passages import Passages
from .ragged import Sequence, Sparse
from .text import Text
from .window import Window

__all__ = [
    "KINDS",
    "Array",
    "Categories",
    "CategoryIds",
    "Column",
    "Dense",
    "Files",
    "Image",
    "Input",
    "Numeric",
    "Passages",
    "Pictures",
    "Rows",
    "Sequence",
    "Shown",
    "Sparse",
    "Text",
    "Window",
    "as_column",
]


def as_column(value: Any) -> Column:
    """A reader's column: it may hand over an array or a list in the place of one."""
    if isinstance(value, Column):
        return value
    if isinstance(value, list) and all(isinstance(cell, str) for cell in value):
        return Text(value)
    values = value if isinstance(value, np.ndarray) else np.asarray(value)
    if values.dtype.hasobject:
        return Text([str(cell) for cell in values])
    return Dense(values)
