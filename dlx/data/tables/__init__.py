"""Tables as text: any file's cells with their row numbers, what a column holds, cells as numbers.

One reader for the whole project: `Table.open` gives a header and blocks of text cells, in bounded
memory; nothing is guessed from a first part of the rows.
"""

from __future__ import annotations

from .block import Block
from .deciding import ColumnType
from .opened import Table
from .types import TableTypes, find_types

__all__ = ["Block", "ColumnType", "Table", "TableTypes", "find_types"]
