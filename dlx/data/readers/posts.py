"""Made-up posts whose words tell, with noise, of the age, income and gender of who wrote them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...config.specs.generated import Posts
from ..columns import Array, Dense, Sequence
from ..reader import Reader
from ..samples import Samples
from .drawn import make_random, make_word

COMMON, BRACKETS = 500, 10
"""Common words, and brackets of income."""
YOUNGEST, OLDEST = 16, 80
NEAR_YEARS = 5.0
"""Standard deviation of the age that a word of the writer is of, about the writer's own."""
OF_BRACKET, OF_GENDER = 5, 10
"""Words of a bracket of income, of which a writer takes those of the two beside as often as those
of the own; and words of a gender."""
MOSTLY = 0.8
"""How many of the words of a gender are of the writer's."""
SAMPLE = 300
"""Posts of the sample."""

GENDERS = ("woman", "man")
AGES = OLDEST - YOUNGEST + 1
FIRST_COMMON = 1  # id 0 is padding
FIRST_AGE = FIRST_COMMON + COMMON
FIRST_INCOME = FIRST_AGE + AGES
FIRST_GENDER = FIRST_INCOME + BRACKETS * OF_BRACKET
WORDS = (
    "(padding)",
    *(make_word(number) for number in range(COMMON)),
    *(f"years{age}" for age in range(YOUNGEST, OLDEST + 1)),
    *(f"spends{place}{letter}" for place in range(BRACKETS) for letter in "abcde"),
    *(f"{gender}{number}" for gender in GENDERS for number in range(OF_GENDER)),
)
INCOMES = (
    *(f"{10 * place} to {10 * place + 10} thousand" for place in range(BRACKETS - 1)),
    f"{10 * (BRACKETS - 1)} thousand or more",
)


def _read(options: Posts, folder: Path) -> Samples:  # noqa: ARG001 - it needs no file
    rows = SAMPLE if options.sample else options.posts
    age = _random(options, "age").randint(YOUNGEST, OLDEST + 1, rows)
    income = _random(options, "income").randint(0, BRACKETS, rows)
    gender = _random(options, "gender").randint(0, 2, rows)
    return Samples(
        columns={
            "post": Sequence.of_rows(_write(options, age, income, gender), len(WORDS), WORDS),
            "age": Dense(age.astype(np.float32)),
            "income": Dense(income.astype(np.int64)),
            "gender": Dense(gender.astype(np.int64)),
        },
        inputs=options.inputs,
        targets=tuple(options.targets),
        classes={"income": INCOMES, "gender": GENDERS},
    )


def _random(options: Posts, purpose: str) -> np.random.RandomState:
    return make_random(options.seed, "posts", purpose)


def _write(options: Posts, age: Array, income: Array, gender: Array) -> Array:
    """Posts as ids, (rows, length): words of one of four sorts each."""
    shape = (len(age), options.length)
    age, income, gender = age[:, None], income[:, None], gender[:, None]

    def uniform(purpose: str) -> Array:
        return _random(options, purpose).random_sample(shape)

    common = FIRST_COMMON - 1 + np.floor(COMMON ** uniform("common"))  # the n-th as often as 1/n
    near = _random(options, "near").normal(0.0, NEAR_YEARS, shape)
    years = FIRST_AGE - YOUNGEST + np.clip(np.round(age + near), YOUNGEST, OLDEST)
    bracket = np.clip(income + np.floor(3 * uniform("beside")) - 1, 0, BRACKETS - 1)
    spends = FIRST_INCOME + bracket * OF_BRACKET + np.floor(OF_BRACKET * uniform("spends"))
    of = np.where(uniform("mostly") < MOSTLY, gender, 1 - gender)
    says = FIRST_GENDER + of * OF_GENDER + np.floor(OF_GENDER * uniform("says"))
    sort = 3 * uniform("sort") / options.telling  # below 3 where it tells
    ids = np.select([sort < 1, sort < 2, sort < 3], [years, spends, says], common)
    return np.asarray(ids, np.int32)


posts = Reader(_read, lambda folder: None)  # noqa: ARG005
