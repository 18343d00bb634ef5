"""The small tables that scikit-learn brings along, read from its files without importing it."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...config.specs.datasets import (
    BreastCancer,
    BreastCancerViews,
    Dataset,
    Diabetes,
    Digits,
    Wine,
)
from ...seeds import derive
from ..columns import Column, Dense
from ..draw import draw
from ..fingerprints import input_hashes, row_hashes
from ..reader import Reader, class_ids, content_digest, damage
from ..samples import Samples

MAX_BYTES = 4 * 2**20  # of one file, unpacked; the largest has 0.5 MB
LARGEST = 1e9  # far above any of the numbers; NaN is refused with them

DIGITS = tuple("0123456789")
DIAGNOSES = ("malignant", "benign")
CULTIVARS = ("class_0", "class_1", "class_2")
MEASURES = (
    *("radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity"),
    *("concave points", "symmetry", "fractal dimension"),
)
TUMOUR = (
    *(f"mean {m}" for m in MEASURES),
    *(f"{m} error" for m in MEASURES),
    *(f"worst {m}" for m in MEASURES),
)
WINE = (
    *("alcohol", "malic_acid", "ash", "alcalinity_of_ash", "magnesium", "total_phenols"),
    *("flavanoids", "nonflavanoid_phenols", "proanthocyanins", "color_intensity", "hue"),
    *("od280/od315_of_diluted_wines", "proline"),
)
IDENTITY = "identity"
PATIENT = ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6")


def read_digits(options: Digits, folder: Path) -> Samples:
    """The table of pixels as pictures."""
    path = folder / options.embedded[0]
    data = _decompress(path)
    values = _numbers(path, data, 65, ",")
    columns: dict[str, Column] = {
        "image": Dense(values[:, :64].reshape(-1, 8, 8).astype(np.float32)),
        "digit": Dense(class_ids(path, values[:, 64], DIGITS)),
    }
    return _samples(options, columns, {path: data}, classes={"digit": DIGITS})


def _read_table(
    features: tuple[str, ...], names: tuple[str, ...], options: Dataset, folder: Path
) -> Samples:
    """A table whose first line says: rows, features, the classes; its last column is the class."""
    path = folder / options.embedded[0]
    data = _decompress(path)
    header, _, body = data.partition(b"\n")
    values = _numbers(path, body, len(features) + 1, ",")
    expected = ",".join([str(len(values)), str(len(features)), *names])
    if header.strip() != expected.encode():
        raise damage(path, f"begins with {header[:80]!r}", expected)
    (target,) = options.targets
    columns: dict[str, Column] = {
        "features": Dense(values[:, :-1].astype(np.float32)),
        target: Dense(class_ids(path, values[:, -1], names)),
    }
    return _samples(options, columns, {path: data}, {"features": features}, {target: names})


def _read_tumours(options: BreastCancer, folder: Path) -> Samples:
    """The table; of malignant tumours as many as are asked for, where there are more."""
    whole = _read_table(TUMOUR, DIAGNOSES, options, folder)
    found = np.asarray(whole.columns["diagnosis"])
    malignant = np.flatnonzero(found == DIAGNOSES.index("malignant"))
    if options.malignant is None or options.malignant >= len(malignant):
        return whole
    kept = draw(malignant, options.malignant, derive(0, "malignant"), None)
    rows = np.setdiff1d(np.arange(len(whole)), np.setdiff1d(malignant, kept))
    columns = {name: column.take(rows) for name, column in whole.columns.items()}
    return replace(whole, columns=columns)


def _read_views(options: BreastCancerViews, folder: Path) -> Samples:
    """The table's features in three inputs; its rows are known as those of the whole table."""
    whole = _read_table(TUMOUR, DIAGNOSES, BreastCancer(sample=options.sample), folder)
    values, names = np.asarray(whole.columns["features"]), whole.features["features"]
    hashes = row_hashes(whole, input_hashes(whole), np.arange(len(whole)))
    columns = {**whole.columns, IDENTITY: Dense(np.array([list(one) for one in hashes], np.uint8))}
    features = {}
    for place, name in enumerate(options.inputs):
        part = slice(place * len(MEASURES), (place + 1) * len(MEASURES))
        columns[name], features[name] = Dense(values[:, part].copy()), names[part]
    del columns["features"]
    return replace(
        whole, columns=columns, inputs=options.inputs, features=features, identity=IDENTITY
    )


