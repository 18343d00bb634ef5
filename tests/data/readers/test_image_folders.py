"""A folder of the user's own: classes by folders or by a file; what is wrong is told by name."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import dlx.data
from dlx.config.specs.datasets import DATASETS
from dlx.data.columns import Files
from dlx.data.samples import Samples
from dlx.errors import UsageError

FORMATS = "pictures in jpeg, png, bmp, gif, webp, tiff"
MEND = "mend or delete them; or dataset.broken=skip leaves them out, and tells which"


def picture(level: int, kind: str = "PNG", mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (9, 7), (level, 0, 255 - level)).convert(mode).save(file, kind)
    return file.getvalue()


FEW = {
    "cats/1.png": picture(10),
    "cats/2.png": picture(20),
    "dogs/1.png": picture(30),
    "dogs/old/2.png": picture(40),
}
PARTS = {
    f"{part}/{name}": picture(level * 7 + place * 60)
    for place, part in enumerate(("train", "val", "test"))
    for level, name in enumerate(("cats/1.png", "cats/2.png", "dogs/1.png"))
}
LINES = [
    *("path,set,breed,age,marks", "a.png,test,pug,3.5,big|old", "b.png,train,lynx,1,"),
    *("c.png,val,pug,2,old", "sub/d.png,train,lynx,0.5,small", ""),
]
LISTED = {
    **{name: picture(level) for level, name in enumerate(("a.png", "b.png", "c.png"))},
    "sub/d.png": picture(3),
    "labels.csv": "\n".join(LINES).encode(),
}
OF_FILE: dict[str, Any] = {
    "file": "labels.csv",
    "columns": {"breed": "class", "age": "number", "marks": "labels"},
}


BROKEN_PART = {"train/dogs/text.jpg": b"no picture"}


def put(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def read(folder: Path, **options: Any) -> Samples:
    chosen = DATASETS.default("images", folder=str(folder), size=8, **options)()
    return dlx.data.read(chosen)


def names(samples: Samples) -> list[str]:
    return [samples.columns[samples.names].show(row).content for row in range(len(samples))]


def told(folder: Path, **options: Any) -> tuple[str, str, str, str]:
    with pytest.raises(UsageError) as caught:
        read(folder, **options)
    (problem,) = caught.value.problems
    where = problem.where.replace(str(folder), "FOLDER")
    return problem.what, where, problem.accepted, problem.hint


def notes(samples: Samples) -> list[str]:
    return [text for text, _ in samples.notes]


def test_each_folder_is_a_class(tmp_path: Path) -> None:
    samples = read(put(tmp_path, FEW))

    assert names(samples) == ["cats/1.png", "cats/2.png", "dogs/1.png", "dogs/old/2.png"]
    assert samples.classes == {"class": ("cats", "dogs")}
    assert np.asarray(samples.columns["class"]).tolist() == [0, 0, 1, 1]
    assert (samples.test, samples.validation, samples.notes) == (None, None, ())
    image = samples.columns["image"]
    assert isinstance(image, Files)
    assert image.pixels(np.arange(4))[:, 0, 0, 0].tolist() == [10, 20, 30, 40]


def test_folders_of_sets_are_the_official_sets(tmp_path: Path) -> None:
    samples = read(put(tmp_path, PARTS))

    assert [name.partition("/")[0] for name in names(samples)] == ["val"] * 3 + ["train"] * 3 + [
        "test"
    ] * 3
    assert samples.validation is not None
    assert samples.test is not None
    assert (samples.validation.tolist(), samples.test.tolist()) == ([0, 1, 2], [6, 7, 8])


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    samples = read(put(tmp_path, {"car/1.png": picture(1), "train/1.png": picture(2)}))

    assert samples.classes == {"class": ("car", "train")}


def test_a_file_may_list_them_with_targets_of_each_kind(tmp_path: Path) -> None:
    samples = read(put(tmp_path, LISTED), part="set", **OF_FILE)

    assert names(samples) == ["c.png", "b.png", "sub/d.png", "a.png"]
    assert samples.classes == {"breed": ("lynx", "pug"), "marks": ("big", "old", "small")}
    assert np.asarray(samples.columns["breed"]).tolist() == [1, 0, 0, 1]
    assert np.asarray(samples.columns["age"]).tolist() == [2.0, 1.0, 0.5, 3.5]
    marks = [[0, 1, 0], [0, 0, 0], [0, 0, 1], [1, 1, 0]]
    assert np.asarray(samples.columns["marks"]).tolist() == marks
    assert samples.validation is not None
    assert samples.test is not None
    assert (samples.validation.tolist(), samples.test.tolist()) == ([0], [3])


def test_where_it_lies_is_no_part_of_the_data_and_what_it_holds_is(tmp_path: Path) -> None:
    one, other = (read(put(tmp_path / name, FEW)) for name in ("here", "there"))
    changed = read(put(tmp_path / "there", {"cats/1.png": picture(99)}))

    assert one.digest == other.digest != changed.digest
    assert one.source["files"] == other.source["files"]


def test_what_is_kept_is_what_was_read_until_a_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = put(tmp_path / "pets", PARTS | BROKEN_PART)  # the cache lies beside it
    cold = read(folder, broken="skip")
    with monkeypatch.context() as patch:
        patch.setattr(Files, "of", lambda *_: pytest.fail("it was read again"))
        warm = read(folder, broken="skip")
    put(folder, {"test/dogs/1.png": picture(200)})
    changed = read(folder, broken="skip")

    for name in ("digest", "notes", "classes", "source"):
        assert getattr(warm, name) == getattr(cold, name)
    for part in ("test", "validation"):
        assert np.array_equal(getattr(warm, part), getattr(cold, part))
    assert names(warm) == names(cold) == names(changed)
    rows = np.arange(len(cold))
    assert warm.columns["image"].hashes(rows) == cold.columns["image"].hashes(rows)
    assert changed.digest != cold.digest


def test_a_bare_name_is_below_dlx_data_and_a_dot_is_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(put(tmp_path / "work", {f"pets/{name}": one for name, one in FEW.items()}))
    there = tmp_path / "data" / "pets"

    assert told(Path("pets")) == (
        f"dataset images: {there} does not exist",
        "dataset.folder",
        "a folder of pictures",
        "dataset.folder=./pets",
    )
    petz, pets = tmp_path / "work" / "petz", tmp_path / "work" / "pets"
    assert told(petz)[3] == f"dataset.folder={pets}"
    assert told(petz / "cats")[3] == ""
    assert told(pets / "cats")[3] == (
        f"dataset.folder={pets}, if cats is a class; "
        "or dataset.file=labels.csv, if a CSV file says what they are"
    )
    assert len(read(Path("./pets"))) == 4 if os.sep == "\\" else True
    options = DATASETS.default("images", folder="./pets")().options
    assert options.folder == str(tmp_path / "work" / "pets")
    put(there, FEW)
    assert len(read(Path("pets"))) == 4


BROKEN = {
    "cats/cut.png": picture(50)[:-30],
    "dogs/text.jpg": b"no picture",
    "dogs/png.jpg": picture(60),
}


def test_broken_files_are_named_and_counted(tmp_path: Path) -> None:
    put(tmp_path, FEW | BROKEN)

    assert told(tmp_path) == (
        "2 of 7 pictures cannot be read: cats/cut.png (image file is truncated), dogs/text.jpg "
        "(it is no picture in jpeg, png, bmp, gif, webp or tiff)",
        "FOLDER",
        FORMATS,
        MEND,
    )
    samples = read(tmp_path, broken="skip")
    assert names(samples) == [
        *("cats/1.png", "cats/2.png", "dogs/1.png", "dogs/old/2.png", "dogs/png.jpg")
    ]
    assert np.asarray(samples.columns["class"]).tolist() == [0, 0, 1, 1, 1]
    assert notes(samples) == [
        "2 of 7 pictures cannot be read: cats/cut.png (image file is truncated), dogs/text.jpg "
        "(it is no picture in jpeg, png, bmp, gif, webp or tiff); they were left out",
        "1 picture: of another format than its name says (dogs/png.jpg)",
    ]


def test_what_was_mended_is_counted_and_named(tmp_path: Path) -> None:
    put(
        tmp_path,
        FEW | {"cats/3.png": picture(9, mode="L"), "cats/4.tif": picture(8, "TIFF", "CMYK")},
    )

    assert notes(read(tmp_path)) == [
        "1 picture: grey, with three equal channels (cats/3.png)",
        "1 picture: colours of print (CMYK), converted to red, green and blue (cats/4.tif)",
    ]


def test_links_are_not_followed(tmp_path: Path) -> None:
    outside = put(tmp_path / "outside", {"secret.png": picture(70)})
    folder = put(tmp_path / "pets", FEW)
    (folder / "cats" / "3.png").symlink_to(outside / "secret.png")

    assert told(folder) == (
        "1 of 5 pictures cannot be read: cats/3.png (it is a symbolic link, and dlx follows none "
        "in a dataset)",
        *("FOLDER", FORMATS, MEND),
    )
    assert len(read(folder, broken="skip")) == 4
    (folder / "birds").symlink_to(outside)
    assert told(folder) == (
        "birds: it is a symbolic link, and dlx follows none in a dataset",
        *("FOLDER", "folders", "cp -rL copies what links stand for"),
    )


def test_listed_links_are_not_followed(tmp_path: Path) -> None:
    outside = put(tmp_path / "outside", {"d.png": picture(70)})
    folder = put(tmp_path / "pets", {n: one for n, one in LISTED.items() if n != "sub/d.png"})
    assert told(folder, **OF_FILE)[0] == (
        "1 of 4 pictures cannot be read: sub/d.png (there is no such file)"
    )
    (folder / "sub").symlink_to(outside)

    assert told(folder, **OF_FILE)[0] == (
        "1 of 4 pictures cannot be read: sub/d.png (it is a symbolic link, and dlx follows none "
        "in a dataset)"
    )


def test_a_file_that_may_not_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, FEW)
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "2.png")

    assert told(tmp_path)[0] == (
        "2 of 4 pictures cannot be read: cats/2.png (permission denied), dogs/old/2.png "
        "(permission denied)"
    )


@pytest.mark.skipif(os.name == "nt", reason="names are text there")
def test_names_that_are_no_text_are_refused(tmp_path: Path) -> None:
    put(tmp_path, FEW)
    (tmp_path / "cats" / os.fsdecode(b"caf\xe9.png")).write_bytes(picture(50))

    assert told(tmp_path) == (
        "1 name not in UTF-8: cats/caf\\udce9.png",
        *("FOLDER", "names in UTF-8", "rename what is called so"),
    )


ONE = {name: data for name, data in FEW.items() if name.startswith("cats")}


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({}, ("there is no folder in it", "a folder for each of two classes or more", "")),
        (ONE, ("there is only one class: cats", "a folder for each of two classes or more", "")),
        (
            FEW | {"birds/notes.txt": b""},
            (
                "1 folder of a class without a picture: birds",
                "pictures in each",
                "delete what is no class",
            ),
        ),
        (
            FEW | {"3.jpg": b""},
            (
                "1 picture in no folder of a class: 3.jpg",
                "a folder for each class, as in FOLDER/CLASS/NAME.jpg",
                "dataset.file=labels.csv, if a CSV file says what they are",
            ),
        ),
        (
            PARTS | {"birds/3.png": picture(5)},
            (
                "there are other folders beside those of sets: birds",
                "train, and validation (or val) and test beside it; or a folder for each class",
                "",
            ),
        ),
        (
            {name: data for name, data in PARTS.items() if not name.startswith("train")},
            (
                "there is no folder train, only test, val",
                "train, and validation (or val) and test beside it; or a folder for each class",
                "",
            ),
        ),
        (
            FEW | {"pugs/x.png": FEW["cats/1.png"], "pugs/y.png": FEW["cats/2.png"]},
            ("classes cats and pugs have the same 2 files", "other pictures in each class", ""),
        ),
    ],
)
def test_folders_that_are_no_classes_are_refused(
    tmp_path: Path, files: dict[str, bytes], problem: tuple[str, str, str]
) -> None:
    folder = tmp_path / "FOLDER"
    folder.mkdir()

    what, where, accepted, hint = told(put(folder, files))

    assert (what, accepted, hint) == problem
    assert where == "FOLDER"


def test_a_file_in_two_classes_is_told(tmp_path: Path) -> None:
    samples = read(put(tmp_path, FEW | {"dogs/3.png": FEW["cats/1.png"]}))

    assert notes(samples) == ["1 file in two classes: cats/1.png = dogs/3.png"]


def test_files_that_are_no_pictures_by_their_names_are_told(tmp_path: Path) -> None:
    samples = read(put(tmp_path, FEW | {"dogs/notes.txt": b"good dogs", "dogs/.hidden": b""}))

    assert len(samples) == 4
    assert notes(samples) == ["1 file without a picture's name, left out: dogs/notes.txt"]


def test_a_class_of_which_no_picture_can_be_read_is_refused(tmp_path: Path) -> None:
    put(tmp_path, FEW | {"birds/1.png": b"no picture"})

    assert told(tmp_path, broken="skip")[0] == "no picture of 1 of the 3 classes can be read: birds"
    put(tmp_path, dict.fromkeys(FEW, b""))
    assert told(tmp_path, broken="skip")[0].startswith("5 of 5 pictures cannot be read: ")


def lines(*cells: str, header: str = "path,set,breed,age,marks") -> Callable[[], bytes]:
    return lambda: "\n".join([header, *cells]).encode()


@pytest.mark.parametrize(
    ("csv", "options", "what", "accepted", "hint"),
    [
        (
            LINES,
            {"path": "pth"},
            "labels.csv: no column is called `pth`",
            "path, set, breed, age, marks",
            "did you mean path?",
        ),
        (
            [LINES[0], "a.png,train,pug,old,big|x", LINES[2]],
            {},
            "labels.csv: column age contains a value that is not a number: 'old' in line 2",
            "numbers",
            None,
        ),
        (
            [LINES[0], "a.png,train,pug,1"],
            {},
            "labels.csv: line 2 has 4 cells, not 5",
            "the columns path, set, breed, age, marks",
            None,
        ),
        (
            [LINES[0], "../x.png,train,pug,1,big"],
            {},
            "line 2: '../x.png' is no path of a file in the folder",
            "paths without `..`, as in cats/1.jpg",
            "",
        ),
        (
            [*LINES[:3], "b.png,train,pug,1,big"],
            {},
            "1 picture listed twice: b.png in lines 3 and 4",
            "each once; of several labels `a|b` in one cell",
            "",
        ),
        (
            [*LINES[:3], "c.png,train,,1,big"],
            {},
            "column breed is empty in 1 line: line 4",
            "a class in every line",
            "",
        ),
        (
            [*LINES[:3], "c.png,training,pug,1,big"],
            {"part": "set"},
            "line 4: 'training' is no set",
            "train, validation or test",
            "",
        ),
        (LINES[:2], {}, "column breed has only one class: pug", "two or more", ""),
        (LINES[:1], {}, "labels.csv lists no picture", "a line for each", ""),
        (
            ["path,set,breed,age,marks", "a.png,x,lynx,1,big", "b.png,x,pug,1,big"],
            {},
            "column marks has only the label big",
            "two labels or more, separated by |",
            "",
        ),
    ],
)
def test_lines_of_the_file_that_cannot_be_are_named(
    tmp_path: Path, csv: list[str], options: Any, what: str, accepted: str, hint: str | None
) -> None:
    put(tmp_path, LISTED | {"labels.csv": "\n".join(csv).encode()})

    found = told(tmp_path, **OF_FILE, **options)

    assert (found[0], found[2]) == (what, accepted)
    assert hint is None or found[3] == hint


def test_a_file_of_a_spreadsheet_is_read(tmp_path: Path) -> None:
    text = "\ufeff" + "\r\n".join(LINES).replace("a.png", '"a.png"')

    samples = read(put(tmp_path, LISTED | {"labels.csv": text.encode()}), **OF_FILE)

    assert names(samples) == ["a.png", "b.png", "c.png", "sub/d.png"]
