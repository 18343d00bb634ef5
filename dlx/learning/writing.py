"""Writing with a language model: token by token, each drawn from what the network tells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..metrics.base import Values
from ..models.language import Language, State

LEAST = 1e-30  # temperature by which logits can be divided without becoming infinite


@dataclass(frozen=True)
class Drawing:
    """How a token is drawn.

    Attributes:
        temperature: logits are divided by it; 0 takes the most likely token each time.
        top_k: only so many of the most likely tokens are drawn; None: all.
        top_p: only the most likely ones that together have this chance (Holtzman and others, 2020,
            arXiv:1904.09751); 1: all.
        repetition_penalty: logits of the last tokens are divided by it where they are positive,
            else multiplied (Keskar and others, 2019, arXiv:1909.05858, 4.1); 1: as they are.
        memory: how many last tokens that concerns.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0
    repetition_penalty: float = 1.0
    memory: int = 64

    def chances(self, logits: Values, last: Sequence[Sequence[int]]) -> Values:
        """The chance of each token to be drawn, (texts, ids); 0 of the unknown one.

        Args:
            logits: of each token, (texts, ids).
            last: of each text the tokens that were written before, the latest last.
        """
        logits = logits.copy()
        logits[:, 0] = -np.inf
        if self.repetition_penalty != 1:
            for row, tokens in zip(logits, last, strict=True):
                seen = sorted({*tokens[-self.memory :]} - {0})
                factor = self.repetition_penalty
                row[seen] = np.where(row[seen] > 0, row[seen] / factor, row[seen] * factor)
        if self.temperature == 0:
            found = np.zeros_like(logits)
            found[np.arange(len(logits)), logits.argmax(1)] = 1
            return found
        logits /= max(self.temperature, LEAST)
        if self.top_k is not None and self.top_k < logits.shape[1]:
            least = np.partition(logits, -self.top_k, 1)[:, -self.top_k, None]
            logits[logits < least] = -np.inf
        chances = np.exp(logits - logits.max(1, keepdims=True))
        chances /= chances.sum(1, keepdims=True)
        return chances if self.top_p >= 1 else _nucleus(chances, self.top_p)

    def draw(self, logits: Values, last: Sequence[Sequence[int]], points: Values) -> list[int]:
        """A token of each text, given a number from 0 to 1 for each."""
        ends = self.chances(logits, last).cumsum(1)
        reached = ends > points[:, None] * ends[:, -1:]
        return [int(one) for one in reached.argmax(1)]


def _nucleus(chances: Values, share: float) -> Values:
    """Of each row the most likely tokens that together have a chance of `share`, scaled to 1."""
    order = np.argsort(-chances, axis=1, kind="stable")
    ordered = np.take_along_axis(chances, order, 1)
    kept = np.where(ordered.cumsum(1) - ordered < share, ordered, 0)
    found = np.zeros_like(chances)
    np.put_along_axis(found, order, kept / kept.sum(1, keepdims=True), 1)
    return found


class Reader:
    """A network that has read some texts, and reads on token by token.

    Args:
        model: in evaluation mode.
        fresh: tokens that it reads from an empty state for each token it tells; 0: its state is
            carried on. A network that learnt to tell only what follows so many tokens has never
            seen a state after more of them. As many states are kept as there are tokens to read,
            one begun at each of the last ones, so that no token is read twice one after the other.
    """

    def __init__(self, model: Language, fresh: int = 0) -> None:
        self.model, self._fresh = model, fresh
        self._state: State | None = None
        self._read = 0

    @torch.no_grad()
    def read(self, ids: Tensor) -> Tensor:
        """Logits of what follows, (rows, ids), once these tokens were read, (rows, tokens)."""
        if not self._fresh:
            hidden, self._state = self.model.read(ids, self._state)
            return self.model.tell(hidden[:, -1])
        for one in ids.unbind(1):
            logits = self._read_fresh(one)
        return logits

    def _read_fresh(self, ids: Tensor) -> Tensor:
        """The same of one token a row, in all states at once."""
        many, rows = self._fresh, len(ids)
        if self._state is not None:
            begin = self._read % many
            _forget(self._state, begin, many)
        hidden, self._state = self.model.read(ids.repeat_interleave(many)[:, None], self._state)
        self._read += 1
        oldest = self._read % many if self._read >= many else 0
        return self.model.tell(hidden.view(rows, many, -1)[:, oldest])


def _forget(state: object, begin: int, many: int) -> None:
    """Empties every so many-th row of what a recurrent network remembers."""
    if isinstance(state, Tensor):  # (layers, rows, units)
        state[:, begin::many] = 0
    else:
        assert isinstance(state, tuple)
        for one in state:
            _forget(one, begin, many)


@torch.no_grad()
def write(
    model: Language, prompt: Sequence[int], ways: Sequence[Drawing], seed: int, fresh: int = 0
) -> Iterator[list[int]]:
    """Writes on, without an end: the next token of each text.

    Args:
        model: in evaluation mode.
        prompt: what all texts begin with, at least one token.
        ways: how tokens of each text are drawn.
        seed: of the draws; each text has its own, whatever others are written with it.
        fresh: as `Reader` has it.
    """
    device = next(model.parameters()).device
    reader, rows = Reader(model, fresh), range(len(ways))
    draws = [np.random.Generator(np.random.PCG64([seed, row])) for row in rows]
    told, new = [list(prompt) for _ in rows], [0] * len(ways)
    alike = {way: [row for row in rows if ways[row] == way] for way in ways}
    given = torch.tensor(told, device=device)
    while True:
        logits = reader.read(given).double().cpu().numpy()
        for way, some in alike.items():
            points = np.array([draws[row].random() for row in some])
            tokens = way.draw(logits[some], [told[row] for row in some], points)
            for row, token in zip(some, tokens, strict=True):
                new[row] = token
                told[row].append(token)
        yield [*new]
        given = torch.tensor(new, device=device)[:, None]
