"""Networks that tell the next token of a text, by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...errors import Problem
from ..fields import Component, Table, option


@dataclass(frozen=True, kw_only=True)
class LanguageNetwork:
    """Options that every such network has."""

    layers: int = option(1, "how many stand on one another", ge=1)
    dropout: float = option(
        0.0, "share of what a layer gives that is set to zero in training", ge=0, lt=1
    )
    tied: bool = option(
        False, "tell tokens by the vectors that they are read by (Press and Wolf, 2017)"
    )

    def check(self) -> Iterator[tuple[str, Problem]]:
        """What its options contradict, and the option where it stands; hints as OPTION=VALUE."""
        return iter(())


@dataclass(frozen=True, kw_only=True)
class Recurrent(LanguageNetwork):
    """Options of those that read a text token by token into a state."""

    units: int = option(128, "length of each layer's state", ge=1)
    embedding: int | None = option(
        None, "length of the vector that a token is read by; null: one-hot", ge=1
    )

    def check(self) -> Iterator[tuple[str, Problem]]:
        """Vectors that are read and told by must be as long as the state."""
        if self.tied and self.embedding != self.units:
            length = self.embedding or "null"
            what = f"`tied` tells tokens by their vectors, but `embedding` is {length}"
            hint = f"embedding={self.units}"
            yield "embedding", Problem(what, "", f"{self.units}, as units are", hint)


class Lstm(Recurrent):
    """Long short-term memory (Hochreiter and Schmidhuber, 1997)."""


class Gru(Recurrent):
    """Gated recurrent units (Cho and others, 2014)."""


@dataclass(frozen=True, kw_only=True)
class Transformer(LanguageNetwork):
    """Decoder blocks: attention to what was before, normalised first, with rotary positions.

    A token attends to as many before it as a stretch has, so that a text of any length can be
    written (Vaswani and others, 2017; Su and others, 2021; Beltagy and others, 2020).
    """

    layers: int = option(2, "how many stand on one another", ge=1)
    width: int = option(128, "numbers of a token's vector", ge=2)
    heads: int = option(4, "heads of attention", ge=1)
    dense: int = option(512, "units of the dense layer of each block", ge=1)

    def check(self) -> Iterator[tuple[str, Problem]]:
        """Each head needs pairs of numbers to turn."""
        if self.width % (2 * self.heads):
            size = 2 * self.heads
            what = f"`width` {self.width} is no multiple of {size}, twice the number of heads"
            right = max(size, round(self.width / size) * size)
            yield "width", Problem(what, "", f"a multiple of {size}", f"width={right}")


_CODE = "dlx.models.language"
LANGUAGE_NETWORKS = Table(
    "network",
    {
        "lstm": Component(Lstm, f"{_CODE}:build_lstm"),
        "gru": Component(Gru, f"{_CODE}:build_gru"),
        "transformer": Component(Transformer, f"{_CODE}:build_transformer"),
    },
)
