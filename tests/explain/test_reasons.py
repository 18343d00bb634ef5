"""Why a row has its score: by words, features, steps and pixels, from the command to its files."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small import the_run

from dlx.cli.main import main
from dlx.errors import UsageError
from dlx.explain.opened import Opened, open_run
from dlx.explain.permutation import _join, _ranks
from dlx.explain.pieces import Listed, Marked, Piece
from dlx.explain.run import explain
from dlx.runs import ledger

ONE = ("dataset.sample=true", "trainer.threads=1", "trainer.epochs=1", "--quiet")
LINES = {
    "wine": ("task=wine", "prepare.steps=[{name: select, drop: [ash]}, {name: standardise}]"),
    "imdb": ("task=imdb", "model.units=[4]"),
    "imdb_sequence": ("task=imdb_sequence", "model.units=[4]", "model.embedding=4"),
    "beijing_windows": ("task=beijing_windows", "model.layers=[{gru: 3}]"),
    "digits": ("task=digits", "model.units=[8]"),
}
Runs = Callable[[str], Path]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Trains a task once, and stands where its run is."""
    made: dict[str, Path] = {}

    def train(task: str) -> Path:
        if task not in made:
            folder = tmp_path_factory.mktemp(task)
            with pytest.MonkeyPatch.context() as patch:
                patch.chdir(folder)
                lines = [one for one in ONE if task != "digits" or "sample" not in one]
                assert main(["train", *LINES[task], *lines]) == 0
            made[task] = folder
        return made[task]

    return train


@pytest.fixture
def opened(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Opened]:
    """Opens a task's run, from where it lies."""

    def enter(task: str) -> Opened:
        monkeypatch.chdir(runs(task))
        return open_run(the_run())

    return enter


Open = Callable[[str], Opened]


def pieces_of(kind: type[Piece], found: Any) -> list[Any]:
    return [one for one in found.pieces if isinstance(one, kind)]


def total(text: str) -> float:
    """The difference that a piece tells: "logit 1 of the baseline + 2 = 3"."""
    sign, amount = text.split(" of the baseline ")[1].split(" = ")[0].split()
    return float(amount) * (-1 if sign == "-" else 1)


def test_features_of_a_row_add_up_to_its_score(opened: Open) -> None:
    found = explain(opened("wine"), ["integrated"], rows=[3, 80])

    tables = pieces_of(Listed, found)
    assert len(tables) == 2
    for table in tables:
        assert sum(table.columns["adds"]) == pytest.approx(total(table.text), rel=0.01)
        assert table.baseline == "the mean of training rows"
        assert "alcohol" in table.columns["feature"]
        assert "ash" not in table.columns["feature"]
        assert table.title.startswith("Integrated gradients: ")
        assert table.label
        assert table.score is not None


def test_a_feature_that_is_not_read_costs_nothing_when_it_is_shuffled(opened: Open) -> None:
    (table,) = pieces_of(Listed, explain(opened("wine"), ["permutation"]))

    costs = dict(zip(table.columns["feature"], table.columns["cost"], strict=True))
    ends = zip(table.columns["from"], table.columns["cost"], table.columns["to"], strict=True)
    assert costs["ash"] == 0
    assert max(costs.values()) > 0
    assert all(low <= cost <= high for low, cost, high in ends)
    assert list(costs.values()) == sorted(costs.values(), reverse=True)


@pytest.mark.slow
def test_shuffling_is_the_same_twice_and_looks_at_no_test_row(opened: Open) -> None:
    run = opened("wine")
    fold = run.fold
    (first,), (again,) = (pieces_of(Listed, explain(run, ["permutation"])) for _ in range(2))

    assert first.columns == again.columns
    assert "0 of" not in first.text
    assert run.looked == ledger.Seen()
    assert not np.isin(fold.rows.validation, fold.data.split.test).any()


def test_features_that_are_alike_are_found_by_their_ranks() -> None:
    values = np.array([1.0, 2.0, 2.0, 5.0])

    assert _ranks(values) @ _ranks(np.exp(values)) == pytest.approx(1)
    assert _ranks(values) @ _ranks(-values) == pytest.approx(-1)
    assert not _ranks(np.ones(4)).any()
    assert _join([("a", "c"), ("c", "d"), ("b", "e")], "abcde") == [["a", "c", "d"], ["b", "e"]]


@pytest.mark.slow
def test_words_without_an_order_are_sorted_by_what_they_add(opened: Open) -> None:
    (words, *_) = pieces_of(Marked, explain(opened("imdb"), ["integrated"], rows=[0]))

    weights = [weight for _, weight in words.words]
    assert weights == sorted(weights, reverse=True)
    assert words.baseline == "a row with nothing in it"
    cut = "the 60 of" in words.title
    assert len(weights) == 60 if cut else sum(weights) == pytest.approx(total(words.text), rel=0.01)


def test_words_in_order_stand_as_they_were_read(opened: Open) -> None:
    run = opened("imdb_sequence")
    for method in ("integrated", "occlusion"):
        (words,) = pieces_of(Marked, explain(run, [method], rows=[0]))
        text = run.fold.columns["review"].show(0).content

        assert " ".join(word for word, _ in words.words) == text
        assert words.baseline == "every id is the padding's"


