"""Parquet, by PyArrow: columns as text, in batches."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import Problem, UsageError
from .block import ROWS, Block, refuse
from .delimited import name_columns

MAGIC = b"PAR1"


@dataclass(frozen=True)
class Parquet:
    """One Parquet file.

    Attributes:
        path: the file.
        header: the names of its columns.
        notes: what was mended.
        delimiter: none.
        named: always.
        decimal: what stands before the decimals of a number in a cell.
    """

    path: Path
    header: tuple[str, ...]
    notes: tuple[str, ...] = ()
    named: bool = True
    delimiter: str = ""
    decimal: str = "."

    @classmethod
    def open(cls, path: Path, decimal: str = ".") -> Parquet:
        """Reads its schema.

        Raises:
            UsageError: PyArrow is not installed, or the file is damaged.
        """
        header, notes = name_columns(_file(path).schema_arrow.names)
        return cls(path, header, tuple(notes), decimal=decimal)

    def blocks(self, start: int) -> Iterator[Block]:
        """The rows, by their numbers from 1."""
        import pyarrow

        row = 1
        try:
            for batch in _file(self.path).iter_batches(ROWS):
                columns = map(batch.column, range(batch.num_columns))
                cells = tuple(_texts(column, self.decimal) for column in columns)
                many = batch.num_rows
                lines = range(row, row + many)
                yield Block(self.path, self.header, cells, start, lines, "row")
                start, row = start + many, row + many
        except (pyarrow.ArrowException, OSError) as error:
            raise _damaged(self.path, error) from error


def _file(path: Path) -> Any:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        what = f"{path.name} is Parquet, which PyArrow reads, and that is not installed"
        hint = "pip install 'dlx[tables]'"
        raise UsageError(Problem(what, str(path), "CSV without it", hint)) from None
    try:
        return parquet.ParquetFile(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> UsageError:
    reason = str(error).partition("\n")[0]
    return refuse(path, f"is damaged: {reason}", "a whole Parquet file")


def _texts(column: Any, decimal: str) -> list[str]:
    """The cells of a column; "" where one is missing."""
    import pyarrow
    from pyarrow import compute

    try:
        texts = compute.cast(column, pyarrow.string())
    except (pyarrow.ArrowNotImplementedError, pyarrow.ArrowInvalid):
        return [_told(value) for value in column.to_pylist()]
    kind = column.type
    if decimal != "." and (pyarrow.types.is_floating(kind) or pyarrow.types.is_decimal(kind)):
        texts = compute.replace_substring(texts, ".", decimal)
    return list(compute.fill_null(texts, "").to_pylist())


def _told(value: Any) -> str:
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False, default=str)
