from __future__ import annotations

import pytest

from dlx.errors import UsageError
from dlx.experiments import Experiment
from dlx.report import compare
from dlx.report.experiments import build_experiments

DATA = {"digest": "d", "split_digest": "s"}


@pytest.fixture
def pair(make_run):
    one = make_run(
        run="imdb/one", data=DATA, config="model: {units: [16], dropout: 0.0}\nseed: 0\n"
    )
    two = make_run(
        run="imdb/two", data=DATA, config="model: {units: [16], dropout: 0.5}\nseed: 0\n"
    )
    return [one, two]


def test_answers_settings_and_curves_stand_side_by_side(pair, page, tmp_path):
    out = tmp_path / "both.html"
    assert compare(pair).write(out) == out
    found = page(out)
    answers = found.tables["Answers"]
    assert [row[1] for row in answers[1:]] == ["imdb/one", "imdb/two"]
    assert answers[1][2:7] == [
        "accuracy (test set, higher is better)",
        "0.8812",
        "0.8771 to 0.8852",
        "majority 0.5000",
        "beats the baseline",
    ]
    assert found.tables["Settings that differ"][1:] == [["model.dropout", "0.0", "0.5"]]
    assert [img["alt"] for img in found.all("img")] == [
        "test/accuracy of each run with its 95% interval, and its baseline.",
        "loss of each run: validation solid, training dotted.",
        "accuracy of each run: validation solid, training dotted.",
    ]
    assert found.all("script") == []
    assert "cannot be compared" not in found.text


@pytest.mark.parametrize("sample", [True, False])
def test_a_run_on_sample_data_stamps_every_picture(pair, make_run, tmp_path, figures, sample):
    third = make_run(run="imdb/three", data=DATA, sample=sample)
    compare([pair[0], third]).write(tmp_path / "x.html")
    build_experiments(tmp_path / "set", [Experiment("a", "a", "imdb")], {"a": [third]})
    stamped = ["SAMPLE DATA" in [text.get_text() for text in one.texts] for one in figures]
    assert stamped == [sample] * 5


def test_pictures_name_runs_by_what_differs(pair, make_run, tmp_path, figures):
    same = make_run(run="imdb/three", data=DATA)
    compare(pair).write(tmp_path / "x.html")
    rows = [text.get_text() for text in figures[0].axes[0].get_yticklabels()]
    assert rows == ["run 1: dropout=0.0", "run 2: dropout=0.5"]
    assert [text.get_text() for text in figures[1].legends[0].get_texts()] == rows
    compare([same, same]).write(tmp_path / "x.html")
    rows = [text.get_text() for text in figures[3].axes[0].get_yticklabels()]
    assert rows == ["run 1: imdb/three", "run 2: imdb/three"]


def test_each_interval_is_drawn_with_its_score_and_baseline(pair, tmp_path, figures):
    compare(pair).write(tmp_path / "x.html")
    lines = [list(line.get_xdata()) for line in figures[0].axes[0].lines]
    assert lines == [[0.8771, 0.8852], [0.8812], [0.5, 0.5]] * 2


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"data": {**DATA, "digest": "e"}}, "The runs use different data"),
        ({"data": {**DATA, "split_digest": "e"}}, "only the test scores can be compared."),
        (
            {"data": {**DATA, "split_digest": "e"}, "predictions": None},
            "The data are split differently",
        ),
        (
            {"data": {**DATA, "dataset": "x"}, "sample": True},
            "Some of the runs were trained on synthetic",
        ),
        (
            {"answer": {"score": "val/accuracy", "value": 1.0}},
            "The runs are scored on different sets: only scores with the same name can be "
            "compared.",
        ),
        ({"answer": {"score": "test/mae", "value": 1.0}}, "The runs have different main scores"),
        ({"stamps": ["seen before"]}, "Run 3: seen before."),
    ],
)
def test_it_says_when_scores_do_not_compare(pair, make_run, page, tmp_path, changed, words):
    third = make_run(**{"data": DATA, **changed})
    assert words in page(compare([*pair, third]).write(tmp_path / "x.html")).text


def test_a_broken_run_is_shown_with_what_it_has(pair, make_run, page, tmp_path):
    empty = make_run({}, metrics=None, predictions=None, config="a: [")
    found = page(compare([*pair, empty]).write(tmp_path / "x.html"))
    assert found.tables["Answers"][3][3] == "\N{EN DASH}"


def test_a_folder_that_is_no_run_is_refused(pair, tmp_path):
    with pytest.raises(UsageError, match=r"has no report\.json"):
        compare([*pair, tmp_path])
