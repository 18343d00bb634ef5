from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

from dlx.config.specs.cifar import CLASSES, Cifar10
from dlx.data.readers.cifar import ARCHIVE, FOLDER, ROW, TEST, TRAIN, cifar10
from dlx.errors import UsageError


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    cifar10.write_sample(tmp_path)
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    with tarfile.open(folder / ARCHIVE) as archive:
        return {one.name: archive.extractfile(one).read() for one in archive}


def pack(folder: Path, files: dict[str, bytes]) -> None:
    with tarfile.open(folder / ARCHIVE, "w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def test_bytes_land_where_the_format_says(sample):
    samples, raw = cifar10.read(Cifar10(), sample), contents(sample)
    image, label = samples.columns["image"], samples.columns["object"].values
    assert len(samples) == 6 * 80
    np.testing.assert_array_equal(samples.test, np.arange(400, 480))
    row = raw[f"{FOLDER}/{TRAIN[1]}"][3 * ROW : 4 * ROW]  # a class, then red, green and blue
    assert label[83] == row[0] == 3
    assert image.pixels[83].tobytes() == row[1:]
    assert image.pixels[83, 2, 5, 7] == row[1 + 2 * 1024 + 5 * 32 + 7]
    assert samples.classes == {"object": CLASSES}


def test_some_classes_alone_keep_their_sets(sample):
    every, some = (cifar10.read(Cifar10(classes=c), sample) for c in ((), ("ship", "frog")))
    label = every.columns["object"].values
    kept = np.flatnonzero(np.isin(label, [6, 8]))
    assert every.columns["image"].pixels[kept].tobytes() == some.columns["image"].pixels.tobytes()
    assert some.columns["object"].values.tolist() == [1 - (n == 8) for n in label[kept]]
    assert some.classes == {"object": ("ship", "frog")}
    np.testing.assert_array_equal(kept[some.test], np.intersect1d(kept, every.test))


def failure(folder: Path) -> str:
    with pytest.raises(UsageError) as caught:
        cifar10.read(Cifar10(), folder)
    return caught.value.problems[0].what


def test_damaged_archives_are_told_of(sample):
    files = contents(sample)
    path = sample / ARCHIVE
    whole = path.read_bytes()
    path.write_bytes(whole[:-2000])
    assert failure(sample).startswith(f"{ARCHIVE}: cannot be unpacked: ")
    path.write_bytes(gzip.compress(b"no archive"))
    assert failure(sample).startswith(f"{ARCHIVE}: ")
    first = f"{FOLDER}/{TRAIN[0]}"
    pack(sample, {**files, first: files[first][:-1]})
    assert failure(sample) == f"{ARCHIVE}: {TRAIN[0]} does not hold whole rows, or too many"
    pack(sample, {**files, first: b"\x0a" + files[first][1:]})
    assert failure(sample) == f"{ARCHIVE}: contains labels that are not a class"
    pack(sample, {name: data for name, data in files.items() if TEST not in name})
    assert failure(sample) == f"{ARCHIVE}: lacks {FOLDER}/{TEST}"


def test_no_link_of_an_archive_is_followed(sample, tmp_path):
    files = contents(sample)
    first = f"{FOLDER}/{TRAIN[0]}"
    del files[first]
    pack(sample, files)
    with gzip.open(sample / ARCHIVE) as file:
        plain = io.BytesIO(file.read())
    with tarfile.open(fileobj=plain, mode="a") as archive:
        link = tarfile.TarInfo(first)
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    (sample / ARCHIVE).write_bytes(gzip.compress(plain.getvalue()))
    assert failure(sample) == f"{ARCHIVE}: lacks {first}"


def test_classes_that_there_are_not_are_refused():
    ((key, unknown),) = Cifar10(classes=("frogs",)).check()
    assert (key, unknown.what) == ("classes", "CIFAR-10 has no class `frogs`")
    assert unknown.hint == "classes=[frog]"
    ((_, twice),) = Cifar10(classes=("frog", "cat", "frog")).check()
    assert (twice.what, twice.hint) == ("a class is named twice", "classes=[frog,cat]")
