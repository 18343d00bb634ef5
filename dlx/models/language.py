"""Networks that tell the next token of a text, all of it at once or token by token.

A network reads ids, (rows, tokens), and gives a vector for each; what it has to remember is its
state. Read in pieces, with the state of one given to the next, a text gives the same as at once.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from ..config.specs import language as specs
from . import loops
from .inputs import Batch

State = tuple[Any, ...]
"""What each layer remembers of the text so far."""


class Teller(nn.Module):
    """Logits of every token, from the vector at the one before it.

    Args:
        size: numbers of the vector.
        ids: how many tokens there are.
        tied: whether the vectors that tokens are read by stand in the place of a kernel.
    """

    def __init__(self, size: int, ids: int, tied: bool) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(ids))
        self.weight = None if tied else nn.Parameter(torch.zeros(ids, size))

    def forward(self, hidden: Tensor, vectors: Tensor | None) -> Tensor:
        """(..., size) -> (..., ids)."""
        kernel = self.weight if vectors is None else vectors
        assert kernel is not None
        return F.linear(hidden, kernel, self.bias)


class Language(nn.Module, ABC):
    """Base of all such networks.

    Args:
        name: of the input.
        ids: how many tokens there are.
        size: numbers of the vector that tokens are told from.
        embedding: numbers of the vector that each is read by; None: one-hot.
        options: of the network.
    """

    def __init__(
        self, name: str, ids: int, size: int, embedding: int | None, options: specs.LanguageNetwork
    ) -> None:
        super().__init__()
        self.name, self.ids = name, ids
        self.embedding = nn.Embedding(ids, embedding) if embedding else None
        self.out = Teller(size, ids, options.tied)
        self._tied, self._dropout = options.tied, options.dropout

    @property
    def vectors(self) -> Tensor | None:
        """What each token is read by, (ids, size); None: one-hot."""
        return None if self.embedding is None else self.embedding.weight

    @abstractmethod
    def read(self, ids: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """A vector for each token, (rows, tokens, size), and what is remembered after the last.

        Args:
            ids: (rows, tokens).
            state: what is remembered of what was before them; None: nothing was.
        """

    def tell(self, hidden: Tensor) -> Tensor:
        """Logits of the token that follows each, (..., ids)."""
        logits: Tensor = self.out(hidden, self.vectors if self._tied else None)
        return logits

    def forward(self, inputs: Batch) -> Tensor:
        """Logits of all tokens of some rows but their first."""
        ids = inputs[self.name]
        assert isinstance(ids, Tensor)
        return self.tell(self.read(ids[:, :-1])[0])

    def _drop(self, values: Tensor) -> Tensor:
        return F.dropout(values, self._dropout, self.training)


class _Reads:
    """Of a recurrent layer that reads tokens by their vectors, or one-hot."""

    def rows(self, ids: Tensor, vectors: Tensor | None) -> Tensor:
        """The vectors of tokens, (rows, tokens, size)."""
        if vectors is not None:
            return F.embedding(ids, vectors)
        size: int = self.input_size  # type: ignore[attr-defined]
        return F.one_hot(ids, size).to(torch.get_default_dtype())


class TokenGRU(_Reads, nn.GRU):
    """A GRU over tokens."""

    def forward(  # type: ignore[override]
        self, ids: Tensor, vectors: Tensor | None, state: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Its output at each token, and its state after the last."""
        output, last = super().forward(self.rows(ids, vectors), state)
        return output, last


