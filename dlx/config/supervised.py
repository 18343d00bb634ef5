"""What may be asked of supervised learning: targets, and the losses and metrics that fit them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, ClassVar

from ..errors import Problem
from ..problem import PROBLEMS
from .branches import Branch
from .fields import Chosen
from .files import Where
from .learners import Ability, LearnerSpec, ScoreSpec, has_validation
from .names import did_you_mean, join_names
from .schema import Config, Target
from .specs import LOSSES, METRICS


class SupervisedSpec(LearnerSpec):
    """Rows with targets; everything that dlx can do."""

    branch: ClassVar[Branch] = "supervised"
    encodes: ClassVar[bool] = True
    can: ClassVar[tuple[Ability, ...]] = (
        "folds",
        "final",
        "workflow",
        "accumulate",
        "diagnose",
        "predict",
    )

    def scores(self, config: Config) -> dict[str, ScoreSpec]:
        """Losses and metrics of both sets; judged is the first metric of the first target."""
        found: dict[str, ScoreSpec] = {}
        for part in ("train", "val") if has_validation(config) else ("train",):
            meaning = _meaning(config, part, config.targets)
            found[f"{part}/loss"] = ScoreSpec("min", meaning=meaning)
            for name, target in config.targets.items():
                prefix = part if len(config.targets) == 1 else f"{part}/{name}"
                meaning = _meaning(config, part, [name])
                found.setdefault(f"{prefix}/loss", ScoreSpec("min", meaning=meaning))
                for metric, chosen in metrics_of(config, target).items():
                    direction, meaning = chosen.options.direction, _meaning(config, part)
                    found[f"{prefix}/{metric}"] = ScoreSpec(direction, meaning=meaning)
        names = [name for name in found if name.startswith("val/")]
        measured = [name for name in names if not name.endswith("/loss")]
        for first in (measured or names)[:1]:
            found[first] = replace(found[first], judged=True)
        return found

    def monitor(self, config: Config) -> str | None:
        """The loss on the validation set."""
        return "val/loss" if has_validation(config) else None

    def check(self, config: Config, where: Where) -> Iterator[Problem]:
        """Whether targets, losses, activations and metrics fit each other and the dataset."""
        for rule in (
            _targets,
            _positives,
            _thresholds,
            _scales,
            _balances,
            _losses,
            _quantiles,
            _activations,
            _metrics,
        ):
            yield from rule(config, where)

    def notes(self, config: Config) -> list[str]:
        """A loss that is second best for its problem."""
        found = []
        for name, target in config.targets.items():
            loss = loss_of(config, target).name
            note = PROBLEMS[target.problem].allowed.get(loss, "")
            if note:
                found.append(f"targets.{name}: {loss} {note}")
        return found


def loss_of(config: Config, target: Target) -> Chosen:
    """The loss of a target as configured: its own, else the common one; may be `auto`."""
    return target.loss if target.loss.name != "auto" else config.loss


def metrics_of(config: Config, target: Target) -> dict[str, Chosen]:
    """The metrics of one target by name: those configured that measure its problem, or the table's.

    The first is the one that is judged by.
    """
    fitting = {n: c for n, c in config.metrics.items() if target.problem in c.options.problems}
    if fitting or config.metrics:
        return fitting
    return {name: METRICS.default(name)() for name in PROBLEMS[target.problem].metrics}


def chosen_thresholds(config: Config) -> dict[str, Any]:
    """The rule by which each target's threshold is chosen on validation rows, where one is."""
    asked = {name: target.threshold for name, target in config.targets.items()}
    return {name: rule for name, rule in asked.items() if isinstance(rule, str)}


def count_views(config: Config) -> int:
    """In how many ways a row is seen in validation and test."""
    every = (one for views in config.prepare.views.values() for one in views)
    return math.prod(one.options.count for one in every)


def mixes(config: Config) -> str:
    """The key of what mixes pictures of two rows; "" where nothing does."""
    keys = (
        f"prepare.augment.{name}"
        for name, every in config.prepare.augment.items()
        if any(one.options.stage == "mix" for one in every)
    )
    return next(keys, "")


