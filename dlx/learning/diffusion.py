"""Diffusion models: noise is laid over data, and a network learns to take it off."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from ..config.diffusion import LEVEL, NOISE
from ..config.schema import Config
from ..data.columns import Input
from ..data.targets import EncodedTarget
from ..errors import Problem, UsageError
from ..interrupts import check
from ..judging.evaluation import Evaluation
from ..judging.means import Mean
from ..models.sizes import RowSizes, measure_rows
from ..models.summary import LayerRow, layer_table
from ..optimizers.named import autocast_type
from ..runs.artifacts import Artifacts
from ..seeds import derive
from ..sources.batches import Batch
from ..sources.draws import draw_uniform
from ..sources.fold import FoldData
from ..sources.noise import normal_rows
from ..sources.source import Source
from . import samples
from .denoisers import Denoiser, Moments, errors_of
from .fidelity import Fidelity
from .latents import as_pictures
from .learner import OneLoss
from .networks import build_model
from .noising import Noising, level_code
from .penalties import Penalty

FRAMES = 36
"""Samples that are seen while noise is taken off them."""
BANDS = 20
"""Parts of the way from data to noise, of each of which the loss is told."""


class Diffusion(OneLoss):
    """A network that guesses the noise in noisy rows (Ho and others, 2020, arXiv:2006.11239).

    Rows lie between 0 and 1; noise is laid over them between -1 and 1. The loss is the mean squared
    error of the guessed noise, at steps that are drawn uniformly; those of a batch lie evenly apart
    (Kingma and others, 2021, arXiv:2107.00630, appendix I.1). Where the network predicts something
    else, its own error is the objective of training, and the loss stays.

    Samples come out of noise in few jumps, and are a function of the seed and the sample's number;
    so is, outside training, the noise that is laid over a row, of the seed and the row.

    Args:
        config: names the options of noise and network, and its penalty.
        model: noisy rows and `level` -> `noise`, (rows, numbers).
        data: name and description of the input.
        fold: number of the fold, from which starting weights derive.
    """

    def __init__(
        self, config: Config, model: nn.Module, data: tuple[str, Input], fold: int = 0
    ) -> None:
        super().__init__(config, model)
        self.input, described = data
        self.shape, options = described.shape, config.learner.options
        self._penalty = Penalty({"learner.denoiser": (options.denoiser, model)})
        self.noising = Noising.of(options.schedule, options.steps, options.predicts, self.device)
        self._fidelity, self._number = Fidelity(config, self.input, self._given), fold
        self._last: tuple[FoldData, str, dict[str, Tensor]] | None = None
        self._made: tuple[bytes, Tensor] | None = None

    @classmethod
    def build(
        cls,
        config: Config,
        inputs: Mapping[str, Input],
        targets: Mapping[str, EncodedTarget],  # noqa: ARG003 - it has none
        device: torch.device,
        fold: int = 0,
    ) -> Self:
        """A network with fresh weights."""
        data = samples.require_numbers(inputs, "diffusion")
        return cls(config, cls._build_denoiser(config, data, device, fold), data, fold)

    @staticmethod
    def _build_denoiser(
        config: Config, data: tuple[str, Input], device: torch.device, fold: int
    ) -> nn.Module:
        """A network with fresh weights."""
        name, described = data
        fed, outputs = _fed(config, {name: described}), {NOISE: int(np.prod(described.shape))}
        made: nn.Module = build_model(config, "denoiser", fed, outputs, device, fold)
        return made

    def source(self, fold: FoldData, number: int) -> Source:
        """The training rows; refuses those whose numbers are not from 0 to 1."""
        for batch in fold.train.in_order(self.config.trainer.eval_batch_size):
            low, high = (float(end) for end in self._given(batch).aminmax())
            if low < 0 or high > 1:
                what = f"learner diffusion makes numbers from 0 to 1, but {self.input} has {low:g} "
                accepted = "numbers from 0 to 1, as the step scale makes them"
                hint = "'prepare.steps=[{name: scale}]', or with divide_by: 255 for bytes"
                raise UsageError(Problem(f"{what}to {high:g}", "prepare.steps", accepted, hint))
        return super().source(fold, number)

    def measure(self, inputs: Mapping[str, Input]) -> RowSizes:
        """What a row takes of memory in the network."""
        return measure_rows(self.model, _fed(self.config, inputs))

    def layers(self, inputs: Mapping[str, Input]) -> list[LayerRow]:
        """The layers of the network."""
        return layer_table(self.model, _fed(self.config, inputs))

    def penalty(self, group: str = "model") -> Tensor | None:  # noqa: ARG002
        """What L1 and L2 of the network add; None where neither is asked for."""
        return self._penalty()

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The loss; in training, of a network that predicts something else, its objective first."""
        return self.compute(batch)[0]

    def compute(self, batch: Batch) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The losses of a batch; outside training, too, what the loss is a mean of."""
        if not self.model.training:
            each = torch.stack([self._error(*look) for look in self.looks(batch)], dim=1)
            return {"loss": each.mean()}, {"loss": each}
        data, rows = self._rows_of(batch), batch.rows
        places = torch.rand(1, device=self.device) + torch.arange(rows, device=self.device) / rows
        step = self._step_at(places)
        noise = torch.randn_like(data)
        noisy = self.noising.mix(data, noise, step)
        answer = self._answer(noisy, step)
        loss = (self.noising.noise_in(answer, noisy, step) - noise).square().mean()
        if self.noising.predicts == "noise":
            return {"loss": loss}, {}
        objective = (answer - self.noising.aim(data, noise, step)).square().mean()
        return {"objective": objective, "loss": loss.detach()}, {}

    def looks(self, batch: Batch) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """What stands for the rows of a batch outside training, at several levels of noise.

        Yields:
            Noisy rows, the noise in them, and the step of each; the same for a row in any batch.
        """
        data, rows = self._rows_of(batch), batch.numbers.cpu().numpy()
        for look, step in enumerate(self.steps_of(batch.numbers).T):
            numbers = data[0].numel()
            noise = normal_rows(self.config.seed, f"{NOISE} {look}", rows, numbers)
            noise = noise.to(self.device).view_as(data)
            yield self.noising.mix(data, noise, step), noise, step

    def steps_of(self, rows: Tensor) -> Tensor:
        """The steps at which rows of the dataset are scored, (rows, looks)."""
        looks = self.config.learner.options.looks
        first = draw_uniform(rows, derive(self.config.seed, LEVEL)).to(self.device)
        places = first[:, None] + torch.arange(looks, device=self.device) / looks
        return self._step_at(places)

    def _step_at(self, places: Tensor) -> Tensor:
        """The step at places on the way from data (0) to noise (1); whole ways do not count."""
        return (places % 1 * self.noising.steps).long().clamp(max=self.noising.steps - 1) + 1

    def _error(self, noisy: Tensor, noise: Tensor, step: Tensor) -> Tensor:
        """The mean squared error of the guessed noise, by row."""
        found = self.noising.noise_in(self._answer(noisy, step), noisy, step)
        return (found - noise).square().flatten(1).mean(dim=1)

    def _answer(self, noisy: Tensor, step: Tensor) -> Tensor:
        """What the network answers, of the rows' shape."""
        code = level_code(step, self.noising.steps, self.config.learner.options.level)
        found: Tensor = self.model({self.input: noisy, LEVEL: code})[NOISE]
        return found.float().view_as(noisy)

    def _given(self, batch: Batch) -> Tensor:
        given = batch.inputs[self.input]
        assert isinstance(given, Tensor)
        return given

    def _rows_of(self, batch: Batch) -> Tensor:
        """Rows between -1 and 1."""
        return self._given(batch) * 2 - 1

    @torch.no_grad()
    def sample(self, many: int) -> Tensor:
        """The first samples, the same for the same weights whoever asks; on the CPU.

        Raises:
            Interrupted: a signal asks to stop.
        """
        key = self._digest()
        if self._made is None or self._made[0] != key or len(self._made[1]) < many:
            most = self.config.trainer.eval_batch_size
            starts = range(0, many, most)
            parts = [self._from_noise(self._noise(at, min(many, at + most))) for at in starts]
            self._made = key, torch.cat(parts)
        return self._made[1][:many]

    def _digest(self) -> bytes:
        """Of the weights: making samples again takes longer."""
        found = hashlib.sha256()
        for tensor in self.module.state_dict().values():
            found.update(tensor.detach().cpu().contiguous().numpy().data)
        return found.digest()

    def sample_untrained(self, many: int) -> Tensor:
        """The same samples of a network with the weights that the seed gives."""
        data = self.input, Input("dense", self.shape)
        fresh = self._build_denoiser(self.config, data, self.device, self._number)
        return type(self)(self.config, fresh, data, self._number).sample(many)

    def _noise(self, first: int, last: int) -> Tensor:
        """What some samples start from, (rows, numbers), on the CPU."""
        numbers = int(np.prod(self.shape))
        return normal_rows(self.config.seed, "samples", np.arange(first, last), numbers)

    def _from_noise(self, noise: Tensor) -> Tensor:
        """A sample of each row of noise."""
        return [*self._remove(noise)][-1]

    @torch.no_grad()
    def _remove(self, noise: Tensor) -> Iterator[Tensor]:
        """Rows after each jump from noise to samples, on the CPU; cut off at 0 and 1."""
        self.model.eval()
        amp = autocast_type(self.config.trainer.precision)

        def guess(rows: Tensor, step: Tensor) -> Tensor:
            check()
            with torch.autocast(self.device.type, amp, enabled=amp is not None):
                return self._answer(rows, step)

        start = noise.to(self.device).view(-1, *self.shape)
        for rows in self.noising.remove(guess, start, self.config.learner.options.jumps):
            yield (rows.cpu() + 1).div(2).clamp(0, 1)

    def evaluations(self, fold: FoldData, part: str) -> list[Evaluation]:
        """The loss, beside those of answers that need no network; how good samples are."""
        meters = self.meters(part)
        found = {"model": self.run_over(fold.part(part), meters)["loss"].double().cpu()}
        simple = self._denoisers(fold)
        errors = [
            torch.stack([torch.stack([*errors_of(simple, *look)]) for look in self._seen(batch)])
            for batch in fold.part(part).in_order(self.config.trainer.eval_batch_size)
        ]
        found |= {
            one.name: each.T
            for one, each in zip(simple, torch.cat(errors, dim=2).double().unbind(1), strict=True)
        }
        self._last = fold, part, found
        means = {name: each.mean(dim=1).numpy() for name, each in found.items()}
        own = Mean("model", "model", means["model"], meters.scores()[f"{part}/loss"])
        others = tuple(Mean(one.name, one.kind, means[one.name]) for one in simple)
        loss = Evaluation(f"{part}/loss", "min", "row", own, others)
        judged = self._fidelity.evaluations(fold, part, self.sample, self.sample_untrained)
        return [loss, *judged]

    def _seen(self, batch: Batch) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
        """What simple answers are given of a batch: noisy rows, noise, and the shares of both."""
        for noisy, noise, step in self.looks(batch):
            shares = self.noising.shares(step, noise[:, :1].flatten(1)[:, :1])
            yield tuple(one.flatten(1).cpu() for one in (noisy, noise, *shares))  # type: ignore[misc]

    def _denoisers(self, fold: FoldData) -> list[Denoiser]:
        """Those that training rows teach, which the fold keeps."""
        if "denoisers" not in fold.learnt:
            batches = fold.train.in_order(self.config.trainer.eval_batch_size)
            blocks = (self._rows_of(batch).flatten(1).cpu() for batch in batches)
            fold.learnt["denoisers"] = Moments.of(blocks).denoisers()
        found: list[Denoiser] = fold.learnt["denoisers"]
        return found

    @torch.no_grad()
    def artifacts(self, into: Artifacts, when: str) -> None:
        """Samples of every few epochs; at the end how they come out of noise, and the losses."""
        every = self.config.learner.options.shown_every
        if when == "epoch" and (into.epoch or 0) % every:
            return
        made = self.sample(samples.SHOWN)
        samples.leave(into, made)
        if when == "epoch":
            return
        if made.dim() > 2:
            self._leave_ways(into)
        if self._last is not None:
            fold, part, errors = self._last
            self._leave_levels(into, self.steps_of(fold.part(part).numbers).cpu(), errors)
            self._fidelity.leave(into, fold, self.sample, part)

    def _leave_ways(self, into: Artifacts) -> None:
        """How samples come out of noise, and what lies between two."""
        seen = [as_pictures(rows, self.shape) for rows in self._remove(self._noise(0, FRAMES))]
        told = "samples while noise is taken off them, jump after jump"
        into.film("denoising", np.stack(seen), ms=200, title="Out of noise", caption=told)
        first, last = self._noise(0, 2 * samples.LINES).chunk(2)
        samples.leave_between(into, self._from_noise(samples.between(first, last)))

    def _leave_levels(self, into: Artifacts, steps: Tensor, errors: Mapping[str, Tensor]) -> None:
        """The loss by how much noise there is, of everybody."""
        band = (steps - 1) * BANDS // self.noising.steps
        many = torch.bincount(band.flatten(), minlength=BANDS)
        columns: dict[str, Any] = {"noise level": ((torch.arange(BANDS) + 0.5) / BANDS).tolist()}
        for name, each in errors.items():
            total = torch.zeros(BANDS).double().scatter_add_(0, band.flatten(), each.flatten())
            columns[name] = (total / many).tolist()
        told = "mean squared error of the guessed noise, by how far rows are on the way to noise"
        into.lines("levels", columns, title="Loss by noise level", caption=told)


def _fed(config: Config, inputs: Mapping[str, Input]) -> dict[str, Input]:
    """What the network is fed."""
    return {**inputs, LEVEL: Input("dense", (config.learner.options.level,))}
