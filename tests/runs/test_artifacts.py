"""What a training leaves to be looked at: its files, their list, and what is believed of one."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dlx.errors import RunError
from dlx.files import fence
from dlx.runs.artifacts import ERRORS, KINDS, NAME, PREDICTIONS, Artifacts, list_artifacts
from dlx.runs.pixels import WIDEST, size_of

SAMPLES = np.random.default_rng(0).random((5, 1, 4, 6))
LEAVE: dict[str, Callable[..., None]] = {
    "table": lambda into, **a: into.table("sizes", {"name": ["a", "b"], "size": [1, 2.5]}, **a),
    "cards": lambda into, **a: into.cards("medoids", {"": [{"row": 3, "distance": 0.5}]}, **a),
    "pictures": lambda into, **a: into.pictures("samples", SAMPLES, **a),
    "film": lambda into, **a: into.film("episode", SAMPLES, **a),
    "texts": lambda into, **a: into.texts("poems", {"temperature 0.2": "to be\nor not"}, **a),
    "lines": lambda into, **a: into.lines("series", {"hour": [0, 1], "true": [2.0, 3.0]}, **a),
    "points": lambda into, **a: into.points("latent", {"x": [0.0], "y": [1.0], "is": ["a"]}, **a),
    "arrays": lambda into, **a: into.arrays("grid", {"at": np.eye(2)}, **a),
    "vectors": lambda into, **a: into.vectors("vectors", ["a", "\N{EURO SIGN}"], np.eye(2), **a),
}


def held(folder: Path) -> dict[str, bytes]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


def leave(folder: Path, first: int, last: int) -> None:
    """Every kind after some epochs and, with the last of them, at the end."""
    into = Artifacts(folder)
    for epoch in range(first, last + 1):
        for make in LEAVE.values():
            make(into, epoch=epoch, title="After an epoch")
    for make in LEAVE.values():
        make(into, caption="at the end")


def cells(folder: Path, file: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO((folder / file).read_text(encoding="utf-8"))))


def test_each_kind_has_a_file_and_an_entry(tmp_path: Path) -> None:
    assert LEAVE.keys() == KINDS.keys()
    leave(tmp_path, 1, 1)
    found = list_artifacts(tmp_path)
    assert [one.kind for one in found] == [*KINDS, *KINDS]
    assert [one.epoch for one in found] == [1] * len(KINDS) + [None] * len(KINDS)
    assert held(tmp_path).keys() == {NAME, *(one.file for one in found)}
    assert found[2].file == "artifacts/samples-1.png"


@pytest.mark.parametrize("at", range(4))
def test_resumed_after_any_epoch_the_bytes_are_those_of_one_that_never_stopped(
    tmp_path: Path, at: int
) -> None:
    leave(tmp_path / "whole", 1, 3)
    leave(tmp_path / "resumed", 1, 2)  # it was killed after the second epoch, or at its end
    Artifacts(tmp_path / "resumed").cut(at)
    kept = [one for one in list_artifacts(tmp_path / "resumed") if one.epoch is not None]
    assert [one.epoch for one in kept] == [e for e in (1, 2) if e <= at for _ in KINDS]
    leave(tmp_path / "resumed", min(at, 2) + 1, 3)
    assert held(tmp_path / "resumed") == held(tmp_path / "whole")


def test_without_a_folder_nothing_is_kept(here: Path) -> None:
    leave_all = Artifacts(None)
    for make in LEAVE.values():
        make(leave_all)
    leave_all.cut(0)
    assert held(here) == {}


def test_no_cell_is_a_formula_and_numbers_are_as_exact_as_single_precision(tmp_path: Path) -> None:
    columns = {
        "=name": ["=1+1", "-1", "plain"],
        "value": np.float32([1 / 3, -2, 1e9]),
        "pair": [[1, 0.5], ["@a", "b"], []],
    }
    Artifacts(tmp_path).table("cells", columns)
    assert cells(tmp_path, "artifacts/cells.csv") == [
        ["'=name", "value", "pair"],
        ["'=1+1", "0.3333333", "1|0.5"],
        ["-1", "-2", "'@a|b"],
        ["plain", "1e+09", ""],
    ]


def test_vectors_are_lines_of_a_word_and_its_numbers(tmp_path: Path) -> None:
    Artifacts(tmp_path).vectors("vectors", ["the", "=1+1"], np.float32([[1 / 3, -2], [1e-9, 0]]))
    assert (tmp_path / "vectors.txt").read_text() == "the 0.333333 -2\n=1+1 1e-09 0\n"


@pytest.mark.parametrize("word", ["", "new york", " a", "a\n", "\N{NO-BREAK SPACE}"])
def test_a_word_that_would_break_its_line_is_refused(tmp_path: Path, word: str) -> None:
    with pytest.raises(ValueError, match="no line can begin with the word"):
        Artifacts(tmp_path).vectors("vectors", ["fine", word], np.zeros((2, 1)))
    assert held(tmp_path) == {}


def test_pictures_lie_side_by_side_and_hold_only_pixels(tmp_path: Path) -> None:
    images = np.zeros((3, 1, 2, 2))
    images[0], images[1], images[2] = 1.0, 0.5, 7.0
    images[1, 0, 0, 0] = np.nan
    Artifacts(tmp_path).pictures("grid", images)
    content = (tmp_path / "artifacts" / "grid.png").read_bytes()
    assert size_of(content) == (6, 6)
    expected = np.zeros((6, 6))
    expected[:2, :2], expected[:2, 4:], expected[4:, :2] = 255, 128, 255
    expected[0, 4] = 0
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(content))), expected)


def test_a_film_holds_each_image_as_it_was(tmp_path: Path) -> None:
    frames = np.random.default_rng(1).integers(0, 256, (4, 3, 5, 7), dtype=np.uint8)
    Artifacts(tmp_path).film("episode", frames, ms=40)
    with Image.open(tmp_path / "artifacts" / "episode.png") as film:
        assert (film.n_frames, film.info["loop"], film.info["duration"]) == (4, 0, 40)
        for place, frame in enumerate(frames):
            film.seek(place)
            seen = np.asarray(film.convert("RGB"))
            np.testing.assert_array_equal(seen, frame.transpose(1, 2, 0))


def test_a_film_of_epochs_has_the_pictures_of_each_that_is_there(tmp_path: Path) -> None:
    frames = np.random.default_rng(1).integers(0, 256, (3, 1, 5, 7), dtype=np.uint8)
    into = Artifacts(tmp_path)
    for epoch in (11, 2, 5):
        into.pictures("grid", frames[epoch // 5][None], epoch=epoch)
    into.pictures("grid", frames[:1] // 2)  # of the end
    into.film_of_epochs("growth", "grid", ms=40)
    with Image.open(tmp_path / "artifacts" / "growth.png") as film:
        assert (film.n_frames, film.info["loop"], film.info["duration"]) == (3, 0, 40)
        for place, frame in enumerate(frames):
            film.seek(place)
            np.testing.assert_array_equal(np.asarray(film.convert("L")), frame[0])

    into.cut(2)
    into.film_of_epochs("short", "grid")
    assert [one.name for one in list_artifacts(tmp_path)] == ["grid", "grid", "growth"]
    into.pictures("grid", frames[:, :, :4], epoch=3)
    with pytest.raises(ValueError, match="a film is made of pictures of one size"):
        into.film_of_epochs("bent", "grid")


def chunks(png: bytes) -> set[bytes]:
    found, at = set(), 8
    while at < len(png):
        found.add(png[at + 4 : at + 8])
        at += 12 + int.from_bytes(png[at : at + 4], "big")
    return found


@pytest.mark.parametrize("kind", ["pictures", "film"])
def test_a_png_tells_no_clock_and_no_version(tmp_path: Path, kind: str) -> None:
    LEAVE[kind](Artifacts(tmp_path))
    pixels = {b"IHDR", b"IDAT", b"IEND", b"acTL", b"fcTL", b"fdAT"}
    assert chunks((tmp_path / list_artifacts(tmp_path)[0].file).read_bytes()) <= pixels


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda into: into.texts("No Name", {}), "`No Name` is no name of an artifact"),
        (lambda into: into.texts("../status", {}), "is no name of an artifact"),
        (lambda into: into.pictures("a", SAMPLES[0]), "the images have the shape"),
        (lambda into: into.film("a", np.zeros((0, 1, 2, 2))), "the images have the shape"),
        (lambda into: into.film("a", np.zeros((1, 1, 1, WIDEST + 1))), "more than 4,096 a side"),
        (lambda into: into.pictures("a", np.zeros((4, 1, 1, 2048))), "more than 4,096 a side"),
        (lambda into: into.table("a", {"x": [1], "y": []}), "shorter"),
    ],
)
def test_what_makes_no_sense_is_refused_and_leaves_nothing(
    tmp_path: Path, make: Callable[[Artifacts], None], told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        make(Artifacts(tmp_path))
    assert held(tmp_path) == {}


def test_no_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run" / "artifacts").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunError, match="artifacts cannot be written"):
        Artifacts(fence(tmp_path / "run")).texts("poem", {"a": "b"})
    assert held(tmp_path / "elsewhere") == {}


ENTRY = {"kind": "texts", "name": "poem", "file": "artifacts/poem.json"}


@pytest.mark.parametrize(
    "changed",
    [
        {"kind": "movie"},
        {"kind": ["texts"]},
        {"name": "Poem"},
        {"name": 3},
        {"file": "artifacts/../status.json"},
        {"file": "/etc/passwd"},
        {"file": None},
        {"epoch": "1"},
        {"epoch": True},
        {"epoch": 10**30},
    ],
    ids=repr,
)
def test_an_entry_that_makes_no_sense_is_left_out(tmp_path: Path, changed: dict[str, Any]) -> None:
    entries = [ENTRY, {**ENTRY, **changed}, 3, None]
    (tmp_path / NAME).write_text(json.dumps({"artifacts": entries}))
    assert [one.file for one in list_artifacts(tmp_path)] == ["artifacts/poem.json"]


def test_titles_are_one_line_of_text(tmp_path: Path) -> None:
    entry = {**ENTRY, "title": "a\n\x1b[31m" + "x" * 999, "caption": {"no": "text"}}
    (tmp_path / NAME).write_text(json.dumps({"artifacts": [entry]}))
    (found,) = list_artifacts(tmp_path)
    assert found.title.startswith("a\\n\\x1b[31mxxx")
    assert len(found.title) == 300


@pytest.mark.parametrize("text", [None, "{", "[]", "{}", '{"artifacts": 3}'])
def test_an_older_folder_lists_what_it_has(tmp_path: Path, text: str | None) -> None:
    for name in ("errors.json", "predictions.csv"):
        assert PREDICTIONS not in list_artifacts(tmp_path)
        (tmp_path / name).touch()
    if text is not None:
        (tmp_path / NAME).write_text(text)
    assert list_artifacts(tmp_path) == [PREDICTIONS, ERRORS]
