"""Learners without a gradient that find all that they find in one step."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import Parameter

from ..config.names import join_names
from ..config.schema import Config
from ..data.columns import Input
from ..errors import Problem, UsageError
from ..interrupts import check
from ..judging.evaluation import Evaluation
from ..models.network import flatten
from ..optimizers.named import Optimizers
from ..sources.batches import Batch, Inputs, Part
from ..sources.fold import FoldData
from ..sources.source import RowSource, Source
from .learner import Learner
from .meters import Meters


class Found(nn.Module):
    """What was found: buffers, which may be of other sizes for other rows."""

    def keep(self, name: str, values: Tensor) -> None:
        """Puts numbers under a name, in the place of those that were there."""
        self.register_buffer(name, values.detach().clone())

    def take(self, weights: Mapping[str, Tensor]) -> None:
        """Takes what its state dict had.

        Raises:
            RuntimeError: it is another one's.
        """
        if set(weights) != set(self.state_dict()):
            raise RuntimeError(f"they are not those of {join_names(self.state_dict())}")
        for name, values in weights.items():
            owner, _, own = name.rpartition(".")
            self.get_submodule(owner).register_buffer(own, values.detach().clone())


class AtOnce(Learner):
    """Finds everything in one step, from all training rows together.

    Args:
        config: names the method.
        found: all that it finds, before it is found.
        inputs: of which all must be numbers.
    """

    def __init__(self, config: Config, found: Found, inputs: Mapping[str, Input]) -> None:
        super().__init__(config, {"found": found})
        self.found, self.inputs = found, dict(inputs)
        self._fold: FoldData | None = None
        self._judged: list[tuple[FoldData, str, list[Evaluation]]] = []

    @abstractmethod
    def find(self, fold: FoldData) -> None:
        """Fills `found` from the training rows."""

    @abstractmethod
    def judge(self, fold: FoldData, part: str) -> list[Evaluation]:
        """As `evaluations`, which asks once for each part."""

    def require(self, fold: FoldData) -> None:
        """Refuses rows from which nothing can be found, before anything is done.

        Raises:
            UsageError: they are such.
        """

    def groups(self) -> dict[str, list[Parameter]]:
        """None: nothing is moved by a gradient."""
        return {}

    def source(self, fold: FoldData, number: int) -> Source:
        """One batch, of which nothing is computed: the step takes all training rows."""
        self._require_finite(fold)
        self.require(fold)
        self._fold = fold
        return RowSource(fold.train, 1, self.config.seed, number, steps=1)

    def _require_finite(self, fold: FoldData) -> None:
        """Refuses rows with what is no number.

        Raises:
            UsageError: there is one.
        """
        for part in (fold.train, fold.validation):
            wrong = [] if part is None else (~self.matrix_of(part).isfinite()).nonzero().tolist()
            if part is not None and wrong:
                row, column = wrong[0]
                name = names_of(self.inputs, fold.data.samples.features)[column]
                told = fold.data.samples.tell_row(int(part.numbers[row]))
                what = f"{told} has no number in {name}, and learner {self.config.learner.name} "
                accepted = "rows of numbers, none missing"
                hint = "'prepare.steps=[{name: impute}]'"
                raise UsageError(Problem(what + "needs one", "prepare.steps", accepted, hint))

    def losses(self, batch: Batch) -> dict[str, Tensor]:  # noqa: ARG002 - it has none
        """None."""
        return {}

    @torch.no_grad()
    def step(self, batch: Batch, optimizers: Optimizers, meters: Meters) -> None:  # noqa: ARG002
        """Finds everything."""
        assert self._fold is not None
        self._judged.clear()
        self.find(self._fold)

    def validate(self, fold: FoldData) -> dict[str, float]:
        """The scores of the validation rows; none without any."""
        if fold.validation is None:
            return {}
        return {one.score: one.own.value() for one in self.evaluations(fold, "val")}

    @torch.no_grad()
    def evaluations(self, fold: FoldData, part: str) -> list[Evaluation]:
        """The scores of a part; what was judged is remembered until something else is found."""
        for known, name, judged in self._judged:
            if known is fold and name == part:
                return judged
        judged = self.judge(fold, part)
        self._judged.append((fold, part, judged))
        return judged

    def load_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Takes what was found.

        Raises:
            RuntimeError: it is another learner's.
        """
        self._judged.clear()
        self.found.take(weights)

    def matrix_of(self, part: Part) -> Tensor:
        """All rows of a part, side by side what its inputs have, (rows, numbers), float64.

        They lie on the CPU, where sums have the same bits on every machine.

        Raises:
            Interrupted: a signal asks to stop.
        """
        found = []
        for batch in part.in_order(self.config.trainer.eval_batch_size):
            check()
            found.append(self.numbers_of(batch.inputs))
        return torch.cat(found)

    def numbers_of(self, inputs: Inputs) -> Tensor:
        """The same of some rows."""
        every = [flatten(inputs[name]).cpu().double() for name in self.inputs]
        return torch.cat(every, dim=1)


def require_numbers(inputs: Mapping[str, Input], learner: str) -> None:
    """Refuses inputs whose rows are not numbers, as many in each.

    Raises:
        UsageError: one is such an input.
    """
    for name, found in inputs.items():
        if found.is_numbers and not found.ragged:
            continue
        told = {"ids": "ids of words", "multi_hot": "positions that are set"}
        kind = told.get(found.kind, "steps, another number in each")
        what = f"learner {learner} works on rows of numbers, but those of {name} are {kind}"
        accepted = "inputs of numbers, such as measurements, pictures, or what a network made of it"
        raise UsageError(Problem(what, "dataset", accepted, "dataset=digits"))


def standardise(rows: Tensor, of: Tensor) -> Tensor:
    """How many standard deviations rows are from the mean of others; 0 where these are alike."""
    spread = of.std(dim=0, unbiased=False)
    return (rows - of.mean(dim=0)) / torch.where(spread == 0, torch.inf, spread)


def names_of(inputs: Mapping[str, Input], features: Mapping[str, tuple[str, ...]]) -> list[str]:
    """What each number of a row is called: its feature, or its input with its place in there."""
    names: list[str] = []
    for name, found in inputs.items():
        many = torch.Size(found.shape).numel()
        own = features.get(name, ())
        places = [f"{name} {at}" for at in range(many)]
        names += list(own) if len(own) == many else places
    return names
