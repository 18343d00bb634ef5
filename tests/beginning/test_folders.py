"""Folders of pictures and texts: what is told of them, and the task file, which can be trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from dlx.beginning.described import Description, Wishes
from dlx.beginning.folders import FolderSubject
from dlx.beginning.kinds import open_subject
from dlx.beginning.task_file import check_text, fit_text
from dlx.data.readers import made_up, text_folders
from dlx.errors import UsageError


def begin(folder: Path, **wishes: Any) -> tuple[Description, dict[str, Any], str]:
    subject, rule = open_subject([folder], Wishes(**wishes))
    assert isinstance(subject, FolderSubject)
    text = fit_text(subject.draft())
    check_text(text)
    return subject.describe(), yaml.safe_load(text), rule


def guessed(description: Description) -> dict[str, str]:
    return {one.what: one.rule for one in description.guesses}


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    assert text_folders.texts.write_sample is not None
    text_folders.texts.write_sample(tmp_path)
    return tmp_path


def test_a_folder_of_texts_with_a_test_set(reviews: Path) -> None:
    told, written, rule = begin(reviews)

    assert rule == "a folder of texts: 80 of its files end with .txt, .text, .md"
    assert told.title == f"{reviews.name}: 80 texts of 2 classes"
    assert told.titles == ("class", "files", "training", "validation", "test")
    assert told.rows == (("calm", "40", "30", "0", "10"), ("loud", "40", "30", "0", "10"))
    assert guessed(told)["sets: kfold"] == (
        "the folder test is the test set; 60 others, fewer than 2,000: K-fold"
    )
    assert written["dataset"]["folder"] == str(reviews)
    assert written["dataset"]["broken"] == "refuse"
    assert written["targets"] == {"class": {"problem": "binary"}}
    assert written["protocol"] == {"name": "kfold", "k": 4, "duplicates": "together"}
    assert [one["name"] for one in written["prepare"]["steps"]] == [
        *("tokenize", "multi_hot", "naive_bayes")
    ]


def test_of_three_classes_words_are_weighed_by_how_rare_they_are(tmp_path: Path) -> None:
    for label in "abc":
        (tmp_path / label).mkdir()
        for number in range(4):
            (tmp_path / label / f"{number}.txt").write_text(f"{label} {number} words")
    (tmp_path / "a" / "empty.txt").write_text("")
    told, written, _ = begin(tmp_path)

    assert written["targets"] == {"class": {"problem": "multiclass"}}
    assert written["prepare"]["steps"][1]["mode"] == "tf_idf"
    assert written["dataset"]["broken"] == "skip"
    (asked,) = (one for one in told.guesses if one.asks)
    assert asked.what == (
        "1 of 13 texts cannot be read: a/empty.txt (it is empty); they were left out"
    )
    assert written["protocol"]["name"] == "holdout"  # a class has too few rows for K-fold


def test_a_folder_of_pictures_that_validates(tmp_path: Path) -> None:
    made_up.write_sample(tmp_path)
    (tmp_path / "train" / "upright" / "broken.jpg").write_bytes(b"no picture")
    told, written, rule = begin(tmp_path)

    assert rule == "a folder of pictures: 81 of its files have names of pictures"
    assert told.title == f"{tmp_path.name}: 80 pictures of 2 classes"
    assert told.rows[0] == ("across", "40", "24", "6", "10")
    assert guessed(told)["sets: official"] == (
        "the folder test is the test set; the folder validation validates"
    )
    assert "pictures of 32 x 32 pixels (from 32 x 32 to 32 x 32)" in guessed(told)
    assert (written["dataset"]["size"], written["dataset"]["broken"]) == (32, "skip")
    assert written["model"]["name"] == "convnet"
    assert "batch_norm" not in written["model"]  # too few steps for running statistics
    assert written["prepare"]["augment"]["image"][0] == "flip"


@pytest.mark.parametrize(
    ("wishes", "what"),
    [
        (
            {"types": {"age": "number"}},
            "--type is of a table's columns, and this is a folder of texts",
        ),
        ({"group": "who"}, "--group is of a table's columns, and this is a folder of texts"),
    ],
)
def test_what_is_said_of_columns_is_refused(
    reviews: Path, wishes: dict[str, Any], what: str
) -> None:
    with pytest.raises(UsageError) as caught:
        begin(reviews, **wishes)
    assert [problem.what for problem in caught.value.problems] == [what]


def test_another_target_than_the_class_is_refused(reviews: Path) -> None:
    subject, _ = open_subject([reviews], Wishes())
    subject.settle(["class"])
    with pytest.raises(UsageError) as caught:
        subject.settle(["length"])
    (problem,) = caught.value.problems
    assert problem.what == "a file's folder is what is predicted, and --target asks for length"
