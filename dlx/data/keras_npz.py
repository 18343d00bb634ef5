"""Keras' .npz files, whose rows of word ids are pickled: the one module that may import pickle.

The unpickler here can make lists, numbers and NumPy arrays and nothing else, and the front door
lets it see official files only after their SHA-256 was found right.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import numpy.typing as npt

from ..errors import UsageError
from . import columns
from .reader import damage

MAX_MEMBERS = 8  # imdb.npz has 4
MAX_BYTES = 32 * 2**20  # of one member, unpacked; the largest official one has 14 MB
MAX_ID = 2**24  # the largest official word id is 88,584

Arrays = Mapping[str, npt.NDArray[Any] | list[list[int]]]
"""Arrays by name, and lists of rows, which become arrays of objects."""

_RECONSTRUCT = np.array([]).__reduce__()[0]  # NumPy's own way to unpickle an array
_ADMITTED = {
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,  # as written before NumPy 2
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


_BUFFER_BYTES = 1 << 20


class _Restricted(pickle.Unpickler):
    """An unpickler that refuses every global but the three that an array is made of."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ADMITTED:
            raise pickle.UnpicklingError(f"asks for {module}.{name}, which no array needs")
        return _ADMITTED[module, name]


def read_npz(path: Path, names: Sequence[str]) -> dict[str, npt.NDArray[Any]]:
    """Reads the named arrays; those of objects hold one list a row.

    Raises:
        UsageError: the file is no such archive, lacks an array, is larger unpacked than any
            official file, or its pickle asks for anything that arrays and lists do not need.
    """
    data = io.BytesIO(path.read_bytes())  # from here on no error is the disk's
    try:
        with zipfile.ZipFile(data) as archive:
            return {name: _member(path, archive, f"{name}.npy") for name in names}
    except UsageError:
        raise
    except Exception as error:  # damaged zip, header and pickle raise a dozen kinds between them
        raise damage(path, f"cannot be read: {error}", "Keras' own .npz file") from error


def _member(path: Path, archive: zipfile.ZipFile, name: str) -> npt.NDArray[Any]:
    members = {info.filename: info for info in archive.infolist()}
    if len(members) > MAX_MEMBERS:
        raise damage(path, f"contains {len(members)} arrays", f"at most {MAX_MEMBERS}")
    if name not in members:
        raise damage(path, f"contains no {name}", f"one of {', '.join(members) or 'none'}")
    if members[name].compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{name} is packed by method {members[name].compress_type}")
    size = members[name].file_size  # zipfile never unpacks more than this
    if size > MAX_BYTES:
        what = f"{name} would unpack to {size:,} bytes"
        raise damage(path, what, f"at most {MAX_BYTES:,}")
    with archive.open(name) as file:
        version = np.lib.format.read_magic(file)
        if version != (1, 0):
            raise ValueError(f"{name} has .npy version {version}, not (1, 0)")
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        if dtype.hasobject:
            return _objects(file, name, shape)
    with archive.open(name) as file:
        return np.asarray(np.lib.format.read_array(file, allow_pickle=False))


def _objects(file: IO[bytes], name: str, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    # Unpickling asks the zip for a few bytes at a time: from a large buffer it takes half as long.
    whole = io.BufferedReader(cast("io.RawIOBase", io.BytesIO(file.read())), _BUFFER_BYTES)
    rows = _Restricted(whole).load()
    if not isinstance(rows, np.ndarray) or rows.shape != shape or rows.ndim != 1:
        raise ValueError(f"{name} contains no row of objects of shape {shape}")
    return rows


def flatten(path: Path, rows: npt.NDArray[Any], start: int) -> columns.Sequence:
    """Lays lists of word ids end to end, each with `start` before it.

    Args:
        path: where they come from, for messages.
        rows: objects, shape (rows,): lists of whole numbers from 1 to `MAX_ID`.
        start: the number put before each row.

    Returns:
        int32 values, as many rows as were given.

    Raises:
        UsageError: a row is no such list.
    """
    flat = array("i")  # takes a whole list at once, and refuses all but whole numbers
    try:
        for row in rows:
            flat.append(start)
            flat.fromlist(row)
    except (TypeError, OverflowError) as error:
        raise _no_ids(path) from error
    lengths = np.fromiter(map(len, rows), np.int64, len(rows)) + 1
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    values = np.frombuffer(flat, np.dtype("i")).astype(np.int32, copy=False)
    if len(values) and (values.min() < 1 or values.max() > MAX_ID):
        raise _no_ids(path)
    return columns.Sequence(values, offsets)


def _no_ids(path: Path) -> UsageError:
    return damage(path, "contains rows that are not word ids", f"whole numbers from 1 to {MAX_ID}")


# How Python 2 pickled `numpy.array([...], dtype=object)`: protocol 2, texts as bytes. NumPy's own
# writer would make another file than Keras ships.
_BEFORE_COUNT = (
    b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01M"
)
_AFTER_COUNT = (
    b"\x85cnumpy\ndtype\nU\x02O8K\x00K\x01\x87R(K\x03U\x01|NNN"
    b"J\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb\x89"
)


def write_npz(path: Path, arrays: Arrays) -> None:
    """Writes arrays and lists of rows as Keras' files hold them, to the same bytes each time."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, values in arrays.items():
            info = zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(info, "w") as file:
                if isinstance(values, np.ndarray):
                    np.lib.format.write_array(file, values, (1, 0), allow_pickle=False)
                else:
                    _write_rows(file, values)


def _write_rows(file: IO[bytes], rows: list[list[int]]) -> None:
    header = {"descr": "|O", "fortran_order": False, "shape": (len(rows),)}
    np.lib.format.write_array_header_1_0(file, header)
    lists = pickle.dumps(rows, protocol=2)[2:-1]  # between the protocol's mark and the stop
    file.write(_BEFORE_COUNT + len(rows).to_bytes(2, "little") + _AFTER_COUNT + lists + b"tb.")
