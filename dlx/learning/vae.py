"""The variational autoencoder: pictures from a few numbers each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from ..config.schema import Config
from ..data.columns import Input, Numeric
from ..data.targets import EncodedTarget
from ..errors import Problem, UsageError
from ..judging.evaluation import Evaluation
from ..judging.means import Mean
from ..models.inputs import Batch as Inputs
from ..runs.artifacts import Artifacts
from ..sources.batches import Batch
from ..sources.fold import FoldData
from ..sources.noise import normal_rows
from ..sources.source import Source
from . import latents
from .coder import Coder
from .networks import build_model
from .pictures import Simple, cross_entropy, kl, log_ratio, measure, simple_models
from .weighted import Weigh, weighted_bounds

LATENT, PIXELS = "latent", "pixels"
PAIRED = "each row of originals above its reconstructions"
BOOK_WEIGHT = 5e-4
"""Of what the latent numbers take, against the cross-entropy of a pixel, in the book's code."""


class Autoencoder(nn.Module):
    """An encoder and a decoder.

    Args:
        encoder: inputs -> `mean` and `log_variance` of the latent numbers, (rows, latent) each.
        decoder: `latent` -> a logit of each pixel, as `pixels`, (rows, pixels).
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def encode(self, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the latent numbers of each row."""
        found = self.encoder(inputs)
        return found["mean"].float(), found["log_variance"].float()

    def decode(self, latent: Tensor) -> Tensor:
        """A logit of each pixel."""
        found: Tensor = self.decoder({LATENT: latent})[PIXELS]
        return found.float()

    def forward(self, inputs: Inputs) -> Tensor:
        """The logits at the mean of each row's latent numbers."""
        return self.decode(self.encode(inputs)[0])


