"""MNIST: four gzipped idx files (LeCun, Cortes and Burges, http://yann.lecun.com/exdb/mnist)."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...config.specs.datasets import Mnist
from ..columns import Dense
from ..reader import Reader, class_ids, damage
from ..samples import Samples

SIDE = 28
IMAGES, LABELS = 2051, 2049  # magic numbers: unsigned bytes in three dimensions, in one
MAX_ROWS = 60_000  # of one file
DIGITS = tuple("0123456789")
PARTS = ("train", "t10k")  # training rows first


def _read(options: Mnist, folder: Path) -> Samples:
    images, labels = [], []
    for part in PARTS:
        images.append(_idx(folder / f"{part}-images-idx3-ubyte.gz", IMAGES, (SIDE, SIDE)))
        path = folder / f"{part}-labels-idx1-ubyte.gz"
        labels.append(class_ids(path, _idx(path, LABELS, ()), DIGITS))
        if len(labels[-1]) != len(images[-1]):
            what = f"contains {len(labels[-1])} labels for {len(images[-1])} images"
            raise damage(path, what, "one label per image")
    return Samples(
        columns={"image": Dense(np.concatenate(images)), "digit": Dense(np.concatenate(labels))},
        inputs=options.inputs,
        targets=tuple(options.targets),
        test=np.arange(len(labels[0]), sum(map(len, labels))),
        classes={"digit": DIGITS},
    )


def _idx(path: Path, magic: int, inner: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """Bytes of shape (rows, *inner) from a gzipped idx file, never unpacking more than asked."""
    fields = struct.Struct(f">{2 + len(inner)}I")
    try:
        with gzip.open(path) as file:
            header = file.read(fields.size)
            rows = _rows(path, fields, header, magic, inner)
            shape = (rows, *inner)
            data = file.read(int(np.prod(shape)) + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise damage(path, f"cannot be unpacked: {error}", "a complete gzip file") from error
    if len(data) != np.prod(shape):
        raise damage(path, f"does not hold {rows} rows as it claims", "rows of bytes, and no more")
    return np.frombuffer(data, np.uint8).reshape(shape)


def _rows(
    path: Path, fields: struct.Struct, header: bytes, magic: int, inner: tuple[int, ...]
) -> int:
    if len(header) < fields.size:
        raise damage(path, "ends before the end of its header", f"{fields.size} bytes")
    found, rows, *sides = fields.unpack(header)
    if found != magic:
        raise damage(path, f"begins with the magic number {found}", str(magic))
    if tuple(sides) != inner:
        raise damage(path, f"contains images of size {tuple(sides)}", str(inner))
    if not 0 < rows <= MAX_ROWS:
        raise damage(path, f"claims {rows:,} rows", f"1 to {MAX_ROWS:,}")
    return int(rows)


def _write_idx(path: Path, magic: int, values: npt.NDArray[Any]) -> None:
    header = struct.pack(f">{1 + values.ndim}I", magic, *values.shape)
    data = header + values.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(data, mtime=0))


def _write_sample(folder: Path) -> None:
    """Each digit is a blotch of its own, with noise."""
    random = np.random.RandomState(0)
    blotches = random.randint(0, 256, (10, 7, 7)).repeat(4, axis=1).repeat(4, axis=2)
    for part, rows in zip(PARTS, (160, 40), strict=True):
        labels = np.arange(rows) % 10
        noisy = blotches[labels] + random.randint(-40, 41, (rows, SIDE, SIDE))
        _write_idx(folder / f"{part}-images-idx3-ubyte.gz", IMAGES, noisy.clip(0, 255))
        _write_idx(folder / f"{part}-labels-idx1-ubyte.gz", LABELS, labels)


mnist = Reader(_read, _write_sample)