def test_a_typed_text_goes_through_the_runs_preparation(
    opened: Open, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = opened("imdb_sequence")
    known = run.fold.data.samples.columns["review"].words[5:8]
    text = f"{known[0].upper()}, {known[1]}! unheard-of {known[2]}"
    (here / "review.txt").write_text(text)

    assert main(["explain", "last", "--text", text, "--method", "integrated", "--json"]) == 0
    (typed,) = json.loads(capsys.readouterr().out)["pieces"]
    rows = list(csv.reader((the_run() / "explain" / typed["file"]).read_text().splitlines()))
    found = explain(run, ["integrated"], files=[here / "review.txt"])

    said = [word for word, _ in rows[1:]]
    assert said == ["<start>", known[0], known[1], "<unknown>", "<unknown>", known[2]]
    assert [word for word, _ in pieces_of(Marked, found)[0].words] == said
    assert typed["of"].startswith("“")


@pytest.mark.slow
def test_rows_of_texts_are_the_surest_right_and_wrong_ones(opened: Open) -> None:
    run = opened("imdb")
    found = pieces_of(Marked, explain(run, ["occlusion"]))

    truth = [one.text.rpartition("in truth ")[2] for one in found]
    right = [one.label == true for one, true in zip(found, truth, strict=True)]
    assert right == sorted(right, reverse=True)
    assert {one.subject.partition("(")[2] for one in found} == {"validation)"}
    assert [one.score for one in found if one.label == one.text.rpartition(" ")[2]] == sorted(
        (one.score for one in found if one.label == one.text.rpartition(" ")[2]), reverse=True
    )


@pytest.mark.slow
def test_a_series_is_told_by_step_and_by_feature_in_the_targets_unit(opened: Open) -> None:
    run = opened("beijing_windows")
    tables = pieces_of(Listed, explain(run, ["integrated", "occlusion"], rows=[0]))
    ((steps, features),) = (one.shape for one in run.inputs.values())

    by_feature, by_step, *many, covered_steps, covered_features = tables
    sizes = [features, steps, steps, features]
    assert [len(one.columns["adds"]) for one in tables if "adds" in one.columns] == sizes
    moved = [one.columns["moves by"] for one in many]
    assert list(map(len, moved)) == [steps, features]
    assert min(map(min, moved)) >= 0 < max(map(max, moved))
    for table in (by_feature, by_step):
        assert sum(table.columns["adds"]) == pytest.approx(total(table.text), rel=0.01)
        assert table.text.split(" = ")[1].startswith(f"{table.score:.4g}"[:3])
    assert by_step.columns["steps before the last"][-1] == 0
    assert "TEMP" in covered_features.columns["feature"]
    assert covered_steps.baseline == "the mean of training rows and steps"


def test_a_picture_is_compared_with_the_baseline_that_is_asked_for(opened: Open) -> None:
    run = opened("digits")
    told = {}
    for baseline in ("", "blurred", "mean"):
        (found,) = explain(run, ["integrated"], rows=[5], baseline=baseline).pieces
        told[baseline] = found.baseline
        assert found.title.startswith("Integrated gradients: what speaks for")

    assert list(told.values()) == [
        "a black picture",
        "the picture, blurred",
        "the mean picture of training rows",
    ]


def test_a_model_without_a_gradient_is_covered_but_not_integrated(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = opened("wine")
    forward = run.network.forward
    monkeypatch.setattr(
        run.network, "forward", lambda inputs: {n: x.detach() for n, x in forward(inputs).items()}
    )

    with pytest.raises(UsageError) as refused:
        explain(run, ["integrated"], rows=[3])
    what = "integrated does not fit this run: the score has no gradient by any input"
    assert refused.value.problems[0].what == what
    assert pieces_of(Listed, explain(run, ["occlusion"], rows=[3]))


REFUSED = {
    ("digits", "--text", "a picture"): "takes a text of a run whose only input is one, "
    "and this one has image (dense)",
    ("digits", "--baseline", "blured"): "no input of the run has a baseline `blured`",
    ("digits", "--method", "permutation"): "permutation does not fit this run: "
    "image is its only input, and no table",
    ("imdb_sequence", "--text", "..."): "the run knows no word of the text",
    ("imdb_sequence", "--class", "postive"): "no target has a class `postive`",
    ("wine", "--baseline", "black"): "no input of the run has a baseline `black`",
    ("wine", "--row", "1000"): "the dataset has no row 1000",
}


@pytest.mark.parametrize("line", REFUSED)
def test_what_cannot_be_explained_is_refused_and_leaves_nothing(
    line: tuple[str, ...],
    opened: Open,
    capsys: pytest.CaptureFixture[str],
) -> None:
    task, *words = line
    opened(task)

    assert main(["explain", "last", *words, "--out", "nothing"]) == 2
    assert REFUSED[line] in capsys.readouterr().err
    assert not Path("nothing").exists()
