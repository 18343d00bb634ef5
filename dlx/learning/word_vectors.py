"""Word vectors: a word gets the vector that tells which words stand near it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Self

import torch
from torch import Tensor, nn

from ..config.schema import Config
from ..data.columns import Input
from ..data.targets import EncodedTarget
from ..errors import Problem, UsageError
from ..interrupts import check
from ..judging.evaluation import Evaluation
from ..judging.means import Ratio
from ..metrics.base import Values
from ..models.inputs import Batch as Inputs
from ..models.inputs import Padded
from ..models.sizes import RowSizes
from ..runs.artifacts import Artifacts
from ..seeds import derive
from ..sources.batches import Batch, Part
from ..sources.draws import draw_uniform
from ..sources.fold import FoldData
from ..sources.source import Source
from . import neighbours
from .learner import OneLoss
from .nearby import BLOCK, Known, Nearby
from .networks import build_network
from .vocabulary import Chances, Vocabulary

DRAWN = 256
"""Words drawn outside training: evenly among all, the same for every text."""
SAMPLE = 1000
"""Training texts, at most, that tell how many near words a text has."""


class Vectors(nn.Module):
    """Two vectors of each word: one for telling words near it, one for being told.

    Args:
        name: of the input.
        ids: how many there are.
        size: numbers of a vector.
    """

    def __init__(self, name: str, ids: int, size: int) -> None:
        super().__init__()
        self.name = name
        self.words, self.contexts = nn.Embedding(ids, size), nn.Embedding(ids, size)

    def forward(self, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """Both vectors of each id, (rows, time, size)."""
        ids = _padded(inputs[self.name]).values
        return self.words(ids), self.contexts(ids)


class WordVectors(OneLoss):
    """Skip-gram or CBOW with negative sampling (Mikolov and others, 2013, arXiv:1310.4546).

    A word near another is told from words drawn at random, and these from it: the loss is that of
    logistic regression on the products of vectors, `negatives` times the mean of those drawn added
    to each near word's. What frequencies tell is in every logit from the start, as in noise-
    contrastive estimation (Mnih and Kavukcuoglu, 2013), so that vectors need not learn it: they
    start at the baseline, and a product is how much more often two words meet than by chance.
    Frequent words are left out of a text first (there, section 2.3), which
    brings the others nearer; how far a word's nearness reaches is drawn for each. The words drawn
    at random are the same for a whole step (Ji and others, 2016, arXiv:1604.04661).

    What is left out and how far is near are functions of the word's place in its row, and of the
    step; outside training of the seed, so that a score is the same each time. The loss of a batch
    is what its texts have together by what as many texts have on average, so that long texts count
    for more, and micro-batches are parts of their batch.

    Args:
        config: names the options.
        model: the vectors.
    """

    model: Vectors

    def __init__(self, config: Config, model: Vectors) -> None:
        super().__init__(config, model)
        self.options = config.learner.options
        self._fold: FoldData | None = None
        self._chances: Chances | None = None
        self._usual = 1.0

    @classmethod
    def build(
        cls,
        config: Config,
        inputs: Mapping[str, Input],
        targets: Mapping[str, EncodedTarget],  # noqa: ARG003 - it has none
        device: torch.device,
        fold: int = 0,
    ) -> Self:
        """Fresh vectors of all ids."""
        name, described = _require_ids(inputs)
        build = partial(Vectors, name, described.ids, config.learner.options.size)
        return cls(config, build_network(config, build, device, fold, init="keras"))

    def measure(self, inputs: Mapping[str, Input]) -> RowSizes:
        """What a row takes of memory, if all its words stay."""
        (found,) = inputs.values()
        around = BLOCK + 2 * self.options.window
        wide = 2 * self.options.size + 5 * around
        long = found.longest if found.ragged else found.shape[0]
        most = max(self.options.drawn, DRAWN)
        return RowSizes(long * (wide + 2 * self.options.drawn), long * (wide + 2 * most))

    def source(self, fold: FoldData, number: int) -> Source:
        """The training texts, whose words are counted first."""
        self._learn_words(fold)
        return super().source(fold, number)

    def _learn_words(self, fold: FoldData) -> Vocabulary:
        """The words of the training texts, which the fold keeps."""
        if "vocabulary" not in fold.learnt:
            column, rows = fold.columns[self.model.name], fold.rows.train
            fold.learnt["vocabulary"] = Vocabulary.of(self.model.name, column, rows)
        found: Vocabulary = fold.learnt["vocabulary"]
        if self._fold is not fold:
            self._fold = fold
            self._chances = Chances(found.counts, self.options, self.device)
            every = torch.arange(0, len(fold.train), -(-len(fold.train) // SAMPLE))
            _, many = self._sums(fold.train.take(every.to(self.device)), self._frequencies())
            self._usual = max(1.0, float(many.mean()))
        return found

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The loss of a word near another; of `cbow`, of a word."""
        key, places = self._drawn()
        loss, _, _ = self._measure(batch, self._known(), key, places)
        return {"loss": loss.sum() / (batch.rows * self._usual)}

    def _known(self) -> Known:
        """What the model knows of words."""
        assert self._chances is not None
        model = self.model
        return Known(model.words.weight, model.contexts.weight, self._chances.surplus)

    def _frequencies(self) -> Known:
        """What is known of words by their frequencies alone."""
        assert self._chances is not None
        nothing = self._chances.surplus.new_zeros(len(self._chances.surplus), 1)
        return Known(nothing, nothing, self._chances.surplus)

    def _drawn(self, again: bool = False) -> tuple[int, Tensor]:
        """What all that is drawn derives from: from the step's stream, or the same again.

        Returns:
            A key for the words of texts, and places of words among all.
        """
        if again:
            places = (torch.arange(DRAWN, dtype=torch.float64) + 0.5) / DRAWN
            return derive(self.config.seed, "nearby"), places
        many = self.options.drawn
        places = (torch.arange(many) + torch.rand(many, dtype=torch.float64)) / many
        return int(torch.randint(2**62, ())), places

    def _measure(
        self, batch: Batch, known: Known, key: int, places: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The loss at each word that stays, its text, and of how many it is the sum; (words,)."""
        assert self._chances is not None
        ids, texts, numbers = _words_of(batch, self.model.name)
        drawn = draw_uniform(torch.stack([numbers * 2, numbers * 2 + 1]), key)
        stays = drawn[0] < self._chances.stays[ids]
        ids, texts = ids[stays], texts[stays]
        window = self.options.window
        reach = (drawn[1][stays] * window).long() + 1
        near = Nearby.of(ids, texts, reach, window)
        found = near.skip_gram if self.options.method == "skip_gram" else near.cbow
        told = self._chances.draw(places.to(self.device))
        loss, many = found(known, told, self.options.negatives)
        return loss, texts, many

    def validate(self, fold: FoldData) -> dict[str, float]:
        """The loss on validation texts; nothing without any."""
        self._learn_words(fold)
        if fold.validation is None:
            return {}
        return {"val/loss": self._own(fold.validation).value()}

    def _own(self, part: Part) -> Ratio:
        return Ratio("model", "model", *self._sums(part, self._known()))

    @torch.no_grad()
    def _sums(self, part: Part, known: Known) -> tuple[Values, Values]:
        """The loss of each text, and of how many it is the sum.

        Raises:
            Interrupted: a signal asks to stop.
        """
        key, places = self._drawn(again=True)
        found: list[Tensor] = []
        for batch in part.in_order(self.config.trainer.eval_batch_size):
            check()
            loss, texts, many = self._measure(batch, known, key, places)
            sums = torch.zeros(2, batch.rows, dtype=torch.float64, device=self.device)
            found.append(sums.index_add_(1, texts, torch.stack([loss, many]).double()).cpu())
        whole = torch.cat(found, dim=1).numpy()
        return whole[0], whole[1]

    def evaluations(self, fold: FoldData, part: str) -> list[Evaluation]:
        """The loss, beside that of who knows how frequent each word is and not what it is near."""
        self._learn_words(fold)
        samples = fold.part(part)
        alike = self._sums(samples, self._frequencies())
        others = (Ratio("word frequencies", "constant", *alike),)
        return [Evaluation(f"{part}/loss", "min", "row", self._own(samples), others)]

    def artifacts(self, into: Artifacts, when: str) -> None:
        """At the end the vectors of all words of the training texts, and what is near what."""
        if when == "end" and self._fold is not None:
            vectors = self.model.words.weight.detach().float().cpu().numpy()
            neighbours.leave(into, self._learn_words(self._fold), vectors)


def _padded(given: object) -> Padded:
    """Rows of ids with their lengths, which may all be the same."""
    if isinstance(given, Padded):
        return given
    assert isinstance(given, Tensor)
    return Padded(given, given.new_full((len(given),), given.shape[1]))


def _words_of(batch: Batch, name: str) -> tuple[Tensor, Tensor, Tensor]:
    """The ids of a batch end to end, the row of each in it, and a number that no other has."""
    given = _padded(batch.inputs[name])
    rows, places = given.counts().nonzero(as_tuple=True)
    if batch.part is None:
        numbers = rows
    else:
        numbers = batch.part.numbers[batch.start : batch.start + batch.rows][rows]
    return given.values[rows, places], rows, (numbers << 24) + places


def _require_ids(inputs: Mapping[str, Input]) -> tuple[str, Input]:
    """Name and description of the only input, if its rows are ids in order.

    Raises:
        UsageError: they are not.
    """
    name, found = next(iter(inputs.items()))
    if found.kind == "ids":
        return name, found
    kind = "multi-hot rows" if found.kind == "multi_hot" else "rows of numbers"
    what = f"learner word_vectors learns from words in order, but {name} has {kind}"
    raise UsageError(Problem(what, "dataset", "texts, or rows of word ids", "dataset=imdb"))
