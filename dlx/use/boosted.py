"""The boosted trees that a run has kept, in its network's place."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from ..data.samples import Frame
from ..data.targets import Array
from ..errors import Problem, UsageError
from ..learning.boosted import Forest, open_forest
from ..losses import activate
from ..prepare import Pipeline
from ..running.kept import Kept
from ..runs.folder import name_of

UNTOLD = "no intervals and no warnings: they are of the network, not of the boosted trees"


@dataclass(frozen=True)
class BoostedMember:
    """Boosted trees of a run, or of one of its folds; rows are read as they are.

    Attributes:
        forest: the trees.
        pipeline: of the network beside them, which knows what answers stand for; thresholds are
            those of the trees.
    """

    forest: Forest
    pipeline: Pipeline

    @classmethod
    def of(cls, kept: Kept, pipeline: Pipeline) -> BoostedMember:
        """The trees beside a network that was opened.

        Raises:
            UsageError: it has none.
            RunError: they are damaged.
        """
        forest = open_forest(kept.run / kept.at)
        if forest is None or set(forest.boosted) != set(pipeline.targets):
            what = f"run {name_of(kept.run)} has kept no boosted trees"
            accepted = "a run on a table that was trained with baseline=boosting"
            hint = f"dlx train task={kept.config.task} baseline=boosting"
            raise UsageError(Problem(what, str(kept.run), accepted, hint))
        codecs = {
            name: replace(one, threshold=forest.thresholds.get(name, one.threshold))
            for name, one in pipeline.targets.items()
        }
        return cls(forest, replace(pipeline, targets=codecs))

    def run(self, frame: Frame, encodes: bool = False) -> tuple[dict[str, Array], None]:  # noqa: ARG002
        """What they answer after the activation, by target; numbers as a network learns them.

        Raises:
            UsageError: a column is missing.
        """
        found: dict[str, Array] = {}
        for name, logits in self.forest.answer(frame).items():
            codec = self.pipeline.targets[name]
            activated = activate(codec.problem, torch.from_numpy(logits)).numpy()
            found[name] = activated if codec.classes else codec.encode(activated)
        return found, None
