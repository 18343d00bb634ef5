"""Files of word vectors: both formats, packed or not, and every way in which one may be damaged."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import numpy as np
import pytest

from dlx.config.specs import DATASETS
from dlx.data.readers.vectors import Vectors, check_vectors, read_vectors
from dlx.data.reading import read, sample_folder
from dlx.errors import UsageError

WORDS = ("<pad>", "the", "film", "ünlü", "absent")
TEXT = "the 1 2.5\n, 0 0\nfilm -3e-1 4\nünlü 0.5 6\n"
EXPECTED = [[0, 0], [1, 2.5], [-0.3, 4], [0.5, 6], [0, 0]]


def write(folder: Path, text: str | bytes, name: str = "vectors.txt") -> Path:
    """A file of vectors, packed as its name says."""
    file, content = folder / name, text.encode() if isinstance(text, str) else text
    if name.endswith(".zip"):
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("glove.test.2d.txt", content)
            archive.writestr("glove.test.3d.txt", "the 1 2 3\n")
    else:
        file.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return file


def vectors(file: Path, dim: int = 2, words: tuple[str, ...] = WORDS) -> Vectors:
    check_vectors(file, dim)
    return read_vectors(file, str(file.stat().st_mtime_ns), dim, words)


@pytest.mark.parametrize("name", ["vectors.txt", "vectors.gz", "vectors.zip"])
@pytest.mark.parametrize("form", ["glove", "word2vec", "windows"])
def test_the_same_vectors_in_every_format(tmp_path: Path, form: str, name: str) -> None:
    ends = {"glove": "\n", "word2vec": " \n", "windows": "\r\n"}
    text = ("4 2\n" if form == "word2vec" else "") + TEXT.replace("\n", ends[form])
    found = vectors(write(tmp_path, text, name))
    np.testing.assert_array_equal(found.values, np.float32(EXPECTED))
    assert found.found.tolist() == [False, True, True, True, False]


def test_a_word_may_hold_blanks_and_a_mark_is_no_word(tmp_path: Path) -> None:
    found = vectors(write(tmp_path, "<pad> 7 7\n. . 1 2\nat name@site 1 2\nthe 3 4\n"))
    assert found.values[:2].tolist() == [[0, 0], [3, 4]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the 1 2\nfilm 3\n", "line 2 has 1 numbers"),
        ("the 1 2\nfilm 3 4 5\n", "line 2 has 3 numbers"),
        ("the 1 2\n\nfilm 3 4\n", "line 2 is empty"),
        ("the 1 2\nfilm 3 x\n", "line 2 has `x` in place of a number"),
        ("the 1 2\nfilm 3 nan\n", "line 2 has `nan` in place of a number"),
        ("the 1 2\n, 0 0\nthe 3 4\n", "line 3 has `the` again, after line 1"),
        (b"the 1 2\nf\xfclm 3 4\n", "line 2 is not UTF-8"),
        ("", "is empty"),
        ("4 2\n", "is empty"),
    ],
)
def test_a_damaged_file_is_told_by_line(tmp_path: Path, text: str | bytes, expected: str) -> None:
    file = write(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        vectors(file)
    lines = str(caught.value).split("\n")
    assert lines[0] == f"vectors.txt: {expected}"
    assert lines[1:3] == [
        f"  where: {file}",
        "  accepted: lines of a word and 2 numbers, in UTF-8, separated by blanks",
    ]


def test_vectors_of_another_length_are_told_before_they_are_read(tmp_path: Path) -> None:
    for name in ("vectors.txt", "vectors.gz"):
        file = write(tmp_path, "4 2\n" + TEXT, name)
        with pytest.raises(UsageError) as caught:
            check_vectors(file, 50)
        assert str(caught.value) == (
            f"{name} has vectors of 2 numbers, but the embedding's `dim` is 50\n"
            f"  where: {file}\n  accepted: dim: 2, or a file of such vectors"
        )
    file = write(tmp_path, TEXT, "vectors.zip")
    with pytest.raises(UsageError) as caught:
        check_vectors(file, 50)
    assert str(caught.value) == (
        "vectors.zip contains 2 texts, and 0 with vectors of 50 numbers\n"
        f"  where: {file}\n"
        "  accepted: a `dim` of which there is one: glove.test.2d.txt, glove.test.3d.txt"
    )


@pytest.mark.parametrize("name", ["vectors.gz", "vectors.zip"])
def test_what_is_cut_off_cannot_be_read(tmp_path: Path, name: str) -> None:
    file = write(tmp_path, TEXT * 50, name)
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(UsageError, match=f"^{name} cannot be read: "):
        vectors(file)


def test_the_archive_of_glove_has_a_text_for_each_length_and_no_rows() -> None:
    chosen = DATASETS.default("glove", sample=True)()
    archive = sample_folder(chosen, chosen.load()) / "glove.6B.zip"
    for dim in (50, 100, 200, 300):
        found = vectors(archive, dim, ("word1", "great", "nonsense"))
        assert found.values.shape == (3, dim)
        assert found.found.tolist() == [True, True, False]
    with pytest.raises(UsageError, match="holds vectors of words, and no rows to learn from"):
        read(chosen)
