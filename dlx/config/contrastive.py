"""What may be asked of contrastive learning: rows that can be seen in two ways, without targets."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import Problem
from .files import Where
from .learners import LearnerSpec, ModelUse, ScoreSpec, has_validation, known_inputs
from .probe import check_probe, probe_scores
from .schema import Config

PROJECTION = "projection"
"""The numbers of a view that are compared."""

_LOSS = "cross-entropy in nats of telling a view's partner among the other views of a batch"
_FOUND = "share of views whose partner is the most similar of up to 1,023 views of held rows"
_PARTS = {
    "alignment": ScoreSpec("min", meaning="squared distance of two views of a row, from 0 to 4"),
    "uniformity": ScoreSpec("min", meaning="0: all rows lie at one place; -4: evenly on a sphere"),
    "spread": ScoreSpec("max", meaning="variance of features' directions; 0: they have collapsed"),
}


class ContrastiveSpec(LearnerSpec):
    """Settings are compared by how often partners are found: losses of other settings are others.

    Micro-batches would make another loss: each view is told from those that are computed with it.
    """

    uses = ("prepare", "protocol", "model", "optimizer", "schedule")
    can = ("folds", "final", "diagnose")
    encodes = True
    branch = "self-supervised"
    problem = "features from views"

    def scores(self, config: Config) -> dict[str, ScoreSpec]:
        """The loss of both sets; of rows that do not train what becomes of their views."""
        validates = has_validation(config)
        found = {"train/loss": ScoreSpec("min", meaning=_LOSS)}
        if validates:
            found["val/loss"] = ScoreSpec("min", meaning=_LOSS)
        held = "val" if validates else "test"
        found[f"{held}/retrieval"] = ScoreSpec("max", validates, validates, _FOUND)
        if validates:
            found |= {f"val/{name}": one for name, one in _PARTS.items()}
        return {**found, **probe_scores(config)}

    def monitor(self, config: Config) -> str | None:
        """The loss of the validation set."""
        return "val/loss" if has_validation(config) else None

    def models(self, config: Config) -> dict[str, ModelUse]:
        """The model, whose output layer is the first of the head."""
        size = (*config.learner.options.head, 0)[0]
        use = ModelUse(config.model, known_inputs(config), (PROJECTION,), {PROJECTION: size})
        return {"model": use}

    def check(self, config: Config, where: Where) -> Iterator[Problem]:
        """Whether each input has two views, and there is somebody to tell partners from."""
        yield from check_probe(config, where)
        if not config.learner.options.head:
            at, what = where(("learner", "head")), "`learner.head` is empty, but numbers of it are"
            yield Problem(f"{what} compared", at, "sizes of its layers", "learner.head=[64,32]")
        if (rows := config.trainer.batch_size) < 2:
            at, what = where(("trainer", "batch_size")), f"`trainer.batch_size` is {rows}, but a "
            what += "view's partner is told from views of other rows"
            yield Problem(
                what, at, "at least 2; some hundreds are better", "trainer.batch_size=256"
            )
        same = [n for n in config.dataset.options.inputs if not config.prepare.augment.get(n)]
        for name in same:
            at, key = where(("prepare", "augment")), f"prepare.augment.{name}"
            what = f"learner contrastive needs two views of each row, but `{key}` names none"
            accepted = f"augmentations of {name} (dlx help augmentation)"
            vector = len(known_inputs(config)[name] or ()) == 1
            typed = "{jitter: 0.5}, {drop: 0.2}" if vector else "{shift: 0.15}, {rotate: 15}"
            yield Problem(what, at, accepted, f"'{key}=[{typed}]'")