class Vae(Coder):
    """A bound on the likelihood of pictures (Kingma and Welling, 2014, arXiv:1312.6114).

    The latent numbers are standard normal, and a pixel is one with the probability that the decoder
    gives it; of grey levels from 0 to 1 the cross-entropy is taken. The loss is the negative bound
    in nats a picture: what the pixels take, given numbers drawn by the encoder, and the Kullback-
    Leibler divergence of the encoder's distribution from the standard normal one. With another
    `beta` than 1 (Higgins and others, 2017) the objective of training weighs the latter; the loss
    does not, so that settings can be compared by it.

    With `terms: book` the loss is what the code of the book's 8.4 minimises, which is no bound; the
    bound stands beside it. With `std: whole` what the encoder calls log-variance is half of that.

    Outside training the numbers drawn for a row are a function of seed and row.

    Args:
        config: names `beta` and the penalties of encoder and decoder.
        model: encoder and decoder.
        data: name and description of the input.
    """

    model: Autoencoder
    code = LATENT

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
        name, described = _require_pictures(inputs)
        size, numbers = int(np.prod(described.shape)), config.learner.options.latent
        distribution = {"mean": numbers, "log_variance": numbers}
        latent = {LATENT: Input("dense", (numbers,))}
        encoder = build_model(config, "encoder", inputs, distribution, device, fold)
        decoder = build_model(config, "decoder", latent, {PIXELS: size}, device, fold)
        return cls(config, Autoencoder(encoder, decoder), (name, described))

    @torch.no_grad()
    def encode(self, inputs: Inputs) -> Tensor:
        """The means of the latent numbers."""
        self.model.eval()
        return self.model.encode(inputs)[0]

    def source(self, fold: FoldData, number: int) -> Source:
        """The training pictures; refuses those whose pixels are not from 0 to 1."""
        if found := self.out_of_range(fold):
            what = f"learner vae learns pixels from 0 to 1, but {self.input} has {found[0]:g} to "
            raw = fold.data.samples.columns[self.input]
            assert isinstance(raw, Numeric)
            most = f"{raw.shades(fold.rows.train)[1].max():g}"
            hint = f"'prepare.steps=[{{name: scale, divide_by: {most}}}]'"
            accepted = "pixels from 0 to 1, as the step scale makes them"
            raise UsageError(Problem(f"{what}{found[1]:g}", "prepare.steps", accepted, hint))
        return super().source(fold, number)

    def compute(self, batch: Batch) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The losses of a batch and their parts in nats a picture, and the rows' codes.

        With a `beta` the objective of training comes first. Outside training, the squared error a
        pixel, too, of what the encoder's mean decodes to, and what the losses are means of.
        """
        pixels, options = self.flat(batch), self.config.learner.options
        mean, told = self.model.encode(batch.inputs)
        log_variance = self._log_variance(told)
        drawn = mean + (log_variance / 2).exp() * self._noise(batch, mean)
        reconstruction = cross_entropy(self.model.decode(drawn), pixels)
        divergence = kl(mean, log_variance)
        parts = {"reconstruction": reconstruction.mean(), "kl": divergence.mean()}
        bound, each = parts["reconstruction"] + parts["kl"], {"bound": reconstruction + divergence}
        losses = {"loss": bound, **parts}
        if options.terms == "book":
            each["loss"] = self._in_book_terms(reconstruction, kl(mean, told))
            losses = {"loss": each["loss"].mean(), "bound": bound, **parts}
        if self.model.training:
            if options.beta != 1:
                objective = parts["reconstruction"] + options.beta * parts["kl"]
                losses = {"objective": objective, **losses}
            return losses, {}
        each["mse"] = (self.model.decode(mean).sigmoid() - pixels).square().mean(dim=1)
        codes = {"mean": mean, "log_variance": log_variance}
        return {**losses, "mse": each["mse"].mean()}, {"loss": each["bound"], **each, **codes}

    def _log_variance(self, told: Tensor) -> Tensor:
        """That of what is drawn, whatever the encoder's answer is called."""
        return 2 * told if self.config.learner.options.std == "whole" else told

    def _in_book_terms(self, reconstruction: Tensor, divergence: Tensor) -> Tensor:
        """What the book's code makes of both parts, (rows,); its mean has no half, so twice."""
        pixels, latent = int(np.prod(self.shape)), self.config.learner.options.latent
        found: Tensor = reconstruction / pixels + BOOK_WEIGHT * 2 * divergence / latent
        return found

    def _noise(self, batch: Batch, like: Tensor) -> Tensor:
        """From the step's stream; outside training those of the rows."""
        if self.model.training:
            return torch.randn_like(like)
        return self._noise_of(batch, like.shape[1]).to(like.device)

    def _noise_of(self, batch: Batch, numbers: int, draw: int = 0) -> Tensor:
        """What is drawn for the rows of a batch outside training, on the CPU."""
        purpose = f"{LATENT} {draw}" if draw else LATENT
        return normal_rows(self.config.seed, purpose, batch.numbers.cpu().numpy(), numbers)

    def evaluations(self, fold: FoldData, part: str) -> list[Evaluation]:
        """The loss, the bounds and the squared error, each beside those of the simple models.

        Last what the codes are worth with few labels, where that is asked for.
        """
        samples, meters = fold.part(part), self.meters(part)
        found = self.run_over(samples, meters)
        self._last = (fold, part, found)
        scores, rows = meters.scores(), self.config.trainer.eval_batch_size
        simple = [
            (one, self._losses_of(parts))
            for one, parts in measure(self._simple_models(fold), samples, self._look, rows)
        ]
        evaluated = []
        for name in ("loss", "bound", "mse"):
            if f"{part}/{name}" not in scores:
                continue
            each = found[name].double().cpu().numpy()
            own = Mean("model", "model", each, scores[f"{part}/{name}"])
            others = tuple(Mean(one.name, one.kind, measured[name]) for one, measured in simple)
            evaluated.append(Evaluation(f"{part}/{name}", "min", "row", own, others))
        if self.config.learner.options.bound_samples:
            evaluated.append(self._weighted(fold, part, simple))
        return [*evaluated, *self.prober.evaluations(fold, part, self)]

    def _losses_of(self, parts: Mapping[str, Any]) -> dict[str, Any]:
        """The scores of a simple model, of the parts of its bound."""
        both = parts["reconstruction"], parts["kl"]
        book = self.config.learner.options.terms == "book"
        loss = self._in_book_terms(*both) if book else both[0] + both[1]
        return {"loss": loss, "bound": both[0] + both[1], "mse": parts["mse"]}

    def _weighted(
        self, fold: FoldData, part: str, simple: Sequence[tuple[Simple, Mapping[str, Any]]]
    ) -> Evaluation:
        """The importance-weighted bound; of who draws no numbers it is the bound."""
        drawing = [one for one, _ in simple if one.draws]
        batches = fold.part(part).in_order(self.config.trainer.eval_batch_size)
        blocks = (self._weigher(batch, drawing) for batch in batches)
        own, *others = weighted_bounds(blocks, self.config.learner.options.bound_samples)
        found = {one.name: measured["bound"] for one, measured in simple}
        found |= dict(zip((one.name for one in drawing), others, strict=True))
        beside = tuple(Mean(one.name, one.kind, found[one.name]) for one, _ in simple)
        return Evaluation(f"{part}/iw_bound", "min", "row", Mean("model", "model", own), beside)

    def _weigher(self, batch: Batch, drawing: Sequence[Simple]) -> Weigh:
        """The log-weights of a draw for each row of a batch: the model's, then the others'."""
        with torch.no_grad():
            pixels, (mean, told) = self.flat(batch), self.model.encode(batch.inputs)
        log_variance = self._log_variance(told)
        exact = pixels.cpu().double()

        def weigh(draw: int) -> list[Tensor]:
            drawn = self._noise_of(batch, mean.shape[1], draw)
            noise = drawn.to(mean.device)
            numbers = mean + (log_variance / 2).exp() * noise
            taken = cross_entropy(self.model.decode(numbers), pixels)
            own = log_ratio(noise, numbers, log_variance) - taken
            return [own, *(one.log_weight(exact, drawn.double()) for one in drawing)]

        return weigh

    def _simple_models(self, fold: FoldData) -> list[Simple]:
        """Those fitted to the training rows, which the fold keeps."""
        numbers = self.config.learner.options.latent
        name = f"simple models of {numbers} numbers, seed {self.config.seed}"
        if name not in fold.learnt:
            rows = self.config.trainer.eval_batch_size
            fold.learnt[name] = simple_models(fold.train, self._look, self.config.seed, rows)
        found: list[Simple] = fold.learnt[name]
        return found

    def _look(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Pixels of a batch, and what is drawn for its rows, as simple models take them."""
        drawn = self._noise_of(batch, self.config.learner.options.latent)
        return self.flat(batch).cpu().double(), drawn.double()

    @torch.no_grad()
    def artifacts(self, into: Artifacts, when: str) -> None:
        """Samples after epochs 1, 2, 4, 8 ...; at the end reconstructions and the plane as well."""
        self.model.eval()
        latent, last = self.config.learner.options.latent, self._last
        if when == "end" or (into.epoch or 0).bit_count() == 1:
            latents.leave_samples(into, self._decode, self.shape, self.config.seed, latent)
        if when == "end" and latent == 2:
            latents.leave_plane(into, self._decode, self.shape)
        if when == "end" and last is not None:
            self._leave_evaluated(into, *last)
            self.prober.leave(into)

    def _leave_evaluated(
        self, into: Artifacts, fold: FoldData, part: str, found: Mapping[str, Tensor]
    ) -> None:
        """Reconstructions and places of what was evaluated last."""
        samples, mean = fold.part(part), found["mean"]
        shown = min(len(samples), 2 * latents.PAIRS**2)
        pixels = self.flat(samples.batch(0, shown))
        latents.leave_lines(into, (pixels, self._decode(mean[:shown])), self.shape, PAIRED)
        latents.leave_between(into, mean[: 4 * latents.PAIRS], self._decode, self.shape)
        if mean.shape[1] > 1:
            variance = found["log_variance"].exp()
            divergence = mean.square() + variance - found["log_variance"] - 1
            rows = fold.rows_of(part)
            latents.leave_places(into, mean, divergence, fold.data.samples, rows)

    def _decode(self, latent: Tensor) -> Tensor:
        """Pixels from 0 to 1."""
        return self.model.decode(latent.to(self.device)).sigmoid()


def _require_pictures(inputs: Mapping[str, Input]) -> tuple[str, Input]:
    """Name and description of the only input, if its rows are pictures.

    Raises:
        UsageError: they are not.
    """
    name, found = next(iter(inputs.items()))
    if found.kind == "dense" and len(found.shape) in (2, 3):
        return name, found
    kind = "a vector of" if found.kind == "dense" else "rows of ids of length"
    what = f"learner vae learns pictures, but a row of {name} is {kind} {found.shape[0]}"
    accepted = "pictures (height, width) or (channels, height, width)"
    raise UsageError(Problem(what, "dataset", accepted, "dataset=digits"))