def _meaning(config: Config, part: str, losses: Iterable[str] = ()) -> str:
    """What a score is of, where options of targets make it another than its name says.

    Args:
        config: the config.
        part: "train" or "val".
        losses: the targets whose losses it sums; none for a metric.
    """
    in_training = part == "train"
    told = [
        ("of standardised numbers", "scale", [n for n in losses if _scale(config, n) != "log"]),
        ("of standardised logarithms", "scale", [n for n in losses if _scale(config, n) == "log"]),
        ("weighted by class", "class_weights", losses if in_training else ()),
        ("of rows drawn by class", "sampling", config.targets if in_training else ()),
    ]
    found = []
    for what, option, names in told:
        asked = [name for name in names if getattr(config.targets[name], option) != "none"]
        keys = [f"targets.{name}.{option}" for name in asked]
        found += [f"{what} ({', '.join(keys)})"] if keys else []
    if not in_training and (many := count_views(config)) > 1:
        found.append(f"mean of the predictions for {many} views of each picture (prepare.views)")
    if in_training and (key := mixes(config)):
        by = "both targets by their share" if losses else "the target with the larger share"
        found.append(f"of mixed pictures, {by} ({key})")
    return ", ".join(found)


def _scale(config: Config, target: str) -> str:
    return config.targets[target].scale


def quantiles_of(config: Config, target: Target) -> tuple[float, ...]:
    """The quantiles that are learned of a target; none of any other problem."""
    if target.problem != "quantile_regression":
        return ()
    options = loss_of(config, target).options
    default = LOSSES.default("quantile")().options
    found: tuple[float, ...] = getattr(options, "quantiles", default.quantiles)
    return found


def _targets(config: Config, where: Where) -> Iterator[Problem]:
    offered: dict[str, str] = config.dataset.options.targets
    if not config.targets:
        here = where(("targets",))
        what, accepted = "empty" if here else "missing", f"one of {join_names(offered)}"
        hint = [f"targets.{name}.problem={problem}" for name, problem in offered.items()][:1]
        accepted = accepted if offered else config.dataset.options.any_target
        yield Problem(f"`targets` is {what}", here, accepted, "".join(() if here else hint))
    for name, target in config.targets.items():
        here = where(("targets", name))
        if name not in offered:
            what = f"dataset {config.dataset.name} has no target `{name}`"
            yield Problem(what, here, join_names(offered), did_you_mean(name, offered))
        elif reason := _contradiction(offered[name], target.problem, config):
            key, posed = f"targets.{name}.problem", offered[name]
            what = f"`{key}` is {target.problem}, but {reason}"
            yield Problem(what, where(("targets", name, "problem")), posed, f"{key}={posed}")


def _positives(config: Config, where: Where) -> Iterator[Problem]:
    for name, target in config.targets.items():
        if target.positive and target.problem != "binary":
            title = PROBLEMS[target.problem].title
            what = f"`targets.{name}.positive` is {target.positive}, but {title} has no such class"
            here = where(("targets", name, "positive"))
            yield Problem(what, here, "nothing: only for two classes")


def _thresholds(config: Config, where: Where) -> Iterator[Problem]:
    for name, target in config.targets.items():
        key, asked, row = f"targets.{name}.threshold", target.threshold, PROBLEMS[target.problem]
        here, hint = where(("targets", name, "threshold")), f"{key}=0.5"
        if asked != 0.5 and target.problem not in ("binary", "multilabel"):
            why = "the most probable class is the answer" if row.classes else "it has no classes"
            what = f"`{key}` is {asked}, but {row.title}: {why}"
            yield Problem(what, here, "nothing: only for two classes, or labels", hint)
        elif isinstance(asked, str) and not has_validation(config):
            what = f"`{key}` is {asked}, but no rows validate, on which it could be chosen"
            yield Problem(what, here, "a number, or a protocol with validation rows", hint)


