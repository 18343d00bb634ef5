"""Attention between the steps of (B, T, F), and what tells it where a step stands."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from ..errors import Problem, RunError
from .inputs import Padded, round_steps


class SinusoidalPosition(nn.Module):
    """Adds sines and cosines of the step's number (Vaswani and others, arXiv:1706.03762, 3.5).

    The first half of the features are sines, the second cosines: another order of the same.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Gives the shape of `x`."""
        time, features = x.shape[1:]
        half = -(-features // 2)
        rates = torch.exp(torch.arange(half, device=x.device) * (-math.log(10_000) / half))
        angles = torch.arange(time, device=x.device).unsqueeze(1) * rates
        return x + torch.cat([angles.sin(), angles.cos()], 1)[:, :features].to(x.dtype)


class LearnedPosition(nn.Embedding):
    """Adds a learned vector a step, for so many steps."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        """Gives the shape of `input`."""
        time, most = input.shape[1], round_steps(self.num_embeddings, input.device)
        if time > most:
            what = f"a row has {time} steps, but the layer position has {self.num_embeddings}"
            accepted = f"rows of at most {self.num_embeddings} steps, or length: {time} or more"
            hint = f"prepare.steps=[{{name: truncate, length: {self.num_embeddings}}}]"
            raise RunError(Problem(what, "length of the positions", accepted, f"'{hint}'"))
        if (beyond := time - self.num_embeddings) > 0:  # what fills rows on a GPU
            return input + F.pad(self.weight, (0, 0, 0, beyond))
        return input + self.weight[:time]


class Attention(nn.Module):
    """Multi-head self-attention (Vaswani and others, arXiv:1706.03762, 3.2).

    Args:
        features: of each step, before and after.
        heads: how many there are.
        key: length of each one's queries, keys and values; None: features / heads.
    """

    reads_time = True

    def __init__(self, features: int, heads: int, key: int | None = None) -> None:
        super().__init__()
        self.heads = heads
        width = heads * (key or features // heads)
        self.query, self.key, self.value = (nn.Linear(features, width) for _ in range(3))
        self.out = nn.Linear(width, features)

    def forward(self, x: Tensor | Padded) -> Tensor | Padded:
        """Gives the shape of `x`; no step attends to what fills a row."""
        values = x if isinstance(x, Tensor) else x.values
        query, key, value = (
            self._share(part(values)) for part in (self.query, self.key, self.value)
        )
        seen = None if isinstance(x, Tensor) else x.counts()[:, None, None]
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=seen)
        given: Tensor = self.out(mixed.transpose(1, 2).flatten(2))
        return given if isinstance(x, Tensor) else Padded(given, x.lengths)

    def _share(self, values: Tensor) -> Tensor:
        """(B, T, heads * key) as (B, heads, T, key)."""
        return values.view(*values.shape[:2], self.heads, -1).transpose(1, 2)


class Transformer(nn.Module):
    """Encoder block: attention and two dense layers, each added to what was before it.

    Args:
        attention: between the steps.
        dense: units of the first dense layer.
        norm_first: whether layers are normalised before each part (Xiong and others,
            arXiv:2002.04745), else after each sum.
        dropout: share of each part's output that is set to zero in training.
    """

    reads_time = True

    def __init__(self, attention: Attention, dense: int, norm_first: bool, dropout: float) -> None:
        super().__init__()
        features = attention.out.out_features
        self.attention = attention
        self.inner, self.outer = nn.Linear(features, dense), nn.Linear(dense, features)
        self.norms = nn.ModuleList(nn.LayerNorm(features) for _ in range(2))
        self.norm_first = norm_first
        self.dropout = dropout

    def forward(self, x: Tensor | Padded) -> Tensor | Padded:
        """Gives the shape of `x`."""
        if isinstance(x, Tensor):
            return self._run(x, None)
        return Padded(self._run(x.values, x.lengths), x.lengths)

    def _run(self, values: Tensor, lengths: Tensor | None) -> Tensor:
        first, second = self.norms
        if self.norm_first:
            values = values + self._attend(first(values), lengths)
            return values + self._think(second(values))
        values = first(values + self._attend(values, lengths))
        given: Tensor = second(values + self._think(values))
        return given

    def _attend(self, values: Tensor, lengths: Tensor | None) -> Tensor:
        given = self.attention(values if lengths is None else Padded(values, lengths))
        return self._drop(given if isinstance(given, Tensor) else given.values)

    def _think(self, values: Tensor) -> Tensor:
        return self._drop(self.outer(F.relu(self.inner(values))))

    def _drop(self, values: Tensor) -> Tensor:
        return F.dropout(values, self.dropout, self.training)


class AttentionPool(nn.Module):
    """Mean of the steps, weighted by a softmax of their scores (Yang and others, NAACL 2016)."""

    reads_time = True

    def __init__(self, features: int) -> None:
        super().__init__()
        self.score = nn.Linear(features, 1)

    def forward(self, x: Tensor | Padded) -> Tensor:
        """Gives (B, F)."""
        values = x if isinstance(x, Tensor) else x.values
        scores: Tensor = self.score(values)
        if not isinstance(x, Tensor):
            scores = scores.masked_fill(~x.counts().unsqueeze(2), -torch.inf)
        return (scores.softmax(1) * values).sum(1)
