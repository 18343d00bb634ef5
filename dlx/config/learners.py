"""What may be asked of a learner, known before torch is imported: its spec.

Everything that depends on how is learned (which sections count, which scores there are, what a run
can be asked for) is in the spec of the config's learner, and is asked for here.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

from ..errors import Problem, UsageError
from .branches import Branch
from .fields import Chosen, import_code, options_of
from .files import Path, Where
from .names import join_names
from .schema import Config
from .shapes import Sizes
from .specs import DATASETS
from .specs.nodes import Known
from .specs.scopes import move_problem

SECTIONS = (
    *("targets", "prepare", "protocol", "baseline", "model", "loss", "optimizer", "schedule"),
    "metrics",
)
"""Sections that a learner may read or not; all others are every learner's."""

Ability = Literal["folds", "final", "workflow", "accumulate", "diagnose", "predict", "generate"]
"""What not every learner can do: K-fold, a final model, the seven steps, a step in parts, the
verdict on curves, predictions for new data, new samples."""


@dataclass(frozen=True)
class ScoreSpec:
    """What is known of a score before there is one.

    Attributes:
        direction: whether it is to be small ("min") or large ("max").
        judged: whether settings are compared by it.
        each_epoch: whether every epoch has it, so that it can be monitored; else only the end.
        meaning: what it is of, shown beside it, where its name would mislead.
    """

    direction: Literal["min", "max"]
    judged: bool = False
    each_epoch: bool = True
    meaning: str = ""


@dataclass(frozen=True)
class ModelUse:
    """A model that a learner trains, and what is known of it without data.

    Attributes:
        chosen: from the table of models.
        inputs: what it is fed, by name: the shape of a sample of numbers, None where it is unknown.
        outputs: what it answers, by name.
        sizes: how many numbers each of them is, where that is known.
    """

    chosen: Chosen
    inputs: Known
    outputs: tuple[str, ...]
    sizes: Mapping[str, int] = field(default_factory=dict)


class LearnerSpec(ABC):
    """What may be asked of a learner; imports no torch.

    Attributes:
        eats: the kinds of data that it learns from, as `Dataset.kind` has them.
        uses: those of `SECTIONS` that it reads; any other that was written is refused.
        can: its abilities.
        makes: what it is judged by where it holds no rows out: what it made, as in "picture", which
            the names of its scores begin with; "": it is judged by rows.
        branch: the branch of learning that its tasks belong to.
        problem: what it learns to do, in words, as in "clustering"; "": the problems of its
            targets, or its name where it has none.
        why: of sections that it does not read, why, where that is not plain.
        fresh: what is made anew from the seed for validation and for the test, where no rows are
            held out, in the singular, as "episode"; "": nothing is.
        encodes: whether its network makes features of rows (`Learner.encode`).
    """

    eats: ClassVar[tuple[str, ...]] = ("rows",)
    uses: ClassVar[tuple[str, ...]] = SECTIONS
    can: ClassVar[tuple[Ability, ...]] = ()
    makes: ClassVar[str] = ""
    branch: ClassVar[Branch] = "other"
    problem: ClassVar[str] = ""
    why: ClassVar[Mapping[str, str]] = {}
    fresh: ClassVar[str] = ""
    encodes: ClassVar[bool] = False

    @classmethod
    def of(cls, config: Config) -> LearnerSpec:  # noqa: ARG003 - others depend on their options
        """The spec of a config's learner; another one where its options say so."""
        return cls()

    @abstractmethod
    def scores(self, config: Config) -> dict[str, ScoreSpec]:
        """Every score that training can report, by name: "val/loss"."""

    def monitor(self, config: Config) -> str | None:  # noqa: ARG002
        """The score that decides the best epoch where none is named; None where none does."""
        return None

    def models(self, config: Config) -> dict[str, ModelUse]:
        """The models that it trains, by the keys of the config that choose them."""
        if "model" not in self.uses:
            return {}
        return {"model": ModelUse(config.model, known_inputs(config), tuple(config.targets))}

    def check(self, config: Config, where: Where) -> Iterator[Problem]:  # noqa: ARG002
        """What its sections allow alone but the whole contradicts."""
        return iter(())

    def tell_fresh(self, config: Config) -> str:  # noqa: ARG002
        """How much is made anew to judge it, as in "20 validation and 100 test episodes"."""
        return ""

    def notes(self, config: Config) -> list[str]:  # noqa: ARG002
        """What is allowed but worth a word."""
        return []


