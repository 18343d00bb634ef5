"""A folder of the user's own texts: classes, sets, encodings; what is no text is told by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlx.data
from dlx.config.specs.datasets import DATASETS
from dlx.data.columns import Text
from dlx.data.encodings import NoTextError, decode
from dlx.data.samples import Samples
from dlx.errors import UsageError

FEW = {
    "calm/1.txt": b"still water",
    "calm/2.md": "ruhige Fläche".encode("utf-8-sig"),
    "loud/1.txt": "ein Stürm".encode("cp1252"),
    "loud/2.txt": "ein Schrei".encode("utf-16"),
}
MEND = "mend or delete them; or dataset.broken=skip leaves them out, and tells which"


def put(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def read(folder: Path, **options: Any) -> Samples:
    return dlx.data.read(DATASETS.default("texts", folder=str(folder), **options)())


def told(folder: Path, **options: Any) -> tuple[str, str, str]:
    with pytest.raises(UsageError) as caught:
        read(folder, **options)
    (problem,) = caught.value.problems
    return problem.what, problem.accepted, problem.hint


def texts(samples: Samples) -> list[str]:
    column = samples.columns["text"]
    assert isinstance(column, Text)
    return column.values


def test_each_folder_is_a_class_and_each_file_a_row_in_its_own_encoding(tmp_path: Path) -> None:
    samples = read(put(tmp_path, {**FEW, "loud/picture.jpg": b"\xff\xd8"}))

    assert texts(samples) == ["still water", "ruhige Fläche", "ein Stürm", "ein Schrei"]
    assert samples.classes == {"class": ("calm", "loud")}
    assert np.asarray(samples.columns["class"]).tolist() == [0, 0, 1, 1]
    assert samples.notes == (
        ("1 file without a text's name, left out: loud/picture.jpg", 1),
        ("1 text in Windows-1252: loud/1.txt", 1),
        ("1 text in UTF-16: loud/2.txt", 1),
    )


def test_folders_of_sets_are_the_official_sets(tmp_path: Path) -> None:
    sets = {
        f"{part}/{name}": f"{part} {name}".encode() for part in ("train", "test") for name in FEW
    }
    samples = read(put(tmp_path, sets))

    assert samples.validation is None
    assert samples.test is not None
    assert samples.test.tolist() == [4, 5, 6, 7]


def test_files_that_are_empty_or_no_texts_are_named(tmp_path: Path) -> None:
    wrong = {"calm/3.txt": b" \n", "loud/3.txt": b"%PDF\x01\x00\x02", "loud/4.txt": b"bell \x07"}
    put(tmp_path, {**FEW, **wrong})
    which = (
        "3 of 7 texts cannot be read: calm/3.txt (it is empty), loud/3.txt (it has bytes of value "
        "0, as files that are no texts have), loud/4.txt (it has the control character 0x07 in "
        "line 1, as files that are no texts have)"
    )

    assert told(tmp_path) == (which, "texts", MEND)
    samples = read(tmp_path, broken="skip")
    assert len(samples) == 4
    assert samples.notes[0] == (f"{which}; they were left out", 3)


def test_a_class_of_empty_files_and_two_classes_of_the_same_are_refused(tmp_path: Path) -> None:
    lost = put(tmp_path / "lost", {**FEW, "odd/1.txt": b""})
    same = put(tmp_path / "same", {f"{one}/1.txt": b"the same" for one in ("a", "b")})
    alone = put(tmp_path / "alone", {"1.txt": b"nowhere"})

    what = "no text of 1 of the 3 classes can be read: odd"
    assert told(lost, broken="skip") == (what, "texts of each", "")
    what = "classes a and b have the same 1 files"
    assert told(same) == (what, "other texts in each class", "")
    what = "1 text in no folder of a class: 1.txt"
    hint = f"dataset.folder={tmp_path}, if alone is a class"
    assert told(alone) == (what, "a folder for each class, as in alone/CLASS/NAME.txt", hint)


def test_another_encoding_may_be_said(tmp_path: Path) -> None:
    put(tmp_path, {"a/1.txt": "groß".encode("latin-1"), "b/1.txt": b"klein"})

    assert texts(read(tmp_path, encoding="latin-1")) == ["groß", "klein"]
    what = "1 of 2 texts cannot be read: a/1.txt (it is not UTF-8: byte 0xdf in line 1)"
    assert told(tmp_path, encoding="utf-8") == (what, "texts", MEND)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_an_encoding_is_told_by_its_bytes(encoding: str) -> None:
    assert decode("drei Äpfel\nund €".encode(encoding))[0] == "drei Äpfel\nund €"


def test_what_is_in_no_known_encoding_is_refused_with_its_line() -> None:
    with pytest.raises(NoTextError, match="neither UTF-8 nor Windows-1252: byte 0x81 in line 2"):
        decode(b"one\ntwo \x81")


def test_where_it_lies_is_no_part_of_the_data(tmp_path: Path) -> None:
    one, other = (read(put(tmp_path / name, FEW)) for name in ("here", "there"))
    assert one.digest == other.digest
