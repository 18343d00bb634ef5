"""What a request asks: its rows, as cells, pictures or arrays; no torch here."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...config.names import did_you_mean, join_names
from ...config.specs.pictures import Decoding
from ...data.readers.pictures import BrokenPictureError, decode
from ...data.tables.json_lines import number_text
from ..outputs import Shape
from .limits import Limits, RefusedError

Row = Mapping[str, Any]
"""Of each field a text, the pixels of a picture, or an array of numbers."""
MOST_CLASSES = 1000


@dataclass(frozen=True)
class Fields:
    """What a row has.

    Attributes:
        cells: names of what is a cell of a table, or a text.
        pictures: names of pictures, and how each is decoded.
        arrays: names of lists of numbers, and the shape of each.
        texts: which of the cells are texts.
        decimal: what stands before the decimals of a number in a cell.
    """

    cells: tuple[str, ...]
    pictures: Mapping[str, Decoding]
    arrays: Mapping[str, tuple[int, ...]]
    texts: frozenset[str] = frozenset()
    decimal: str = "."

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.cells, *self.pictures, *self.arrays)


@dataclass(frozen=True, eq=False)
class Asked:
    """The rows of a request, and what of their answers is wanted."""

    rows: Sequence[Row]
    shape: Shape

    def __len__(self) -> int:
        return len(self.rows)


def rows_of_json(body: bytes, fields: Fields, limits: Limits) -> list[Row]:
    """The rows of a JSON document: a row, a list of them, or {"rows": [...]}.

    Raises:
        RefusedError: it is none, has too many rows, or a row lacks a field.
    """
    try:
        write = number_text(fields.decimal)
        found = json.loads(body, parse_float=write, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError) as error:
        reason = getattr(error, "msg", "") or "it is nested too deeply, or is no UTF-8"
        raise RefusedError(422, f"the request is no JSON: {reason}", EXAMPLE) from None
    if isinstance(found, dict) and isinstance(found.get("rows"), list):
        found = found["rows"]
    rows = found if isinstance(found, list) else [found]
    check_count(len(rows), limits)
    return [_row(one, place, fields) for place, one in enumerate(rows)]


EXAMPLE = '{"rows": [{"COLUMN": VALUE, ...}, ...]}'


def check_count(rows: int, limits: Limits) -> None:
    """Refuses no rows, and too many.

    Raises:
        RefusedError: there are such.
    """
    if not rows:
        raise RefusedError(422, "the request has no row", EXAMPLE)
    if rows > limits.rows:
        what = f"the request has {rows:,} rows"
        raise RefusedError(413, what, f"at most {limits.rows:,} rows in a request")


def _row(given: Any, place: int, fields: Fields) -> Row:
    if not isinstance(given, dict):
        raise RefusedError(422, f"row {place} is no JSON object", EXAMPLE)
    require_fields(given, place, fields)
    row: dict[str, Any] = {name: _cell(given[name], name, place) for name in fields.cells}
    for name in fields.pictures:
        row[name] = _picture(given[name], name, place, fields)
    for name, shape in fields.arrays.items():
        row[name] = _array(given[name], name, place, shape)
    return row


def require_fields(given: Mapping[str, Any], place: int, fields: Fields) -> None:
    """Refuses a row that lacks some.

    Raises:
        RefusedError: it does; what it has in their place is named.
    """
    missing = [name for name in fields.names if name not in given]
    if not missing:
        return
    more = [name for name in given if name not in fields.names]
    near = did_you_mean(missing[0], more, "is it `{}`?") if more else ""
    what = f"row {place} lacks {join_names(missing[:_SHOWN])}"
    what += f" and {len(missing) - _SHOWN} more" if missing[_SHOWN:] else ""
    accepted = join_names(fields.names[:_SHOWN]) + (", ..." if fields.names[_SHOWN:] else "")
    raise RefusedError(422, f"{what}; {near}" if near else what, accepted)


_SHOWN = 12


def _cell(value: Any, name: str, place: int) -> str:
    """A value of JSON as the text that a table would have."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool):
        return "" if value is None else str(value).lower()
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return " ".join(value)
    raise RefusedError(422, f"row {place}: {name} is no text or number", "a text or a number")