def known_inputs(config: Config) -> Known:
    """The shapes of the prepared inputs, as far as dataset and steps tell them without the data."""
    found: dict[str, Sizes | None] = {}
    for name in config.dataset.options.inputs:
        sizes: Sizes | None = config.dataset.options.shapes.get(name)
        for step in config.prepare.steps:
            if not step.options.columns or name in step.options.columns:
                sizes = step.options.after(sizes)
        found[name] = sizes
    return found


def known_size(config: Config) -> int:
    """The numbers of a row of the only input; 0 where that is not known without the data."""
    found = list(known_inputs(config).values())
    return math.prod(found[0]) if len(found) == 1 and found[0] else 0


def check_models(config: Config, where: Where) -> Iterator[Problem]:
    """What the options of the models that are trained contradict, each other or the shapes."""
    for key, use in spec_of(config).models(config).items():

        def find(path: Path, key: str = key) -> str:
            return where((*key.split("."), *path[1:]))

        options = use.chosen.options
        found = [*options.check(use.inputs, use.outputs, find)]
        sizes = {name: use.sizes.get(name, 0) for name in use.outputs}
        found = found or [*options.check_outputs(use.inputs, sizes, find)]
        for problem in found:
            moved = problem if key == "model" else move_problem(problem, key)
            yield replace(moved, where=problem.where)
        if not found:
            yield from _refuse_scaling(config, key, use, where)


def _refuse_scaling(config: Config, key: str, use: ModelUse, where: Where) -> Iterator[Problem]:
    """Steps that would scale what a model scales itself."""
    steps = config.prepare.steps
    taken = use.chosen.options.byte_inputs(use.inputs)
    for step in steps if taken else ():
        reached = [n for n in taken if not step.options.columns or n in step.options.columns]
        if step.options.rescales and reached:
            told = f"model {use.chosen.name} scales pictures itself, but step {step.name} does too"
            hint = "prepare.steps=[]" if len(steps) == 1 else f"leave out the step {step.name}"
            place = where((*key.split("."), "name"))
            yield Problem(told, place, "pictures as bytes, from 0 to 255", hint)


def spec_of(config: Config) -> LearnerSpec:
    """The spec of a config's learner."""
    spec: type[LearnerSpec] = import_code(config.learner.options.spec)
    return spec.of(config)


def score_names(config: Config) -> dict[str, str]:
    """Every score that training can report -> "min" or "max", as in val/loss or val/age/mae."""
    return {name: score.direction for name, score in spec_of(config).scores(config).items()}


def score_meanings(config: Config) -> dict[str, str]:
    """What scores are of whose names would mislead, by name."""
    return {n: one.meaning for n, one in spec_of(config).scores(config).items() if one.meaning}


def judged_score(config: Config) -> str:
    """The score that settings are compared by; "" where there is none."""
    scores = spec_of(config).scores(config).items()
    return next((name for name, score in scores if score.judged), "")


def epoch_scores(config: Config) -> list[str]:
    """The scores that may choose an epoch: of validation rows, and there in every epoch."""
    scores = spec_of(config).scores(config).items()
    return [name for name, score in scores if score.each_epoch and name.startswith("val/")]


def monitor_of(config: Config, asked: str = "auto") -> str | None:
    """The score that a `monitor` option means; None where there is nothing to monitor."""
    if asked != "auto":
        return asked
    if config.trainer.monitor != "auto":
        return config.trainer.monitor
    return spec_of(config).monitor(config)


def has_validation(config: Config) -> bool:
    """Whether the protocol holds rows out for validation, and the learner reads it."""
    return (
        reads(config, "protocol")
        and bool(config.protocol.options.validates)
        and config.final != "only"
    )


def fresh_text(config: Config) -> str:
    """What a score on the test set is of where nothing is held out; "" where rows are."""
    made = spec_of(config).fresh
    return made and (
        f"no test set is used up: the {made}s of the test are made from the seed for this alone, "
        "and testing the same weights again gives the same"
    )


