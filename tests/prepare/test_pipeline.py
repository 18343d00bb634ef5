from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlx.config.fields import Chosen
from dlx.data import cache as cache_module
from dlx.data.cache import Cache
from dlx.data.columns import Column
from dlx.data.samples import Frame, Samples
from dlx.data.targets import TargetCodec
from dlx.errors import UsageError
from dlx.prepare import Pipeline
from dlx.prepare.pipeline import FittedStep, RawColumn
from dlx.prepare.steps import Standardise

Make = Callable[..., Any]
RNG = np.random.default_rng(1)
ROWS, TRAIN = 30, np.arange(0, 30, 3)
HELD_OUT = np.setdiff1d(np.arange(ROWS), TRAIN)
NUMBERS = RNG.normal(size=(ROWS, 4))
HOLES = np.where(np.random.default_rng(2).random((ROWS, 4)) < 0.2, np.nan, NUMBERS)
COUNTS = RNG.integers(0, 9, (ROWS, 2))
LISTS = [RNG.integers(0, 20, 1 + i % 5).tolist() for i in range(ROWS)]
TEXTS = [f"word{i % 4} word{i % 7} {'rare' * (i % 3)}" for i in range(ROWS)]

CHAINS = {
    "pad": ([("pad", {"length": 4})], "lists"),
    "truncate": ([("truncate", {"length": 4})], "lists"),
    "words": ([("tokenize", {"num_words": 8}), ("multi_hot", {"size": 8})], "texts"),
    "padded words": ([("tokenize", {"num_words": 8}), ("pad", {"length": 3})], "texts"),
    "imputed means": ([("impute", {"strategy": "mean"}), ("standardise", {})], "holes"),
    "label_encode": ([("label_encode", {}), ("one_hot", {})], "texts"),
    "scaled twice": ([("scale", {"divide_by": 3}), ("standardise", {})], "numbers"),
}


@pytest.fixture
def columns(ragged: Make) -> dict[str, Any]:
    return {
        "holes": HOLES,
        "numbers": NUMBERS,
        "counts": COUNTS,
        "lists": ragged(LISTS),
        "texts": TEXTS,
    }


@pytest.fixture
def chains(step: Make) -> dict[str, tuple[list[Chosen], str]]:
    return {
        name: ([step(kind, **options) for kind, options in parts], column)
        for name, (parts, column) in CHAINS.items()
    }


def bits(columns: dict[str, Column]) -> dict[str, Any]:
    """Everything that preparation gave, down to the bits."""
    return {
        name: (
            column.kind,
            column.meta(),
            [(a.dtype.str, a.shape, a.tobytes()) for a in column.arrays().values()],
        )
        for name, column in columns.items()
    }


def disturbed(kind: str, ragged: Make) -> Any:
    """The column with every held-out row replaced by something far away."""
    if kind == "texts":
        return [t if i in TRAIN else "unheard of" for i, t in enumerate(TEXTS)]
    if kind == "lists":
        return ragged([t if i in TRAIN else [19] * 9 for i, t in enumerate(LISTS)])
    changed = {"numbers": NUMBERS, "holes": HOLES, "counts": COUNTS}[kind].copy()
    changed[HELD_OUT] = 1_000
    return changed


@pytest.mark.parametrize("chain", CHAINS)
def test_what_is_learnt_does_not_change_by_a_bit_with_held_out_rows(
    chains: Any, columns: dict[str, Any], samples: Make, ragged: Make, chain: str
) -> None:
    steps, kind = chains[chain]

    first, _ = Pipeline.fit(steps, samples(x=columns[kind]), TRAIN)
    second, _ = Pipeline.fit(steps, samples(x=disturbed(kind, ragged)), TRAIN)

    assert json.dumps(asdict(first)) == json.dumps(asdict(second))


def test_the_number_of_ids_does_not_depend_on_held_out_rows(
    step: Make, samples: Make, ragged: Make
) -> None:
    rows = [[1, 2, 3]] * ROWS
    more = [[1, 2, 3] if i in TRAIN else [900] for i in range(ROWS)]

    found = [
        Pipeline.fit([step("pad", length=3)], samples(x=ragged(r)), TRAIN)[0].inputs["x"]
        for r in (rows, more)
    ]

    assert found[0].ids == found[1].ids == 4


TARGETS = {"label": TargetCodec("binary", 1, ("no", "yes"), 0), "age": TargetCodec("regression", 1)}


@pytest.mark.parametrize("chain", CHAINS)
def test_saved_and_loaded_it_is_the_same_and_gives_the_same_bits(
    chains: Any, columns: dict[str, Any], samples: Make, chain: str, tmp_path: Path
) -> None:
    steps, kind = chains[chain]
    rows = samples(x=columns[kind])
    fitted, first = Pipeline.fit(steps, rows, TRAIN, TARGETS)

    fitted.save(tmp_path)
    loaded = Pipeline.load(tmp_path, ())

    assert loaded == fitted
    assert bits(loaded.apply(rows)) == bits(first)


