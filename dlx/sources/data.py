"""The dataset of a run: read, checked, cut into folds and a test set."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ..config.learners import spec_of
from ..config.schema import Config
from ..config.supervised import quantiles_of
from ..data import read
from ..data.balance import check_names
from ..data.carry_out import cut_rows
from ..data.checks import check, check_profiles, refuse_leaks
from ..data.columns import Rows
from ..data.fingerprints import input_hashes, row_hashes
from ..data.protocols import Split
from ..data.samples import Samples
from ..data.targets import EncodedTarget, check_scale, encode
from ..runs.ledger import RowSet, rows_of


@dataclass(frozen=True)
class Data:
    """A dataset as read, cut and encoded; the same for every fold.

    Attributes:
        samples: the dataset.
        split: its folds and test rows.
        targets: encoded targets by name.
        input_hashes: a hash of every row's inputs.
        seconds: how long reading took.
        findings: what the checks of the data found, as `report.json` holds it.
        profile: what each column holds, over training rows, as `data.json` holds it.
    """

    samples: Samples
    split: Split
    targets: dict[str, EncodedTarget]
    input_hashes: list[bytes]
    seconds: float
    findings: list[dict[str, Any]] = field(default_factory=list)
    profile: dict[str, Any] = field(default_factory=dict)

    def naive(self, rows: Rows, train: Rows) -> dict[str, dict[str, npt.NDArray[np.float32]]]:
        """The naive forecasts of some rows, by target and name; none where there is no time.

        Args:
            rows: those to forecast.
            train: those that means of a season are learnt from; one of which some rows' season is
                not among them is left out.
        """
        columns = self.samples.columns
        found: dict[str, dict[str, npt.NDArray[np.float32]]] = {}
        for target, forecasts in self.samples.naive.items():
            found[target] = {n: np.asarray(columns[c].take(rows)) for n, c in forecasts.items()}
        for target, seasons in self.samples.seasons.items():
            values = np.asarray(columns[target])[train]
            for name, column in seasons.items():
                season = np.asarray(columns[column])
                if (means := season_means(season[train], values, season[rows])) is not None:
                    found.setdefault(target, {})[name] = means
        return found

    @property
    def test_rows(self) -> RowSet:
        """What the ledger knows the test set by: the contents of its rows."""
        split = self.split
        rows = split.folds[0].validation if split.test_validates else split.test
        return rows_of(row_hashes(self.samples, self.input_hashes, rows))


def read_data(config: Config) -> Data:
    """Reads, cuts, checks and encodes the dataset of a config.

    Raises:
        UsageError: the data are missing or damaged, or contradict the config.
        MethodError: a cut leaks from one part into another.
    """
    return cut(config, *read_samples(config))


def read_samples(config: Config) -> tuple[Samples, dict[str, EncodedTarget], float]:
    """Reads the dataset of a config: samples, encoded targets, and the seconds it took.

    Raises:
        UsageError: the data are missing or damaged, or contradict the config.
    """
    begun = time.perf_counter()
    samples = read(config.dataset)
    targets = {
        name: encode(samples, name, target.problem, target.positive, quantiles_of(config, target))
        for name, target in config.targets.items()
    }
    for name, target in config.targets.items():
        classes, key = targets[name].classes, f"targets.{name}"
        check_scale(key, targets[name], target.scale)
        check_names(f"{key}.class_weights", target.class_weights, classes)
        check_names(f"{key}.sampling", target.sampling, classes, whole=True)
    return samples, targets, time.perf_counter() - begun


def cut(
    config: Config,
    samples: Samples,
    targets: dict[str, EncodedTarget],
    seconds: float = 0.0,
    hashes: list[bytes] | None = None,
) -> Data:
    """Cuts samples by the protocol of a config, and checks the parts.

    Args:
        config: the config.
        samples: the dataset.
        targets: its encoded targets.
        seconds: how long reading took.
        hashes: a hash of every row's inputs, where they are known.

    Raises:
        UsageError: a part would be empty.
        MethodError: the cut leaks from one part into another.
    """
    begun = time.perf_counter()
    split = cut_rows(config, samples)
    hashes = input_hashes(samples) if hashes is None else hashes
    fresh = spec_of(config).fresh  # then there is one row, which tells nothing
    found = [] if fresh else check(samples, split, targets, hashes)
    allowed = getattr(config.protocol.options, "duplicates", "refuse") == "allow"
    refuse_leaks(found, duplicates=not allowed)
    alone = len(split.folds) == 1 and config.final != "only"
    rows = split.folds[0].train if alone else split.rest
    looked = [] if fresh else samples.profile(rows)
    findings = [finding.plain() for finding in (*found, *check_profiles(looked))]
    told = {"rows": len(rows), "columns": [one.plain() for one in looked]}
    seconds += time.perf_counter() - begun
    return Data(samples, split, targets, hashes, seconds, findings, told)


def split_digest(data: Data) -> str:
    """SHA-256 over the rows of every fold and of the test part."""
    digest = hashlib.sha256()
    for fold in data.split.folds:
        for rows in (fold.train, fold.validation):
            digest.update(np.ascontiguousarray(rows).tobytes() + b"|")
    digest.update(np.ascontiguousarray(data.split.test).tobytes())
    return digest.hexdigest()


def season_means(
    seasons: npt.NDArray[np.int64], values: npt.NDArray[np.float32], asked: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32] | None:
    """The mean of a target over the training rows of the same season; None where there is none.

    Args:
        seasons: of the training rows, whole numbers from 0.
        values: their targets, (rows,).
        asked: the seasons of the rows to forecast.
    """
    size = int(max(seasons.max(initial=-1), asked.max(initial=-1))) + 1
    counts = np.bincount(seasons, minlength=size)
    if not len(asked) or not counts[asked].all():
        return None
    sums = np.bincount(seasons, weights=values, minlength=size)
    means: npt.NDArray[np.float32] = (sums[asked] / counts[asked]).astype(np.float32)
    return means
