"""A protocol as a config has it: its cut, and how many of the training rows are used."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..config.fields import Chosen
from ..config.learners import reads, spec_of
from ..config.schema import Config
from ..errors import Problem, UsageError
from ..seeds import derive
from .draw import draw
from .protocols import SAMPLE_SHARE, Fold, Split, labels_of
from .samples import Samples


def cut_rows(config: Config, samples: Samples) -> Split:
    """Cuts samples by the protocol of a config; all train where its learner reads none.

    Raises:
        UsageError: as `carry_out`.
        MethodError: likewise.
    """
    if reads(config, "protocol"):
        first = next(iter(config.targets), "")
        return carry_out(config.protocol, samples, config.seed, first)
    none = np.zeros(0, dtype=np.int64)
    rule = f"learner {config.learner.name} cuts nothing: all is what it works on"
    if fresh := spec_of(config).tell_fresh(config):
        rule = f"no rows are held out: {fresh}"
    return Split("none", (Fold(np.arange(len(samples)), none),), none, rule)


def carry_out(protocol: Chosen, samples: Samples, seed: int, target: str) -> Split:
    """Cuts samples into folds and a test set.

    Args:
        protocol: which, with its options.
        samples: the dataset.
        seed: what draws derive from.
        target: the target whose classes keep their shares, where the protocol names none; "" where
            there is none.

    Raises:
        UsageError: a part would be empty, or there are not so many training rows.
        MethodError: rows of two parts are too close in time.
    """
    target = getattr(protocol.options, "classes", "") or target
    split: Split = protocol.load()(protocol.options, samples, seed, target)
    asked: float | None = getattr(protocol.options, "train", None)
    if asked is None:
        return split
    kept = getattr(protocol.options, "stratify", True)
    labels = labels_of(samples, target) if kept else None
    folds = []
    for number, fold in enumerate(split.folds):
        count = _count(asked, len(fold.train), samples.sample)
        train = np.sort(draw(fold.train, count, derive(seed, "train rows", number), labels))
        unused = np.setdiff1d(fold.train, train, assume_unique=True)
        folds.append(Fold(train, fold.validation, unused))
    told = f"{split.rule}; {_describe(folds)}{', classes in proportion' if kept else ''})"
    return replace(split, folds=tuple(folds), rule=told)


def _count(asked: float, rows: int, sample: bool) -> int:
    """How many of some training rows are asked for."""
    if sample and asked > rows:  # a count of the real rows; a made-up sample has far fewer
        asked = SAMPLE_SHARE
    count = round(asked * rows) if asked < 1 else asked
    if not 1 <= count <= rows or count != int(count):
        what = f"`protocol.train` is {asked:g}, which makes {count:,.10g} of {rows:,} training rows"
        accepted = f"a share below 1, or a number from 1 to {rows:,}"
        raise UsageError(Problem(what, "protocol.train", accepted))
    return int(count)


def _describe(folds: list[Fold]) -> str:
    """How many training rows are used, and how many there were."""
    used = max(len(fold.train) for fold in folds)
    rows = max(len(fold.train) + len(fold.unused) for fold in folds)
    return f"{used:,} of {rows:,} training rows are used (drawn at random"
