"""Language models: the next token of a text, from those before it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Self

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor

from ..config.schema import Config
from ..data.columns import Input, Passages, Rows
from ..data.targets import EncodedTarget
from ..errors import Problem, UsageError
from ..interrupts import check
from ..judging.evaluation import Evaluation, Kind
from ..judging.means import Ratio
from ..judging.ngrams import NGrams
from ..metrics.base import Values
from ..models.language import Language
from ..optimizers.named import autocast_type
from ..runs.artifacts import Artifacts
from ..seeds import derive
from ..sources.batches import Batch, Part
from ..sources.fold import FoldData
from ..sources.source import Source
from . import texts
from .learner import OneLoss
from .networks import build_network
from .writing import Drawing

ORDERS = {"character": 8, "word": 5}
"""Tokens of the longest n-grams that are tried."""
USUAL = {"character": 6, "word": 3}
"""And where no validation set chooses."""


@dataclass(frozen=True)
class Perplexity(Ratio):
    """e to the loss a token."""

    def value(self, units: Rows | None = None) -> float:
        """Of all or of some units."""
        return math.exp(super().value(units))


class LanguageModel(OneLoss):
    """Cross-entropy of the next token, after every token of a stretch or after its last.

    A stretch is read from an empty state. Scores are of bits a character: what a token takes by
    how many characters it has; a token that no training row has is spelled out, each character and
    an end taking the logarithm of how many different characters there are, for every answer alike.

    Args:
        config: names what is told.
        model: the network.
    """

    model: Language

    def __init__(self, config: Config, model: Language) -> None:
        super().__init__(config, model)
        self._last = config.learner.options.tells == "last"
        self._unit: str = config.dataset.options.unit
        self._length: int = config.dataset.options.length
        self._fold: FoldData | None = None

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
        ((name, found),) = inputs.items()
        if found.kind != "ids":
            what = f"learner language_model learns from a text, but {name} has numbers"
            raise UsageError(Problem(what, "dataset", "a text", "dataset=text"))
        chosen = config.learner.options.network
        build = partial(chosen.load(), name, found.ids, chosen.options, found.shape[0] - 1)
        return cls(config, build_network(config, build, device, fold, init="keras"))

    @property
    def fresh(self) -> int:
        """Tokens that are read from an empty state for each that is told; 0: as many as come."""
        return self._length if self._last else 0

    def source(self, fold: FoldData, number: int) -> Source:
        """The training stretches."""
        self._fold = fold
        return super().source(fold, number)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The loss in nats a token."""
        return {"loss": self._surprise(batch).mean()}

    def _surprise(self, batch: Batch) -> Tensor:
        """Nats of each token that is told, (rows, tokens)."""
        ids = batch.inputs[self.model.name]
        assert isinstance(ids, Tensor)
        hidden, _ = self.model.read(ids[:, :-1])
        if self._last:
            hidden, ids = hidden[:, -1:], ids[:, -1:]
        logits = self.model.tell(hidden).float()
        told = ids[:, -logits.shape[1] :]
        return F.cross_entropy(logits.flatten(0, 1), told.flatten(), reduction="none").view(
            told.shape
        )

    @torch.no_grad()
    def _measure(self, part: Part) -> Values:
        """Nats of each token that is told, (rows, tokens).

        Raises:
            Interrupted: a signal asks to stop.
        """
        self.model.eval()
        amp = autocast_type(self.config.trainer.precision)
        found = []
        for batch in part.in_order(self.config.trainer.eval_batch_size):
            check()
            with torch.autocast(self.device.type, amp, enabled=amp is not None):
                found.append(self._surprise(batch).double().cpu())
        return torch.cat(found).numpy()

    def validate(self, fold: FoldData) -> dict[str, float]:
        """Bits a character and the loss a token of the validation set; none without any."""
        self._fold = fold
        if fold.validation is None:
            return {}
        units = self._units(fold, "val")
        own = units.estimates("model", "model", self._measure(fold.validation))
        return {f"val/{name}": own[name].value() for name in units.scores}

    def evaluations(self, fold: FoldData, part: str) -> list[Evaluation]:
        """Bits a character and the loss a token, beside simpler models of the same text."""
        self._fold = fold
        units, found = self._units(fold, part), []
        own = units.estimates("model", "model", self._measure(fold.part(part)))
        simple = [units.estimates(*one) for one in self._simple(fold, units)]
        for score in units.scores:
            others = tuple(one[score] for one in simple)
            found.append(Evaluation(f"{part}/{score}", "min", "row", own[score], others))
        return found

    def _units(self, fold: FoldData, part: str) -> Units:
        """What the scores of a part are of, which the fold keeps."""
        key = f"units of {part}, {self.config.learner.options.tells}"
        if key not in fold.learnt:
            column = fold.columns[self.model.name]
            assert isinstance(column, Passages)
            rows = fold.rows_of(part)
            fold.learnt[key] = Units.of(column, rows, self._last, self._unit == "word")
        units: Units = fold.learnt[key]
        return units

    def _simple(self, fold: FoldData, units: Units) -> list[tuple[str, Kind, Values]]:
        """Name, kind and nats of each token of what a model must beat."""
        grams, order = self._ngrams(fold), self._order(fold)
        places, before = units.places, units.before
        alike = np.full(places.shape, math.log(self.model.ids))
        return [
            ("uniform", "constant", alike),
            ("unigram", "constant", grams.surprise(places, before, 1)),
            (f"{order}-gram (Kneser-Ney)", "classical", grams.surprise(places, before, order)),
        ]

    def _ngrams(self, fold: FoldData) -> NGrams:
        """N-grams of the training text, which the fold keeps."""
        if "n-grams" not in fold.learnt:
            column = fold.columns[self.model.name]
            assert isinstance(column, Passages)
            trained = column.take(fold.rows.train).reached()
            grams = NGrams(column.series, trained, self.model.ids, ORDERS[self._unit])
            fold.learnt["n-grams"] = grams
        found: NGrams = fold.learnt["n-grams"]
        return found

    def _order(self, fold: FoldData) -> int:
        """Which n-grams the validation set chooses, of the tokens that are told; kept likewise."""
        key = f"order of n-grams, {self.config.learner.options.tells}"
        if key not in fold.learnt:
            fold.learnt[key] = self._choose_order(fold)
        found: int = fold.learnt[key]
        return found

    def _choose_order(self, fold: FoldData) -> int:
        grams = self._ngrams(fold)
        if fold.validation is None:
            return min(USUAL[self._unit], grams.orders)
        held = self._units(fold, "val")
        each = range(1, grams.orders + 1)
        told = {n: grams.surprise(held.places, held.before, n).mean() for n in each}
        return min(told, key=lambda order: told[order])

    def artifacts(self, into: Artifacts, when: str) -> None:
        """Texts after each epoch; at the end how varied they are, too."""
        if self._fold is None:
            return
        self.model.eval()
        fold, column = self._fold, self._fold.columns[self.model.name]
        assert isinstance(column, Passages)
        rows = fold.rows.validation if len(fold.rows.validation) else fold.rows.train
        prompt, ways = texts.prompt_of(column, rows), [Drawing(t) for t in texts.TEMPERATURES]
        long = self.config.learner.options.shown
        seed = derive(self.config.seed, "texts", into.epoch or 0)
        many = texts.MANY if when == "end" else 1
        every = [way for way in ways for _ in range(many)]
        how = column.words, every, long, seed, self.fresh
        found = texts.write_texts(self.model, prompt, *how)
        texts.leave_texts(into, "".join(column.words[at] for at in prompt), found[::many], ways)
        if when == "end":
            known = {*texts.words_of(texts.text_of(column, fold.rows.train))}
            named = [
                (f"{way.temperature:g}", found[at * many : (at + 1) * many])
                for at, way in enumerate(ways)
            ]
            held = texts.follow(column, rows, many * long)
            texts.leave_temperatures(into, named, known, held)