def _read_diabetes(options: Diabetes, folder: Path) -> Samples:
    data = {folder / name: _decompress(folder / name) for name in options.embedded}
    (path, table), (target_path, target) = data.items()
    features, progression = _numbers(path, table, 10, None), _numbers(target_path, target, 1, None)
    if len(features) != len(progression):
        what = f"contains {len(progression)} targets for {len(features)} rows"
        raise damage(target_path, what, "one per row")
    columns: dict[str, Column] = {
        "features": Dense(features.astype(np.float32)),
        "progression": Dense(progression[:, 0].astype(np.float32)),
    }
    return _samples(options, columns, data, features={"features": PATIENT})


def _samples(
    options: Dataset,
    columns: dict[str, Column],
    data: dict[Path, bytes],
    features: dict[str, tuple[str, ...]] | None = None,
    classes: dict[str, tuple[str, ...]] | None = None,
) -> Samples:
    digests = {path.name: hashlib.sha256(d).hexdigest() for path, d in data.items()}
    return Samples(
        columns=columns,
        inputs=options.inputs,
        targets=tuple(options.targets),
        source={"content_sha256": content_digest(digests)},
        features=features or {},
        classes=classes or {},
    )


def _decompress(path: Path) -> bytes:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise damage(path, f"cannot be unpacked: {error}", "a complete gzip file") from error
    if len(data) > MAX_BYTES:
        raise damage(path, "unpacks to too many bytes", f"at most {MAX_BYTES:,} bytes")
    return bytes(data)


def _numbers(
    path: Path, data: bytes, columns: int, delimiter: str | None
) -> npt.NDArray[np.float64]:
    """A table of numbers, shape (rows, columns)."""
    accepted = f"rows of {columns} numbers"
    if not data.strip():  # NumPy would only warn
        raise damage(path, "is empty", accepted)
    try:
        values = np.loadtxt(io.BytesIO(data), delimiter=delimiter, ndmin=2)
    except ValueError as error:
        raise damage(path, f"is not a table of numbers: {error}", accepted) from error
    if values.shape[1] != columns:
        raise damage(path, f"has {values.shape[1]} columns", accepted)
    if not (np.abs(values) < LARGEST).all():
        raise damage(path, "contains impossible measurements", f"below {LARGEST:g}")
    return values


def _write(
    path: Path, values: npt.NDArray[Any], fmt: str, delimiter: str, header: str = ""
) -> None:
    text = io.BytesIO()
    np.savetxt(text, values, fmt=fmt, delimiter=delimiter, header=header, comments="")
    data = text.getvalue()
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)


def write_digits(folder: Path) -> None:
    """Made-up pictures of all ten digits."""
    random = np.random.RandomState(0)
    labels = np.arange(200) % 10
    pixels = random.randint(0, 17, (10, 64))[labels] + random.randint(-3, 4, (200, 64))
    _write(folder / Digits.embedded[0], np.c_[pixels.clip(0, 16), labels], "%d", ",")


def _write_table(
    file: str, rows: int, features: tuple[str, ...], names: tuple[str, ...], folder: Path
) -> None:
    random = np.random.RandomState(0)
    labels = np.arange(rows) % len(names)
    centres = random.rand(len(names), len(features)) * 10
    values = centres[labels] + random.randn(rows, len(features))
    header = ",".join([str(rows), str(len(features)), *names])
    _write(folder / file, np.c_[values.round(4), labels], "%.10g", ",", header)


def _table(
    spec: type[Dataset], rows: int, features: tuple[str, ...], names: tuple[str, ...]
) -> Reader:
    """The reader of a table of classes, whose sample has so many rows."""
    write = partial(_write_table, spec.embedded[0], rows, features, names)
    return Reader(partial(_read_table, features, names), write)


def _write_diabetes(folder: Path) -> None:
    random = np.random.RandomState(0)
    features = (random.rand(120, len(PATIENT)) * 100).round(4)
    progression = (features[:, :3].sum(axis=1) + random.randn(120) * 10 + 50).round()
    for name, values, fmt in zip(
        Diabetes.embedded, (features, progression), ("%.10g", "%.18e"), strict=True
    ):
        _write(folder / name, values, fmt, " ")


digits = Reader(read_digits, write_digits)
_tumours = _table(BreastCancer, 120, TUMOUR, DIAGNOSES)
breast_cancer = Reader(_read_tumours, _tumours.write_sample)
views = Reader(_read_views, breast_cancer.write_sample)
wine = _table(Wine, 90, WINE, CULTIVARS)
diabetes = Reader(_read_diabetes, _write_diabetes)
