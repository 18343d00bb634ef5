"""What learners share that find everything in one step, without a gradient and without targets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from ..errors import Problem
from .files import Where
from .learners import Ability, LearnerSpec
from .schema import Config
from .specs.averages import is_averaged


class AtOnceSpec(LearnerSpec):
    """Rows without targets; there is nothing that could be moved, averaged or gone on from."""

    branch = "unsupervised"
    uses: ClassVar[tuple[str, ...]] = ("prepare", "protocol")
    can: ClassVar[tuple[Ability, ...]] = ("folds", "final")
    why: ClassVar[Mapping[str, str]] = {
        "targets": "labels take no part in what it finds; `learner.labels` names those that it is "
        "judged by"
    }

    def looks_at_run(self, config: Config) -> bool:  # noqa: ARG002
        """Whether it asks the network of the run in `from_run`."""
        return False

    def in_one_step(self, config: Config) -> bool:  # noqa: ARG002 - others ask their options
        """Whether one step finds everything; else a step takes a batch."""
        return True

    def check(self, config: Config, where: Where) -> Iterator[Problem]:
        """Options of training that would have no effect."""
        name, trainer = config.learner.name, config.trainer
        alone = self.in_one_step(config)
        once = f"learner {name} finds everything {'in one step' if alone else 'by batches'}"
        if alone and trainer.epochs != 1:
            what = f"{once}, but `trainer.epochs` is {trainer.epochs}"
            yield Problem(what, where(("trainer", "epochs")), "1", "trainer.epochs=1")
        if is_averaged(trainer.average, trainer.epochs):
            what = f"{once}, so there are no weights to average"
            yield Problem(what, where(("trainer", "average")), "none", "trainer.average=none")
        for key in ("clip_norm", "clip_value", *("steps_per_epoch",) * alone):
            if getattr(trainer, key) is not None:
                what = f"{once} without a gradient, so `trainer.{key}` has no effect"
                yield Problem(what, where(("trainer", key)), "null", f"trainer.{key}=null")
        if trainer.precision != "float32":
            what = f"learner {name} computes in float64, so `trainer.precision` has no effect"
            here = where(("trainer", "precision"))
            yield Problem(what, here, "float32", "trainer.precision=float32")
        for key in (key for key, every in config.prepare.augment.items() if alone and every):
            what = f"{once}, so `prepare.augment.{key}`, which acts on batches, has no effect"
            hint = f"'prepare.augment.{key}=[]'"
            yield Problem(what, where(("prepare", "augment", key)), "no augmentation", hint)
        if config.from_run.run and not self.looks_at_run(config):
            what = f"learner {name} has no weights that could start from a run"
            yield Problem(what, where(("from_run",)), hint="from_run.run=")
