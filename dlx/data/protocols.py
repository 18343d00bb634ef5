"""Step 3, the evaluation protocol: which rows train, which validate, which test.

A protocol gives one or several folds; each trains a fresh model on `train` and watches it on
`validation`. The test rows are apart from all of them and the same for every seed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..config.specs import protocols as specs
from ..errors import Problem, UsageError
from ..seeds import derive
from .samples import Rows, Samples

SAMPLE_SHARE = 0.2


@dataclass(frozen=True)
class Fold:
    """Rows of one training; `validation` may be empty."""

    train: Rows
    validation: Rows


@dataclass(frozen=True)
class Split:
    """What a protocol gives.

    Attributes:
        folds: one or several pairs of training and validation rows.
        test: rows that are looked at once, at the end; may be empty.
        rule: what was done, as a sentence.
    """

    folds: tuple[Fold, ...]
    test: Rows
    rule: str


def holdout(options: specs.Holdout, samples: Samples, seed: int, target: str) -> Split:
    """Holds some of the non-test rows out for validation (book 4.2.1).

    Args:
        options: how many, and how they are drawn.
        samples: the dataset.
        seed: what the draw derives from.
        target: the target whose classes keep their shares.

    Raises:
        UsageError: a part would be empty.
    """
    rest, test, test_rule = _test_part(options.test, options.test_seed, samples, target)
    count = _count(options.validation, len(rest), "protocol.validation", samples.sample)
    if options.shuffle:
        labels = _labels(samples, target) if options.stratify else None
        validation = _draw(rest, count, derive(seed, "holdout"), labels)
        how = "drawn at random" + (", classes in proportion" if labels is not None else "")
    else:
        validation, how = rest[:count], "the first ones"
    train = np.setdiff1d(rest, validation, assume_unique=True)
    rule = f"{count:,} of {len(rest):,} training rows held out for validation ({how}); {test_rule}"
    return Split((Fold(train, np.sort(validation)),), test, rule)


def train_test(options: specs.TrainTest, samples: Samples, seed: int, target: str) -> Split:  # noqa: ARG001
    """Trains on every row outside the test part; there is no validation.

    Args:
        options: the test part, where the dataset has no official one.
        samples: the dataset.
        seed: not used: nothing is drawn but the test part, which has a seed of its own.
        target: the target whose classes keep their shares.
    """
    rest, test, test_rule = _test_part(options.test, options.test_seed, samples, target)
    none = np.zeros(0, dtype=np.int64)
    rule = f"all {len(rest):,} training rows train, none validate; {test_rule}"
    return Split((Fold(rest, none),), test, rule)


def _test_part(
    share: float, test_seed: int, samples: Samples, target: str
) -> tuple[Rows, Rows, str]:
    """The rows outside and inside the test part, and how that was cut."""
    everything = np.arange(len(samples), dtype=np.int64)
    if samples.test is not None:
        rest = np.setdiff1d(everything, samples.test, assume_unique=True)
        return rest, samples.test, f"the official test part of {len(samples.test):,} rows"
    count = _count(share, len(samples), "protocol.test", samples.sample)
    test = np.sort(_draw(everything, count, derive(test_seed, "test"), _labels(samples, target)))
    rest = np.setdiff1d(everything, test, assume_unique=True)
    return rest, test, f"{count:,} rows cut off for the test by protocol.test_seed={test_seed}"


def _count(asked: float, rows: int, key: str, sample: bool) -> int:
    """A share below 1 or a count, as a count that leaves both sides something."""
    if sample and asked >= rows:  # a count of the real rows; a made-up sample has far fewer
        asked = SAMPLE_SHARE
    count = round(asked * rows) if asked < 1 else asked
    if not 1 <= count < rows or count != int(count):
        raise UsageError(
            Problem(
                f"`{key}` is {asked:g}, which makes {count:,.10g} of {rows:,} rows",
                accepted=f"a share below 1, or a count from 1 to {rows - 1:,}",
            )
        )
    return int(count)


def _labels(samples: Samples, target: str) -> npt.NDArray[np.int64] | None:
    """Class ids, or None where the target is no single class."""
    column = samples.columns[target]
    if isinstance(column, np.ndarray) and column.ndim == 1 and column.dtype.kind in "iu":
        return column.astype(np.int64)
    return None


def _draw(rows: Rows, count: int, seed: int, labels: npt.NDArray[np.int64] | None) -> Rows:
    """Draws rows without replacement, classes in proportion where there are labels.

    Each class gives its share rounded down; what is missing comes from the classes with the
    largest remainders.
    """
    random = np.random.Generator(np.random.PCG64(seed))
    if labels is None:
        return random.permutation(rows)[:count]
    mine = labels[rows]
    classes, sizes = np.unique(mine, return_counts=True)
    exact = sizes * count / len(rows)
    quota = np.floor(exact).astype(np.int64)
    missing = count - int(quota.sum())
    quota[np.argsort(-(exact - quota), kind="stable")[:missing]] += 1
    drawn = [
        random.permutation(rows[mine == label])[:take]
        for label, take in zip(classes, quota, strict=True)
    ]
    return np.concatenate(drawn)
