"""Files of predictions: CSV, JSON lines, Parquet; written aside, and named when all is well."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from ..errors import Problem, RunError, UsageError
from ..names import temporary_name
from ..runs.files import plain, safe_cell
from .outputs import Columns, Values, shorten

Format = Literal["csv", "jsonl", "parquet"]
ENDINGS: dict[str, Format] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
ENDINGS |= {".parquet": "parquet", ".pq": "parquet"}
_QUOTED = frozenset(',"\r\n')


def format_of(out: Path | None, asked: str) -> Format:
    """The format that is asked for, or that a file's name ends with; CSV where neither says.

    Raises:
        UsageError: the file's name ends otherwise, and nothing is asked for.
    """
    if asked:
        return asked  # type: ignore[return-value]
    if out is None:
        return "csv"
    if (ending := out.suffix.lower()) in ENDINGS:
        return ENDINGS[ending]
    what = f"the format of {out.name} is not known by its ending"
    raise UsageError(Problem(what, "--out", ", ".join(ENDINGS), f"--out {out}.csv"))


def require_free(out: Path, force: bool, run: Path, inputs: Sequence[Path]) -> None:
    """Refuses a file that is there, or cannot be made, before any work.

    Raises:
        UsageError: it is there and may not be replaced, is read from, or has no folder.
    """
    folder = out.absolute().parent
    if out.is_dir():
        raise UsageError(Problem(f"{out} is a folder", "--out", "the name of a file"))
    if any(out.exists() and one.exists() and out.samefile(one) for one in inputs):
        raise UsageError(Problem(f"{out} is read from", "--out", "another file"))
    if run.resolve() in out.resolve().parents:
        what = f"{out} lies in the run's folder, which stays as it is"
        raise UsageError(Problem(what, "--out", "a file elsewhere"))
    if out.exists() and not force:
        raise UsageError(Problem(f"{out} exists", "--out", "a new file", "--force replaces it"))
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        reason = "is read-only" if folder.is_dir() else "does not exist"
        what = f"{out.name} cannot be written: folder {folder} {reason}"
        raise UsageError(Problem(what, "--out", "a file in a folder with write permission"))


class Writer(ABC):
    """Writes blocks of columns; the first block says which.

    Args:
        stream: bytes go there.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream = stream

    @abstractmethod
    def write(self, columns: Columns) -> None:
        """Adds rows: a value a row in each column."""

    def close(self) -> None:  # noqa: B027
        """Writes what is left."""