def reads(config: Config, section: str) -> bool:
    """Whether a section has an effect on what the learner does."""
    own = own_optimizers(config) if section == "optimizer" else {}
    if own and all(own.values()):
        return False  # nobody is left to take it
    return section not in SECTIONS or section in spec_of(config).uses


def own_optimizers(config: Config) -> dict[str, Chosen | None]:
    """The optimizers that a learner's options have in `optimizers`, by the group that each moves.

    None stands for the config's `optimizer`. Empty where all are moved by that.
    """
    named = getattr(config.learner.options, "optimizers", None)
    if named is None:
        return {}
    section: type = type(named)
    return {group: getattr(named, group) for group in options_of(section)}


def optimizer_of(config: Config, group: str) -> tuple[str, Chosen]:
    """The key and the optimizer of a learner's group: its own, else the config's."""
    own = own_optimizers(config).get(group)
    return ("optimizer", config.optimizer) if own is None else (f"learner.optimizers.{group}", own)


def network_name(config: Config) -> str:
    """What is trained, by the name that was chosen: the model, or a learner that brings its own."""
    return config.model.name if reads(config, "model") else config.learner.name


_CANNOT: dict[Ability, str] = {
    "folds": "trains one model, so it cannot be validated over several folds",
    "final": "trains no final model on all rows",
    "accumulate": "cannot compute a step in parts",
    "workflow": "cannot go through the seven steps of dlx workflow",
    "diagnose": "has no curves that tell under- and overfitting",
    "predict": "predicts nothing of new data",
    "generate": "makes no new samples",
}


def one_cut(config: Config) -> str:
    """A protocol that holds rows out once, and that the dataset may have."""
    return f"protocol={'chronological' if config.dataset.options.time else 'holdout'}"


def check_kind(config: Config, where: Where) -> Iterator[Problem]:
    """A dataset of a kind that the learner does not learn from: no other rule makes sense then."""
    spec, name, dataset = spec_of(config), config.learner.name, config.dataset
    if dataset.options.kind not in spec.eats:
        what = (
            f"learner {name} learns from {join_names(spec.eats)}, but dataset {dataset.name} has "
        )
        every: dict[str, Any] = {name: entry.options for name, entry in DATASETS.entries.items()}
        fitting = [name for name, options in every.items() if options.kind in spec.eats]
        accepted = f"dataset: {join_names(fitting)}" if fitting else ""
        hint = f"dataset.name={fitting[0]}" if len(fitting) == 1 else ""
        yield Problem(what + dataset.options.kind, where(("learner",)), accepted, hint)


def check_learner(config: Config, where: Where) -> Iterator[Problem]:
    """Whatever a config asks of its learner that it cannot do, and what its spec finds."""
    spec, name = spec_of(config), config.learner.name
    parts, read = config.trainer.accumulate, reads(config, "protocol")
    asked: list[tuple[Ability, Path, bool, str]] = [
        ("folds", ("protocol",), read and config.protocol.options.folds, one_cut(config)),
        ("final", ("final",), bool(config.final), "final=false"),
        ("accumulate", ("trainer", "accumulate"), parts != 1, "trainer.accumulate=1"),
    ]
    for ability, path, wanted, hint in asked:
        if wanted and ability not in spec.can:
            yield Problem(f"learner {name} {_CANNOT[ability]}", where(path), hint=hint)
        elif wanted and ability == "folds" and has_validation(config) and not judged_score(config):
            what = f"learner {name} has no score to judge folds by"
            yield Problem(what, where(path), hint=hint)
    yield from spec.check(config, where)


def require_ability(config: Config, ability: Ability, where: Where) -> None:
    """Refuses a command that its learner is not made for.

    Raises:
        UsageError: the learner lacks the ability.
    """
    spec, name = spec_of(config), config.learner.name
    if ability not in spec.can:
        accepted = f"what learner {name} can: {', '.join(spec.can)}" if spec.can else ""
        what, hint = f"learner {name} {_CANNOT[ability]}", f"dlx train task={config.task}"
        raise UsageError(Problem(what, where(("learner",)), accepted, hint))
