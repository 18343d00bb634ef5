"""What is learned of each target."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..config.schema import Config
from ..config.supervised import loss_of, mixes
from ..data.targets import EncodedTarget, TargetCodec, find_median
from ..errors import Problem, UsageError
from ..losses import activate, resolve
from ..problem import PROBLEMS

Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Scale:
    """Between the numbers of a target and those that are learned: less a mean, by a deviation.

    Attributes:
        mean: of each output, (outputs,); of quantiles, that of the number, (1,).
        std: likewise.
        log: whether both are of ln(1 + number).
    """

    mean: Tensor
    std: Tensor
    log: bool = False

    @classmethod
    def of(cls, codec: TargetCodec, device: torch.device) -> Scale | None:
        """That of a target; None where its numbers are learned as they are."""
        if not codec.mean:
            return None
        mean, std = (torch.tensor(one, device=device) for one in (codec.mean, codec.std))
        return cls(mean, std, codec.log)

    def apply(self, values: Tensor) -> Tensor:
        """Numbers of the target as they are learned."""
        values = values.log1p() if self.log else values
        return (values - self.mean) / self.std

    def undo(self, values: Tensor) -> Tensor:
        """Numbers that were learned in the target's unit."""
        values = values * self.std + self.mean
        return values.expm1().clamp(min=0) if self.log else values

    def wrap(self, loss: Loss) -> Loss:
        """A loss of numbers as they are learned, and targets in their unit."""
        rows = rows_of(loss)
        if rows is None:
            return lambda logits, target: loss(logits, self.apply(target))
        return RowLoss(
            lambda logits, target: loss(logits, self.apply(target)),
            lambda logits, target: rows(logits, self.apply(target)),
        )


@dataclass(frozen=True)
class RowLoss:
    """A loss that tells each row's too.

    Attributes:
        whole: the mean, of logits and targets.
        rows: that of each row, (batch,).
    """

    whole: Loss
    rows: Loss

    def __call__(self, logits: Tensor, target: Tensor) -> Tensor:
        """The mean, a scalar."""
        return self.whole(logits, target)


def rows_of(loss: Loss) -> Loss | None:
    """What gives the loss of each row; None where a loss does not tell it."""
    return getattr(loss, "rows", None)


@dataclass(frozen=True)
class Head:
    """What is learned for one target.

    Attributes:
        name: the target's column.
        problem: its type, a key of `dlx.problem.PROBLEMS`.
        outputs: numbers the model gives for it.
        loss: mean loss from logits (batch, outputs) and targets in their unit.
        weight: factor of the loss in the sum.
        positive: of two classes the one that precision and its kin are of, 0 or 1.
        scale: what numbers are learned by; None where they are learned as they are.
        weighted: the loss in training, where classes have weights there.
        cut: the logit from which on the second of two classes, or each label, is the answer,
            (outputs,); None: 0.
        quantiles: those of a number that the outputs are.
    """

    name: str
    problem: str
    outputs: int
    loss: Loss
    weight: float
    positive: int = 1
    scale: Scale | None = None
    weighted: Loss | None = None
    cut: Tensor | None = None
    quantiles: tuple[float, ...] = ()

    def answers(self, logits: Tensor) -> Tensor:
        """What metrics are of: logits that say yes above 0; of numbers, in the target's unit."""
        if self.cut is not None:
            return logits - self.cut
        return logits if self.scale is None else self.scale.undo(logits)

    def numbers(self, logits: Tensor) -> Tensor:
        """Predicted numbers in the target's unit, as the target has them; of quantiles one."""
        found = activate(self.problem, self.answers(logits))
        if not self.quantiles:
            return found
        return found.reshape(len(found), -1)[:, find_median(self.quantiles)]

    def decide(self, thresholds: tuple[float, ...], device: torch.device) -> Head:
        """The same, with other thresholds; none: 0.5."""
        return replace(self, cut=cut_at(thresholds, device))

    def logits(self, answers: Tensor) -> Tensor:
        """The logits that give such answers."""
        return answers if self.scale is None else self.scale.apply(answers)


def cut_at(thresholds: tuple[float, ...], device: torch.device) -> Tensor | None:
    """The logits of some probabilities; None of none."""
    if not thresholds:
        return None
    return torch.logit(torch.tensor(thresholds, dtype=torch.float64)).float().to(device)


def heads_of(
    config: Config, targets: Mapping[str, EncodedTarget], device: torch.device
) -> tuple[Head, ...]:
    """What is learned for each target of a config, on a device.

    Raises:
        UsageError: a loss does not tell each row's, where that is needed.
    """
    heads = []
    for name, target in config.targets.items():
        loss = resolve(loss_of(config, target), target.problem)
        made = loss.load()(loss.options, target.problem)
        codec = targets[name].codec
        weighted = _weigh(made, targets[name], device, f"targets.{name}.class_weights", loss.name)
        scale = Scale.of(codec, device)
        made = made if scale is None else scale.wrap(made)
        if mixes(config):
            _require_rows(made, loss.name, "prepare.augment", "to be mixed")
        what = name, codec.problem, codec.outputs, made, target.weight, codec.positive
        how = scale, weighted, cut_at(codec.threshold, device), codec.quantiles
        heads.append(Head(*what, *how))
    return tuple(heads)


def _weigh(
    loss: Loss, target: EncodedTarget, device: torch.device, key: str, name: str
) -> Loss | None:
    """A loss whose rows count by their class; None where all count alike.

    The sum is divided by the rows, not by their weights, so that micro-batches add up to a batch.

    Raises:
        UsageError: the loss does not tell what each row's is.
    """
    if set(target.weights) <= {1.0}:
        return None
    if PROBLEMS[target.codec.problem].answer == "labels":
        return _weigh_labels(loss, target, device, key, name)
    each, weights = _require_rows(loss, name, key, "to be weighted"), target.weights
    factors = torch.tensor(weights, device=device)

    def weigh(logits: Tensor, target: Tensor) -> Tensor:
        return each(logits, target) * factors[target.long()]

    return RowLoss(lambda logits, target: weigh(logits, target).mean(), weigh)


def _weigh_labels(
    loss: Loss, target: EncodedTarget, device: torch.device, key: str, name: str
) -> Loss:
    """A loss in which each label counts as much as it is rare, where a row has it and where not.

    Raises:
        UsageError: the loss does not tell what that of each label is.
    """
    each: Loss | None = getattr(loss, "each", None)
    if each is None:
        what = f"loss {name} has no `each(logits, target)`, the loss of each label, to be weighted"
        accepted = "a loss with that method, such as dlx.losses.Mean"
        raise UsageError(Problem(what, key, accepted, f"{key}=none"))
    present, absent = torch.tensor(target.weights, device=device).reshape(2, -1)

    def weigh(logits: Tensor, target: Tensor) -> Tensor:
        return (each(logits, target) * torch.where(target > 0.5, present, absent)).mean(dim=1)

    return RowLoss(lambda logits, target: weigh(logits, target).mean(), weigh)


def _require_rows(loss: Loss, name: str, key: str, why: str) -> Loss:
    """What gives the loss of each row.

    Raises:
        UsageError: the loss does not tell it.
    """
    rows = rows_of(loss)
    if rows is None:
        what = f"loss {name} has no `rows(logits, target)`, the loss of each row, {why}"
        accepted = "a loss with that method, such as dlx.losses.Mean"
        hint = f"{key}=none" if key.endswith("class_weights") else ""
        raise UsageError(Problem(what, key, accepted, hint))
    return rows
