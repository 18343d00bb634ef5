"""Putting an experiment together: data, parts on the device, model, training."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ..config.fields import Chosen
from ..config.rules import loss_of, metrics_of, monitor_of, score_names
from ..config.schema import Config
from ..data import read
from ..data.cache import Cache
from ..data.checks import check, check_profiles, refuse_leaks
from ..data.columns import take
from ..data.fingerprints import input_hashes, row_hashes
from ..data.profile import profile
from ..data.protocols import Fold, Split
from ..data.samples import Rows, Samples
from ..data.store import cache_root
from ..data.targets import EncodedTarget, encode, positive_of
from ..learning.supervised import Head, Supervised
from ..losses import resolve
from ..models.init import initialise
from ..models.inputs import Input
from ..models.sizes import measure_rows
from ..prepare import Prepared, prepare
from ..prepare.copies import with_copies
from ..runs.ledger import RowSet, rows_of
from ..seeds import derive
from . import threads
from .batches import Part, describe_inputs, make_part
from .device import choose_device, set_determinism
from .loop import Training
from .memory import require_batch, require_weights
from .meters import Meters


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

    def naive(self, rows: Rows) -> dict[str, dict[str, npt.NDArray[np.float32]]]:
        """The naive forecasts of some rows, by target and name; none where there is no time."""
        return {
            target: {
                name: np.asarray(take(self.samples.columns[c], rows)) for name, c in found.items()
            }
            for target, found in self.samples.naive.items()
        }

    @property
    def test_rows(self) -> RowSet:
        """What the ledger knows the test set by: the contents of its rows."""
        split = self.split
        rows = split.folds[0].validation if split.test_validates else split.test
        return rows_of(row_hashes(self.samples, self.input_hashes, rows))


@dataclass
class FoldData:
    """One fold on the device.

    Attributes:
        prepared: input columns of all rows, and the fitted steps.
        inputs: what the model is told of them.
        train: training samples.
        validation: validation samples, None where there are none.
        device: where they lie.
        seconds: how long preparation took.
        threads: the thread count, and how it was chosen.
        eval_batch: rows a batch in validation and test, as an earlier process had them; 0: as the
            sizes of the model say.
    """

    prepared: Prepared
    inputs: dict[str, Input]
    train: Part
    validation: Part | None
    device: torch.device
    seconds: float
    threads: dict[str, Any] = field(default_factory=dict)
    eval_batch: int = 0


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
    targets = {name: encode(samples, name, t.problem) for name, t in config.targets.items()}
    for name, target in config.targets.items():
        if target.problem == "binary":
            positive_of(name, target.positive, targets[name])
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
    first = next(iter(config.targets))
    split: Split = config.protocol.load()(config.protocol.options, samples, config.seed, first)
    hashes = input_hashes(samples) if hashes is None else hashes
    found = check(samples, split, targets, hashes)
    allowed = getattr(config.protocol.options, "duplicates", "refuse") == "allow"
    refuse_leaks(found, duplicates=not allowed)
    alone = len(split.folds) == 1 and config.final != "only"
    rows = split.folds[0].train if alone else split.rest
    looked = profile(samples, rows)
    findings = [finding.plain() for finding in (*found, *check_profiles(looked))]
    told = {"rows": len(rows), "columns": [one.plain() for one in looked]}
    seconds += time.perf_counter() - begun
    return Data(samples, split, targets, hashes, seconds, findings, told)


def prepare_fold(config: Config, data: Data, fold: Fold) -> FoldData:
    """Prepares a fold's inputs, fitted on its training rows, and puts its parts on the device."""
    begun = time.perf_counter()
    device = choose_device(config.trainer.device)
    set_determinism(config.trainer.deterministic)
    cache = None if data.samples.sample else Cache(cache_root() / "prepared")
    samples, rows, made_of = with_copies(
        data.samples, fold.train, config.prepare.copies, config.seed
    )
    wide = config.prepare.scope == "all" and not data.split.test_validates
    learnt = np.union1d(rows, data.split.rest) if wide else rows
    prepared = prepare(config.prepare.steps, samples, learnt, None if len(made_of) else cache)
    values = {name: target.values for name, target in data.targets.items()}
    longer = {name: np.concatenate([v, v[made_of]]) for name, v in values.items()}
    train = make_part(prepared.columns, longer if len(made_of) else values, rows, device)
    validation = None
    if len(fold.validation):
        validation = make_part(prepared.columns, values, fold.validation, device)
    inputs = describe_inputs(prepared.columns)
    return FoldData(prepared, inputs, train, validation, device, time.perf_counter() - begun)


def test_part(data: Data, fold: FoldData) -> Part:
    """The test samples, prepared as the fold's training rows taught."""
    values = {name: target.values for name, target in data.targets.items()}
    return make_part(fold.prepared.columns, values, data.split.test, fold.device)


