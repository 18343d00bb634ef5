"""Keras' own files: IMDB and Reuters as word ids, Boston's house prices.

Rows come in the order that Keras' `load_data` gives them: NumPy's legacy generator with seed 113
shuffles them first. The book's figures need that order.
"""

from __future__ import annotations

import hashlib
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...config.specs.datasets import BostonHousing, Imdb, Reuters, WordIds
from ..columns import Dense, Rows, Sequence
from ..keras_npz import Arrays, flatten, read_npz, write_npz
from ..reader import Reader, class_ids, damage
from ..samples import Samples

SEED = 113
START, UNKNOWN, INDEX_FROM = 1, 2, 3
IDENTITY = "identity"
RESERVED = ("<pad>", "<start>", "<unknown>", "<unused>")
TRAINING_SHARE = 0.8

SENTIMENTS = ("negative", "positive")
TOPICS = (
    *("cocoa", "grain", "veg-oil", "earn", "acq", "wheat", "copper", "housing", "money-supply"),
    *("coffee", "sugar", "trade", "reserves", "ship", "cotton", "carcass", "crude", "nat-gas"),
    *("cpi", "money-fx", "interest", "gnp", "meal-feed", "alum", "oilseed", "gold", "tin"),
    *("strategic-metal", "livestock", "retail", "ipi", "iron-steel", "rubber", "heat", "jobs"),
    *("lei", "bop", "zinc", "orange", "pet-chem", "dlr", "gas", "silver", "wpi", "hog", "lead"),
)
"""As listed by `keras.datasets.reuters.get_label_names`."""
FEATURES = (
    *("CRIM", "ZN", "INDUS", "CHAS", "NOX", "RM", "AGE"),
    *("DIS", "RAD", "TAX", "PTRATIO", "B", "LSTAT"),
)


def _order(count: int, generator: np.random.RandomState) -> Rows:
    order = np.arange(count)
    generator.shuffle(order)
    return order


def _read_imdb(options: Imdb, folder: Path) -> Samples:
    path = folder / "imdb.npz"
    arrays = read_npz(path, ("x_train", "y_train", "x_test", "y_test"))
    generator = np.random.RandomState(SEED)  # one for both parts, training first, as in Keras
    orders = {part: _order(len(arrays[f"x_{part}"]), generator) for part in ("train", "test")}
    rows, labels = (
        np.concatenate([_take_rows(path, arrays[f"{kind}_{p}"], o) for p, o in orders.items()])
        for kind in "xy"
    )
    return _texts(
        options, path, rows, labels, SENTIMENTS, np.arange(len(orders["train"]), len(rows))
    )


def _read_reuters(options: Reuters, folder: Path) -> Samples:
    path = folder / "reuters.npz"
    arrays = read_npz(path, ("x", "y"))
    order = _order(len(arrays["x"]), np.random.RandomState(SEED))
    rows, labels = (_take_rows(path, arrays[kind], order) for kind in "xy")
    return _texts(options, path, rows, labels, TOPICS, _last_fifth(len(rows)))


def _texts(
    options: WordIds,
    path: Path,
    rows: npt.NDArray[Any],
    labels: npt.NDArray[Any],
    names: tuple[str, ...],
    test: Rows,
) -> Samples:
    """Texts as word ids, with a class each."""
    (text,), (target,) = options.inputs, options.targets
    words = _words(path.with_name(f"{path.stem}_word_index.json"), options.num_words)
    ids = flatten(path, rows, START)
    return Samples(
        columns={
            text: _word_ids(ids, options.num_words),
            target: Dense(class_ids(path, labels, names)),
            IDENTITY: Dense(_identity(ids, labels)),
        },
        inputs=options.inputs,
        targets=tuple(options.targets),
        test=test,
        classes={target: names},
        words={text: words},
        identity=IDENTITY,
    )


def _read_boston(options: BostonHousing, folder: Path) -> Samples:
    path = folder / "boston_housing.npz"
    arrays = read_npz(path, ("x", "y"))
    order = _order(len(arrays["x"]), np.random.RandomState(SEED))
    features, prices = (_take_rows(path, arrays[kind], order) for kind in "xy")
    if features.shape[1:] != (len(FEATURES),) or prices.ndim != 1:
        raise damage(path, f"x has shape {features.shape}", f"(rows, {len(FEATURES)})")
    return Samples(
        columns={
            "features": Dense(features.astype(np.float32)),
            "price": Dense(prices.astype(np.float32)),
        },
        inputs=options.inputs,
        targets=tuple(options.targets),
        test=_last_fifth(len(features)),
        features={"features": FEATURES},
    )


