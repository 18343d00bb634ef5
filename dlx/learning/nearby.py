"""Which words of a text stand near which, for many words at once, and how well vectors tell."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor

BLOCK = 32
"""Words whose nearby words are compared in one product of matrices."""


@dataclass(frozen=True)
class Nearby:
    """Blocks of words in a row, each with the words from before to after it.

    Attributes:
        words: ids, (blocks, BLOCK); the last block may be filled with 0.
        around: ids of the same words with `window` more at either side,
            (blocks, BLOCK + 2 * window).
        near: 1 where one of `around` is near a word, else 0, (blocks, BLOCK, BLOCK + 2 * window).
        many: how many words there are.
    """

    words: Tensor
    around: Tensor
    near: Tensor
    many: int

    @classmethod
    def of(cls, ids: Tensor, texts: Tensor, reach: Tensor, window: int) -> Nearby:
        """Blocks of texts that lie end to end.

        Args:
            ids: of the words, int64, (words,).
            texts: the text that each word stands in: near words are of the same.
            reach: how far from each word others are near it, from 1 to `window`.
            window: the most words at either side.
        """
        spare = -len(ids) % BLOCK if len(ids) else BLOCK

        def cut(values: Tensor, fill: int) -> Tensor:
            return F.pad(values, (0, spare), value=fill).view(-1, BLOCK)

        def spread(values: Tensor, fill: int) -> Tensor:
            padded = F.pad(values, (window, window + spare), value=fill)
            return padded.unfold(0, BLOCK + 2 * window, BLOCK)

        places = torch.arange(BLOCK + 2 * window, device=ids.device) - window
        far = (places - torch.arange(BLOCK, device=ids.device).unsqueeze(1)).abs()
        near = cut(texts, -2).unsqueeze(2) == spread(texts, -1).unsqueeze(1)
        near &= (far > 0) & (far <= cut(reach, 0).unsqueeze(2))
        return cls(cut(ids, 0), spread(ids, 0), near.float(), len(ids))

    def skip_gram(
        self, vectors: Tensor, contexts: Tensor, drawn: Tensor, negatives: float
    ) -> tuple[Tensor, Tensor]:
        """Each word tells every word near it.

        Args:
            vectors: of each word as one that tells, (ids, numbers).
            contexts: of each word as one that is told, (ids, numbers).
            drawn: ids of words drawn at random, which each word tells from those near it.
            negatives: the weight of their mean, against one near word's.

        Returns:
            The loss at each word, and of how many near words it is the sum; (words,) each.
        """
        own = F.embedding(self.words, vectors)
        logits = own @ F.embedding(self.around, contexts).transpose(1, 2)
        told, near = (F.softplus(-logits) * self.near).sum(2), self.near.sum(2)
        apart = F.softplus(own @ F.embedding(drawn, contexts).T).mean(2)
        return self._flat(told + negatives * near * apart), self._flat(near)

    def cbow(
        self, vectors: Tensor, contexts: Tensor, drawn: Tensor, negatives: float
    ) -> tuple[Tensor, Tensor]:
        """The mean of the words near it tells each word; arguments and results as `skip_gram`."""
        near = self.near.sum(2)
        mean = self.near @ F.embedding(self.around, vectors) / near.clamp(min=1).unsqueeze(2)
        told = F.softplus(-(mean * F.embedding(self.words, contexts)).sum(2))
        apart = F.softplus(mean @ F.embedding(drawn, contexts).T).mean(2)
        some = (near > 0).float()
        return self._flat((told + negatives * apart) * some), self._flat(some)

    def _flat(self, values: Tensor) -> Tensor:
        """What each word has, without what fills the last block."""
        return values.flatten()[: self.many]
