"""CIFAR-10 in its binary version: an archive of files of rows, a byte of class before each picture.

https://www.cs.toronto.edu/~kriz/cifar.html
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...config.specs.cifar import CLASSES, Cifar10
from ..columns import Dense, Image
from ..reader import Reader, class_ids, damage
from ..samples import Samples

ARCHIVE, FOLDER = "cifar-10-binary.tar.gz", "cifar-10-batches-bin"
TRAIN = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
TEST = "test_batch.bin"
SHAPE = (3, 32, 32)
ROW = 1 + 3 * 32 * 32
MAX_ROWS = 10_000  # of one file


def _read(options: Cifar10, folder: Path) -> Samples:
    path = folder / ARCHIVE
    parts = _unpack(path)
    rows = np.concatenate([parts[name] for name in (*TRAIN, TEST)])
    labels = class_ids(path, rows[:, 0], CLASSES)
    names = options.classes or CLASSES
    numbers = [CLASSES.index(name) for name in names]
    kept = np.isin(labels, numbers)
    tested = np.arange(len(rows)) >= len(rows) - len(parts[TEST])
    places = np.zeros(len(CLASSES), dtype=np.int64)
    places[numbers] = np.arange(len(numbers))
    return Samples(
        columns={
            "image": Image(rows[kept, 1:].reshape(-1, *SHAPE)),
            "object": Dense(places[labels[kept]]),
        },
        inputs=options.inputs,
        targets=tuple(options.targets),
        test=np.flatnonzero(tested[kept]),
        classes={"object": tuple(names)},
    )


def _unpack(path: Path) -> dict[str, npt.NDArray[np.uint8]]:
    """The rows of each file, (rows, 1 + 3072) bytes; nothing of the archive is written."""
    wanted = {f"{FOLDER}/{name}": name for name in (*TRAIN, TEST)}
    found: dict[str, npt.NDArray[np.uint8]] = {}
    try:
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:
                name = wanted.get(member.name)
                file = archive.extractfile(member) if name and member.isreg() else None
                if name and file is not None:
                    found[name] = _rows(path, name, file.read(MAX_ROWS * ROW + 1))
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise damage(path, f"cannot be unpacked: {error}", "a complete archive") from error
    for name in wanted.values():
        if name not in found:
            raise damage(path, f"lacks {FOLDER}/{name}", f"{', '.join(TRAIN)} and {TEST}")
    return found


def _rows(path: Path, name: str, data: bytes) -> npt.NDArray[np.uint8]:
    if not 0 < len(data) <= MAX_ROWS * ROW or len(data) % ROW:
        accepted = f"1 to {MAX_ROWS:,} rows of {ROW:,} bytes"
        raise damage(path, f"{name} does not hold whole rows, or too many", accepted)
    return np.frombuffer(data, np.uint8).reshape(-1, ROW)


def _write_sample(folder: Path) -> None:
    """Each class is a blotch of its own colours, with noise."""
    random = np.random.RandomState(0)
    blotches = random.randint(0, 256, (10, 3, 8, 8)).repeat(4, axis=2).repeat(4, axis=3)
    with (
        gzip.GzipFile(folder / ARCHIVE, "wb", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for name in (*TRAIN, TEST):
            labels = np.arange(80) % 10
            noisy = (blotches[labels] + random.randint(-40, 41, (80, *SHAPE))).clip(0, 255)
            _add(archive, name, np.column_stack([labels, noisy.reshape(80, -1)]))


def _add(archive: tarfile.TarFile, name: str, rows: npt.NDArray[Any]) -> None:
    data = rows.astype(np.uint8).tobytes()
    member = tarfile.TarInfo(f"{FOLDER}/{name}")
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))


cifar10 = Reader(_read, _write_sample)