def builder(
    config: Config, inputs: Mapping[str, Input], targets: Mapping[str, EncodedTarget]
) -> Callable[[], Any]:
    """What builds the model of a config, without starting weights."""
    outputs = {name: target.outputs for name, target in targets.items()}
    return lambda: config.model.load()(config.model.options, dict(inputs), outputs)


def build_learner(
    config: Config,
    inputs: Mapping[str, Input],
    targets: Mapping[str, EncodedTarget],
    device: torch.device,
    fold: int = 0,
) -> Supervised:
    """Builds a fresh model with starting weights that the seed gives, and its objective.

    Raises:
        UsageError: the model cannot take these inputs, or is larger than the free memory.
    """
    build = builder(config, inputs, targets)
    require_weights(config, build, device)
    model = build()

    def generator_for(name: str) -> torch.Generator:
        return torch.Generator().manual_seed(derive(config.seed, "init", fold, name))

    initialise(model, config.model.options.init, generator_for)
    options = config.model.options
    return Supervised(model.to(device), heads_of(config, targets), options.l1, options.l2)


def heads_of(config: Config, targets: Mapping[str, EncodedTarget]) -> tuple[Head, ...]:
    """What is learned for each target of a config."""
    heads = []
    for name, target in config.targets.items():
        loss = resolve(loss_of(config, target), target.problem)
        made = loss.load()(loss.options, target.problem)
        found = targets[name]
        positive = positive_of(name, target.positive, found) if target.problem == "binary" else 1
        heads.append(Head(name, target.problem, found.outputs, made, target.weight, positive))
    return tuple(heads)


def metrics_by_target(config: Config) -> dict[str, dict[str, Chosen]]:
    """The metrics that are measured for each target."""
    return {name: metrics_of(config, target) for name, target in config.targets.items()}


def meters_for(config: Config, heads: tuple[Head, ...], part: str) -> Meters:
    """Fresh meters of one part."""
    return Meters(part, heads, metrics_by_target(config))


def build_training(config: Config, learner: Supervised, steps: int, fold: int = 0) -> Training:
    """A training of a learner from its start.

    Args:
        config: the config.
        learner: from `build_learner`.
        steps: optimizer steps an epoch.
        fold: number of the fold.
    """
    optimizer = config.optimizer.load()(config.optimizer.options, learner.model.parameters())
    asked = getattr(config.schedule.options, "monitor", None)
    watched = None if asked is None else monitor_of(config, asked)
    mode = score_names(config).get(watched or "", "min")
    schedule = config.schedule.load()(
        config.schedule.options, optimizer, steps, config.trainer.epochs, mode
    )
    meters = (
        meters_for(config, learner.heads, "train"),
        meters_for(config, learner.heads, "val"),
    )
    return Training(
        learner, optimizer, schedule, config.trainer, meters, config.seed, steps, watched, fold
    )


def steps_per_epoch(config: Config, train: Part) -> int:
    """Optimizer steps of one pass over the training samples."""
    return -(-len(train) // config.trainer.batch_size)


def choose_threads(config: Config, data: Data, fold: FoldData) -> dict[str, Any]:
    """Sets the thread count, measured on real steps of a throwaway model where that is asked."""

    def make_step() -> Any:
        learner = build_learner(config, fold.inputs, data.targets, fold.device)
        sizes = measure_rows(learner.model, fold.inputs)
        require_batch(config, sizes, len(fold.train), fold.device)
        training = build_training(config, learner, steps_per_epoch(config, fold.train))
        rows = torch.arange(min(config.trainer.batch_size, len(fold.train)), device=fold.device)
        batch = next(fold.train.take(rows).in_order(len(rows)))
        training.model.train()
        training.check_every = sys.maxsize  # a loss that explodes is for the run itself to tell

        def step() -> None:
            training.step(batch)

        return step

    asked = config.trainer.threads if fold.device.type == "cpu" else torch.get_num_threads()
    return threads.choose(asked, _workload(config, fold), make_step, cache_root())


def _workload(config: Config, fold: FoldData) -> list[Any]:
    inputs = {n: (i.kind, i.shape, i.ids) for n, i in fold.inputs.items()}
    trainer = (config.trainer.batch_size, config.trainer.accumulate, config.trainer.precision)
    return [str(config.model), config.optimizer.name, str(inputs), trainer]


def split_digest(data: Data) -> str:
    """SHA-256 over the rows of every fold and of the test part."""
    digest = hashlib.sha256()
    for fold in data.split.folds:
        for rows in (fold.train, fold.validation):
            digest.update(np.ascontiguousarray(rows).tobytes() + b"|")
    digest.update(np.ascontiguousarray(data.split.test).tobytes())
    return digest.hexdigest()
