from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np
import pytest

from dlx.config.fields import Chosen
from dlx.data.columns import Dense, Sequence, Text
from dlx.errors import UsageError
from dlx.prepare import Pipeline
from dlx.prepare.pipeline import FittedStep

Make = Callable[..., Any]
TEXTS = [
    "The film, the film!  It's GOOD.",
    "a bad (bad) film\nwith Émile\xa0and a film",
    "good good good <br />bad film",
    "",
    "?!",
    "unseen words only",
]
TRAIN = np.arange(5)


def fitted(chosen: Chosen, texts: list[str] = TEXTS, train: Any = TRAIN) -> tuple[Any, Sequence]:
    state, column = chosen.load()(chosen.options).fit_apply(Text(texts), train)
    assert isinstance(column, Sequence)
    return state, column


def rows(column: Sequence) -> list[list[int]]:
    return [column.row(index).tolist() for index in range(len(column))]


def words(text: str) -> list[str]:
    return re.findall(r"[\w']+", text.lower())


def runs(units: Any, length: int, between: str) -> list[str]:
    shifted = (islice(units, begin, None) for begin in range(length))
    return [between.join(run) for run in zip(*shifted, strict=False)]


def tokens(text: str, unit: str, ngrams: tuple[int, ...]) -> list[str]:
    """A text's tokens, as a plain loop makes them."""
    units, between = (words(text), " ") if unit == "word" else (text.lower(), "")
    return [one for length in ngrams for one in runs(units, length, between)]


@pytest.mark.parametrize("unit", ["word", "char"])
@pytest.mark.parametrize("ngrams", [(1,), (2,), (1, 2), (3,), (1, 3), (2, 4)])
@pytest.mark.parametrize("size", [6, 9, 500])
def test_ids_are_those_of_a_plain_count(
    step: Make, unit: str, ngrams: tuple[int, ...], size: int
) -> None:
    state, column = fitted(step("tokenize", unit=unit, ngrams=ngrams, num_words=size))

    counted = Counter(one for text in TEXTS[:5] for one in tokens(text, unit, ngrams))
    frequent = sorted(counted, key=lambda one: (-counted[one], one))[: size - 3]
    ids = {token: 3 + rank for rank, token in enumerate(frequent)}
    assert state["words"] == frequent
    assert rows(column) == [
        [1, *(ids.get(one, 2) for one in tokens(text, unit, ngrams))] for text in TEXTS
    ]
    assert column.words[:3] == ("(padding)", "(start)", "(unknown)")
    assert (column.size, column.words[3:]) == (3 + len(frequent), tuple(frequent))
    assert state["seen"]["different"] == len(counted)
    assert state["seen"]["tokens"] == counted.total()
    assert state["seen"]["kept"] == sum(counted[one] for one in frequent)


def test_random_runs_are_counted_as_a_plain_loop_counts_them(step: Make) -> None:
    random = np.random.default_rng(0)
    texts = [" ".join(random.choice(list("abcdefg"), random.integers(0, 9))) for _ in range(60)]
    state, column = fitted(step("tokenize", ngrams=(1, 2, 3), num_words=60), texts, np.arange(60))

    counted = Counter(one for text in texts for one in tokens(text, "word", (1, 2, 3)))
    assert state["words"] == sorted(counted, key=lambda one: (-counted[one], one))[:57]
    ids = {token: 3 + rank for rank, token in enumerate(state["words"])}
    assert rows(column) == [
        [1, *(ids.get(one, 2) for one in tokens(text, "word", (1, 2, 3)))] for text in texts
    ]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, ["a", "b", "br", "it's"]),
        ({"strip_tags": True}, ["a", "b", "it's"]),
        ({"lower": False}, ["A", "B", "It's", "a", "b", "br"]),
        ({"punctuation": "keep"}, ["/>a,", "<br", "a.", "b", "b!it's"]),
        ({"punctuation": "keep", "strip_tags": True}, ["a,", "a.", "b", "b!it's"]),
        ({"min_count": 2}, ["a", "b"]),
    ],
)
def test_what_is_done_to_a_text_first_is_named(
    step: Make, options: dict[str, Any], words: list[str]
) -> None:
    texts = ["A. <br />a, b", "B!It's"]
    state, _ = fitted(step("tokenize", **options), texts, np.arange(2))

    assert sorted(state["words"]) == words


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [[1, 3], [1, 2], [1], [1, 3, 2, 3]]),
        ({"start": False}, [[3], [2], [2], [3, 2, 3]]),
        ({"unknown": "drop"}, [[1, 3], [1], [1], [1, 3, 3]]),
        ({"start": False, "unknown": "drop"}, [[1], [], [], [1, 1]]),
    ],
)
def test_reserved_ids_are_as_asked_for(
    step: Make, options: dict[str, Any], expected: list[list[int]]
) -> None:
    texts = ["a", "other", "", "a b a"]
    _, column = fitted(step("tokenize", **options), texts, np.zeros(1, np.int64))

    assert rows(column) == expected
    assert column.words[column.row(0)[-1]] == "a"


