"""One fold: its inputs prepared, its parts on the device."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..config.fields import Chosen
from ..config.schema import Config, Target
from ..data.balance import Floats, chances, class_weights
from ..data.cache import Cache
from ..data.columns import Column, Input, Rows
from ..data.feature_runs import locate_features
from ..data.protocols import Fold
from ..data.store import cache_root
from ..data.targets import EncodedTarget, TargetCodec
from ..prepare import Pipeline
from ..prepare.copies import add_copies
from ..prepare.joined import join
from ..runs.members import members_of, place_of
from .batches import Part, make_part
from .data import Data
from .device import choose_device, set_determinism


@dataclass
class FoldData:
    """One fold on the device.

    Attributes:
        pipeline: what was fitted on the training rows.
        columns: what it makes of the inputs of all rows.
        train: training samples.
        validation: validation samples, None where there are none.
        device: where they lie.
        data: the dataset.
        rows: which rows train and which validate.
        seconds: how long preparation took.
        learnt: what a part is judged beside and its training samples taught, by name: learnt once.
        weights: of each class in the training loss, by target; of none where all count alike.
        chances: of each training sample to be the next that is drawn; None: each comes once.
    """

    pipeline: Pipeline
    columns: dict[str, Column]
    train: Part
    validation: Part | None
    device: torch.device
    data: Data
    rows: Fold
    seconds: float = 0.0
    learnt: dict[str, Any] = field(default_factory=dict)
    weights: dict[str, tuple[float, ...]] = field(default_factory=dict)
    chances: Floats | None = None

    def part(self, name: str) -> Part:
        """The samples of "val" or "test", prepared as the training samples taught."""
        if name == "val":
            assert self.validation is not None
            return self.validation
        values = {target: one.values for target, one in self.data.targets.items()}
        return make_part(self.columns, values, self.rows_of(name), self.device)

    def rows_of(self, name: str) -> Rows:
        """The rows of "val" or "test" in the dataset."""
        return self.rows.validation if name == "val" else self.data.split.test

    @property
    def targets(self) -> dict[str, EncodedTarget]:
        """The targets, with the scale and the weights that the training samples taught."""
        return {
            name: replace(
                one,
                codec=self.pipeline.rescale(name, one.codec),
                weights=self.weights.get(name, ()),
            )
            for name, one in self.data.targets.items()
        }

    @property
    def longest(self) -> int:
        """Steps of the longest row, where rows differ in length; else 0."""
        return max((found.longest for found in self.inputs.values()), default=0)

    @property
    def inputs(self) -> dict[str, Input]:
        """What a model is told of the inputs."""
        return {name: column.describe() for name, column in self.columns.items()}


def prepare_fold(config: Config, data: Data, fold: Fold) -> FoldData:
    """Prepares a fold's inputs, fitted on its training rows, and puts its parts on the device."""
    begun = time.perf_counter()
    device = choose_device(config.trainer.device)
    set_determinism(config.trainer.deterministic)
    samples, rows, made_of = add_copies(
        data.samples, fold.train, config.prepare.copies, config.seed
    )
    learnt = np.union1d(rows, others) if len(others := _also_fitted(config, data, fold)) else rows
    codecs = {
        name: learn_codec(config.targets[name], target, fold.train)
        for name, target in data.targets.items()
    }
    kept = kept_steps(data, made_of)
    if members_of(config):
        pipeline = _join_members(config, codecs)
        columns = pipeline.apply(samples, kept)
    else:
        steps = _place_steps(config, device)
        pipeline, columns = Pipeline.fit(steps, samples, learnt, codecs, kept, rows)
    found = place_fold(pipeline, columns, data, fold, device, rows, made_of)
    _balance(found, config, np.concatenate([fold.train, made_of]))
    found.seconds = time.perf_counter() - begun
    return found


def learn_codec(asked: Target, target: EncodedTarget, train: Rows) -> TargetCodec:
    """What the values of a target stand for, with what its options learn of training rows.

    Args:
        asked: the options of the target.
        target: encoded.
        train: the rows that may be learnt from.
    """
    log = asked.scale == "log"
    codec = target.codec if asked.scale == "none" else target.standardise(train, log)
    if isinstance(asked.threshold, str) or asked.threshold == 0.5:
        return codec
    return replace(codec, threshold=(float(asked.threshold),) * codec.outputs)


def _join_members(config: Config, codecs: Mapping[str, TargetCodec]) -> Pipeline:
    """What the members of an ensemble have fitted, as one.

    Raises:
        RunError: it is damaged.
    """
    fitted = {
        name: Pipeline.load(place_of(config, name), config.dataset.options.inputs)
        for name in members_of(config)
    }
    return join(fitted, codecs)


def _place_steps(config: Config, device: torch.device) -> list[Chosen]:
    """The steps of a config, with the folders of runs that they read.

    Those that compute on a device as training does name it.
    """
    config = locate_features(config, Path(config.run.root))
    return [
        replace(step, options=replace(step.options, device=device.type))
        if getattr(step.options, "device", "") == "auto"
        else step
        for step in config.prepare.steps
    ]


def kept_steps(data: Data, made_of: Rows) -> Cache | None:
    """Where results of costly steps are kept; None of made-up data, or where rows have copies."""
    lasting = not data.samples.sample and not len(made_of)
    return Cache(cache_root() / "prepared") if lasting else None


def _also_fitted(config: Config, data: Data, fold: Fold) -> Rows:
    """The rows beside training rows that the preparation is fitted on."""
    if config.prepare.scope == "all" and not data.split.test_validates:
        return data.split.rest
    return fold.unused if config.prepare.scope == "unused" else fold.train[:0]


def place_fold(
    pipeline: Pipeline,
    columns: dict[str, Column],
    data: Data,
    fold: Fold,
    device: torch.device,
    rows: Rows,
    made_of: Rows,
) -> FoldData:
    """A fold whose inputs are prepared, on the device.

    Args:
        pipeline: what was fitted on the training rows.
        columns: what it makes of the inputs.
        data: the dataset.
        fold: its rows.
        device: where to.
        rows: the training rows, with their copies.
        made_of: the row that each copy was made of.
    """
    values = {name: target.values for name, target in data.targets.items()}
    longer = {name: np.concatenate([v, v[made_of]]) for name, v in values.items()}
    numbers = np.concatenate([fold.train, made_of])
    train = make_part(columns, longer if len(made_of) else values, rows, device, numbers)
    validation = None
    if len(fold.validation):
        validation = make_part(columns, values, fold.validation, device)
    return FoldData(pipeline, columns, train, validation, device, data, fold)


def _balance(fold: FoldData, config: Config, numbers: Rows) -> None:
    """What classes count beside their rows, as the training samples have them."""
    for name, target in fold.data.targets.items():
        asked = config.targets[name]
        fold.weights[name] = class_weights(asked.class_weights, target, numbers)
        drawn = chances(asked.sampling, target, numbers)
        fold.chances = fold.chances if drawn is None else drawn
