"""Texts as stretches of tokens: of one's own, of a folder, and Python's help on its language."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlx.data
from dlx.config.fields import Chosen
from dlx.config.specs import DATASETS, PROTOCOLS
from dlx.data.columns import Passages
from dlx.data.samples import Samples
from dlx.data.tokens import cut
from dlx.errors import UsageError

TEXT = "Ab c\nabcab,  cab. Ab caba c"


def choose(file: Path, **options: Any) -> Chosen:
    return DATASETS.default("text", file=str(file), **{"length": 4, **options})()


def read(folder: Path, text: str | bytes = TEXT, **options: Any) -> Samples:
    file = folder / "a text.txt"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return dlx.data.read(choose(file, **options))


def rows_of(samples: Samples) -> list[str]:
    column = samples.columns["text"]
    assert isinstance(column, Passages)
    return [column.text(row) for row in range(len(samples))]


@pytest.mark.parametrize(("length", "step"), [(4, 3), (1, 1), (7, None), (25, 5)])
def test_rows_are_stretches_and_what_follows_each(
    tmp_path: Path, length: int, step: int | None
) -> None:
    samples = read(tmp_path, length=length, step=step)

    begins = range(0, len(TEXT) - length, step or length)
    assert rows_of(samples) == [TEXT.lower()[at : at + length + 1] for at in begins]


@pytest.mark.parametrize("text", [TEXT, "  a\n\n\tb ,c!? d_2  ", "", "é ü", " \n \n"])
@pytest.mark.parametrize("unit", ["character", "word"])
def test_tokens_end_to_end_are_the_text(text: str, unit: Any) -> None:
    assert "".join(cut(text, unit)) == text


def test_words_have_the_blank_before_them() -> None:
    assert cut("Oh no,  it's\n done!!", "word") == [
        *("Oh", " no", ",", " ", " it", "'", "s", "\n", " done", "!!")
    ]


def test_a_folder_is_its_texts_in_the_order_of_their_names(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name, text in (("b/z.txt", "three"), ("c.txt", "four"), ("a.txt", "One"), ("d.md", "x")):
        (tmp_path / name).write_text(text)

    whole = dlx.data.read(choose(tmp_path, length=3, step=1, lower=False))
    found = rows_of(whole)
    assert found[0] + "".join(one[-1] for one in found[1:]) == "One\n\nthree\n\nfour"


def test_where_a_text_lies_is_no_part_of_what_it_is(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()

    found = [read(tmp_path / name).digest for name in ("one", "two")]

    assert found[0] == found[1] != read(tmp_path, TEXT + "!").digest


def test_rows_are_known_by_the_character_that_they_end_with(tmp_path: Path) -> None:
    fine, coarse = (read(tmp_path, length=length, step=1) for length in (4, 9))

    ends = [list(map(bytes, np.asarray(one.columns[one.identity]))) for one in (fine, coarse)]
    assert ends[0][5:] == ends[1]


@pytest.mark.parametrize(("length", "step"), [(4, 3), (6, 3), (5, 1), (8, None)])
def test_no_token_that_training_is_told_is_read_by_later_sets(
    tmp_path: Path, length: int, step: int | None
) -> None:
    samples = read(tmp_path, TEXT * 20, length=length, step=step)
    protocol: Chosen = PROTOCOLS.default("chronological", validation=0.2, test=0.2)()
    split = protocol.load()(protocol.options, samples, 0, "")
    column = samples.columns["text"]
    assert isinstance(column, Passages)

    (fold,) = split.folds
    for before, after in ((fold.train, fold.validation), (fold.validation, split.test)):
        assert column.take(before).places().max() < column.take(after).places().min()


def test_the_embedded_text_is_what_python_brings() -> None:
    from pydoc_data.topics import topics

    samples = dlx.data.read(DATASETS.default("text", lower=False)())

    start = "\n".join(topics[name] for name in sorted(topics))
    assert rows_of(samples)[0] == start[:101]
    assert samples.source["files"][0]["name"] == "topics.py"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "a text.txt is empty"),
        ("abcd", "a text.txt has 4 characters, and none follows the first 4"),
        (b"a\ncaf\xe9", "a text.txt is no text in UTF-8: byte 0xe9 in line 2"),
    ],
)
def test_what_is_no_text_is_told(tmp_path: Path, text: str | bytes, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, text)

    assert caught.value.problems[0].what == told


def test_a_folder_without_texts_is_told(tmp_path: Path) -> None:
    (tmp_path / "poems").mkdir()

    with pytest.raises(UsageError, match=r"poems has no file whose name ends with \.txt"):
        dlx.data.read(choose(tmp_path / "poems"))


def test_a_mistyped_file_is_told_the_right_one(tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text(TEXT)

    with pytest.raises(UsageError) as caught:
        dlx.data.read(choose(tmp_path / "bok.txt"))

    (problem,) = caught.value.problems
    assert problem.what == f"dataset text: {tmp_path}/bok.txt does not exist"
    assert problem.accepted == "a text in UTF-8, or a folder of .txt files"
    assert problem.hint == f"dataset.file={tmp_path}/book.txt"