def test_texts_of_a_hundred_thousand_words_of_one_and_of_unknown_ones_only(step: Make) -> None:
    long = "word " * 100_000
    _, column = fitted(step("tokenize"), [long, "word", "never heard"], np.arange(2))

    assert column.lengths().tolist() == [100_001, 2, 3]
    assert column.row(2).tolist() == [1, 2, 2]


@pytest.mark.parametrize(
    ("options", "often", "hint"),
    [
        ({}, "", "unit: char, or punctuation: keep"),
        ({"ngrams": (2,)}, "", "unit: char, or punctuation: keep"),
        ({"min_count": 3}, " 3 times or more", "min_count: 1"),
    ],
)
def test_texts_that_no_token_is_left_of_are_refused(
    step: Make, options: dict[str, Any], often: str, hint: str
) -> None:
    with pytest.raises(UsageError) as caught:
        fitted(step("tokenize", **options), ["?", "word"[: 4 * len(often)]], np.arange(2))
    assert str(caught.value) == (
        f"prepare step tokenize found no token{often} in the training texts\n"
        f"  accepted: training texts with tokens\n  try: {hint}"
    )


def test_what_the_vocabulary_leaves_out_is_told(step: Make, samples: Make) -> None:
    def told(**options: Any) -> list[str]:
        steps = [step("tokenize", **options), step("multi_hot")]
        return Pipeline.fit(steps, samples(x=TEXTS), TRAIN)[0].remarks()

    common = "x: vocabulary: {} of 10 different tokens, {} of all in the training texts"
    empty = "x: 2 of 5 training texts without a token: {} stands for each"
    start, unknown, nothing = (
        empty.format(what) for what in ("the start id", "the unknown id", "nothing")
    )
    assert told(num_words=12) == [common.format(9, "95.2%"), start]
    assert told(num_words=13) == [common.format(10, "100.0%"), start]
    assert told(num_words=14) == [
        f"{common.format(10, '100.0%')}; num_words=14 leaves room for more",
        start,
    ]
    assert told(num_words=5, start=False) == [common.format(2, "42.9%"), unknown]
    assert told(num_words=5, start=False, unknown="drop") == [common.format(4, "66.7%"), nothing]


def test_a_vocabulary_of_an_earlier_version_is_applied_as_it_was() -> None:
    options = {"num_words": 6, "lower": True}
    saved = FittedStep("tokenize", "x", options, {"words": ["the", "film", "good"]})

    found = saved.apply(Text(["The good, old film"]))

    assert isinstance(found, Sequence)
    assert rows(found) == [[1, 3, 5, 2, 4]]
    assert saved.remarks() == []


@pytest.mark.parametrize("ngrams", [(1,), (2,), (1, 2)])
def test_hashed_ids_are_functions_of_the_token_alone(step: Make, ngrams: tuple[int, ...]) -> None:
    _, column = fitted(step("hash_tokens", ngrams=ngrams, size=10_000))
    known: dict[str, int] = {}

    for text, ids in zip(TEXTS, rows(column), strict=True):
        for token, number in zip(tokens(text, "word", ngrams), ids, strict=True):
            assert 1 <= known.setdefault(token, number) == number < 10_000
    assert len(set(known.values())) == len(known)  # no two of these few collide in so many


