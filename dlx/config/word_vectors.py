"""What may be asked of word vectors: texts as word ids in order, without targets."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import Problem
from .files import Where
from .learners import LearnerSpec, ScoreSpec, has_validation
from .names import join_names
from .schema import Config

_LOSS = "logistic loss in nats of telling the words near a word from words drawn at random"


class WordVectorsSpec(LearnerSpec):
    """Texts of one input; settings are compared by how well vectors tell which words are near."""

    branch = "self-supervised"
    problem = "word vectors"
    uses = ("prepare", "protocol", "optimizer", "schedule")
    can = ("folds", "final", "accumulate", "diagnose")

    def scores(self, config: Config) -> dict[str, ScoreSpec]:
        """The loss of both sets."""
        parts = ("train", "val") if has_validation(config) else ("train",)
        return {
            f"{part}/loss": ScoreSpec("min", judged=part == "val", meaning=_LOSS) for part in parts
        }

    def monitor(self, config: Config) -> str | None:
        """The loss on the validation set."""
        return "val/loss" if has_validation(config) else None

    def check(self, config: Config, where: Where) -> Iterator[Problem]:
        """Whether there is one input, and no step makes numbers of its words."""
        inputs = config.dataset.options.inputs
        if len(inputs) != 1:
            has = f"dataset {config.dataset.name} has {join_names(inputs)}"
            what = f"learner word_vectors learns from one input, but {has}"
            yield Problem(what, where(("dataset",)), "a dataset of texts")
        for index, step in enumerate(config.prepare.steps):
            if step.name in ("multi_hot", "one_hot", "standardise"):
                what = f"learner word_vectors learns words in order, {step.name} makes numbers"
                hint = "leave it out; tokenize gives such words"
                yield Problem(what, where(("prepare", "steps", str(index))), hint=hint)
