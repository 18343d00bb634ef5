"""Autoencoders: each row from a few numbers, of whole rows, noisy ones, or such as are hidden."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from ..config.autoencoder import CODE, ROW, check_mask, tells_whole
from ..config.schema import Config
from ..data.columns import Dense, Input
from ..data.targets import EncodedTarget
from ..errors import Problem, UsageError
from ..interrupts import check
from ..judging.evaluation import Evaluation
from ..judging.means import Mean
from ..models.inputs import Batch as Inputs
from ..runs.artifacts import Artifacts
from ..sources.batches import Batch
from ..sources.fold import FoldData
from ..sources.source import Change, Source
from . import latents, rebuilding
from .coder import Coder
from .corruption import HIDDEN, SEEN, Corrupting, Corruption
from .networks import build_model
from .pictures import principal_axes
from .samples import require_numbers

LOSS, WHOLE = "loss", "reconstruction"
SHOWN = 48
"""Rows that are shown beside what they are rebuilt to."""


class Coding(nn.Module):
    """An encoder and a decoder.

    Args:
        encoder: the input -> `code`, (rows, numbers).
        decoder: `code` -> `row`, (rows, numbers of a row).
        filler: what hidden numbers look like, a row; kept with the weights.
    """

    filler: Tensor

    def __init__(self, encoder: nn.Module, decoder: nn.Module, filler: Tensor) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.register_buffer("filler", filler)

    def encode(self, inputs: Inputs) -> Tensor:
        """The code of each row."""
        found: Tensor = self.encoder(inputs)[CODE]
        return found.float()

    def decode(self, code: Tensor) -> Tensor:
        """What codes stand for, (rows, numbers)."""
        found: Tensor = self.decoder({CODE: code})[ROW]
        return found.float()

    def forward(self, inputs: Inputs) -> Tensor:
        """What rows are rebuilt to."""
        return self.decode(self.encode(inputs))


class Autoencoder(Coder):
    """Rebuilds rows from a few numbers each, whatever was done to them before they were read.

    Nothing, with a code that is smaller than a row; noise or lost numbers, which are to be taken
    away (Vincent and others, 2008, doi:10.1145/1390156.1390294); patches that are hidden, and are
    to be told from the rest (He and others, 2021, arXiv:2111.06377). Hidden numbers look like those
    of the mean training row, so that any network can read a row of which nothing is hidden.

    What is done to a row is a function of seed, fold, epoch and row; outside training of seed and
    row.

    Args:
        config: names networks, loss and what is done to rows.
        model: encoder and decoder.
        data: name and description of the input.
    """

    model: Coding
    code = CODE

    def __init__(self, config: Config, model: Coding, data: tuple[str, Input]) -> None:
        super().__init__(config, model, data)
        self.options = config.learner.options
        how = self.options.corrupt, self.options.mask
        self.corruption = Corruption(*how, self.shape, config.seed)

    @classmethod
    def build(
        cls,
        config: Config,
        inputs: Mapping[str, Input],
        targets: Mapping[str, EncodedTarget],  # noqa: ARG003 - it has none
        device: torch.device,
        fold: int = 0,
    ) -> Self:
        """Encoder and decoder with fresh weights."""
        name, described = require_numbers(inputs, "autoencoder")
        shape, options = described.shape, config.learner.options
        if wrong := list(check_mask(options.mask, name, shape, ".".join)):
            raise UsageError(*wrong)
        code = {CODE: Input("dense", (options.code,))}
        encoder = build_model(config, "encoder", inputs, {CODE: options.code}, device, fold)
        row = {ROW: int(np.prod(shape))}
        decoder = build_model(config, "decoder", code, row, device, fold)
        filler = torch.zeros(shape, device=device)
        return cls(config, Coding(encoder, decoder, filler), (name, described))

    def source(self, fold: FoldData, number: int) -> Source:
        """The training rows; refuses numbers that the loss does not take."""
        found = self.out_of_range(fold) if self.options.loss == "cross_entropy" else None
        if found:
            what = f"`learner.loss` is cross_entropy, but {self.input} has {found[0]:g} to "
            accepted = "numbers from 0 to 1, as the step scale makes them"
            hint = "learner.loss=squared_error"
            raise UsageError(Problem(f"{what}{found[1]:g}", "learner.loss", accepted, hint))
        if self.corruption.count:
            self.model.filler.copy_(self._mean_row(fold))
        return super().source(fold, number)

    def change(self, fold: FoldData, number: int) -> Change | None:
        """What is done to training rows in each epoch, after augmentation."""
        first, corrupt = super().change(fold, number), self.options.corrupt
        if not (self.corruption.count or corrupt.noise or corrupt.drop):
            return first
        return Corrupting(self.corruption, self.input, self.model.filler, number, first)

    def _mean_row(self, fold: FoldData) -> Tensor:
        batches = fold.train.in_order(self.config.trainer.eval_batch_size)
        total = sum((self.flat(batch).double().sum(dim=0) for batch in batches), torch.zeros(()))
        return (total / len(fold.train)).float().view(*self.shape)

    def compute(self, batch: Batch) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The loss of a batch; outside training by row too, that of whole rows, and their codes."""
        rows = self.flat(batch)
        seen, hidden = self._seen(batch)
        each = self._errors(self.model({**batch.inputs, self.input: seen}), rows, hidden)
        if self.model.training:
            return {LOSS: each.mean()}, {}
        found = {LOSS: each}
        code = self.model.encode(batch.inputs)
        if tells_whole(self.options):
            found[WHOLE] = (self._answer(code) - rows).square().mean(dim=1)
        return {name: one.mean() for name, one in found.items()}, {**found, CODE: code}

    def _seen(self, batch: Batch) -> tuple[Tensor, Tensor | None]:
        """What is read of the rows of a batch, and which of their numbers are hidden."""
        given = batch.inputs[self.input]
        assert isinstance(given, Tensor)
        kept = [batch.inputs.get(f"{self.input} {name}") for name in (SEEN, HIDDEN)]
        if kept[0] is None:
            numbers = batch.numbers.to(given.device)
            return self.corruption.see(given, numbers, self.model.filler)
        seen, hidden = kept
        assert isinstance(seen, Tensor)
        return seen, hidden if isinstance(hidden, Tensor) else None

    def _errors(self, found: Tensor, rows: Tensor, hidden: Tensor | None) -> Tensor:
        """The loss by row, (rows,): of hidden numbers, where those alone are scored.

        Args:
            found: what the decoder answers; or who rebuilds without a network.
            rows: as they are.
            hidden: which of their numbers are hidden, if any.
        """
        if self.options.loss == "squared_error":
            each = (found - rows).square()
        else:
            each = F.binary_cross_entropy_with_logits(found, rows, reduction="none")
        if hidden is None or self.options.mask.scored == "all":
            return each.mean(dim=1)
        return (each * hidden.flatten(1)).sum(dim=1) / hidden[:1].sum()

    def _answer(self, code: Tensor) -> Tensor:
        """The rows that codes stand for, (rows, numbers)."""
        found = self.model.decode(code)
        return found.sigmoid() if self.options.loss == "cross_entropy" else found

    @torch.no_grad()
    def encode(self, inputs: Inputs) -> Tensor:
        """The codes of rows, of which nothing is hidden."""
        self.model.eval()
        return self.model.encode(inputs)

    @torch.no_grad()
    def reconstruction_errors(self, inputs: Inputs) -> Tensor:
        """How badly each row is rebuilt: its mean squared error a number, (rows,).

        Where only what is hidden is learnt to be told, one part after the other is hidden.
        """
        self.model.eval()
        given = inputs[self.input]
        assert isinstance(given, Tensor)
        rows = given.flatten(1)
        if not self.corruption.count or self.options.mask.scored == "all":
            return (self._answer(self.model.encode(inputs)) - rows).square().mean(dim=1)
        total, times = torch.zeros_like(rows), torch.zeros_like(rows)
        for seen, hidden in self.corruption.parts(given, self.model.filler):
            found = self._answer(self.model.encode({**inputs, self.input: seen}))
            total += (found - rows).square() * hidden.flatten(1)
            times += hidden.flatten(1)
        return (total / times).mean(dim=1)

    def evaluations(self, fold: FoldData, part: str) -> list[Evaluation]:
        """The loss and the error of whole rows beside those without a network; what codes tell."""
        samples, meters = fold.part(part), self.meters(part)
        found = self.run_over(samples, meters)
        self._last = fold, part, found
        scores, learnt = meters.scores(), self._learnt(fold)
        corrupt, mask = self.options.corrupt, self.options.mask
        corrupted = bool(corrupt.noise or corrupt.drop)
        lossy = rebuilding.beside(learnt, self.shape, corrupted, bool(mask.share))
        batches = [*samples.in_order(self.config.trainer.eval_batch_size)]
        others = {LOSS: [self._measured(one, batches) for one in lossy]}
        if f"{part}/{WHOLE}" in scores:
            others[WHOLE] = [self._measured(one, batches, whole=True) for one in learnt]
        judged = [
            self._beside(f"{part}/{name}", found[name], scores[f"{part}/{name}"], simple)
            for name, simple in others.items()
        ]
        return [*judged, *self.prober.evaluations(fold, part, self)]

    @staticmethod
    def _beside(
        score: str, each: Tensor, known: float, others: Sequence[Mean | None]
    ) -> Evaluation:
        """A score of the model beside those of who has one."""
        own = Mean("model", "model", each.double().cpu().numpy(), known)
        return Evaluation(score, "min", "row", own, tuple(one for one in others if one))

    def _measured(
        self, one: rebuilding.Rebuilder, batches: Sequence[Batch], whole: bool = False
    ) -> Mean | None:
        """The error of who rebuilds without a network; None where it has no answer.

        Args:
            one: who rebuilds.
            batches: the rows.
            whole: whether it reads whole rows, and is scored by the squared error.

        Raises:
            Interrupted: a signal asks to stop.
        """
        each = []
        for batch in batches:
            check()
            rows, seen, hidden = self._look(batch)
            if whole:
                each.append((one.rebuild(rows, None) - rows).square().mean(dim=1))
                continue
            squared = self.options.loss == "squared_error"
            answer = one.rebuild(seen, hidden) if squared else one.logits(seen, hidden)
            if answer is None:
                return None
            each.append(self._errors(answer, rows, hidden))
        return Mean(one.name, one.kind, torch.cat(each).numpy())

    def _look(self, batch: Batch) -> rebuilding.Looked:
        """Rows of a batch, what is read of them and what is hidden, as simple answers take them."""
        seen, hidden = self._seen(batch)
        vectors = (one.flatten(1).double().cpu() for one in (self.flat(batch), seen))
        rows, read = vectors
        return rows, read, None if hidden is None else hidden.flatten(1).cpu()

    def _learnt(self, fold: FoldData) -> tuple[rebuilding.MeanRow, rebuilding.Pca]:
        """What training rows teach without a network, which the fold keeps."""
        options = self.options
        parts = options.code, options.loss, options.corrupt, options.mask, self.config.seed
        name = f"rebuilt from {parts}"
        if name not in fold.learnt:
            patches = self.corruption.patches.flatten()
            how = self.config.seed, self.config.trainer.eval_batch_size, self.numbers, patches
            cross = options.loss == "cross_entropy"
            fold.learnt[name] = rebuilding.learn(fold.train, self._look, *how, cross)
        found: tuple[rebuilding.MeanRow, rebuilding.Pca] = fold.learnt[name]
        return found

    @torch.no_grad()
    def artifacts(self, into: Artifacts, when: str) -> None:
        """At the end rows beside what they are rebuilt to, and the codes of what was evaluated."""
        if when != "end" or self._last is None:
            return
        self.model.eval()
        fold, part, found = self._last
        if len(self.shape) > 1:
            self._leave_rebuilt(into, fold, part)
        else:
            self._leave_errors(into, fold, part)
        self._leave_codes(into, fold, part, found[CODE])
        self.prober.leave(into)

    def _leave_rebuilt(self, into: Artifacts, fold: FoldData, part: str) -> None:
        """Pictures: originals, what was read of them, what they are rebuilt to."""
        samples = fold.part(part)
        batch = samples.batch(0, min(SHOWN, len(samples)))
        rows, (seen, hidden) = self.flat(batch), self._seen(batch)
        answer = self._answer(self.model.encode({**batch.inputs, self.input: seen}))
        lines, caption = [rows, answer], "each row of originals above its reconstructions"
        if seen is not batch.inputs[self.input]:
            lines.insert(1, seen.flatten(1))
            caption = "each row of originals, what was read of them, and what they are rebuilt to"
        if hidden is not None and self.options.mask.scored == "hidden":
            lines[-1] = torch.where(hidden.flatten(1), answer, rows)
            caption += "; visible pixels as they are"
        black, white = min(0.0, float(rows.min())), max(1.0, float(rows.max()))
        shades = [(one - black).div(white - black).clamp(0, 1) for one in lines]
        latents.leave_lines(into, shades, self.shape, caption)

    def _leave_errors(self, into: Artifacts, fold: FoldData, part: str) -> None:
        """A table of each number: its error, and those of who needs no network."""
        column = fold.columns[self.input]
        batches = [*fold.part(part).in_order(self.config.trainer.eval_batch_size)]
        looked = [self._look(batch) for batch in batches]
        rows = torch.cat([one[0] for one in looked])
        own = [self._answer(self.model.encode(batch.inputs)) for batch in batches]
        told = {"model": torch.cat(own).double().cpu()}
        told |= {one.name: one.rebuild(rows, None) for one in self._learnt(fold)}
        errors = {name: (found - rows).square().mean(dim=0) for name, found in told.items()}
        labels = column.features if isinstance(column, Dense) else range(rows.shape[1])
        caption = "mean squared error of whole rows, number by number"
        columns = {name: one.tolist() for name, one in errors.items()}
        table = {"number": [*map(str, labels)], **columns}
        into.table("errors", table, title="What is rebuilt", caption=caption)

    def _leave_codes(self, into: Artifacts, fold: FoldData, part: str, codes: Tensor) -> None:
        """Where rows lie along the two axes on which their codes differ most."""
        if codes.shape[1] < 2 or len(codes) < 3:
            return
        centred = (codes - codes.mean(dim=0)).double().cpu()
        places = (centred @ principal_axes(centred)[1][:, :2]).numpy()
        columns = {f"axis {at + 1}": places[:, at] for at in range(2)}
        caption = "codes along the two axes on which they differ most"
        where = fold.data.samples, fold.rows_of(part)
        latents.leave_coloured(into, "codes", columns, "Codes", caption, *where)
