"""Pairs of handwritten digits, made of those that scikit-learn brings along."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from ...config.specs.datasets import DigitPairs, Digits
from ..columns import Dense
from ..reader import Reader
from ..samples import Samples
from .embedded import read_digits, write_digits

ORDERS = ("smaller", "larger")
BLOCK = 30
"""Pictures that are paired with each other; no other pair has any of them."""
_PARTNERS = 3
_TEST = 0.2


def read_pairs(options: DigitPairs, folder: Path) -> Samples:
    """Each picture with some of its block that show another digit; the last blocks are to test."""
    whole = read_digits(Digits(sample=options.sample), folder)
    images, digits = (np.asarray(whole.columns[name]) for name in ("image", "digit"))
    pairs, blocks = _pair(digits)
    left, right = pairs.T
    first = (1 - _TEST) * (blocks.max() + 1)
    columns = {
        "left": Dense(images[left]),
        "right": Dense(images[right]),
        "right_is": Dense((digits[right] > digits[left]).astype(np.int64)),
        "block": Dense(blocks),
    }
    return replace(
        whole,
        columns=columns,
        inputs=options.inputs,
        targets=tuple(options.targets),
        classes={"right_is": ORDERS},
        groups=options.groups,
        test=np.flatnonzero(blocks >= first),
    )


def _pair(digits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two rows of pictures for each pair, and its block."""
    random = np.random.RandomState(0)
    order = random.permutation(len(digits))
    pairs, blocks = [], []
    for number, start in enumerate(range(0, len(order), BLOCK)):
        block = order[start : start + BLOCK]
        for one in block:
            others = block[digits[block] != digits[one]]
            for other in random.permutation(others)[:_PARTNERS]:
                pairs.append((one, other))
                blocks.append(number)
    return np.array(pairs), np.array(blocks, np.int64)


digit_pairs = Reader(read_pairs, write_digits)
