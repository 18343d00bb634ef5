"""An embedding that starts from vectors of a file, a dataset or a run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small import built, loaded, trained, weights
from test_resume import broken_off, evidence, resumed

from dlx.config.granted import find_forbidden
from dlx.config.load import digest
from dlx.data.origins import FILE
from dlx.errors import UsageError
from dlx.models.embedding import Embedding
from dlx.models.summary import describe_starts
from dlx.reproduce.again import reproduce
from dlx.running.lineage import check_lineage
from dlx.running.retest import look_again
from dlx.runs.folder import name_of
from dlx.search.plan import plans

REVIEWS = (
    *("task=imdb_raw", "dataset.sample=true", "trainer.threads=1", "trainer.epochs=2"),
    "prepare.steps=[{name: tokenize, num_words: 50}, {name: pad, length: 6}]",
    "model=layers",
)
LINES = ["word1 1 2 3", "word2 -1 0.5 0", "never 9 9 9"]


def layers(vectors: object = "vec.txt", *, dim: int = 3, **options: Any) -> str:
    """The model: an embedding of three numbers, and what reads it."""
    given = "".join(f", {k}: {str(v).lower()}" for k, v in options.items())
    first = f"{{name: embedding, dim: {dim}, vectors: {vectors}{given}}}"
    return f"model.layers=[{first}, flatten]"


@pytest.fixture(autouse=True)
def file(here: Path) -> Path:
    """Vectors of two words of the vocabulary."""
    path = here / "vec.txt"
    path.write_text("\n".join(LINES) + "\n")
    return path


def start(*overrides: str) -> tuple[Embedding, tuple[str, ...]]:
    """The embedding at its start, and the word of each id."""
    _, _, fold, training = built(*overrides, base=REVIEWS)
    module = next(m for m in training.learner.module.modules() if isinstance(m, Embedding))
    return module, fold.inputs["review"].words


def test_rows_are_those_of_the_words_and_zero_or_random_elsewhere() -> None:
    expected = {"word1": [1, 2, 3], "word2": [-1, 0.5, 0]}
    for missing in ("zeros", "random"):
        module, words = start(layers(missing=missing))
        rows = dict(zip(words, module.weight.tolist(), strict=False))
        assert {word: rows.pop(word) for word in expected} == expected
        assert (np.array(list(rows.values())) == 0).all() == (missing == "zeros")
        (line,) = describe_starts(module)
        assert line.startswith("vec.txt has vectors for 2 of 47 words of the vocabulary (4.3%)")
        assert {"zeros": "start from zeros", "random": "from random numbers"}[missing] in line


def test_frozen_vectors_stay_unless_a_group_frees_them() -> None:
    def moved(*overrides: str) -> bool:
        found = weights(trained(*overrides, base=REVIEWS).training)["body.0.weight"]
        return not torch.equal(found, start(*overrides)[0].weight)

    assert moved(layers())
    assert not moved(layers(trainable=False))
    assert moved(layers(trainable=False), "optimizer.groups={body.0.*: {from_epoch: 2}}")


def test_coverage_and_what_is_trained_are_told(cli: Any) -> None:
    run = trained(layers(trainable=False), base=REVIEWS)
    facts = json.loads((run.folder / "report.json").read_text())
    assert facts["model"]["trained"] == "19 of 169 parameters trained"
    assert facts["vectors"][0] in (run.folder / "log.txt").read_text()
    answer = cli("summary", *REVIEWS, layers(trainable=False))
    assert answer.out.splitlines()[-2:] == [facts["model"]["trained"], facts["vectors"][0]]


class TestChangedFiles:
    def test_the_digest_is_of_what_the_file_holds(self, file: Path, here: Path) -> None:
        before = digest(loaded(layers(), base=REVIEWS).config)
        file.rename(here / "moved.txt")
        assert digest(loaded(layers("moved.txt"), base=REVIEWS).config) == before
        (here / "moved.txt").write_text("word1 1 2 4\n")
        assert digest(loaded(layers("moved.txt"), base=REVIEWS).config) != before

    def test_it_is_read_no_more_once_there_are_weights(self, file: Path) -> None:
        run = trained(layers(), base=REVIEWS)
        assert reproduce(run.folder, lambda _: None).identical
        scores = {one["name"]: one["value"] for one in look_again(run.folder)["scores"]}
        file.write_text("word1 1 2 4\n")
        with pytest.raises(UsageError) as caught:
            reproduce(run.folder, lambda _: None)
        assert str(caught.value).startswith(
            f"the vectors in {file} have changed since they were recorded\n"
        )
        file.unlink()
        again = {one["name"]: one["value"] for one in look_again(run.folder)["scores"]}
        assert again == scores

    @pytest.mark.slow
    @pytest.mark.parametrize("step", range(1, 8))
    def test_a_run_that_is_broken_off_goes_on_without_it(self, file: Path, step: int) -> None:
        given = (layers(trainable=step % 2 == 0), "trainer.batch_size=16")
        whole = trained(*given, base=REVIEWS)
        run = broken_off(loaded(*given, "run.root=other", base=REVIEWS), step)
        file.unlink()
        after = resumed(run)
        assert evidence(after) == evidence(whole.folder)
        facts = json.loads((after / "report.json").read_text())
        assert facts["vectors"] == whole.facts["vectors"]


class TestOfRuns:
    @pytest.fixture
    def learnt(self, file: Path) -> Path:
        """A finished run that has left vectors."""
        run = trained("trainer.epochs=1").folder
        file.rename(run / FILE)
        return run

    @pytest.mark.slow
    def test_those_of_the_task_for_them_reach_the_task_that_reads_them(self) -> None:
        sample = ("dataset.sample=true", "trainer.threads=1", "trainer.epochs=1")
        learnt = trained(base=("task=imdb_word_vectors", *sample))
        given = ("model.layers.0.vectors=last", "model.layers.0.dim=100")
        run = trained(*given, base=("task=imdb_glove", *sample))
        assert run.facts["vectors"][0].startswith(f"run {name_of(learnt.folder)} has vectors for ")
        rows = np.loadtxt(learnt.folder / FILE, dtype=str)
        words = run.stage.fold.inputs["review"].words
        weight = weights(run.training)["body.0.weight"]
        known = dict(zip(rows[:, 0], rows[:, 1:].astype(np.float32), strict=True))
        for word in ("great", "awful"):
            np.testing.assert_array_equal(weight[words.index(word)], known[word])

    def test_rows_that_taught_them_are_told(self, file: Path) -> None:
        source = trained("trainer.epochs=1", base=(*REVIEWS, layers()))
        file.rename(source.folder / FILE)
        run = trained(layers(name_of(source.folder)), "seed=1", base=REVIEWS)
        taught = set(source.data.split.folds[0].train.tolist())
        held = run.data.split.folds[0].validation.tolist()
        many = f"{sum(row in taught for row in held)} of the {len(held)} validation rows"
        told = [
            f"started from run {name_of(source.folder)}, whose vectors were learnt from {many}, "
            "without their targets: validation scores may be too optimistic"
        ]
        assert [one for one in run.facts["stamps"] if "vectors" in one] == told
        heir = loaded(
            *(layers(name_of(source.folder)), "model.layers.0={name: embedding, dim: 3}"),
            *("seed=1", f"from_run.run={name_of(run.folder)}"),
            base=REVIEWS,
        ).config
        assert [one for one in check_lineage(heir, run.data) if "vectors" in one] == told
        (source.folder / "data.json").unlink()
        assert [one.partition("compared: ")[0] for one in check_lineage(run.config, run.data)] == [
            f"started from run {name_of(source.folder)}, whose rows cannot be "
        ]

    def test_last_is_that_run_from_then_on(self, learnt: Path) -> None:
        overrides = (layers("glove", dim=50), "model.layers.0.vectors=last")
        found = loaded(*overrides, "model.layers.0.dim=3", base=REVIEWS)
        assert f"model.layers.0.vectors={name_of(learnt)}" in found.arguments
        options = found.config.model.options.layers[0].options
        assert (options.vectors, len(options.sha256)) == (name_of(learnt), 64)
        (line,) = describe_starts(start(*overrides, "model.layers.0.dim=3")[0])
        assert line.startswith(f"run {name_of(learnt)} has vectors for 2 of 47 words")

    @pytest.mark.slow
    def test_a_run_of_them_is_reproduced_elsewhere(self, learnt: Path) -> None:
        run = trained(layers(name_of(learnt)), base=REVIEWS)
        assert reproduce(run.folder, lambda _: None).identical

    def test_a_sweep_may_say_last(self, learnt: Path) -> None:
        more = ("model.layers.0.vectors=last", "seed=0,1")
        (plan,) = plans([*REVIEWS, layers("x"), *more])
        assert all(f"model.layers.0.vectors={name_of(learnt)}" in t.arguments for t in plan.trials)

    def test_last_where_nothing_can_be_put_in_its_place(self, learnt: Path) -> None:
        with pytest.raises(UsageError) as caught:
            loaded(layers("last"), base=REVIEWS)
        assert str(caught.value).startswith("`vectors` is last, which will soon be another run\n")
        assert str(caught.value).endswith(f"\n  try: {name_of(learnt)}")


@pytest.mark.parametrize(
    ("options", "lines"),
    [
        (
            {"vectors": "nowhere.txt"},
            ["there is no file, dataset or run `nowhere.txt` with vectors of words"],
        ),
        ({"dim": 4}, ["vec.txt has vectors of 3 numbers, but the embedding's `dim` is 4"]),
        (
            {"vectors": "glove", "dim": 64},
            ["glove.6B.zip contains 4 texts, and 0 with vectors of 64 numbers"],
        ),
    ],
)
def test_what_does_not_fit_is_told_before_anything_is_read(
    options: dict[str, Any], lines: list[str]
) -> None:
    with pytest.raises(UsageError) as caught:
        loaded(layers(**options), base=REVIEWS)
    assert str(caught.value).split("\n")[: len(lines)] == lines


def test_vectors_that_are_not_there_are_told_with_how_to_learn_some() -> None:
    with pytest.raises(UsageError) as caught:
        loaded(layers("nowhere"), base=REVIEWS)
    assert str(caught.value).endswith(
        "\n  try: `dlx train task=imdb_word_vectors`, then `model.layers.0.vectors=last`"
    )


def test_a_file_without_any_word_of_the_vocabulary_is_refused(file: Path, here: Path) -> None:
    file.write_text("never 1 2 3\n")
    with pytest.raises(UsageError) as caught:
        trained(layers(), base=REVIEWS)
    what, _, accepted = str(caught.value).split("\n")
    assert what == "vec.txt has no vector for any word of the vocabulary"
    assert accepted.startswith("  accepted: vectors of words such as `worse`, `best`")
    assert not (here / "runs").exists()


def test_ids_without_words_are_refused() -> None:
    _, _, fold, _ = built(layers(), base=REVIEWS)
    found = {name: replace(one, words=()) for name, one in fold.inputs.items()}
    config = loaded(layers(), base=REVIEWS).config
    with pytest.raises(UsageError, match="but the ids of the data have no words"):
        config.model.load()(config.model.options, found, {"sentiment": 1})


def test_a_strangers_file_may_name_runs_and_datasets_only() -> None:
    assert not find_forbidden(["model.layers.0.vectors=glove", layers("imdb/20260101-1")])
    for place in ("/etc/passwd", "~/x", "a/../../x"):
        assert find_forbidden([layers(f"'{place}'")])
        assert find_forbidden([f"model.layers.0.vectors='{place}'"])
