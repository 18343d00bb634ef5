"""Supervised learning: one model, one or several targets, a weighted sum of their losses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ..config.schema import Config
from ..config.specs.augment import refuse_pictures
from ..config.supervised import chosen_thresholds, metrics_of
from ..data.columns import Input
from ..data.targets import EncodedTarget
from ..errors import UsageError
from ..judging import boosting, classical
from ..judging.baselines import Answer, simple_answers
from ..judging.evaluation import Evaluation
from ..judging.thresholds import Rule, choose_thresholds
from ..judging.trusted import Trusted, pool
from ..losses import activate, average
from ..metrics import Metric
from ..models.network import Network, flatten
from ..problem import PROBLEMS
from ..runs.artifacts import Artifacts
from ..sources.batches import Batch, Inputs, Part
from ..sources.fold import FoldData
from ..sources.views import Views
from .boosted import ARTIFACT as BOOSTED
from .boosted import answer_boosted, leave_boosted
from .forecasts import leave_forecasts
from .heads import Head, heads_of, rows_of
from .heaviest import leave_heaviest
from .learner import OneLoss
from .meters import Meters
from .networks import build_network, builder
from .objective import Objective, constant_objective
from .penalties import Penalty
from .predictions import leave_answers
from .proof import prove
from .trust import Encode, learn_trust, learn_whole


class Supervised(OneLoss):
    """The objective of supervised learning: the losses' weighted sum, and a penalty on weights.

    Args:
        config: names metrics and penalties; `baseline` names the classical models to be beaten.
        model: maps inputs by name to logits by target; for a penalty it names its `hidden_kernels`.
        heads: what is learned, a head a target.
    """

    def __init__(self, config: Config, model: nn.Module, heads: tuple[Head, ...]) -> None:
        super().__init__(config, model)
        self.heads = heads
        self._penalty = Penalty({"model": (config.model, model)})
        self._views = Views.of(config)
        self._last: tuple[FoldData, str, Part, dict[str, Tensor]] | None = None

    @classmethod
    def build(
        cls,
        config: Config,
        inputs: Mapping[str, Input],
        targets: Mapping[str, EncodedTarget],
        device: torch.device,
        fold: int = 0,
    ) -> Self:
        """The model of a config, and a head for each of its targets.

        Raises:
            UsageError: views are asked for of what is no picture, or what `build` of all raises.
        """
        for name, views in config.prepare.views.items():
            sizes = inputs[name].shape if inputs[name].kind == "dense" else ()
            if views and (
                wrong := [*refuse_pictures("views", name, views, sizes, "prepare.views")]
            ):
                raise UsageError(*wrong)
        model = build_network(config, builder(config, inputs, targets), device, fold)
        return cls(config, model, heads_of(config, targets, device))

    @property
    def seeing(self) -> nn.Module | None:
        """The model."""
        return self.model

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The mean loss of a batch without the penalty, and of several heads each one's."""
        return self.compute(batch)[0]

    def compute(self, batch: Batch) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The losses of a batch, and the logits by target."""
        logits = self.answer(batch.inputs)
        return self.losses_of(logits, batch), logits

    def losses_of(self, logits: Mapping[str, Tensor], batch: Batch) -> dict[str, Tensor]:
        """The losses of a batch whose logits are known, by target."""
        if len(self.heads) == 1:  # no sum, no weight: one step in ten thousand counts
            head = self.heads[0]
            return {"loss": self._loss(head, logits[head.name], batch)}
        each = {h.name: self._loss(h, logits[h.name], batch) for h in self.heads}
        weighted = [head.weight * each[head.name] for head in self.heads]
        total = torch.stack(weighted).sum()
        return {"loss": total, **{f"{name}/loss": loss for name, loss in each.items()}}

    def answer(self, inputs: Inputs) -> dict[str, Tensor]:
        """The logits by target; of pictures that are seen in several ways as of their mean."""
        if self._views is None or self.model.training:
            found: dict[str, Tensor] = self.model(inputs)
            return found
        every = [self.model(seen) for seen in self._views(inputs)]
        return {h.name: average(h.problem, [one[h.name] for one in every]) for h in self.heads}

    @torch.no_grad()
    def encode(self, inputs: Inputs) -> Tensor:
        """What the output layers read, each of it once.

        Raises:
            UsageError: the model has no such layer.
        """
        if not isinstance(self.model, Network):
            return super().encode(inputs)
        self.model.eval()
        return _join(self.model.hidden(inputs))

    @torch.no_grad()
    def answer_encoded(self, inputs: Inputs) -> tuple[dict[str, Tensor], Tensor]:
        """Both of one pass, where a row is seen in one way only."""
        if self._views is not None or not isinstance(self.model, Network):
            return super().answer_encoded(inputs)
        self.model.eval()
        hidden = self.model.hidden(inputs)
        return self.model.answer(hidden), _join(hidden)

    def _loss(self, head: Head, logits: Tensor, batch: Batch) -> Tensor:
        """The loss of a target: in training with the weights of its classes, if they have any."""
        loss = head.weighted if head.weighted and self.model.training else head.loss
        target, mixed = batch.targets[head.name], batch.mixed
        if mixed is None:
            return loss(logits, target)
        rows = rows_of(loss)
        assert rows is not None  # `heads_of` has seen to it
        own, other = rows(logits, target), rows(logits, mixed.targets[head.name])
        return (mixed.shares * own + (1 - mixed.shares) * other).mean()

    def penalty(self, group: str = "model") -> Tensor | None:  # noqa: ARG002
        """What L1 and L2 add to the objective; None where neither is asked for."""
        return self._penalty()

    def meters(self, part: str) -> Meters:
        """Fresh meters of a part: the losses, and the metrics of each target."""
        chosen = {n: metrics_of(self.config, target) for n, target in self.config.targets.items()}
        return Meters(part, self.heads, chosen, self.device)

    def evaluations(self, fold: FoldData, part: str) -> list[Evaluation]:
        """Each metric of each target, and the loss; the model is run over the samples once."""
        samples, meters = fold.part(part), self.meters(part)
        logits = self.run_over(samples, meters)
        self._last = (fold, part, samples, logits)
        scores, naive = meters.scores(), fold.data.naive(fold.rows_of(part), fold.rows.train)
        found = []
        for score, head, metric in meters.metrics:
            truth, known = samples.targets[head.name], scores[score]
            answers = head.answers(logits[head.name])
            own = Answer("model", "model", metric, truth, (answers,), known)
            forecasts = naive.get(head.name, {})
            baselines = [*self._baselines(fold, head.name, metric, samples, forecasts)]
            baselines += self._boosted(fold, head, metric, part, truth)
            found.append(Evaluation(score, metric.direction, "row", own, tuple(baselines)))
        known = scores[f"{part}/loss"]
        loss = Objective("model", "model", self.heads, samples.targets, logits, known)
        constant = constant_objective(self.heads, fold.train.targets, samples.targets)
        beaten = (constant, *self._losses_beside(samples))
        return [*found, Evaluation(f"{part}/loss", "min", "row", loss, beaten)]

    def _losses_beside(self, part: Part) -> Sequence[Objective]:  # noqa: ARG002
        """The losses that are shown beside the model's, but for the best constant answer's."""
        return ()

    def _baselines(
        self,
        fold: FoldData,
        target: str,
        metric: Metric,
        part: Part,
        naive: Mapping[str, npt.NDArray[np.float32]],
    ) -> Iterator[Answer]:
        """Every answer that the model is compared with."""
        forecasts = {name: torch.from_numpy(values) for name, values in naive.items()}
        truth = part.targets[target]
        yield from simple_answers(metric, fold.train.targets[target], truth, forecasts)
        if self.config.baseline != "simple" and not metric.quantiles:
            model = self._fit_classical(fold, target, metric)
            answers = self._decide(
                "classical",
                fold,
                target,
                model.predict(part.inputs),
                lambda: model.predict(fold.part("val").inputs),
            )
            yield Answer(model.name, "classical", metric, truth, (answers,))

    def _boosted(
        self, fold: FoldData, head: Head, metric: Metric, part: str, truth: Tensor
    ) -> Iterator[Answer]:
        """What boosted trees answer, where they are asked for and the rows are those of a table."""
        if self.config.baseline == "boosting":

            def ask(which: str) -> Tensor | None:
                of = fold, head.name, head.outputs, which
                return answer_boosted(*of, self.config.seed, truth.device)

            if (answers := ask(part)) is not None:
                answers = self._decide(BOOSTED, fold, head.name, answers, lambda: ask("val"))
                yield Answer(boosting.NAME, "boosting", metric, truth, (answers,))

    def _decide(
        self,
        name: str,
        fold: FoldData,
        target: str,
        answers: Tensor,
        validate: Callable[[], Tensor | None],
    ) -> Tensor:
        """What another model answers, by a threshold that is found as the model's own is.

        Args:
            name: under which the fold keeps what is found of that model.
            fold: the rows.
            target: the target.
            answers: logits of the rows that are judged.
            validate: gives logits of the validation rows.
        """
        head = next(one for one in self.heads if one.name == target)
        rule = chosen_thresholds(self.config).get(target)
        if head.cut is None:
            return answers
        if rule is not None and fold.validation is not None:
            known = validate()
            assert known is not None
            found = _choose(rule, head, known, fold.validation.targets[target])
            fold.learnt[f"{name}/{target}/threshold"] = found
            head = head.decide(found, self.device)
        return head.answers(answers)

    def _fit_classical(self, fold: FoldData, target: str, metric: Metric) -> classical.Classical:
        """The classical model of a target, which the fold keeps."""
        name = f"classical/{target}"
        if name not in fold.learnt:
            parts = [fold.train, *([] if fold.validation is None else [fold.validation])]
            rows = [classical.Rows(part.inputs, part.targets[target]) for part in parts]
            validation = rows[1] if len(rows) > 1 else None
            fold.learnt[name] = classical.fit(
                metric.problem, metric.outputs, fold.inputs, rows[0], validation, self.config.seed
            )
        found: classical.Classical = fold.learnt[name]
        return found

    def choose_thresholds(self, fold: FoldData) -> dict[str, tuple[float, ...]]:
        """The best thresholds of each target that asks for such, on the validation rows."""
        rules = chosen_thresholds(self.config)
        part = fold.part("val")
        logits = self.run_over(part, self.meters("val"))
        return {
            head.name: _choose(rules[head.name], head, logits[head.name], part.targets[head.name])
            for head in self.heads
            if head.name in rules
        }

    def decide(self, thresholds: Mapping[str, tuple[float, ...]]) -> None:
        """Takes such thresholds for whatever it answers from now on."""
        self.heads = tuple(
            head.decide(thresholds[head.name], self.device) if head.name in thresholds else head
            for head in self.heads
        )

    def trust(self, chosen: bool) -> Trusted | None:
        """How far off and how sure answers to validation rows are, and what training rows had."""
        if self._last is None or self._last[1] != "val":
            return None
        fold, _, _, logits = self._last
        return learn_trust(fold, logits, chosen, *self._encoder())

    def trust_folds(self, folds: Sequence[Trusted], fold: FoldData, final: bool) -> Trusted | None:
        """What all folds told, and what the rows of the final model had, where there is one."""
        encode, batch = self._encoder()
        return pool(folds, learn_whole(fold, encode if final else None, batch))

    def prove(self, trusted: Trusted) -> dict[str, Any]:
        """How often intervals and sets hold the truth, and how wrong the surer answers are."""
        if self._last is None:
            return {}
        fold, part, _, logits = self._last
        return prove(trusted, fold, part, logits, *self._encoder())

    def _encoder(self) -> tuple[Encode | None, int]:
        """What gives features of rows, if anything, and how many rows it takes at once."""
        encodes = isinstance(self.model, Network)
        return self.encode if encodes else None, self.config.trainer.eval_batch_size

    def leave_rivals(self, into: Artifacts) -> None:
        """The boosted trees that were asked for."""
        if self._last is not None:
            leave_boosted(into, self._last[0])

    def artifacts(self, into: Artifacts, when: str) -> None:
        """At the end predictions of the part that was evaluated last, worst errors, features.

        Of numbers in time their forecasts beside the truth as well.
        """
        if when != "end" or self._last is None:
            return
        fold, part, _, logits = self._last
        data, rows = fold.data, fold.rows_of(part)
        leave_answers(into, data.samples, rows, data.targets, fold.pipeline, logits)
        leave_heaviest(into, self.model, fold)
        self.leave_rivals(into)
        numbers = {
            head.name: head.numbers(logits[head.name]).cpu().numpy()
            for head in self.heads
            if not PROBLEMS[head.problem].classes
        }
        naive = data.naive(rows, fold.rows.train)
        leave_forecasts(into, data.samples, rows, part, numbers, naive)


def _choose(rule: Rule, head: Head, logits: Tensor, truth: Tensor) -> tuple[float, ...]:
    """The best thresholds for some answers, of whoever gave them."""
    shares = activate(head.problem, logits).cpu().numpy()
    return choose_thresholds(rule, shares, truth.cpu().numpy(), head.positive)


def _join(hidden: Mapping[str, Any]) -> Tensor:
    """What output layers read as numbers side by side, each of it once."""
    each = {id(one): one for one in hidden.values()}
    return torch.cat([flatten(one).float() for one in each.values()], dim=1)