@pytest.mark.parametrize("chain", CHAINS)
def test_rows_without_targets_are_prepared_one_by_one_as_all_are(
    chains: Any, columns: dict[str, Any], samples: Make, chain: str
) -> None:
    steps, kind = chains[chain]
    rows = samples(x=columns[kind])
    fitted, every = Pipeline.fit(steps, rows, TRAIN)

    for row in (np.array([7]), HELD_OUT):
        frame = Frame({"x": rows.columns["x"].take(row)}, features=rows.features)
        assert bits(fitted.apply(frame)) == bits({"x": every["x"].take(row)})


def test_a_folder_of_an_earlier_version_is_read(
    chains: Any, columns: dict[str, Any], samples: Make, tmp_path: Path
) -> None:
    steps, kind = chains["imputed means"]
    rows = samples(x=columns[kind], y=NUMBERS)
    fitted, first = Pipeline.fit(steps, rows, TRAIN)
    (tmp_path / "prepare").mkdir()
    text = json.dumps([asdict(step) for step in fitted.steps])
    (tmp_path / "prepare" / "steps.json").write_text(text)

    loaded = Pipeline.load(tmp_path, rows.inputs)

    assert (loaded.steps, loaded.targets) == (fitted.steps, {})
    assert bits(loaded.apply(rows)) == bits(first)


def test_options_that_are_newer_are_not_written_at_their_default(
    step: Make, samples: Make, ragged: Make
) -> None:
    """Else whatever gets an option makes `dlx reproduce` find earlier runs different."""
    told = {}
    for options in ({"size": 20}, {"size": 20, "mode": "count"}):
        fitted, _ = Pipeline.fit([step("multi_hot", **options)], samples(x=ragged(LISTS)), TRAIN)
        told[len(options)] = fitted.steps[0].options
    assert told == {1: {"size": 20}, 2: {"size": 20, "mode": "count"}}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"z": NUMBERS}, "there is no input x, only z"),
        (
            {"x": TEXTS},
            "input x holds texts, not what was prepared in training\n"
            "  accepted: numbers of shape (rows, 4)",
        ),
        (
            {"x": NUMBERS[:, :3]},
            "input x holds numbers of shape (rows, 3), not what was prepared in training\n"
            "  accepted: numbers of shape (rows, 4)",
        ),
    ],
)
def test_other_columns_than_those_of_training_are_refused(
    step: Make, samples: Make, given: Any, told: str
) -> None:
    fitted, _ = Pipeline.fit([step("standardise")], samples(x=NUMBERS), TRAIN)

    with pytest.raises(UsageError) as caught:
        fitted.apply(Frame(given))

    assert str(caught.value) == told


def test_predictions_are_decoded_by_target() -> None:
    pipeline = Pipeline({}, (), TARGETS)

    found = pipeline.decode(
        {"label": np.float32([0.2, 0.9]), "age": np.float32([3.25, 1e-7])},
    )

    assert found["label"].names == ["no", "yes"]
    assert found["age"].names == np.float32([3.25, 1e-7]).tolist()
    assert TARGETS["age"].texts(found["age"].values) == ["3.25", "1e-07"]
    assert (found["label"].values.tolist(), found["age"].probabilities) == ([False, True], None)


def test_an_unknown_step_in_a_run_folder_is_refused(samples: Make) -> None:
    pipeline = Pipeline({"x": RawColumn("", "")}, (FittedStep("whiten", "x", {}, {}),))

    with pytest.raises(UsageError) as caught:
        pipeline.apply(samples(x=NUMBERS))

    assert str(caught.value) == "there is no prepare step `whiten`"


def test_from_the_cache_features_have_the_names_they_would_have_without(
    columns: dict[str, Any],
    samples: Make,
    step: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cache_module, "SMALL_BYTES", 0)
    monkeypatch.setattr(Standardise, "costly", True)
    chain = [step("select", drop=("one",)), step("standardise"), step("select", drop=("two",))]
    rows = samples(x=columns["numbers"])

    cache = Cache(tmp_path)
    written, read = (Pipeline.fit(chain, rows, TRAIN, cache=cache)[1] for _ in range(2))

    assert bits(written) == bits(read)


def test_what_has_no_key_is_not_kept(
    columns: dict[str, Any],
    samples: Make,
    step: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cache_module, "SMALL_BYTES", 0)

    rows = samples("", x=columns["lists"])
    Pipeline.fit([step("pad", length=4)], rows, TRAIN, cache=Cache(tmp_path))

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("chain", CHAINS)
def test_with_a_cache_the_bits_are_the_same(
    chains: Any,
    columns: dict[str, Any],
    samples: Make,
    chain: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cache_module, "SMALL_BYTES", 0)
    steps, kind = chains[chain]
    rows = samples(x=columns[kind])
    plain, expected = Pipeline.fit(steps, rows, TRAIN)

    written = Pipeline.fit(steps, rows, TRAIN, cache=Cache(tmp_path))
    read = Pipeline.fit(steps, rows, TRAIN, cache=Cache(tmp_path))

    assert bits(written[1]) == bits(read[1]) == bits(expected)
    assert written[0] == read[0] == plain
    costly = any(s.load().costly for s in steps)
    assert len(list(tmp_path.iterdir())) == (1 if costly else 0)


