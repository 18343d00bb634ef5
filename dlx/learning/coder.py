"""What learners have in common that give each row as a few numbers, and rows from numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from torch import Tensor, nn

from ..config.schema import Config
from ..data.columns import Input
from ..models.summary import LayerRow, layer_table
from ..sources.batches import Batch
from ..sources.fold import FoldData
from ..sources.source import Source
from .learner import OneLoss
from .penalties import Penalty
from .probe import Prober


class Coder(OneLoss):
    """An encoder and a decoder of one input, moved together.

    Attributes:
        code: what the decoder reads, and the option that says how many numbers that is.
        input: name of the input.
        prober: judges the codes by labels, where it is asked to.
        shape: of its rows.
        numbers: of a row's code.

    Args:
        config: names the networks, with their penalties.
        model: has them as `encoder` and `decoder`.
        data: name and description of the input.
    """

    code: ClassVar[str]
    model: Any

    def __init__(self, config: Config, model: nn.Module, data: tuple[str, Input]) -> None:
        super().__init__(config, model)
        self.input, described = data
        self.shape = described.shape
        options = config.learner.options
        self.numbers: int = getattr(options, self.code)
        parts = {name: getattr(model, name) for name in ("encoder", "decoder")}
        chosen = {f"learner.{name}": (getattr(options, name), one) for name, one in parts.items()}
        self._penalty = Penalty(chosen)
        self.prober = Prober(config)
        self._last: tuple[FoldData, str, dict[str, Tensor]] | None = None

    @property
    def seeing(self) -> nn.Module | None:
        """The encoder."""
        encoder: nn.Module = self.model.encoder
        return encoder

    def source(self, fold: FoldData, number: int) -> Source:
        """The training rows; refuses labels that cannot judge what is learnt of them."""
        self.prober.require(fold, number)
        return super().source(fold, number)

    def layers(self, inputs: Mapping[str, Input]) -> list[LayerRow]:
        """The layers of the encoder, then those of the decoder."""
        code = {self.code: Input("dense", (self.numbers,))}
        given = {"encoder": (self.model.encoder, inputs), "decoder": (self.model.decoder, code)}
        return [
            replace(row, name=f"{name}.{row.name}")
            for name, (network, taken) in given.items()
            for row in layer_table(network, taken)
        ]

    def penalty(self, group: str = "model") -> Tensor | None:  # noqa: ARG002
        """What L1 and L2 of encoder and decoder add; None where neither asks for any."""
        return self._penalty()

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The loss of a batch, and what is told beside it."""
        return self.compute(batch)[0]

    def flat(self, batch: Batch) -> Tensor:
        """The input's rows as vectors, (rows, numbers)."""
        given = batch.inputs[self.input]
        assert isinstance(given, Tensor)
        return given.flatten(1)

    def out_of_range(self, fold: FoldData) -> tuple[float, float] | None:
        """The ends of the first numbers that do not lie between 0 and 1; None where all do."""
        parts = [part for part in (fold.train, fold.validation) if part is not None]
        batches = (b for part in parts for b in part.in_order(self.config.trainer.eval_batch_size))
        for batch in batches:
            low, high = (float(end) for end in self.flat(batch).aminmax())
            if low < 0 or high > 1:
                return low, high
        return None
