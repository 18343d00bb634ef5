"""Word vectors: losses as the formula has them, exact to repeat; a file that others can read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from small import built, loaded, status_of, trained

from dlx.data.columns import Sequence
from dlx.errors import UsageError
from dlx.learning.memory import set_eval_batch
from dlx.learning.nearby import BLOCK, Known, Nearby
from dlx.learning.vocabulary import NO_WORDS, Chances, Vocabulary
from dlx.learning.word_vectors import WordVectors
from dlx.runs.artifacts import list_artifacts

TINY = (
    *("task=imdb_word_vectors", "dataset.sample=true", "trainer.threads=1", "trainer.epochs=2"),
    *("learner.size=4", "learner.subsample=0.01"),
)


@pytest.fixture(scope="module")
def tiny() -> tuple[Any, WordVectors]:
    """A fold and a fresh learner that knows its words."""
    *_, fold, training = built(base=TINY)
    assert isinstance(training.learner, WordVectors)
    return fold, training.learner


@pytest.fixture
def learner(tiny: tuple[Any, WordVectors]) -> Iterator[WordVectors]:
    """The learner, whose options a test may change."""
    learner = tiny[1]
    before = learner.options, learner.config
    yield learner
    learner.options, learner.config = before


def near_words(texts: list[int], reach: list[int]) -> list[list[int]]:
    """The places near each place, one by one."""
    return [
        [
            other
            for other in range(max(0, at - far), min(len(texts), at + far + 1))
            if other != at and texts[other] == texts[at]
        ]
        for at, far in enumerate(reach)
    ]


@pytest.mark.parametrize("words", [0, 1, 5, BLOCK, 3 * BLOCK + 1])
@pytest.mark.parametrize("method", ["skip_gram", "cbow"])
def test_the_loss_of_each_word_is_that_of_the_formula(method: str, words: int) -> None:
    source = torch.Generator().manual_seed(words)
    ids, window, negatives = torch.randint(7, (words,), generator=source), 4, 3
    texts = torch.randint(2, (words,), generator=source).cumsum(0) // 5
    reach = torch.randint(1, window + 1, (words,), generator=source)
    vectors, contexts = torch.randn(2, 7, 3, generator=source)
    logits = torch.randn(7, generator=source)
    drawn = torch.tensor([1, 1, 6])

    nearby = Nearby.of(ids, texts, reach, window)
    loss, many = getattr(nearby, method)(Known(vectors, contexts, logits), drawn, negatives)

    for at, found in enumerate(near_words(texts.tolist(), reach.tolist())):
        told = [int(ids[other]) for other in found]
        pairs = [(vectors[ids[at]], one) for one in told]
        if method == "cbow" and told:
            pairs = [(vectors[told].mean(0), int(ids[at]))]
        each = [
            F.softplus(-own @ contexts[one] - logits[one])
            + negatives * F.softplus(contexts[drawn] @ own + logits[drawn]).mean()
            for own, one in pairs
        ]
        assert float(many[at]) == len(pairs)
        torch.testing.assert_close(loss[at], sum(each, torch.zeros(())))
    assert len(loss) == len(many) == words


def test_words_are_drawn_by_their_chances_and_none_that_is_no_word() -> None:
    options = loaded(base=TINY).config.learner.options
    counts = np.array([0, 0, 0, 1.0, 16, 0, 81, 0])

    chances = Chances(counts, options, torch.device("cpu"))

    places = (torch.arange(3500, dtype=torch.float64) + 0.5) / 3500
    drawn = torch.bincount(chances.draw(places), minlength=8)
    assert drawn.tolist() == pytest.approx([0, 0, 0, 100, 800, 0, 2700, 0], abs=101)
    assert drawn[[0, 1, 2, 5, 7]].sum() == 0
    assert chances.draw(torch.tensor([0.0, 1.0])).tolist() == [3, 6]
    stays = [0, 0, 0, (0.01 * 98) ** 0.5, (0.01 * 98 / 16) ** 0.5, 0, (0.01 * 98 / 81) ** 0.5, 0]
    assert chances.stays.tolist() == pytest.approx(stays)


def test_words_are_those_of_training_rows_by_frequency() -> None:
    words = ("(padding)", "(start)", "(unknown)", "b", "a", "rare")
    column = Sequence(
        np.array([1, 4, 3, 4, 2, 2, 2, 1, 5, 3], np.int32), np.array([0, 7, 10]), 6, words
    )

    known = Vocabulary.of("text", column, np.array([0]))
    numbers = Vocabulary.of("text", Sequence(column.values, column.offsets, 6), np.array([0, 1]))

    assert [known.names[at] for at in known.frequent()] == ["a", "b"]
    assert [numbers.names[at] for at in numbers.frequent()] == ["3", "4", "5"]


def test_a_loss_depends_on_neither_batches_nor_what_fills_rows(
    tiny: tuple[Any, WordVectors], learner: WordVectors
) -> None:
    steps = "prepare.steps=[{name: tokenize, num_words: 90}, {name: pad, length: 70, side: back}]"
    *_, filled, _ = built(steps, base=TINY)
    for method in ("skip_gram", "cbow"):
        learner.options, found = replace(learner.options, method=method), []
        for fold, size in ((tiny[0], 1000), (tiny[0], 3), (filled, 1000)):
            learner.config = set_eval_batch(learner.config, size)
            (one,) = learner.evaluations(fold, "val")
            assert one.score == "val/loss"
            assert [(b.name, b.kind) for b in one.baselines] == [("word frequencies", "constant")]
            for estimate in (one.own, *one.baselines):
                assert estimate.value() == estimate.value(np.arange(estimate.units))
            found.append([one.own.value(), one.baselines[0].value()])
        assert found[0] == pytest.approx(found[1], rel=1e-5)
        assert found[0] == pytest.approx(found[2], rel=1e-5)


def test_no_word_is_told_by_frequency_alone_better_than_by_its_baseline(
    tiny: tuple[Any, WordVectors], learner: WordVectors
) -> None:
    fold, known = tiny[0], learner._frequencies()

    def loss(logits: torch.Tensor) -> float:
        sums, many = learner._sums(fold.train, known._replace(logits=logits))
        return float(sums.sum() / many.sum())

    for change in (torch.ones_like(known.logits), torch.linspace(-1, 1, len(known.logits))):
        assert loss(known.logits) < min(loss(known.logits + by * change) for by in (-0.3, 0.3))


def test_micro_batches_are_parts_of_their_batch(
    tiny: tuple[Any, WordVectors], learner: WordVectors, monkeypatch: pytest.MonkeyPatch
) -> None:
    fold = tiny[0]
    fixed = learner._drawn(again=True)
    monkeypatch.setattr(learner, "_drawn", lambda again=False: fixed)
    batch = fold.train.batch(3, 27)

    whole = learner.losses(batch)["loss"]
    parts = sum(learner.losses(one)["loss"] * one.rows for one in batch.split(3)) / batch.rows

    torch.testing.assert_close(parts, whole)


def test_a_run_learns_and_leaves_vectors_that_others_read() -> None:
    run = trained("learner.subsample=null", "optimizer.lr=0.02", "trainer.epochs=6", base=TINY)

    answer = run.facts["answer"]
    assert answer["score"] == "val/loss"
    assert answer["beats"] is True
    lines = [line.split(" ") for line in (run.folder / "vectors.txt").read_text().splitlines()]
    kept = run.training.learner.model.words.weight  # type: ignore[union-attr, operator]
    column = run.stage.fold.columns["review"]
    assert isinstance(column, Sequence)
    ids = [column.words.index(word) for word, *_ in lines]
    values = np.array([numbers for _, *numbers in lines], float)
    np.testing.assert_allclose(values, kept[ids].detach().numpy(), rtol=1e-5)
    assert not NO_WORDS & {word for word, *_ in lines}
    counts = np.bincount(column.take(run.stage.fold.rows.train).values, minlength=column.size)
    assert all(counts[a] >= counts[b] > 0 for a, b in pairwise(ids))
    assert len(ids) == np.count_nonzero(counts[3:])
    assert {one.name: one.file for one in list_artifacts(run.folder)} == {
        "vectors": "vectors.txt",
        "neighbours": "artifacts/neighbours.csv",
    }
    assert {*status_of(run.folder)["scores"]} == {"val/loss"}  # the test reviews are left alone


@pytest.mark.parametrize(
    ("given", "there"),
    [
        (("protocol=train_test",), True),
        (("protocol=kfold", "protocol.k=2", "final=true"), True),
        (("protocol=kfold", "protocol.k=2"), False),  # none of its models is the run's
    ],
)
def test_a_model_that_nothing_is_judged_of_leaves_its_vectors(
    given: tuple[str, ...], there: bool
) -> None:
    """As the test reviews are left alone, a final model has no score of its own."""
    run = trained(*given, "trainer.epochs=1", base=TINY)
    assert (run.folder / "vectors.txt").is_file() == there


REFUSED = {
    "prepare.steps=[{name: tokenize}, {name: multi_hot}]": (
        "learner word_vectors learns words in order, multi_hot makes numbers"
    ),
    "dataset=beijing_pm25": (
        "learner word_vectors learns from one input, but dataset beijing_pm25 has features, wind"
    ),
    "model=mlp": "learner word_vectors does not read `model`",
    "targets.sentiment.problem=binary": "learner word_vectors does not read `targets`",
    "learner.window=0": "`learner.window` is 0",
    "learner.subsample=0": "`learner.subsample` is 0",
    "learner.method=glove": "`learner.method` is 'glove' (text)",
}


@pytest.mark.parametrize("override", REFUSED)
def test_what_it_cannot_use_is_refused_before_anything_is_read(override: str) -> None:
    with pytest.raises(UsageError) as caught:
        loaded(override, base=TINY)

    assert REFUSED[override] in [one.what for one in caught.value.problems]


def test_rows_that_are_no_words_are_told() -> None:
    with pytest.raises(UsageError) as caught:
        built("dataset=wine", "prepare.steps=[]", base=TINY)

    (problem,) = caught.value.problems
    assert problem.what == (
        "learner word_vectors learns from words in order, but features has rows of numbers"
    )


@pytest.mark.parametrize("values", [[1, 2, 2, 1], [1, 3, 3, 3]])
def test_texts_without_two_words_are_refused(values: list[int]) -> None:
    column = Sequence(np.array(values, np.int32), np.array([0, 4]), 5)

    with pytest.raises(UsageError, match="fewer than two different words"):
        Vocabulary.of("text", column, np.array([0]))
