"""Every preparation step keeps its contract; a broken one is told which clause it breaks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dlx.config.specs import STEPS
from dlx.config.specs.prepare import Expression, OnTarget
from dlx.data.columns import Categories, Column, Dense, Image, Passages, Sequence, Sparse
from dlx.prepare.steps import Labels
from dlx.testing import BrokenContract, check_step

RNG = np.random.default_rng(1)
ROWS = 30
NUMBERS = RNG.normal(size=(ROWS, 4))
HOLES = np.where(RNG.random((ROWS, 4)) < 0.2, np.nan, NUMBERS)
LISTS = [RNG.integers(0, 20, 1 + i % 5) for i in range(ROWS)]
COLUMNS: dict[str, Any] = {
    "numbers": Dense(NUMBERS, ("one", "two", "three", "four")),
    "holes": HOLES,
    "counts": RNG.integers(0, 9, (ROWS, 2)),
    "pictures": Image(np.random.default_rng(2).integers(0, 256, (ROWS, 3, 2, 2), np.uint8)),
    "photographs": Image(np.random.default_rng(3).integers(0, 256, (ROWS, 3, 16, 16), np.uint8)),
    "lists": Sequence(np.concatenate(LISTS), np.cumsum([0, *map(len, LISTS)])),
    "texts": [f"word{i % 4} word{i % 7} {'rare' * (i % 3)}" for i in range(ROWS)],
}
OFFSETS = np.arange(0, 2 * ROWS + 1, 2)
MARKS = np.array([[i % 4, 4 + i % 3] for i in range(ROWS)], np.int32).reshape(-1)
DATES = np.random.default_rng(4).uniform(-1e9, 2e9, (ROWS, 2))
COLUMNS["dates"] = Dense(np.where(DATES % 7 < 1, np.nan, DATES), ("from", "to"))
COLUMNS["cells"] = Categories.of_texts(
    {
        "one": [f"value{i % 4}" for i in range(ROWS)],
        "two": ["" if i % 3 else "x" for i in range(ROWS)],
    }
)
COLUMNS["marks"] = Sparse(MARKS, OFFSETS, 9)
COLUMNS["weights"] = Sparse(MARKS, OFFSETS, 9, RNG.random(len(MARKS)).astype(np.float32))
TOKENS = np.arange(3 * ROWS) % 5 * np.arange(3 * ROWS) % 4
COLUMNS["passages"] = Passages(TOKENS, np.arange(ROWS) * 2, 3, ("a", " b", "cd", "d"))
LABELS = Labels(np.arange(ROWS) // 2 % 2, ("no", "yes"))
CASES: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "standardise": [("numbers", {}), ("counts", {}), ("pictures", {})],
    "scale": [
        (column, options)
        for column in ("numbers", "pictures")
        for options in ({}, {"divide_by": 3})
    ],
    "flatten": [("numbers", {})],
    "features": [
        ("photographs", {"network": "squeezenet1_1", "weights": "random", "upto": "features.2"}),
    ],
    "multi_hot": [
        ("lists", {"size": 50, **more})
        for more in ({}, {"mode": "count", "sublinear": True}, {"mode": "tf_idf"})
    ],
    "naive_bayes": [("marks", {}), ("marks", {"alpha": 0.5}), ("weights", {})],
    "one_hot": [("counts", {}), ("counts", {"size": 3})],
    "pad": [("lists", {"length": 4}), ("lists", {"length": 3, "side": "back"})],
    "truncate": [("lists", {"length": 3}), ("lists", {"length": 2, "keep": "first"})],
    "tokenize": [
        ("texts", {"num_words": 8}),
        ("texts", {"ngrams": (1, 2), "unknown": "drop", "start": False}),
        ("texts", {"unit": "char", "ngrams": (3,), "min_count": 2}),
    ],
    "vocabulary": [("passages", {}), ("passages", {"most": 2}), ("passages", {"min_count": 2})],
    "hash_tokens": [("texts", {"size": 50}), ("texts", {"ngrams": (1, 2), "lower": False})],
    "impute": [
        ("holes", {"strategy": how, "indicator": True}) for how in ("median", "mean", "zero")
    ]
    + [("holes", {"strategy": "constant", "value": -1.0})],
    "derive": [
        ("numbers", {"features": {"b": Expression(bins="two"), "r": Expression(log="one")}}),
    ],
    "select": [("numbers", {"drop": ("one",)}), ("numbers", {"keep": ("four", "two")})],
    "categories": [
        ("cells", {"least": 3}),
        ("texts", {"least": 2}),
        ("texts", {"least": 2, "form": "one_hot"}),
    ],
    "calendar": [("dates", {}), ("dates", {"parts": ("days", "month")})],
    "normal_scores": [("numbers", {}), ("counts", {"quantiles": 4})],
    "label_encode": [("texts", {})],
}
"""What a step is given, and its options; a step that is not here fails its test."""


OF_RUNS = {"run_features"}
"""Those of an earlier run, which has to be there: tests/learning/test_run_features.py."""


@pytest.mark.parametrize("name", [name for name in STEPS.entries if name not in OF_RUNS])
def test_every_step_keeps_the_contract(name: str) -> None:
    entry = STEPS.entries[name]
    for column, options in CASES[name]:
        built = STEPS.default(name, **options)()
        labels = LABELS if isinstance(built.options, OnTarget) else None
        check_step(lambda built=built: built.load()(built.options), COLUMNS[column], labels)
    assert CASES[name], entry


class Broken:
    """Subtracts the mean; each subclass breaks one clause."""

    costly: Any = False
    fitted = True
    found = ""
    """What is told of it."""

    def fit(self, column: Column) -> dict[str, Any]:
        return {"mean": np.asarray(column).mean(axis=0).tolist()}

    def apply(self, column: Column, state: dict[str, Any]) -> Any:
        return np.asarray(column) - np.asarray(state["mean"])


class DoesNotSay(Broken):
    costly = None
    found = "broken: `costly` says whether it is\n  found: None"


class ScalesInPlace(Broken):
    found = "broken: fit() and apply() leave their column as it is\n  found: values differs"

    def apply(self, column: Any, state: dict[str, Any]) -> Any:
        column.values[:] -= np.asarray(state["mean"])
        return column.values.copy()


class DropsRows(Broken):
    found = "broken: apply() gives a row for each row\n  found: 29"

    def apply(self, column: Column, state: dict[str, Any]) -> Any:
        return super().apply(column, state)[1:]


class LearnsOnAndOn(Broken):
    found = (
        "broken: fit() depends on its rows alone, whatever was fitted or applied before\n"
        "  found: mean differs"
    )
    total = 0.0

    def fit(self, column: Column) -> dict[str, Any]:
        self.total += np.asarray(column).mean(axis=0)
        return {"mean": np.asarray(self.total).tolist()}


class LearnsInSecret(Broken):
    fitted = False
    found = "broken: fit() learns nothing from rows where `fitted` is false\n  found: mean differs"


class KeepsAnArray(Broken):
    found = (
        "broken: the state is something that JSON can hold\n"
        "  found: TypeError: Object of type ndarray is not JSON serializable"
    )

    def fit(self, column: Column) -> dict[str, Any]:
        return {"mean": np.asarray(column).mean(axis=0)}


class RemembersInItself(Broken):
    found = (
        "broken: a saved state gives a step made anew the same rows\n"
        "  found: AttributeError: 'RemembersInItself' object has no attribute 'mean'"
    )

    def fit(self, column: Column) -> dict[str, Any]:
        self.mean = np.asarray(column).mean(axis=0)
        return {}

    def apply(self, column: Column, state: dict[str, Any]) -> Any:
        return np.asarray(column) - self.mean


class LearnsFromWhatItIsShown(Broken):
    found = (
        "broken: apply() makes of a row the same, whatever rows are beside it\n"
        "  found: values differs"
    )

    def apply(self, column: Column, state: dict[str, Any]) -> Any:
        return np.asarray(column) - np.asarray(column).mean(axis=0)


@pytest.mark.parametrize("broken", Broken.__subclasses__(), ids=lambda one: one.__name__)
def test_a_broken_step_is_told_its_clause(broken: type[Broken]) -> None:
    with pytest.raises(BrokenContract) as caught:
        check_step(broken, NUMBERS.copy())

    assert str(caught.value) == broken.found
