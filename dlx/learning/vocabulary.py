"""The words of training texts: how frequent they are, and how they are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..config.specs.learners import WordVectors
from ..data.columns import Column, Rows
from ..data.columns import Sequence as Ids
from ..data.readers import keras
from ..errors import Problem, UsageError
from ..prepare import texts
from ..prepare.steps import UNKNOWN

NO_WORDS = {*keras.RESERVED, *texts.RESERVED}
"""What ids are named that stand for no word."""


@dataclass(frozen=True)
class Vocabulary:
    """The words of some texts, by id.

    Attributes:
        names: of each id.
        counts: how often each stands in the texts; 0 of an id that stands for no word.
    """

    names: Sequence[str]
    counts: npt.NDArray[np.float64]

    @classmethod
    def of(cls, name: str, column: Column, rows: Rows) -> Vocabulary:
        """The words of some rows.

        Args:
            name: of the column.
            column: ids in order, of all rows.
            rows: those that may be learnt from.

        Raises:
            UsageError: there are no two different words.
        """
        assert isinstance(column, Ids)
        size = column.describe().ids
        names = [*column.words[:size], *map(str, range(len(column.words), size))]
        counts = np.bincount(column.take(rows).values, minlength=size).astype(np.float64)
        reserved = [at for at, word in enumerate(column.words) if word in NO_WORDS]
        counts[reserved if column.words else slice(UNKNOWN + 1)] = 0
        if np.count_nonzero(counts) < 2:
            what = f"the training rows of {name} have fewer than two different words"
            raise UsageError(Problem(what, "dataset", "texts of several words"))
        return cls(names, counts)

    def frequent(self) -> npt.NDArray[np.int64]:
        """The ids of all words, the most frequent first, ties by id."""
        order = np.argsort(-self.counts, kind="stable")
        return order[: np.count_nonzero(self.counts)]


class Chances:
    """How words are left out of texts, and drawn to be told from near ones.

    Args:
        counts: of each id.
        options: name `subsample`, `power` and `negatives`.
        device: where the chances lie.

    Attributes:
        stays: of each id, the chance that a word stays in a text; 0 of no word, (ids,).
        surplus: of each id, the logit that tells near words best who knows frequencies alone:
            log(how often among near ones / (negatives * how often it is drawn)), (ids,).
    """

    def __init__(
        self, counts: npt.NDArray[np.float64], options: WordVectors, device: torch.device
    ) -> None:
        share = counts / counts.sum()
        stays = (share > 0).astype(np.float64)
        if options.subsample is not None:
            stays *= np.sqrt(options.subsample / np.maximum(share, options.subsample))
        drawn = np.where(share > 0, share**options.power, 0)
        drawn /= drawn.sum()
        left = share * stays / (share * stays).sum()
        with np.errstate(divide="ignore", invalid="ignore"):
            surplus = np.where(share > 0, np.log(left / (options.negatives * drawn)), 0)
        self.stays = torch.from_numpy(stays).float().to(device)
        self.surplus = torch.from_numpy(surplus).float().to(device)
        self._ends = torch.from_numpy(drawn.cumsum()).to(device)
        self._last = int(np.flatnonzero(drawn)[-1])

    def draw(self, places: Tensor) -> Tensor:
        """The words at some places from 0 to 1 among all, each as wide as its chance; ids."""
        places = places.to(self._ends) * self._ends[-1]
        return torch.searchsorted(self._ends, places, right=True).clamp(max=self._last)
