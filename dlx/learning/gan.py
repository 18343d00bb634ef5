"""Generative adversarial networks: one makes samples, the other tells them from data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from ..config.schema import Config
from ..config.specs import learners as options
from ..data.columns import Input
from ..data.targets import EncodedTarget
from ..errors import Problem, UsageError
from ..interrupts import check
from ..judging.evaluation import Evaluation
from ..models.sizes import RowSizes, measure_rows
from ..models.summary import LayerRow, layer_table
from ..optimizers.named import Optimizers
from ..runs.artifacts import Artifacts
from ..sources.batches import Batch
from ..sources.fold import FoldData
from ..sources.noise import normal_rows
from ..sources.source import Source
from ..state import State
from . import samples
from .adversarial import Adversarial
from .fidelity import Fidelity
from .filmstrip import Filmstrip
from .learner import Learner
from .meters import Meters
from .networks import build_model
from .penalties import Penalty

NOISE, MADE, REAL = "noise", "made", "real"


class Gan(Learner):
    """A generator and a discriminator (Goodfellow and others, 2014, arXiv:1406.2661).

    The discriminator gives a logit of a row being from the data; its loss is the cross-entropy of
    rows of a batch and of as many samples. The generator's is that of its samples being taken for
    data, which does not saturate where they are told apart (there, section 3). In a step each
    moves once, the discriminator first. Numbers of a sample lie between 0 and 1.

    Samples are judged by the Fréchet distance of their principal components from those of rows
    that did not train. What they are made of is a function of the seed and the sample's number.

    Args:
        config: names the models, their penalties, and how many numbers a sample is made of.
        networks: `generator` and `discriminator`.
        data: name and description of the input.
        fold: number of the fold, from which starting weights derive.
    """

    def __init__(
        self,
        config: Config,
        networks: Mapping[str, nn.Module],
        data: tuple[str, Input],
        fold: int = 0,
    ) -> None:
        super().__init__(config, networks)
        self.options: options.Gan = config.learner.options
        self.input, described = data
        self.shape, self._fold = described.shape, fold
        self._penalties = {
            name: Penalty({f"learner.{name}": (getattr(config.learner.options, name), network)})
            for name, network in networks.items()
        }
        self._fidelity = Fidelity(config, self.input, self._rows_of)
        self._last: tuple[FoldData, str] | None = None
        self._losses, self._strip = Adversarial(self.options), Filmstrip()

    @classmethod
    def build(
        cls,
        config: Config,
        inputs: Mapping[str, Input],
        targets: Mapping[str, EncodedTarget],  # noqa: ARG003 - it has none
        device: torch.device,
        fold: int = 0,
    ) -> Self:
        """Both networks with fresh weights."""
        name, described = samples.require_numbers(inputs, "gan")
        networks = {
            "generator": cls._build_generator(config, described.shape, device, fold),
            "discriminator": build_model(config, "discriminator", inputs, {REAL: 1}, device, fold),
        }
        return cls(config, networks, (name, described), fold)

    @staticmethod
    def _build_generator(
        config: Config, shape: tuple[int, ...], device: torch.device, fold: int
    ) -> nn.Module:
        """A generator of rows of a shape, with fresh weights."""
        outputs = {MADE: int(np.prod(shape))}
        made: nn.Module = build_model(config, "generator", _noise_of(config), outputs, device, fold)
        return made

    @property
    def seeing(self) -> nn.Module | None:
        """The discriminator."""
        return self.networks["discriminator"]

    def source(self, fold: FoldData, number: int) -> Source:
        """The training rows; refuses those whose numbers are not from 0 to 1."""
        for batch in fold.train.in_order(self.config.trainer.eval_batch_size):
            low, high = (float(end) for end in self._rows_of(batch).aminmax())
            if low < 0 or high > 1:
                what = f"learner gan makes numbers from 0 to 1, but {self.input} has {low:g} to "
                accepted = "numbers from 0 to 1, as the step scale makes them"
                hint = "'prepare.steps=[{name: scale}]', or with divide_by: 255 for bytes"
                raise UsageError(Problem(f"{what}{high:g}", "prepare.steps", accepted, hint))
        self._last = fold, "" if fold.validation is None else "val"
        return super().source(fold, number)

    def measure(self, inputs: Mapping[str, Input]) -> RowSizes:
        """What a sample and a row take of memory in both networks."""
        found = [measure_rows(network, taken) for network, taken in self._fed(inputs).values()]
        return RowSizes(sum(one.kept for one in found), max(one.widest for one in found))

    def layers(self, inputs: Mapping[str, Input]) -> list[LayerRow]:
        """The layers of the generator, then those of the discriminator."""
        return [
            replace(row, name=f"{name}.{row.name}")
            for name, (network, taken) in self._fed(inputs).items()
            for row in layer_table(network, taken)
        ]

    def _fed(self, inputs: Mapping[str, Input]) -> dict[str, tuple[nn.Module, Mapping[str, Input]]]:
        """Each network, and what it is fed."""
        fed = {"generator": _noise_of(self.config), "discriminator": inputs}
        return {name: (self.networks[name], taken) for name, taken in fed.items()}

    def penalty(self, group: str) -> Tensor | None:
        """What L1 and L2 of a network's model add; None where neither is asked for."""
        return self._penalties[group]()

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The loss of each network."""
        return {"discriminator": self.tell_apart(batch), "generator": self.deceive(batch)}

    def tell_apart(self, batch: Batch) -> Tensor:
        """The discriminator's loss, of the rows and of as many samples."""
        with torch.no_grad():
            made = self.generate(batch.rows)
        rows = self._rows_of(batch)
        if self.options.output == "tanh":
            rows = 2 * rows - 1
        return self._losses.discriminator(self._judge(made), self._judge(rows))

    def deceive(self, batch: Batch) -> Tensor:
        """The generator's loss, of as many samples as the batch has rows."""
        return self._losses.generator(self._judge(self.generate(batch.rows)))

    def generate(self, rows: int) -> Tensor:
        """So many samples, from the stream of the step, as the discriminator sees them."""
        noise = torch.randn(rows, self.options.noise, device=self.device)
        return self._activate(self.networks["generator"], noise)

    def _activate(self, generator: nn.Module, noise: Tensor) -> Tensor:
        """A sample of each row of noise, as the discriminator sees it."""
        made: Tensor = generator({NOISE: noise})[MADE].float()
        bounded = made.sigmoid() if self.options.output == "sigmoid" else made.tanh()
        return bounded.view(-1, *self.shape)

    def make(self, noise: Tensor, generator: nn.Module | None = None) -> Tensor:
        """A sample of each row of noise, (rows, ...) as the data are; perhaps by another one."""
        made = self._activate(generator or self.networks["generator"], noise)
        return (made + 1) / 2 if self.options.output == "tanh" else made

    def _judge(self, rows: Tensor) -> Tensor:
        """A logit of each row being from the data."""
        found: Tensor = self.networks["discriminator"]({self.input: rows})[REAL]
        return found.float()

    def _rows_of(self, batch: Batch) -> Tensor:
        given = batch.inputs[self.input]
        assert isinstance(given, Tensor)
        return given

    def step(self, batch: Batch, optimizers: Optimizers, meters: Meters) -> None:
        """Moves the discriminator, then the generator; the meters are told when that is done."""
        told: list[tuple[Batch, dict[str, Tensor]]] = []
        self._note()

        def closure(name: str, loss: Callable[[Batch], Tensor]) -> Callable[[Batch], Any]:
            def losses(micro: Batch) -> dict[str, Tensor]:
                found = {name: loss(micro)}
                if not optimizers.again:
                    told.append((micro, found))
                return found

            return losses

        for name, loss in (("discriminator", self.tell_apart), ("generator", self.deceive)):
            optimizers.step(name, batch, closure(name, loss))
        for micro, found in told:
            meters.update(micro, found, {})
        self._strip.steps += 1

    def _note(self) -> None:
        """Looks at the weights before a step whose number is 0 or a power of two."""
        if not self._strip.is_due:
            return
        generator = self.networks["generator"]
        mode = generator.training
        self._strip.note(self.sample)
        if self._last is not None and self._last[1] == "val" and not self._strip.steps:
            self._strip.note_distance(self._fidelity.distance(*self._last, self.sample))
        generator.train(mode)

    def state(self) -> State:
        """The weights, and what was seen of samples in the steps before."""
        seen = self._strip.state()
        return State({**super().state().tensors, **seen.tensors}, seen.facts)

    def restore(self, state: State) -> None:
        """Puts back what `state` gave."""
        own = self.module.state_dict()
        self.load_weights({name: one for name, one in state.tensors.items() if name in own})
        self._strip.restore(state)

    @torch.no_grad()
    def sample(self, many: int, generator: nn.Module | None = None) -> Tensor:
        """The first samples, the same for the same weights whoever asks; on the CPU.

        Args:
            many: how many.
            generator: makes them; None: the learner's own.

        Raises:
            Interrupted: a signal asks to stop.
        """
        generator = generator or self.networks["generator"]
        generator.eval()
        found, most = [], self.config.trainer.eval_batch_size
        for start in range(0, many, most):
            check()
            numbers = np.arange(start, min(many, start + most))
            wide = self.options.noise
            noise = normal_rows(self.config.seed, "samples", numbers, wide)
            found.append(self.make(noise.to(self.device), generator).cpu())
        return torch.cat(found)

    def validate(self, fold: FoldData) -> dict[str, float]:
        """How far samples are from validation rows; nothing without any."""
        self._last = fold, "" if fold.validation is None else "val"
        if fold.validation is None:
            return {}
        far = self._fidelity.distance(fold, "val", self.sample)
        self._strip.note_distance(far)
        return {"val/frechet": far}

    def evaluations(self, fold: FoldData, part: str) -> list[Evaluation]:
        """Distance, precision and recall of samples, beside those of what they must beat."""
        self._last = fold, part
        return self._fidelity.evaluations(fold, part, self.sample, self.sample_untrained)

    def sample_untrained(self, many: int) -> Tensor:
        """The same samples of a generator with the weights that the seed gives."""
        fresh = self._build_generator(self.config, self.shape, self.device, self._fold)
        return self.sample(many, fresh)

    def artifacts(self, into: Artifacts, when: str) -> None:
        """Samples of every few epochs and of the end, a film of them, and their nearest rows."""
        every = self.options.shown_every
        if when == "epoch" and (into.epoch or 0) % every:
            return
        made = self.sample(samples.SHOWN)
        samples.leave(into, made)
        if when == "epoch":
            return
        self._strip.leave(into, made)
        samples.leave_between(into, self._sample_between())
        if self._last is not None:
            self._fidelity.leave(into, self._last[0], self.sample, self._last[1])

    @torch.no_grad()
    def _sample_between(self) -> Tensor:
        """Samples along the way from one point of noise to another, a line each."""
        numbers = np.arange(2 * samples.LINES)
        ends = normal_rows(self.config.seed, "samples", numbers, self.options.noise)
        noise = samples.between(ends[: samples.LINES], ends[samples.LINES :])
        return self.make(noise.to(self.device)).cpu()


def _noise_of(config: Config) -> dict[str, Input]:
    return {NOISE: Input("dense", (config.learner.options.noise,))}
