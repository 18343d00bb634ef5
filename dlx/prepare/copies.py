"""Training copies with features removed, for holes that only the test will have (book 4.3)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..config.names import did_you_mean, join_names
from ..config.schema import Copies
from ..data.columns import Column, Dense, Rows
from ..data.samples import Samples
from ..errors import Problem, UsageError
from ..seeds import derive


def add_copies(
    samples: Samples, train: Rows, options: Copies, seed: int
) -> tuple[Samples, Rows, Rows]:
    """Adds copies of training rows in which one feature is missing (NaN).

    Args:
        samples: the dataset.
        train: the rows that are learnt from; no other is copied.
        options: how many copies, and which features may be removed.
        seed: what the draw derives from.

    Returns:
        The samples with the copies behind all other rows, the training rows with the copies, and
        the row that each copy was made of.

    Raises:
        UsageError: there is no table of numbers with such a feature.
    """
    if not options.share:
        return samples, train, np.zeros(0, dtype=np.int64)
    places = _places(samples, options)
    random = np.random.Generator(np.random.PCG64(derive(seed, "copies")))
    made_of = random.choice(train, size=round(options.share * len(train)))
    drawn = random.integers(len(places), size=len(made_of))
    behind = np.concatenate([np.arange(len(samples)), made_of])  # targets too: steps may learn them
    roles = (*samples.inputs, *samples.targets)
    longer = {name: samples.columns[name].take(behind) for name in roles}
    longer |= {name: _allow_holes(longer[name]) for name in samples.inputs}
    for copy, place in enumerate(drawn.tolist()):
        name, feature = places[place]
        np.asarray(longer[name])[len(samples) + copy, feature] = np.nan
    columns = {**samples.columns, **longer}
    copies = len(samples) + np.arange(len(made_of))
    return replace(samples, columns=columns), np.concatenate([train, copies]), made_of


def _allow_holes(column: Column) -> Column:
    """An input column that may have missing values: whole numbers have no NaN."""
    if isinstance(column, Dense) and column.values.dtype.kind in "iub":
        return Dense(column.values.astype(np.float32), column.names)
    return column


def _places(samples: Samples, options: Copies) -> list[tuple[str, int]]:
    """The features that may be removed: their column and their place in it."""
    found: dict[str, tuple[str, int]] = {}
    for name in samples.inputs:
        column = samples.columns[name]
        if isinstance(column, Dense) and column.values.ndim == 2:
            found |= {feature: (name, place) for place, feature in enumerate(column.features)}
    for feature in options.features:
        if feature not in found:
            what = f"`prepare.copies.features`: there is no feature `{feature}`"
            known = join_names(found) or "none: no input is a table of numbers"
            raise UsageError(Problem(what, "", known, did_you_mean(feature, found)))
    if not found:
        raise UsageError(Problem("`prepare.copies` needs a table of numbers among the inputs"))
    return [found[feature] for feature in options.features or found]