def _picture(value: Any, name: str, place: int, fields: Fields) -> npt.NDArray[np.uint8]:
    if isinstance(value, list):
        sizes = fields.pictures[name].sizes
        numbers = _array(value, name, place, sizes[1:] if sizes[0] == 1 else sizes)
        if not ((numbers >= 0) & (numbers <= _BRIGHTEST)).all():
            raise RefusedError(422, f"row {place}: {name} has no bytes", "numbers from 0 to 255")
        return numbers.astype(np.uint8).reshape(sizes)
    try:
        content = base64.b64decode(value, validate=True)
    except (TypeError, ValueError, binascii.Error):
        what = f"row {place}: {name} is no base64"
        raise RefusedError(422, what, "a picture's file as base64, or an upload") from None
    return read_picture(content, name, place, fields)


_BRIGHTEST = 255


def read_picture(content: bytes, name: str, place: int, fields: Fields) -> npt.NDArray[np.uint8]:
    """The pixels of a picture's file.

    Raises:
        RefusedError: it is none.
    """
    try:
        return decode(content, fields.pictures[name])
    except BrokenPictureError as error:
        what = f"row {place}: {name} is no picture: {error}"
        raise RefusedError(422, what, "a picture, as PNG or JPEG") from None


def _array(value: Any, name: str, place: int, shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    accepted = f"{' x '.join(map(str, shape))} numbers, as lists of lists"
    try:
        found = np.array(value).astype(np.float64)
    except (TypeError, ValueError):
        raise RefusedError(422, f"row {place}: {name} is no list of numbers", accepted) from None
    if found.shape != shape:
        told = " x ".join(map(str, found.shape)) or "of a single number"
        raise RefusedError(422, f"row {place}: {name} has the shape {told}", accepted)
    return found


def shape_of_query(query: Mapping[str, str]) -> Shape:
    """What of the answers is wanted, by `top_k` and `probabilities`.

    Raises:
        RefusedError: a value is none of these.
    """
    top, every = query.get("top_k", "0"), query.get("probabilities", "false").lower()
    if not (top.isascii() and top.isdigit() and len(top) < 5 and int(top) <= MOST_CLASSES):
        raise RefusedError(422, "top_k is no number of classes", f"0 to {MOST_CLASSES}")
    if every not in ("true", "false", "1", "0"):
        raise RefusedError(422, "probabilities is neither true nor false", "true or false")
    return Shape(int(top), every in ("true", "1"), nested=True)


def rows_of_form(
    values: Mapping[str, Sequence[str | bytes]], fields: Fields, limits: Limits
) -> list[Row]:
    """The rows of a form: a field of several values, as pictures, makes a row of each.

    Args:
        values: of each field, texts and contents of files.
        fields: what a row has.
        limits: how many rows there may be.

    Raises:
        RefusedError: a field is missing, or no such thing; there are too many rows.
    """
    many = max((len(values.get(name, ())) for name in fields.names), default=0)
    check_count(many, limits)
    return [_row_of_form(given, place, fields) for place, given in enumerate(_spread(values, many))]


def _spread(
    values: Mapping[str, Sequence[str | bytes]], rows: int
) -> Iterator[dict[str, str | bytes]]:
    for place in range(rows):
        yield {
            name: each[min(place, len(each) - 1)]
            for name, each in values.items()
            if each and (len(each) in (1, rows))
        }


def _row_of_form(given: Mapping[str, str | bytes], place: int, fields: Fields) -> Row:
    require_fields(given, place, fields)
    row: dict[str, Any] = {}
    for name in fields.cells:
        value = given[name]
        row[name] = _text(value, name, place) if isinstance(value, bytes) else value
    for name in fields.pictures:
        value = given[name]
        if isinstance(value, str):
            raise RefusedError(422, f"row {place}: {name} is no file", "a picture's file")
        row[name] = read_picture(value, name, place, fields)
    for name, shape in fields.arrays.items():
        try:
            told = json.loads(given[name], parse_float=str, parse_int=str, parse_constant=str)
        except (ValueError, RecursionError):
            told = None
        row[name] = _array(told, name, place, shape)
    return row


def _text(content: bytes, name: str, place: int) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        what = f"row {place}: the file of {name} is no text in UTF-8"
        raise RefusedError(422, what, "a text in UTF-8") from None
