"""What the trainings of one process have in common: datasets read, folds prepared."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

from ..config.fields import to_plain
from ..config.schema import Config
from ..data.fingerprints import input_hashes
from ..data.protocols import Fold
from ..runs.members import members_of
from .data import Data, cut, read_samples
from .device import set_determinism
from .fold import FoldData, prepare_fold

_Made = TypeVar("_Made")

SAMPLES, CUTS, FOLDS = 1, 2, 12
"""How many of each are kept, the last ones used; folds of one cut only, as they are large."""


class Shared:
    """Reads and prepares once what several configs have in common.

    Nothing that is kept is changed by a training, so each one's numbers are those that it would
    have alone.

    Args:
        keep: whether anything is kept; a lone run asks for nothing twice.
    """

    def __init__(self, keep: bool = True) -> None:
        self._keep = keep
        self._samples: OrderedDict[str, Any] = OrderedDict()
        self._cuts: OrderedDict[str, Data] = OrderedDict()
        self._folds: OrderedDict[str, FoldData] = OrderedDict()
        self._cut_by = ""

    def data(self, config: Config) -> Data:
        """The dataset of a config, read and cut.

        Raises:
            UsageError: the data are missing or damaged, or contradict the config.
            MethodError: a cut leaks from one part into another.
        """

        def read() -> Any:
            samples, targets, seconds = read_samples(config)
            return samples, targets, input_hashes(samples), seconds

        def cut_them() -> Data:
            samples, targets, hashes, seconds = self._make_once(
                self._samples, SAMPLES, _key(config.dataset, config.targets), read
            )
            return cut(config, samples, targets, seconds, hashes)

        key = _key(config.dataset, config.targets, config.protocol, config.seed)
        return self._make_once(self._cuts, CUTS, key, cut_them)

    def fold(self, config: Config, data: Data, rows: Fold, number: int) -> FoldData:
        """A fold's samples, prepared and on the device.

        Args:
            config: the config.
            data: its dataset, from `data`.
            rows: those of the fold.
            number: the fold's number.
        """
        set_determinism(config.trainer.deterministic)
        cut_by = _key(config.dataset, config.targets, config.protocol, config.seed)
        if cut_by != self._cut_by:
            self._folds.clear()
            self._cut_by = cut_by
        prepared = (config.prepare, members_of(config))  # members have prepared what they read
        key = _key(*prepared, number, len(rows.train), config.trainer.device)
        return self._make_once(self._folds, FOLDS, key, lambda: prepare_fold(config, data, rows))

    def _make_once(
        self, kept: OrderedDict[str, _Made], many: int, key: str, make: Callable[[], _Made]
    ) -> _Made:
        if not self._keep:
            return make()
        if key not in kept:
            while len(kept) >= many:  # before the new one is made, for the sake of memory
                kept.popitem(last=False)
            kept[key] = make()
        kept.move_to_end(key)
        return kept[key]


def _key(*parts: Any) -> str:
    return json.dumps([to_plain(part) for part in parts], sort_keys=True)