def _take_rows(path: Path, values: npt.NDArray[Any], order: Rows) -> npt.NDArray[Any]:
    if len(values) != len(order):
        what = f"contains {len(order)} rows but {len(values)} labels"
        raise damage(path, what, "as many labels as rows")
    return values[order]


def _last_fifth(rows: int) -> Rows:
    return np.arange(int(rows * TRAINING_SHARE), rows)


def _word_ids(ids: Sequence, num_words: int) -> Sequence:
    """Ids as Keras gives them: start first, words shifted by 3, rare words unknown."""
    values = ids.values + np.int32(INDEX_FROM)
    values[ids.offsets[:-1]] = START
    values[values >= num_words] = UNKNOWN
    return Sequence(values, ids.offsets, num_words)


def _identity(ids: Sequence, labels: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """A hash of each row with all its words, whatever `num_words` makes of them."""
    whole, ends = ids.values.tobytes(), (ids.offsets * ids.values.itemsize).tolist()
    hashes = b"".join(
        hashlib.blake2b(whole[a:b] + bytes([int(label)]), digest_size=16).digest()
        for (a, b), label in zip(pairwise(ends), labels, strict=True)
    )
    return np.frombuffer(hashes, dtype=np.uint8).reshape(-1, 16)


def _words(path: Path, num_words: int) -> tuple[str, ...]:
    """The word of each id below `num_words`, from Keras' index of word -> rank."""
    try:
        ranks = json.loads(path.read_bytes())
        words = dict(enumerate(RESERVED))
        words |= {r + INDEX_FROM: w for w, r in ranks.items() if 0 < r < num_words - INDEX_FROM}
        return tuple(words[i] for i in range(min(num_words, len(ranks) + len(RESERVED))))
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise damage(path, "is not a word index", "JSON: each word with its rank") from error


def _invent_rows(rows: int, classes: int) -> tuple[list[list[int]], npt.NDArray[np.int64]]:
    """Rows of word ids in which each class prefers words of its own, and their classes."""
    random = np.random.RandomState(0)
    labels = np.arange(rows, dtype=np.int64) % classes
    lengths = random.randint(20, 60, rows)
    common = [random.randint(1, 101, length) for length in lengths]
    own = [
        101 + label * 4 + random.randint(0, 4, n) for label, n in zip(labels, lengths, strict=True)
    ]
    mixed = [
        np.where(random.rand(len(c)) < 0.3, o, c).tolist() for c, o in zip(common, own, strict=True)
    ]
    return mixed, labels


def _write_index(path: Path, words: int) -> None:
    path.write_text(json.dumps({f"word{rank}": rank for rank in range(1, words + 1)}))


def _write_imdb(folder: Path) -> None:
    rows, labels = _invent_rows(200, len(SENTIMENTS))
    arrays: Arrays = {
        "x_train": rows[:150],
        "y_train": labels[:150],
        "x_test": rows[150:],
        "y_test": labels[150:],
    }
    write_npz(folder / "imdb.npz", arrays)
    _write_index(folder / "imdb_word_index.json", 100 + 4 * len(SENTIMENTS))


def _write_reuters(folder: Path) -> None:
    rows, labels = _invent_rows(200, len(TOPICS))
    write_npz(folder / "reuters.npz", {"x": rows, "y": labels})
    _write_index(folder / "reuters_word_index.json", 100 + 4 * len(TOPICS))


def _write_boston(folder: Path) -> None:
    random = np.random.RandomState(0)
    features = random.rand(120, len(FEATURES)) * 10
    prices = 5 + features[:, :4].sum(axis=1) + random.randn(120)
    write_npz(folder / "boston_housing.npz", {"x": features, "y": prices})


imdb = Reader(_read_imdb, _write_imdb, version=2)
reuters = Reader(_read_reuters, _write_reuters, version=2)
boston_housing = Reader(_read_boston, _write_boston)