class CsvWriter(Writer):
    """Commas, and quotes where they must be; lists with | between them.

    A text that a spreadsheet would take for a formula has an apostrophe before it; numbers are
    written so that the same number is read back.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__(stream)
        self._begun = False

    def write(self, columns: Columns) -> None:
        """Adds rows."""
        if not self._begun:
            self._begun = True
            self._put([",".join(_cell(name) for name in columns)])
        self._put(map(",".join, zip(*(_cells(one) for one in columns.values()), strict=True)))

    def _put(self, lines: Any) -> None:
        if text := "\n".join(lines):
            self.stream.write(f"{text}\n".encode("utf-8", "backslashreplace"))


def _cells(values: Values) -> Sequence[str]:
    """Values as cells of CSV."""
    if isinstance(values, np.ndarray):
        if values.dtype.kind == "f":
            return _float_cells(values)
        values = values.tolist()
    kinds = set(map(type, values))
    if kinds == {int}:
        return list(map(str, values))
    if kinds <= {list, tuple}:
        values = list(map(tuple, values))
    elif kinds != {str} and kinds != {bool}:  # 1, 1.0 and True are one key
        return list(map(_any_cell, values))
    known = {one: _any_cell(one) for one in set(values)}  # classes, sets and reasons repeat
    return list(map(known.__getitem__, values))


def _any_cell(value: Any) -> str:
    if isinstance(value, str):
        return _cell(value)
    if value is None:
        return ""
    if isinstance(value, tuple):
        return _cell("|".join(one if isinstance(one, str) else _number(one) for one in value))
    return _number(value)


def _number(value: Any) -> str:
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value)).lower()
    if isinstance(value, (float, np.floating)):
        return "" if value != value else repr(shorten(value))
    return str(value)


def _cell(text: str) -> str:
    text = safe_cell(text)
    if _QUOTED.isdisjoint(text):
        return text
    doubled = text.replace('"', '""')
    return f'"{doubled}"'


def _float_cells(values: npt.NDArray[Any]) -> list[str]:
    """Floats with digits enough that they give the same number again; a missing one is empty."""
    listed = values.tolist()
    if values.dtype == np.float32:
        texts = [f"{one:.9g}" for one in listed]
    else:
        texts = list(map(repr, listed))
    return texts if np.isfinite(values).all() else ["" if one == "nan" else one for one in texts]


class JsonWriter(Writer):
    """A mapping a line."""

    def write(self, columns: Columns) -> None:
        """Adds rows."""
        names = list(columns)
        every = zip(*(_values(one) for one in columns.values()), strict=True)
        lines = [
            json.dumps(plain(dict(zip(names, row, strict=True))), ensure_ascii=False)
            for row in every
        ]
        if lines:
            self.stream.write(("\n".join(lines) + "\n").encode("utf-8", "backslashreplace"))


def _values(values: Values) -> Sequence[Any]:
    if isinstance(values, np.ndarray) and values.dtype == np.float32:
        return [float(f"{one:.9g}") for one in values.tolist()]
    return values.tolist() if isinstance(values, np.ndarray) else values


class ParquetWriter(Writer):
    """Parquet by PyArrow: numbers as they are, texts, and lists of texts."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__(stream)
        require_parquet()
        self._to: Any = None

    def write(self, columns: Columns) -> None:
        """Adds rows."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        arrays = [
            pa.array(one if isinstance(one, np.ndarray) else list(one)) for one in columns.values()
        ]
        table = pa.table(arrays, names=list(columns))
        if self._to is None:
            fields = [
                self._field(pa, name, one.type) for name, one in zip(columns, arrays, strict=True)
            ]
            self._to = pq.ParquetWriter(self.stream, pa.schema(fields))
        self._to.write_table(table.cast(self._to.schema))

    def _field(self, pa: Any, name: str, kind: Any) -> Any:
        """A column that is empty in the first block may hold texts later."""
        return pa.field(name, pa.string() if pa.types.is_null(kind) else kind)

    def close(self) -> None:
        """Writes the footer."""
        if self._to is not None:
            self._to.close()


def require_parquet() -> None:
    """Refuses Parquet where PyArrow is not installed.

    Raises:
        UsageError: it is not.
    """
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        what = "Parquet needs the package pyarrow, which is not installed"
        hint = "pip install 'dlx[tables]'"
        raise UsageError(Problem(what, "--out", "a .csv or .jsonl file", hint)) from error


WRITERS: dict[Format, type[Writer]] = {
    "csv": CsvWriter,
    "jsonl": JsonWriter,
    "parquet": ParquetWriter,
}


class Sink(Protocol):
    """Where bytes go at once, as standard output."""

    def write(self, content: bytes, /) -> int:
        """Takes some."""
        ...


@contextmanager
def write_aside(out: Path | None, standard: Sink) -> Iterator[IO[bytes]]:
    """A file to write to, that becomes `out` where nothing goes wrong; else nothing is left.

    Args:
        out: the file; None for standard output, which gets all of it at the end.
        standard: standard output.

    Raises:
        RunError: it cannot be written, as on a full disk.
    """
    aside = out.with_name(temporary_name(out.name)) if out else None
    try:
        with _explain(out):
            with aside.open("wb") if aside else tempfile.TemporaryFile() as stream:
                yield stream
                stream.flush()
                if aside is None:
                    stream.seek(0)
                    while content := stream.read(1 << 20):
                        standard.write(content)
                else:
                    os.fsync(stream.fileno())
            if aside is not None and out is not None:
                os.replace(aside, out)
    except BaseException:
        if aside is not None:
            with suppress(OSError):
                aside.unlink()
        raise


@contextmanager
def _explain(out: Path | None) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        what = f"the predictions cannot be written: {error.strerror or error}"
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        hint = "free some space, or choose another disk with --out FILE" if full else ""
        raise RunError(Problem(what, str(out or tempfile.gettempdir()), hint=hint)) from error
