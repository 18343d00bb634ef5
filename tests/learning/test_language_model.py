"""Language models: read in pieces as at once, scored in bits, exact to repeat; what they write."""

from __future__ import annotations

import csv
import math
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from small import built, loaded, status_of, trained

from dlx.config.specs.language import LANGUAGE_NETWORKS
from dlx.errors import UsageError
from dlx.learning.language_model import LanguageModel
from dlx.learning.writing import Drawing, Reader, write
from dlx.models.language import Language
from dlx.runs.artifacts import list_artifacts
from dlx.sources.fold import FoldData
from dlx.testing import check_learner

TINY = (
    *("task=textgen", "dataset.sample=true", "trainer.threads=1", "trainer.epochs=2"),
    *("dataset.length=12", "learner.network.units=8", "learner.shown=12", "trainer.batch_size=128"),
)
ALL = {
    "lstm": "learner.network={name: lstm, units: 8, layers: 2}",
    "tied": "learner.network={name: lstm, units: 8, embedding: 8, tied: true}",
    "gru": "learner.network={name: gru, units: 8, layers: 2, embedding: 5}",
    "transformer": "learner.network={name: transformer, width: 8, heads: 2, dense: 12, layers: 3}",
}
LAST = ("learner.tells=last", "dataset.step=3")


def build(*overrides: str) -> tuple[FoldData, LanguageModel]:
    torch.set_num_threads(1)
    *_, fold, training = built(*overrides, base=TINY)
    assert isinstance(training.learner, LanguageModel)
    training.learner.networks.eval()
    with torch.no_grad():  # what starts small hides what differs
        for parameter in training.learner.networks.parameters():
            parameter.copy_(torch.empty_like(parameter).uniform_(-0.5, 0.5))
    return fold, training.learner