@dataclass(frozen=True)
class Units:
    """The tokens that are told of some rows.

    Attributes:
        places: where each stands in the text, (rows, tokens).
        before: how many tokens of its row stand before each, likewise.
        characters: how many characters it has, likewise.
        spelled: nats that it takes to spell it out, 0 of a known one, likewise.
        scores: the names of the scores.
    """

    places: Rows
    before: Rows
    characters: Rows
    spelled: Values
    scores: tuple[str, ...]

    @classmethod
    def of(cls, column: Passages, rows: Rows, last: bool, words: bool) -> Units:
        """Those of some rows.

        Args:
            column: the text in numbers of a vocabulary.
            rows: which rows.
            last: whether only the last token of each is told.
            words: whether tokens are words.
        """
        every = column.take(rows).places()
        first = column.length if last else 1
        places, steps = every[:, first:], np.arange(first, column.length + 1)
        characters = column.widths[places].astype(np.int64)
        different = len({one for word in column.words[1:] for one in word}) + 1
        spelled = np.where(column.series[places] == 0, (characters + 1) * math.log(different), 0.0)
        scores = ("bits", "loss", "perplexity") if words else ("bits", "loss")
        before = np.broadcast_to(steps, places.shape)
        return cls(places, before, characters, spelled, scores)

    def estimates(self, name: str, kind: Kind, nats: Values) -> dict[str, Ratio]:
        """Each score of somebody, given the nats of each token, (rows, tokens)."""
        sums = nats.sum(1)
        counts = np.full(len(sums), float(nats.shape[1]))
        bits = (nats + self.spelled).sum(1) / math.log(2)
        return {
            "bits": Ratio(name, kind, bits, self.characters.sum(1).astype(np.float64)),
            "loss": Ratio(name, kind, sums, counts),
            "perplexity": Perplexity(name, kind, sums, counts),
        }
