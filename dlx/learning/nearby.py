"""Which words of a text stand near which, for many words at once, and how well vectors tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor

BLOCK = 32
"""Words whose nearby words are compared in one product of matrices."""


class Known(NamedTuple):
    """What is known of each word, by id.

    Attributes:
        vectors: of it as a word that tells, (ids, numbers).
        contexts: of it as a word that is told, (ids, numbers).
        logits: of being near, whatever tells it, (ids,).
    """

    vectors: Tensor
    contexts: Tensor
    logits: Tensor


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

    def skip_gram(self, known: Known, drawn: Tensor, negatives: float) -> tuple[Tensor, Tensor]:
        """Each word tells every word near it.

        Args:
            known: of each word.
            drawn: ids of words drawn at random, which each word tells from those near it.
            negatives: the weight of their mean, against one near word's.

        Returns:
            The loss at each word, and of how many near words it is the sum; (words,) each.
        """
        own, others = F.embedding(self.words, known.vectors), F.embedding(drawn, known.contexts)
        logits = own @ F.embedding(self.around, known.contexts).transpose(1, 2)
        logits = logits + known.logits[self.around].unsqueeze(1)
        told, near = (F.softplus(-logits) * self.near).sum(2), self.near.sum(2)
        apart = F.softplus(own @ others.T + known.logits[drawn]).mean(2)
        return self._flat(told + negatives * near * apart), self._flat(near)

    def cbow(self, known: Known, drawn: Tensor, negatives: float) -> tuple[Tensor, Tensor]:
        """The mean of the words near it tells each word; arguments and results as `skip_gram`."""
        near, others = self.near.sum(2), F.embedding(drawn, known.contexts)
        mean = self.near @ F.embedding(self.around, known.vectors) / near.clamp(min=1).unsqueeze(2)
        logits = (mean * F.embedding(self.words, known.contexts)).sum(2) + known.logits[self.words]
        apart = F.softplus(mean @ others.T + known.logits[drawn]).mean(2)
        some = (near > 0).float()
        return self._flat((F.softplus(-logits) + negatives * apart) * some), self._flat(some)

    def _flat(self, values: Tensor) -> Tensor:
        """What each word has, without what fills the last block."""
        return values.flatten()[: self.many]
