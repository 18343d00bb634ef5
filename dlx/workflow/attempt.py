"""One setting tried on validation rows, over every fold, in memory."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..config.learners import judged_score, score_names
from ..config.load import Loaded
from ..config.schema import Config
from ..errors import Interrupted, Problem
from ..judging import folds, outcome
from ..judging.intervals import Interval, Z, mean_by_rows
from ..judging.judge import Sample, judge
from ..judging.scores import Judged
from ..running.stage import Stage
from ..running.staging import build_stage, train_stage
from ..running.threads import choose_threads
from ..sources.data import Data
from ..sources.fold import FoldData, prepare_fold

Hopeless = Callable[[Sequence[float]], bool]


class Bench:
    """The dataset with every fold prepared once: what all attempts of a workflow share.

    Args:
        config: the task's config; attempts change the model and the training only.
        data: the dataset, cut.
    """

    def __init__(self, config: Config, data: Data) -> None:
        self.data = data
        self._config = config
        self._folds: dict[int, FoldData] = {}

    def fold(self, number: int) -> FoldData:
        """A fold's samples; all attempts run with the thread count chosen at the first."""
        if number not in self._folds:
            fold = prepare_fold(self._config, self.data, self.data.split.folds[number])
            if not self._folds:
                choose_threads(self._config, fold)
            self._folds[number] = fold
        return self._folds[number]

    @property
    def passes(self) -> float:
        """In how many folds each row validates."""
        return outcome.count_validated(self.data)[1]

    def __len__(self) -> int:
        return len(self.data.split.folds)


@dataclass
class Attempt:
    """What a setting reached.

    Attributes:
        parameters: weights of the model.
        curve: the scores of each epoch, their mean where there are several folds.
        epoch: the epoch at which the monitored score is best.
        score: name of the score that is judged by.
        value: it at that epoch.
        error: its standard error, over the folds and by their rows the larger; None where unknown.
        each: it in each fold.
        loss: the validation loss at that epoch; nan where there is none.
        seconds: how long it took.
        judged: the validation part of each fold under its best weights, where it was compared.
    """

    parameters: int
    curve: list[dict[str, float]]
    epoch: int
    score: str
    value: float
    error: float | None
    each: list[float]
    loss: float
    seconds: float
    judged: list[Judged] = field(default_factory=list)

    def facts(self) -> dict[str, Any]:
        """What the records of steps 6 and 7 hold of it."""
        return {
            "parameters": self.parameters,
            "epochs": len(self.curve),
            "epoch": self.epoch,
            "score": self.score,
            "value": self.value,
            "error": self.error,
            "loss": self.loss,
            "curve": self.told,
            "seconds": round(self.seconds, 2),
        }

    @property
    def told(self) -> str:
        """What its curves are of: the loss, or without one what it is judged by."""
        return "loss" if "val/loss" in self.curve[0] else self.score.partition("/")[2]

    def curves(self) -> dict[str, list[float]]:
        """By epoch, in training and in validation."""
        parts = ("train", "val")
        return {part: [row[f"{part}/{self.told}"] for row in self.curve] for part in parts}


def attempt(
    loaded: Loaded, bench: Bench, compare: bool = False, hopeless: Hopeless | None = None
) -> Attempt:
    """Trains a setting from fresh weights on each fold.

    Args:
        loaded: the setting.
        bench: the dataset.
        compare: whether to judge each fold against its baselines.
        hopeless: asked after each fold, with the scores so far, whether the others are in vain.

    Raises:
        RunError: the loss is no number.
        Interrupted: it was asked to stop.
    """
    begun = time.perf_counter()
    config = loaded.config
    histories: list[folds.History] = []
    judged: list[Judged] = []
    by_rows: list[Interval | None] = []
    for number in range(len(bench)):
        stage = build_stage(config, bench.data, bench.fold(number), number)
        _train(stage)
        histories.append(stage.recorder.history)
        evaluations = stage.training.learner.evaluate(stage.fold, "val")
        by_rows.append(Sample(evaluations[0]).interval())
        if compare:
            judged.append(judge("val", evaluations))
        if hopeless is not None and hopeless(_scores(config, histories)):
            break
    curve = folds.mean_curve(histories)
    epoch, score = outcome.common_epoch(config, curve), judged_score(config)
    each = _scores(config, histories)
    return Attempt(
        parameters=sum(p.numel() for p in stage.training.parameters),
        curve=curve,
        epoch=epoch,
        score=score,
        value=curve[epoch - 1][score],
        error=_error(each, by_rows, bench.passes),
        each=each,
        loss=curve[epoch - 1].get("val/loss", math.nan),
        seconds=time.perf_counter() - begun,
        judged=judged,
    )


def _scores(config: Config, histories: Sequence[folds.History]) -> list[float]:
    """The judged score of each fold so far, at the epoch that is best on average."""
    epoch = outcome.common_epoch(config, folds.mean_curve(histories))
    return [history[epoch - 1][judged_score(config)] for history in histories]


def _train(stage: Stage) -> None:
    train_stage(stage)
    if stage.training.progress.interrupted:
        hint = "the same command continues with what is not done yet"
        raise Interrupted(Problem("interrupted during a training", hint=hint))


def _error(
    each: Sequence[float], by_rows: Sequence[Interval | None], passes: float
) -> float | None:
    """Standard error of a mean over folds: of their spread or their rows, whichever is larger."""
    deviation = folds.spread(each)
    around = [((i[0] - i[1]) / 2, (i[1] - i[0]) / 2) if i else None for i in by_rows]
    rows = mean_by_rows([0.0] * len(each), around, passes)
    known = [] if deviation is None else [deviation / math.sqrt(len(each))]
    known += [] if rows is None else [(rows[1] - rows[0]) / (2 * Z)]
    return max(known, default=None)


def direction_of(config: Config) -> str:
    """Whether the judged score is to be large ("max") or small ("min")."""
    return score_names(config)[judged_score(config)]
