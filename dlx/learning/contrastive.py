"""Contrastive learning: features by which two views of a row are known as views of one row."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import pairwise
from typing import Self

import torch
from torch import Tensor, nn

from ..config.contrastive import PROJECTION
from ..config.schema import Config
from ..data.columns import Input
from ..data.targets import EncodedTarget
from ..errors import Problem, UsageError
from ..interrupts import check
from ..judging.evaluation import Evaluation, Kind
from ..judging.means import Mean
from ..models.network import Network, flatten
from ..models.sizes import RowSizes
from ..optimizers.named import autocast_type
from ..runs.artifacts import Artifacts
from ..sources.batches import Batch, Inputs, Part
from ..sources.fold import FoldData
from ..sources.pairs import Pairs, join_views
from ..sources.source import Change, Source
from . import contrasting, views_shown
from .learner import OneLoss
from .networks import build_network
from .penalties import Penalty
from .probe import Prober

TIGHT = 1e-6
"""Features that vary less have collapsed."""


class Contrastive(OneLoss):
    """SimCLR (Chen and others, 2020, arXiv:2002.05709).

    Each row of a batch is augmented twice. The model gives features of both views, and a head of
    dense layers makes numbers of these, whose cosines are compared: the loss of a view is what it
    takes to tell the other view of its row from those of all other rows. The head is thrown away:
    what is learnt are the features (`encode`).

    Rows that do not train are always seen in the same two views, and compared in blocks whose rows
    are a function of the seed: of about a batch for the loss, of 512 rows for finding partners, so
    that settings are compared by the same task whatever their batches and temperature.

    Args:
        config: names the temperature.
        model: with a head `projection`.
        fold: number of the fold, from which starting weights derive.
    """

    model: Network

    def __init__(self, config: Config, model: Network, fold: int = 0) -> None:
        super().__init__(config, model)
        self._fold, self._known = fold, ""
        self._penalty = Penalty({"model": (config.model, model)})
        self.prober = Prober(config)
        self._held: tuple[FoldData, Pairs] | None = None
        self._last: tuple[FoldData, str] | None = None

    @classmethod
    def build(
        cls,
        config: Config,
        inputs: Mapping[str, Input],
        targets: Mapping[str, EncodedTarget],  # noqa: ARG003 - it has none
        device: torch.device,
        fold: int = 0,
    ) -> Self:
        """The model with fresh weights."""
        return cls(config, cls._build_model(config, inputs, device, fold), fold)

    @staticmethod
    def _build_model(
        config: Config, inputs: Mapping[str, Input], device: torch.device, fold: int
    ) -> Network:
        build = partial(make_projecting, config, inputs)
        found: Network = build_network(config, build, device, fold)
        return found

    def source(self, fold: FoldData, number: int) -> Source:
        """The training rows, in a fresh order."""
        self.prober.require(fold, number)
        return super().source(fold, number)

    def change(self, fold: FoldData, number: int) -> Change:
        """Training rows in two views, which stand beside each other in a batch."""
        self._pairs(fold)
        return Pairs.of(self.config, fold, number)

    def _pairs(self, fold: FoldData) -> Pairs:
        """What makes the views of rows that do not train."""
        if self._held is None or self._held[0] is not fold:
            self._held = fold, Pairs.of(self.config, fold, self._fold, held=True)
        return self._held[1]

    @property
    def seeing(self) -> nn.Module | None:
        """The model with its head."""
        return self.model

    def measure(self, inputs: Mapping[str, Input]) -> RowSizes:
        """What the two views of a row take of memory."""
        found = super().measure(inputs)
        return RowSizes(2 * found.kept, 2 * found.widest)

    def penalty(self, group: str = "model") -> Tensor | None:  # noqa: ARG002
        """What L1 and L2 of the model add; None where neither is asked for."""
        return self._penalty()

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The mean loss of both views of all rows of a batch."""
        seen = batch if self._held is None else self._held[1].look(batch)
        cosines = contrasting.similarities(self.model(join_views(seen))[PROJECTION])
        return {
            "loss": contrasting.nt_xent(cosines, self.config.learner.options.temperature).mean()
        }

    @torch.no_grad()
    def encode(self, inputs: Inputs) -> Tensor:
        """The features of rows, (rows, numbers): what the head reads."""
        self.model.eval()
        return flatten(self.model.hidden(inputs)[PROJECTION]).float()

    def validate(self, fold: FoldData) -> dict[str, float]:
        """What becomes of the views of validation rows; nothing without any."""
        held = fold.validation
        rows = held or fold.train.take(torch.arange(min(contrasting.BLOCK, len(fold.train))))
        features, projected = self._see(self.model, rows, self._pairs(fold))
        spread = float(contrasting.spread(features))
        self._known = "" if spread > TIGHT else f"the features have collapsed (spread {spread:.2g})"
        if held is None:
            return {}
        told, apart = self._tell(projected), {"val/spread": spread}
        scores = {"loss": told.loss, "retrieval": told.found, "alignment": told.aligned}
        means = {f"val/{name}": float(values.mean()) for name, values in scores.items()}
        return {**means, "val/uniformity": told.uniformity, **apart}

    def done(self) -> str:
        """Features that are the same for all rows teach nothing more."""
        return self._known

    @torch.no_grad()
    def _see(self, model: Network, part: Part, pairs: Pairs) -> tuple[Tensor, Tensor]:
        """Features and compared numbers of the views of rows, first views before second ones.

        Raises:
            Interrupted: a signal asks to stop.
        """
        model.eval()
        found: list[tuple[Tensor, ...]] = []
        amp = autocast_type(self.config.trainer.precision)
        for batch in part.in_order(self.config.trainer.eval_batch_size):
            check()
            inputs = join_views(pairs.look(batch))
            with torch.autocast(self.device.type, amp, enabled=amp is not None):
                features = model.hidden(inputs)[PROJECTION]
                projected = model.heads[PROJECTION](features)
            both = flatten(features).float(), projected.float()
            found.append(tuple(one.view(2, batch.rows, -1) for one in both))
        features, projected = zip(*found, strict=True)
        return torch.cat(features, dim=1).flatten(0, 1), torch.cat(projected, dim=1).flatten(0, 1)

    def _tell(self, numbers: Tensor) -> contrasting.Told:
        """How views are told apart by some numbers, (2 rows, numbers)."""
        options, trainer = self.config.learner.options, self.config.trainer
        return contrasting.tell(numbers, options.temperature, trainer.batch_size, self.config.seed)

    def evaluations(self, fold: FoldData, part: str) -> list[Evaluation]:
        """How views are told apart: by the model, by chance, by their inputs, before training.

        Last what the features are worth with few labels, where that is asked for.
        """
        self._last = fold, part
        samples, pairs = fold.part(part), self._pairs(fold)
        own = self._tell(self._see(self.model, samples, pairs)[1])
        fresh = self._build_model(self.config, fold.inputs, self.device, self._fold)
        others: list[tuple[str, Kind, contrasting.Told]] = [
            ("raw inputs", "naive", self._tell(self._raw(samples, pairs))),
            ("untrained", "start", self._tell(self._see(fresh, samples, pairs)[1])),
        ]
        hits = [Mean(name, kind, one.found) for name, kind, one in others]
        losses = [Mean(name, kind, one.loss) for name, kind, one in others]
        chance, alike = (
            Mean("chance", "constant", own.chance),
            Mean("all alike", "constant", own.least),
        )
        found, loss = Mean("model", "model", own.found), Mean("model", "model", own.loss)
        return [
            Evaluation(f"{part}/retrieval", "max", "row", found, (chance, *hits)),
            Evaluation(f"{part}/loss", "min", "row", loss, (alike, *losses)),
            *self.prober.evaluations(fold, part, self),
        ]

    def _raw(self, part: Part, pairs: Pairs) -> Tensor:
        """The inputs of the views of rows, end to end, first views before second ones."""
        found = []
        for batch in part.in_order(self.config.trainer.eval_batch_size):
            inputs = join_views(pairs.look(batch)).values()
            rows = torch.cat([flatten(one).float() for one in inputs], dim=1)
            found.append(rows.view(2, batch.rows, -1))
        return torch.cat(found, dim=1).flatten(0, 1)

    def artifacts(self, into: Artifacts, when: str) -> None:
        """At the end rows in their two views, and the rows nearest to some."""
        if when == "end" and self._last is not None:
            fold, part = self._last
            samples = fold.part(part)
            views_shown.leave_views(into, fold, samples, self._pairs(fold))
            views_shown.leave_nearest(into, fold, samples, self.encode)
            self.prober.leave(into)


def make_projecting(config: Config, inputs: Mapping[str, Input]) -> Network:
    """The model of a config with a head of dense layers whose numbers are compared.

    Raises:
        UsageError: it is a plugin's that has no heads.
    """
    sizes = config.learner.options.head
    outputs = {PROJECTION: sizes[0]}
    model = config.model.load()(config.model.options, dict(inputs), outputs)
    if not isinstance(model, Network):
        what = f"learner contrastive puts a head on the model, but {config.model.name} has none"
        accepted = "a model that gives a dlx.models.network.Network"
        raise UsageError(Problem(what, "model.name", accepted, "model=mlp"))
    layers = [model.heads[PROJECTION]]
    for before, after in pairwise(sizes):
        layers += [nn.ReLU(), nn.Linear(before, after)]
    model.heads[PROJECTION] = nn.Sequential(*layers)
    return model