class TokenLSTM(_Reads, nn.LSTM):
    """An LSTM over tokens.

    On a CPU what a token adds to the gates is looked up: of a few tokens it is computed once.
    """

    _flat_weights: list[Tensor]  # type: ignore[assignment]

    def forward(  # type: ignore[override]
        self, ids: Tensor, vectors: Tensor | None, state: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Its output at each token, and its state after the last."""
        if state is not None or ids.is_cuda:
            return super().forward(self.rows(ids, vectors), state)
        weights = loops.Weights(*self._flat_weights)
        with torch.autocast(ids.device.type, enabled=False):
            kernel = weights.ih.t()
            table = kernel if vectors is None else vectors.float() @ kernel
            gates = F.embedding(ids.t(), table + (weights.bias_ih + weights.bias_hh))
            output, cell = loops.run_lstm_gates(gates, weights.hh)
        return output.transpose(0, 1), (output[-1:], cell[None])


class Recurrent(Language):
    """LSTM or GRU layers on one another; the state of each is carried on."""

    first: ClassVar[type[TokenGRU | TokenLSTM]]
    later: ClassVar[type[nn.LSTM | nn.GRU]]

    def __init__(self, name: str, ids: int, options: specs.Recurrent) -> None:
        super().__init__(name, ids, options.units, options.embedding, options)
        units = options.units
        self.layers = nn.ModuleList([self.first(options.embedding or ids, units, batch_first=True)])
        for _ in range(1, options.layers):
            self.layers.append(self.later(units, units, batch_first=True))

    def read(self, ids: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """A vector for each token, and each layer's state after the last."""
        before = state or (None,) * len(self.layers)
        hidden, last = self.layers[0](ids, self.vectors, before[0])
        after = [last]
        for layer, one in zip(self.layers[1:], before[1:], strict=True):
            hidden, last = layer(self._drop(hidden), one)
            after.append(last)
        return self._drop(hidden), tuple(after)


class LSTMLanguage(Recurrent):
    """Of LSTM layers."""

    first, later = TokenLSTM, nn.LSTM


class GRULanguage(Recurrent):
    """Of GRU layers."""

    first, later = TokenGRU, nn.GRU


class Block(nn.Module):
    """Attention to what was before, and two dense layers, each added to what comes in.

    Keys and values of the last tokens are its state. Queries and keys are turned by an angle that
    grows with the place in the text (Su and others, arXiv:2104.09864), so that only how far two
    tokens are apart matters.

    Args:
        options: of the network.
        reach: how many tokens one attends to, itself among them.
    """

    def __init__(self, options: specs.Transformer, reach: int) -> None:
        super().__init__()
        width = options.width
        self.heads, self.reach, self.dropout = options.heads, reach, options.dropout
        self.mix, self.join = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.inner, self.outer = nn.Linear(width, options.dense), nn.Linear(options.dense, width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))

    def forward(
        self, x: Tensor, turn: tuple[Tensor, Tensor], before: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Gives the shape of `x`, and keys and values of the last tokens.

        Args:
            x: (rows, tokens, width).
            turn: cosine and sine of each token's angles, (tokens, width / heads / 2).
            before: keys and values of the tokens before them; None: there are none.
        """
        rows, tokens, width = x.shape
        mixed = self.mix(self.norms[0](x)).view(rows, tokens, 3, self.heads, -1)
        query, key, value = mixed.permute(2, 0, 3, 1, 4).unbind(0)
        query, key = _turn(query, turn), _turn(key, turn)
        if before is not None:
            key, value = torch.cat([before[0], key], 2), torch.cat([before[1], value], 2)
        seen = self._seen(tokens, key.shape[2], x.device)
        found = F.scaled_dot_product_attention(query, key, value, attn_mask=seen)
        x = x + self._drop(self.join(found.transpose(1, 2).reshape(rows, tokens, width)))
        x = x + self._drop(self.outer(F.gelu(self.inner(self.norms[1](x)))))
        keep = self.reach - 1
        return x, (
            key[:, :, -keep:] if keep else key[:, :, :0],
            value[:, :, -keep:] if keep else value[:, :, :0],
        )

    def _seen(self, tokens: int, keys: int, device: torch.device) -> Tensor:
        """Which keys each token attends to: the last ones up to itself."""
        ends = torch.arange(keys - tokens, keys, device=device)[:, None]
        apart = ends - torch.arange(keys, device=device)
        return (apart >= 0) & (apart < self.reach)

    def _drop(self, values: Tensor) -> Tensor:
        return F.dropout(values, self.dropout, self.training)


def _turn(values: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    """Pairs of numbers turned by the angles of their token."""
    one, two = values.chunk(2, -1)
    cosine, sine = (part.to(values.dtype) for part in turn)
    return torch.cat([one * cosine - two * sine, one * sine + two * cosine], -1)


class TransformerLanguage(Language):
    """Decoder blocks, and a normalisation at their end."""

    def __init__(self, name: str, ids: int, options: specs.Transformer, reach: int) -> None:
        super().__init__(name, ids, options.width, options.width, options)
        self.blocks = nn.ModuleList(Block(options, reach) for _ in range(options.layers))
        self.norm = nn.LayerNorm(options.width)
        self._pairs = options.width // options.heads // 2

    def read(self, ids: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """A vector for each token; each block's keys and values, and how many tokens were read."""
        assert self.embedding is not None
        begun = 0 if state is None else state[-1]
        hidden = self._drop(self.embedding(ids))
        turn = self._angles(begun, ids.shape[1], ids.device)
        after = []
        for place, block in enumerate(self.blocks):
            hidden, kept = block(hidden, turn, None if state is None else state[place])
            after.append(kept)
        return self.norm(hidden), (*after, begun + ids.shape[1])

    def _angles(self, begun: int, tokens: int, device: torch.device) -> tuple[Tensor, Tensor]:
        steps = torch.arange(self._pairs, dtype=torch.float64, device=device)
        rates = torch.exp(steps * (-math.log(10_000) / self._pairs))
        places = torch.arange(begun, begun + tokens, dtype=torch.float64, device=device)
        angles = places[:, None] * rates
        return angles.cos(), angles.sin()


def build_lstm(name: str, ids: int, options: specs.Recurrent, reach: int) -> Language:  # noqa: ARG001
    """LSTM layers."""
    return LSTMLanguage(name, ids, options)


def build_gru(name: str, ids: int, options: specs.Recurrent, reach: int) -> Language:  # noqa: ARG001
    """GRU layers."""
    return GRULanguage(name, ids, options)


def build_transformer(name: str, ids: int, options: specs.Transformer, reach: int) -> Language:
    """Decoder blocks in which a token attends to `reach` tokens."""
    return TransformerLanguage(name, ids, options, reach)