def test_a_hash_is_the_same_in_every_process(step: Make) -> None:
    _, column = fitted(step("hash_tokens", ngrams=(1, 2)), ["the cat sat", "cat the"], np.arange(2))

    assert rows(column) == HASHED


HASHED = [[1294, 4819, 3944, 1494, 7298], [4819, 1294, 4648]]


def test_how_many_tokens_share_a_hash_is_told(step: Make, samples: Make) -> None:
    texts = [f"{i} {i + 1}" for i in range(40)]
    pipeline, columns = Pipeline.fit(
        [step("hash_tokens", size=20), step("multi_hot", size=20)], samples(x=texts), np.arange(40)
    )
    _, column = fitted(step("hash_tokens", size=20), texts, np.arange(40))

    by_id: dict[int, set[str]] = {}
    for text, ids in zip(texts, rows(column), strict=True):
        for token, number in zip(text.split(), ids, strict=True):
            by_id.setdefault(number, set()).add(token)
    shared = sum(len(found) for found in by_id.values() if len(found) > 1)
    assert pipeline.remarks() == [
        f"x: hashing: {shared} of 41 different tokens in the training texts share an id "
        "with another"
    ]
    assert columns["x"].describe().shape == (20,)


SENTENCES = ["The cat sat on the mat.", "The dog ate my homework."]
TOYS: dict[str, tuple[list[tuple[str, dict[str, Any]]], tuple[int, ...]]] = {
    "word": (
        [
            (
                "tokenize",
                {"lower": False, "punctuation": "keep", "start": False, "unknown": "drop"},
            ),
            ("pad", {"length": 10, "side": "back"}),
            ("one_hot", {}),
        ],
        (2, 10, 11),
    ),
    "char": (
        [
            (
                "tokenize",
                {
                    "unit": "char",
                    "lower": False,
                    "vocabulary": "printable",
                    "start": False,
                    "unknown": "drop",
                },
            ),
            ("pad", {"length": 50, "side": "back"}),
            ("one_hot", {}),
        ],
        (2, 50, 101),
    ),
    "tokenizer": (
        [
            ("tokenize", {"num_words": 1000, "start": False, "unknown": "drop"}),
            ("multi_hot", {"size": 1000}),
        ],
        (2, 1000),
    ),
    "hashing": (
        [
            ("hash_tokens", {"lower": False, "punctuation": "keep", "size": 1000}),
            ("pad", {"length": 10, "side": "back"}),
            ("one_hot", {}),
        ],
        (2, 10, 1000),
    ),
}
"""The book's four toys (6.1.1): preparation, and the shape of what it makes of both sentences."""


@pytest.mark.parametrize("toy", TOYS)
def test_the_toys_of_the_book(step: Make, samples: Make, toy: str) -> None:
    parts, shape = TOYS[toy]
    pipeline, columns = Pipeline.fit(
        [step(name, **options) for name, options in parts], samples(x=SENTENCES), np.arange(2)
    )
    assert (2, *columns["x"].describe().shape) == shape
    known = pipeline.steps[0].state.get("words")
    if toy == "tokenizer":
        assert len(known) == 9
        assert np.diff(columns["x"].offsets).tolist() == [5, 5]  # type: ignore[attr-defined]
        return
    found = columns["x"]
    assert isinstance(found, Dense)
    cut = [list(text) if toy == "char" else text.split() for text in SENTENCES]
    assert found.values.sum(axis=2).tolist() == [
        [1.0] * len(units) + [0.0] * (shape[1] - len(units)) for units in cut
    ]
    if known is not None:  # index 0 stands for no token
        of = {word: 1 + place for place, word in enumerate(known)}
        hot = found.values.argmax(axis=2)
        for row, units in enumerate(cut):
            assert hot[row, : len(units)].tolist() == [of[unit] for unit in units]