def entries(
    steps: list[Chosen], rows: Samples, train: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> int:
    monkeypatch.setattr(cache_module, "SMALL_BYTES", 0)
    Pipeline.fit(steps, rows, train, cache=Cache(folder))
    return len(list(folder.iterdir()))


def test_the_cache_of_a_fitted_step_depends_on_the_training_rows(
    step: Make, samples: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = [step("tokenize"), step("multi_hot")]
    rows = samples(x=TEXTS)

    assert entries(steps, rows, TRAIN, tmp_path, monkeypatch) == 1
    assert entries(steps, rows, TRAIN, tmp_path, monkeypatch) == 1
    assert entries(steps, rows, HELD_OUT, tmp_path, monkeypatch) == 2


def test_the_cache_of_what_learns_nothing_serves_every_split(
    step: Make, samples: Make, ragged: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = samples(x=ragged(LISTS))
    steps = [step("multi_hot", size=30)]

    assert entries(steps, rows, TRAIN, tmp_path, monkeypatch) == 1
    assert entries(steps, rows, HELD_OUT, tmp_path, monkeypatch) == 1
    assert entries([step("multi_hot", size=31)], rows, TRAIN, tmp_path, monkeypatch) == 2
    other = samples(digest="other data", x=ragged(LISTS))
    assert entries(steps, other, TRAIN, tmp_path, monkeypatch) == 3


def test_a_step_works_on_the_columns_it_names(step: Make, samples: Make) -> None:
    steps = [step("standardise", columns=("a",)), step("scale", divide_by=2)]

    fitted, found = Pipeline.fit(steps, samples(a=NUMBERS, b=NUMBERS), np.arange(ROWS))

    assert [(s.name, s.column) for s in fitted.steps] == [
        ("standardise", "a"),
        ("scale", "a"),
        ("scale", "b"),
    ]
    np.testing.assert_allclose(np.std(found["a"], axis=0), 0.5, rtol=1e-6)
    np.testing.assert_array_equal(found["b"], np.divide(NUMBERS, np.float32(2), dtype="f4"))


@pytest.mark.parametrize("hole", [np.nan, np.inf, -np.inf])
def test_a_hole_is_told_of_by_its_own_row(step: Make, samples: Make, hole: float) -> None:
    column = NUMBERS.copy()
    column[[17, 20], 2] = hole

    with pytest.raises(UsageError) as caught:
        Pipeline.fit([step("standardise")], samples(x=column), np.arange(ROWS))

    assert str(caught.value) == (
        "input x has missing (NaN) or infinite values in 2 rows\n"
        "  where: first in row 17\n"
        "  accepted: numbers"
        + (
            "\n  try: {name: impute}, early in prepare.steps, fills missing values (also those "
            "of copies)" * bool(np.isnan(hole))
        )
    )


def test_numbers_beyond_float32_are_refused(samples: Make) -> None:
    column = NUMBERS.copy()
    column[5, 0] = 1e300

    with pytest.raises(UsageError) as caught:
        Pipeline.fit([], samples(x=column), TRAIN)

    assert caught.value.problems[0].what == (
        "input x has missing (NaN) or infinite values after preparation in 1 row"
    )


def test_texts_and_lists_must_not_be_left(samples: Make, ragged: Make) -> None:
    with pytest.raises(UsageError) as texts:
        Pipeline.fit([], samples(x=TEXTS), TRAIN)
    with pytest.raises(UsageError) as lists:
        Pipeline.fit([], samples(x=ragged(LISTS)), TRAIN)

    assert str(texts.value) == (
        "input x still contains texts after preparation\n"
        "  accepted: numbers\n"
        "  try: add {name: tokenize} to prepare.steps; for model=mlp {name: multi_hot} after it"
    )
    assert str(lists.value) == (
        "input x holds lists of ids after preparation, and nobody says how many ids there are\n"
        "  accepted: a step that learns it from the training rows\n"
        "  try: add {name: truncate}, {name: pad} or {name: multi_hot} to prepare.steps"
    )


def test_only_training_rows_are_shown_to_fit(
    step: Make, samples: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    fit = Standardise.fit

    def spy(self: Standardise, column: Any) -> Any:
        seen.append(column)
        return fit(self, column)

    monkeypatch.setattr(Standardise, "fit", spy)
    Pipeline.fit([step("standardise")], samples(x=NUMBERS), TRAIN)

    np.testing.assert_array_equal(np.asarray(seen[0]), NUMBERS[TRAIN])
