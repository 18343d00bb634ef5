"""Confusion matrices and scatters: the numbers are those of the CSV, by scikit-learn's account."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, median_absolute_error, multilabel_confusion_matrix

from dlx.report import build
from dlx.report.errors import confusion
from dlx.report.plots import DOTS
from dlx.report.read import evenly

DOWN_AND_ACROSS = "Rows of each true class (down) and predicted class (across)"


def columns(folder: Path) -> tuple[list[str], list[str]]:
    with (folder / "predictions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [row["true"] for row in rows], [row["predicted"] for row in rows]


@pytest.mark.parametrize("classes", [["no", "yes"], [str(i) for i in range(10)]])
def test_the_counts_shown_are_scikit_learn_s(make_run, page, problem, label_rows, classes):
    kind = "binary" if len(classes) == 2 else "multiclass"
    folder = make_run(
        metrics=None,
        predictions=label_rows(classes, 2000),
        problem={"digit": problem(kind, classes)},
        targets=["digit"],
    )
    found = page(build(folder))
    counts = confusion_matrix(*columns(folder), labels=classes)
    table = found.tables[DOWN_AND_ACROSS]
    assert table[0] == ["true", *classes]
    assert [[int(cell.replace(",", "")) for cell in row[1:]] for row in table[1:]] == (
        counts.tolist()
    )
    right = f"{np.trace(counts):,} of 2,000 rows of the test set are correct"
    assert right in found.text
    assert right in found.all("img")[0]["alt"]


def test_many_classes_are_gathered_so_that_their_counts_can_be_read(
    make_run, page, problem, label_rows, figures
):
    classes = [f"topic {i}" for i in range(46)]
    rows = label_rows(classes, 3000)
    several = {"topic": problem("multiclass", classes)}
    folder = make_run(metrics=None, predictions=rows, problem=several, targets=["topic"])
    build(folder)
    true, predicted = columns(folder)
    counts = confusion_matrix(true, predicted, labels=classes)
    (axes,) = figures[0].axes
    names = [text.get_text() for text in axes.texts[:24:2]]
    largest = sorted(classes, key=lambda name: -true.count(name))[:11]
    assert names[-1] == "35 others"
    assert sorted(true.count(name) for name in names[:-1]) == sorted(map(true.count, largest))
    assert names[:-1] == sorted(names[:-1], key=classes.index)
    drawn = [int(text.get_text().replace(",", "")) for text in axes.texts[24:]]
    assert sum(drawn) == counts.sum() == 3000


def test_many_classes_get_a_list_of_confused_pairs(make_run, page, problem, label_rows):
    classes = [f"topic {i}" for i in range(46)]
    folder = make_run(
        metrics=None,
        predictions=label_rows(classes, 3000),
        problem={"topic": problem("multiclass", classes)},
        targets=["topic"],
    )
    found = page(build(folder))
    true, predicted = columns(folder)
    counts = confusion_matrix(true, predicted, labels=classes)
    shown = found.tables["Most often confused"][1:]
    assert len(shown) == 10
    for name, other, rows, share in shown:
        count = counts[classes.index(name), classes.index(other)]
        assert rows == str(count)
        assert share == f"{100 * count / true.count(name):.1f}%"
    wrong = counts - np.diag(np.diag(counts))
    assert [int(row[2]) for row in shown] == sorted(wrong.ravel().tolist(), reverse=True)[:10]
    assert DOWN_AND_ACROSS not in found.tables


def test_classes_keep_their_order_and_unknown_ones_come_last():
    true, predicted = ["b", "a", "z", "b"], ["b", "y", "a", "a"]
    names, counts = confusion(true, predicted, ["b", "c", "a"])
    assert names == ["b", "c", "a", "y", "z"]
    assert counts.tolist() == confusion_matrix(true, predicted, labels=names).tolist()


def test_each_of_several_targets_is_shown(make_run, page, problem):
    rows = [["row", "age:true", "age:predicted", "sex:true", "sex:predicted", "sex:probability"]]
    rows += [[i, i, i + 1, "f", "f" if i % 2 else "m", 0.6] for i in range(8)]
    folder = make_run(
        metrics=[{"epoch": 1, "val/age/mae": 1.0, "val/sex/accuracy": 0.5, "train/loss": 1.0}],
        predictions=rows,
        problem={"age": problem("regression"), "sex": problem("binary", ["f", "m"])},
        targets=["age", "sex"],
    )
    found = page(build(folder))
    assert sorted(p.stem for p in (folder / "plots").iterdir()) == [
        "calibration-sex",
        "confusion-sex",
        "curve-age-mae",
        "curve-loss",
        "curve-sex-accuracy",
        "scatter-age",
    ]
    title = f"sex: {DOWN_AND_ACROSS[0].lower()}{DOWN_AND_ACROSS[1:]}"
    assert found.tables[title][1:] == [["f", "4", "4"], ["m", "0", "0"]]
    assert "age: predicted against true: 8 rows" in found.text
    assert "target age" in found.texts


def test_labels_are_counted_one_by_one(make_run, page, problem):
    classes = ["cat", "dog", "owl"]
    true = [["cat"], ["cat", "dog"], [], ["dog"], ["owl"]]
    predicted = [["cat", "dog"], ["dog"], [], ["dog"], ["cat"]]
    rows = [["0", "|".join(t), "|".join(p)] for t, p in zip(true, predicted, strict=True)]
    folder = make_run(
        metrics=None,
        predictions=[["row", "true", "predicted"], *rows],
        problem={"beast": problem("multilabel", classes)},
        targets=["beast"],
    )
    table = page(build(folder)).tables["Labels"]
    marks = [[[c in labels for c in classes] for labels in side] for side in (true, predicted)]
    each = multilabel_confusion_matrix(np.array(marks[0]), np.array(marks[1]))
    expected = [[m[1, 1], m[1, 0], m[0, 1]] for m in each]
    assert [[int(cell) for cell in row[1:]] for row in table[1:]] == expected


def test_regression_shows_how_far_off_it_is(make_run, page, problem):
    rng = np.random.default_rng(0)
    true = rng.normal(20, 5, 60)
    predicted = true + rng.normal(0, 2, 60)
    rows: list[list[object]] = [["row", "true", "predicted"]]
    rows += [[i, t, p] for i, (t, p) in enumerate(zip(true, predicted, strict=True))]
    rows.append([60, "nan", 1.0])
    folder = make_run(
        metrics=None,
        predictions=rows,
        problem={"price": problem("regression")},
        targets=["price"],
    )
    found = page(build(folder))
    off = median_absolute_error(true, predicted)
    assert f"median absolute error {off:#.4g}" in found.text
    assert "rows without a finite number, left out 1" in found.text
    assert "60 rows of the test set; the dashed line is where both are equal." in found.text


def test_the_numbers_of_a_vector_are_shown_together(make_run, page, problem):
    rows: list[list[object]] = [["row", "true", "predicted"]]
    rows += [[i, f"{i}|-{i}|0.5", f"{i + 1}|-{i}|0.5"] for i in range(5)]
    folder = make_run(
        metrics=None,
        predictions=rows,
        problem={"place": problem("vector_regression")},
        targets=["place"],
    )
    found = page(build(folder))
    assert "15 values of the test set; the dashed line" in found.text
    assert "mean error (predicted minus true) 0.3333" in found.text
    damaged = (folder / "predictions.csv").read_text().replace("1|-0|0.5", "1|-0")
    (folder / "predictions.csv").write_text(damaged)
    assert "No row has a finite true and predicted value." in page(build(folder)).texts


def test_a_name_that_looks_like_a_formula_is_known_again(make_run, page, problem):
    rows = [["row", "true", "predicted"], [0, "'=A1", "'-1"], [1, "'-1", "'-1"], [2, "'a", "'-1"]]
    classes = ["-1", "=A1", "a", "'a"]
    folder = make_run(
        metrics=None,
        predictions=rows,
        problem={"digit": problem("multiclass", classes)},
        targets=["digit"],
    )
    table = page(build(folder)).tables[DOWN_AND_ACROSS]
    assert [row[:2] for row in table] == [
        ["true", "-1"],
        ["-1", "1"],
        ["=A1", "1"],
        ["a", "0"],
        ["'a", "1"],
    ]


def test_a_regression_without_a_number_draws_nothing(make_run, page, problem):
    folder = make_run(
        metrics=None,
        predictions=[["row", "true", "predicted"], [0, "inf", "x"]],
        problem={"price": problem("regression")},
        targets=["price"],
    )
    found = page(build(folder))
    assert "No row has a finite true and predicted value." in found.texts
    assert found.all("img") == []


def test_a_scatter_takes_the_same_5000_of_many_rows():
    assert evenly(range(7), DOTS) == list(range(7))
    many = evenly(range(123_456), DOTS)
    assert len(many) == 5000
    assert (many[0], many[-1]) == (0, 123_455)
    assert set(np.diff(many)) <= {24, 25}
    assert evenly([], DOTS) == []