def ids_of(model: Language, rows: int = 3, tokens: int = 40) -> torch.Tensor:
    return torch.randint(model.ids, (rows, tokens), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", ALL)
def test_a_text_in_pieces_gives_what_it_gives_at_once(name: str) -> None:
    model = build(ALL[name])[1].model
    ids = ids_of(model)

    with torch.no_grad():
        whole, state, pieces = model.tell(model.read(ids)[0]), None, []
        for piece in ids.split([7, 1, 1, 20, 11], dim=1):
            hidden, state = model.read(piece, state)
            pieces.append(model.tell(hidden))

    assert torch.allclose(torch.cat(pieces, 1), whole, atol=1e-5)


def test_a_network_that_tells_the_last_token_reads_as_many_as_it_learnt() -> None:
    _, learner = build(*LAST)
    model, many = learner.model, learner.fresh
    ids = ids_of(model)
    reader = Reader(model, many)

    found = [reader.read(ids[:, :many]), *(reader.read(one[:, None]) for one in ids[:, many:].T)]

    for at, logits in enumerate(found):
        fresh = model.tell(model.read(ids[:, at : at + many])[0][:, -1])
        assert torch.allclose(logits, fresh, atol=1e-5)


@pytest.mark.parametrize("name", ["lstm", "transformer"])
def test_what_is_written_is_what_would_be_drawn_of_the_whole_text(name: str) -> None:
    model, way = build(ALL[name])[1].model, Drawing(0.8)
    prompt, draw = [3, 1, 2], np.random.Generator(np.random.PCG64([5, 0]))

    found = [one for (one,), _ in zip(write(model, prompt, [way], 5), range(30), strict=False)]

    told = [*prompt]
    for _ in range(30):
        with torch.no_grad():
            logits = model.tell(model.read(torch.tensor([told]))[0][:, -1]).double().numpy()
        told += way.draw(logits, [told], np.array([draw.random()]))
    assert found == told[3:]


def test_what_is_beaten_is_the_same_whoever_shares_the_training_rows() -> None:
    """Trials of a sweep do: n-grams are chosen by the tokens that each learner tells."""
    fold, every = build()
    alone, last = build("learner.tells=last")

    def beaten(learner: LanguageModel, fold: FoldData) -> list[str]:
        return [one.name for one in learner.evaluations(fold, "val")[0].baselines]

    assert beaten(every, fold)[2] == "4-gram (Kneser-Ney)"
    assert beaten(last, fold) == beaten(last, alone) != beaten(every, fold)


def test_each_text_is_the_same_whatever_is_written_beside_it() -> None:
    model = build()[1].model
    ways = [Drawing(0.5), Drawing(1.0), Drawing(1.0)]

    three = [row for row, _ in zip(write(model, [1, 2], ways, 7), range(20), strict=False)]
    one = [row[0] for row, _ in zip(write(model, [1, 2], ways[:1], 7), range(20), strict=False)]

    assert [row[0] for row in three] == one
    assert [row[1] for row in three] != [row[2] for row in three]


LOGITS = np.array([[9.0, 1.0, 3.0, 2.0, -1.0]])


@pytest.mark.parametrize(
    ("way", "wanted"),
    [
        (Drawing(0), [0, 0, 1, 0, 0]),
        (Drawing(1e-320), [0, 0, 1, 0, 0]),
        (Drawing(top_k=2), [0, 0, math.e / (1 + math.e), 1 / (1 + math.e), 0]),
        (Drawing(top_k=9), np.r_[0, np.exp(LOGITS[0, 1:]) / np.exp(LOGITS[0, 1:]).sum()]),
        (Drawing(top_p=0.5), [0, 0, 1, 0, 0]),
        (Drawing(top_p=0.7), [0, 0, math.e / (1 + math.e), 1 / (1 + math.e), 0]),
        (Drawing(0, repetition_penalty=2), [0, 0, 0, 1, 0]),  # 3 / 2 < 2
    ],
    ids=lambda one: repr(one) if isinstance(one, Drawing) else "",
)
def test_tokens_are_drawn_as_asked(way: Drawing, wanted: Any) -> None:
    assert way.chances(LOGITS, [[2, 4]])[0] == pytest.approx(np.array(wanted, float))


def test_a_penalty_makes_negative_logits_less_likely_too() -> None:
    plain, penalised = Drawing(), Drawing(repetition_penalty=2)

    assert penalised.chances(LOGITS, [[4]])[0, 4] < plain.chances(LOGITS, [[4]])[0, 4]


@pytest.mark.parametrize("more", [(), LAST], ids=["every", "last"])
def test_the_loss_is_the_cross_entropy_of_what_follows(more: tuple[str, ...]) -> None:
    fold, learner = build(*more)
    batch = fold.train.batch(0, 5)
    ids = batch.inputs["text"]
    assert isinstance(ids, torch.Tensor)

    logits, told = learner.model({"text": ids}), ids[:, 1:]
    if more:
        logits, told = logits[:, -1:], told[:, -1:]
    wanted = F.cross_entropy(logits.flatten(0, 1), told.flatten())

    assert torch.allclose(learner.losses(batch)["loss"], wanted)


def test_bits_are_of_characters_and_what_is_unknown_is_spelled() -> None:
    fold, learner = build("dataset.unit=word", "prepare.steps.0.most=5")
    evaluations = {one.score: one for one in learner.evaluations(fold, "val")}
    column: Any = fold.columns["text"]
    given = column.take(fold.rows.validation)
    ids, wide = (part[given.places()[:, 1:]] for part in (column.series, column.widths))
    letters = len({one for word in column.words[1:] for one in word}) + 1

    bits, loss = (evaluations[f"val/{name}"] for name in ("bits", "loss"))

    spelled = ((wide + 1) * (ids == 0)).sum() * math.log(letters)
    nats = loss.own.value() * ids.size + spelled
    assert (ids == 0).any()
    assert bits.own.value() == pytest.approx(nats / math.log(2) / wide.sum())
    assert evaluations["val/perplexity"].own.value() == pytest.approx(math.exp(loss.own.value()))
    assert [one.name.partition("-")[0] for one in bits.baselines][:2] == ["uniform", "unigram"]
    assert loss.baselines[0].value() == pytest.approx(math.log(6))


@pytest.mark.slow  # of the default suite a task has an LSTM
@pytest.mark.parametrize("name", LANGUAGE_NETWORKS.entries)
def test_every_network_keeps_the_contract(name: str) -> None:
    check_learner(*TINY, ALL[name])


@pytest.mark.slow
def test_what_tells_the_last_token_keeps_the_contract() -> None:
    check_learner(*TINY, *LAST)


def test_a_run_leaves_texts_by_epoch_and_temperature() -> None:
    run = trained(base=TINY)
    found = {(one.name, one.epoch): run.folder / one.file for one in list_artifacts(run.folder)}

    assert {*found} >= {("samples", 1), ("samples", 2), ("samples", None), ("temperatures", None)}
    rows = [*csv.DictReader(found["temperatures", None].read_text().splitlines())]
    assert [row["temperature"] for row in rows] == ["0.2", "0.5", "1", "1.2", "held-out text"]
    assert status_of(run.folder)["directions"]["val/bits"] == "min"


@pytest.mark.parametrize(
    ("overrides", "told", "hint"),
    [
        (
            ["prepare.steps=[]"],
            "learner language_model reads the numbers of a vocabulary, but there is no step",
            "'prepare.steps=[{name: vocabulary}]'",
        ),
        (
            ["learner.tells=last", "learner.network.name=transformer"],
            "`learner.tells` is last, but a transformer tells what follows every token",
            "learner.tells=every",
        ),
        (
            ["learner.network.tied=true"],
            "`tied` tells tokens by their vectors, but `embedding` is 32",
            "learner.network.embedding=128",
        ),
        (
            ["learner.network={name: transformer, width: 100, heads: 8}"],
            "`width` 100 is no multiple of 16, twice the number of heads",
            "learner.network.width=96",
        ),
        (
            ["dataset=digits"],
            "learner language_model learns from text, but dataset digits has rows",
            "dataset.name=text",
        ),
    ],
)
def test_what_does_not_fit_is_refused(overrides: list[str], told: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        loaded(*overrides, base=("task=textgen",))

    assert (told, hint) in [(one.what, one.hint) for one in caught.value.problems]


def test_a_vocabulary_is_of_training_rows() -> None:
    fold, _ = build("prepare.steps.0.min_count=2")
    column: Any = fold.columns["text"]
    counts = column.take(fold.rows.train).counts()

    assert counts[1:].min() >= 2
    assert sorted(counts[1:].tolist(), reverse=True) == counts[1:].tolist()
