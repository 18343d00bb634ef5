"""A range test of the training that a config describes: in memory, nothing is written."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..config.learners import optimizer_of, own_optimizers, reads, spec_of
from ..config.names import join_names
from ..config.schema import Config
from ..config.specs import AVERAGES, SCHEDULES
from ..errors import Problem, RunError, UsageError
from ..sources.device import catch_out_of_memory
from ..sources.shared import Shared
from ..training.range_test import RangeTest, try_rates
from .lineage import check_lineage
from .staging import build_stage
from .threads import choose_threads

FEWEST, MOST = 100, 1000
"""Steps, where nobody says how many: one pass, but not fewer or more than these."""


@dataclass(frozen=True)
class Rates:
    """What a range test of a config found.

    Attributes:
        key: of the optimizer whose rate was raised, as in `optimizer`.
        first: the rate that the config has.
        found: the rates and losses.
        passes: over the training rows.
        own: the rates of groups that have one of their own, by pattern.
        sample: whether the data were made up.
    """

    key: str
    first: float
    found: RangeTest
    passes: float
    own: dict[str, float]
    sample: bool

    def groups_at(self, rate: float) -> dict[str, float]:
        """The groups' own rates, in the same proportion to the others' as they were."""
        return {pattern: own * rate / self.first for pattern, own in self.own.items()}


def find_rates(config: Config, low: float, high: float, steps: int | None = None) -> Rates:
    """Raises the learning rate of a config's training from `low` to `high`, from fresh weights.

    The schedule is left out, as the rate is what is tried. Of several folds the first is taken.
    No validation or test row is looked at.

    Args:
        config: a checked config.
        low: the lowest rate.
        high: the highest.
        steps: how many; None: one pass over the training rows, from `FEWEST` to `MOST`.

    Raises:
        UsageError: the learner has no optimizer, or several; or the config cannot be trained.
        RunError: the loss falls at none of these rates.
    """
    _require_one(config, [*own_optimizers(config)] or ["model"] * reads(config, "optimizer"))
    if spec_of(config).fresh:
        what = f"the loss of learner {config.learner.name} is not what it is judged by, so how it "
        what += "falls tells no rate"
        accepted = "a learner whose loss tells how good it is"
        raise UsageError(Problem(what, "learner", accepted, f"dlx tune task={config.task}"))
    plain = replace(
        config,
        schedule=SCHEDULES.default("constant")(),
        callbacks={},
        trainer=replace(config.trainer, average=AVERAGES.default("none")()),
    )
    with catch_out_of_memory():
        shared = Shared(keep=False)
        data = shared.data(plain)
        check_lineage(plain, data)
        fold = shared.fold(plain, data, data.split.folds[0], 0)
        choose_threads(plain, fold)
        training = build_stage(plain, data, fold).training
        _require_one(config, [*training.optimizers.members])
        key, chosen = optimizer_of(config, next(iter(training.optimizers.members)))
        first = _rate_of(key, chosen.options)
        source = training.source.steps
        many = steps or min(max(source, FEWEST), MOST)
        found = try_rates(training, first, low, high, many)
    if not found.falls:
        raise RunError(_refuse_flat(found, low, high))
    groups = getattr(chosen.options, "groups", {})
    own = {pattern: one.lr for pattern, one in groups.items() if one.lr}
    return Rates(key, first, found, len(found.rates) / source, own, data.samples.sample)


def _require_one(config: Config, optimizers: list[str]) -> None:
    """Refuses a learner whose rates cannot be tried one by one.

    Raises:
        UsageError: it has no optimizer, or several.
    """
    if len(optimizers) == 1:
        return
    name = config.learner.name
    if not optimizers:
        what = f"learner {name} moves no weights by an optimizer, so there is no rate to find"
        hint = f"dlx help learner.{name}"
        raise UsageError(Problem(what, "learner", "a learner with one optimizer", hint))
    what = (
        f"learner {name} has {len(optimizers)} optimizers, {join_names(optimizers)}: whether one's "
        "rate is too high depends on the others', so no range test tells"
    )
    hint = f"dlx tune task={config.task}"
    raise UsageError(Problem(what, "learner", "a learner with one optimizer", hint))


def _rate_of(key: str, options: object) -> float:
    rate = getattr(options, "lr", None)
    if not isinstance(rate, (int, float)) or rate <= 0:
        what = f"{key} has no option lr that could be raised"
        raise UsageError(Problem(what, key, "an optimizer with a learning rate"))
    return float(rate)


def _refuse_flat(found: RangeTest, low: float, high: float) -> Problem:
    tried = f"{len(found.rates)} steps" + (", then it diverges" if found.diverged else "")
    what = f"the loss falls at no rate from {low:g} to {high:g} ({tried})"
    hint = f"--steps {10 * found.steps}"
    if found.diverged and len(found.rates) < found.steps / 3:  # the first rates are too high
        hint = f"--low {low / 100:g}"
    elif high < 1:
        hint = "--high 10"
    return Problem(what, "", "a loss that falls by more than chance", hint)