def _scales(config: Config, where: Where) -> Iterator[Problem]:
    for name, target in config.targets.items():
        row = PROBLEMS[target.problem]
        if target.scale != "none" and row.activation != "none":
            why = "it has classes, not numbers" if row.classes else "its outputs stay in [0, 1]"
            why = "its outputs are logarithms" if row.activation == "exp" else why
            what = f"`targets.{name}.scale` is {target.scale}, but {row.title}: {why}"
            hint = f"targets.{name}.scale=none"
            yield Problem(what, where(("targets", name, "scale")), "none", hint)


def _balances(config: Config, where: Where) -> Iterator[Problem]:
    drawn = [name for name, target in config.targets.items() if target.sampling != "none"]
    for name, target in config.targets.items():
        row = PROBLEMS[target.problem]
        for option in ("class_weights", "sampling"):
            path = ("targets", name, option)
            fits = row.answer == "class" or (row.classes and option == "class_weights")
            if getattr(target, option) != "none" and not fits:
                why = "a row has several labels" if row.classes else "it has numbers, not classes"
                what = f"`{'.'.join(path)}` needs one class a row, but {row.title}: {why}"
                yield Problem(what, where(path), "none", f"{'.'.join(path)}=none")
        if name in drawn[1:]:
            what = f"rows are drawn by the classes of {drawn[0]} and of {name}"
            path = ("targets", name, "sampling")
            yield Problem(what, where(path), "one target to draw by", f"{'.'.join(path)}=none")


_KINDER = {
    ("binary", "multiclass"),
    ("regression", "unit_regression"),
    ("regression", "count_regression"),
    ("regression", "quantile_regression"),
}


def _contradiction(posed: str, declared: str, config: Config) -> str:
    if posed == declared or (posed, declared) in _KINDER:
        return ""
    if (posed, declared) == ("multiclass", "binary") and not config.dataset.options.counted:
        return ""  # whether there are two classes is seen when they are read
    if not PROBLEMS[posed].classes and PROBLEMS[declared].classes:
        return "its values are numbers, not classes"
    if PROBLEMS[posed].classes and not PROBLEMS[declared].classes:
        return "its values are classes, not numbers"
    return f"the data are {PROBLEMS[posed].title}"


def _losses(config: Config, where: Where) -> Iterator[Problem]:
    for name, target in config.targets.items():
        row = PROBLEMS[target.problem]
        loss = loss_of(config, target).name
        if loss in row.refused:
            path = ("targets", name, "loss") if target.loss.name != "auto" else ("loss",)
            what = f"loss {loss} contradicts {row.title}: {row.refused[loss]}"
            hint = f"{'.'.join(path)}.name={row.loss}"
            yield Problem(what, where(path), join_names([row.loss, *row.allowed]), hint)


def _quantiles(config: Config, where: Where) -> Iterator[Problem]:
    for name, target in config.targets.items():
        asked = quantiles_of(config, target)
        if target.problem == "quantile_regression" and (
            not asked or [*asked] != sorted(set(asked))
        ):
            path = ("targets", name, "loss") if target.loss.name != "auto" else ("loss",)
            key = ".".join((*path, "quantiles"))
            what = f"`{key}` is [{', '.join(f'{one:g}' for one in asked)}]"
            accepted = "numbers above 0 and below 1, in ascending order, each once"
            yield Problem(what, where((*path, "quantiles")), accepted, f"{key}=[0.1,0.5,0.9]")


def _activations(config: Config, where: Where) -> Iterator[Problem]:
    for name, target in config.targets.items():
        row = PROBLEMS[target.problem]
        if target.activation not in ("auto", row.activation):
            what = f"activation {target.activation} contradicts {row.title}"
            what += f" (last activation: {row.activation}, loss: {row.loss})"
            yield Problem(what, where(("targets", name, "activation")), f"auto, {row.activation}")


def _metrics(config: Config, where: Where) -> Iterator[Problem]:
    problems: set[str] = {t.problem for t in config.targets.values()}
    known: list[tuple[str, Any]] = list(METRICS.entries.items())
    for name, chosen in config.metrics.items():
        if not problems & set(chosen.options.problems):
            titles = join_names(sorted(PROBLEMS[p].title for p in problems))
            fitting = join_names(n for n, entry in known if problems & set(entry.options.problems))
            yield Problem(f"metric {name} does not fit {titles}", where(("metrics", name)), fitting)
