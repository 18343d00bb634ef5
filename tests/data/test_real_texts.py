"""The real reviews: against Keras' ids, and against scikit-learn's counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dlx.data
from dlx.config.specs import STEPS
from dlx.data.columns import Text

Make = Callable[..., Any]
EVERY = 2**30
pytestmark = [pytest.mark.data, pytest.mark.slow]


def step(**options: Any) -> Any:
    chosen = STEPS.default("tokenize", **options)()
    return chosen.load()(chosen.options)


def test_reviews_of_plain_characters_are_word_for_word_what_keras_made_of_them(real: Make) -> None:
    texts: Any = dlx.data.read(real("imdb_raw")).columns["review"]
    keras = dlx.data.read(real("imdb", num_words=100_000))
    train = np.arange(25_000)
    _, ours = step(num_words=EVERY).fit_apply(texts.take(train), train)

    def rows(column: Any, words: tuple[str, ...]) -> list[str]:
        return [" ".join(words[i] for i in column.row(r)[1:].tolist()) for r in train.tolist()]

    found = rows(ours, ours.words)
    plain = Counter(one for one, text in zip(found, texts.values, strict=False) if text.isascii())
    assert plain.total() > 22_000
    assert not plain - Counter(rows(keras.columns["review"], keras.words["review"]))


@pytest.mark.parametrize("ngrams", [(1,), (1, 2), (2,)])
def test_counts_are_scikit_learns(real: Make, ngrams: tuple[int, ...]) -> None:
    from sklearn.feature_extraction.text import CountVectorizer

    texts: Any = dlx.data.read(real("imdb_raw")).columns["review"]
    some = texts.take(np.arange(0, 25_000, 10))
    made = step(num_words=20_000, start=False, unknown="drop", ngrams=ngrams)
    state, ours = made.fit_apply(some, np.arange(len(some)))

    pattern = r"(?u)[^\s!\"#$%&()*+,\-./:;<=>?@\[\\\]^_`{|}~]+"
    words = {word: place for place, word in enumerate(state["words"])}
    counter = CountVectorizer(token_pattern=pattern, ngram_range=(ngrams[0], ngrams[-1]))
    everything = counter.fit_transform(some.values)
    assert len(counter.vocabulary_) == state["seen"]["different"]
    theirs = everything[:, [counter.vocabulary_[word] for word in words]]
    ids = np.repeat(np.arange(len(some)), ours.lengths()), ours.values - 1
    counted = np.zeros(theirs.shape, np.int32)
    np.add.at(counted, ids, 1)
    np.testing.assert_array_equal(counted, theirs.toarray())
    left_out = np.delete(
        np.asarray(everything.sum(axis=0)).ravel(), [counter.vocabulary_[word] for word in words]
    )
    assert left_out.max() <= counted.sum(axis=0).min()


def test_the_number_of_texts_beside_them_changes_no_row(real: Make) -> None:
    texts: Any = dlx.data.read(real("imdb_raw")).columns["review"]
    made = step(ngrams=(1, 2))
    state, ours = made.fit_apply(texts, np.arange(25_000))
    some = np.arange(0, 50_000, 997)
    alone = made.apply(texts.take(some), state)

    assert isinstance(texts, Text)
    np.testing.assert_array_equal(alone.values, ours.take(some).values)
