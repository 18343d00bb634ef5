"""Cats and dogs: JPEG photographs in a zip file, read in place and never unpacked; or a folder."""

from __future__ import annotations

import hashlib
import re
import zipfile
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...config.specs.datasets import CatsVsDogs
from ...config.specs.pictures import Decoding
from ...files import fence
from ..columns import Dense, Image, Text
from ..likeness import looks
from ..reader import Reader, damage
from ..samples import Samples
from ..store import path_of
from ..tree import list_folder
from .images import LOOK, PATH, gather, open_pictures
from .listing import Listing
from .made_up import make_stripes
from .pictures import BrokenPictureError, decode

NAME = "cats_and_dogs_small.zip"
PARTS = ("validation", "train", "test")
"""In the order of the rows: without shuffling, a hold-out of 1,000 is the official one."""
ANIMALS = ("cat", "dog")
PICTURE = re.compile(r"(?:[^/.]+/)?(validation|train|test)/(cat|dog)s/\2\.([0-9]{1,6})\.jpg")

OF_KAGGLE = re.compile(r"(?:train/)?(cat|dog)\.([0-9]{1,6})\.jpg")
NUMBERS = {"train": range(1000), "validation": range(1000, 1500), "test": range(1500, 2000)}
"""The book's sets, of cats and of dogs."""

MAX_MEMBERS, MAX_BYTES = 100_000, 2**25  # of the archive; of one picture, unpacked
EXAMPLES = 5

Place = tuple[int, int, int]
"""Where a picture comes: by part, then number, so that cats and dogs take turns, then animal."""


def _read(options: CatsVsDogs, folder: Path) -> Samples:
    return (_read_kaggle if options.source == "kaggle" else _read_small)(options, folder)


def _read_kaggle(options: CatsVsDogs, folder: Path) -> Samples:
    """The photographs of the competition that are in the book's sets, by their numbers."""
    (file,) = options.files
    path = fence(path_of(folder, file))
    found = {}
    for name in _list_kaggle(path):
        if match := OF_KAGGLE.fullmatch(name):
            number = int(match[2])
            part = next((p for p, rows in NUMBERS.items() if number in rows), "")
            if part:
                found[PARTS.index(part), number, ANIMALS.index(match[1])] = name
    if {place[0] for place in found} != set(range(len(PARTS))):
        accepted = "names such as cat.0.jpg, numbers 0 to 1999 of cats and of dogs"
        raise damage(path, "does not contain pictures of each set", accepted)
    names = tuple(found[place] for place in sorted(found))
    places = np.array(sorted(found), np.int64)
    parts = tuple(PARTS[place] for place in places[:, 0])
    listing = Listing(names, parts, {"animal": places[:, 2]}, {"animal": ANIMALS})
    files, _, notes = open_pictures(path, options, listing)
    return gather(options, files, listing, notes)


def _list_kaggle(path: Path) -> list[str]:
    """What the archive holds, or the folder that it was unpacked to."""
    if path.is_dir():
        return [one.name for one in list_folder(path) if one.kind == "file"]
    try:
        with zipfile.ZipFile(path) as archive:
            every = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise damage(path, f"cannot be unpacked: {error}", "a complete zip file") from error
    if large := next((one for one in every if one.file_size > MAX_BYTES), None):
        what = f"{large.filename} has {large.file_size:,} bytes"
        raise damage(path, what, f"pictures of at most {MAX_BYTES:,} bytes")
    return [one.filename for one in every]


def _read_small(options: CatsVsDogs, folder: Path) -> Samples:
    path = folder / NAME
    try:
        with zipfile.ZipFile(path) as archive:
            members = _find_members(path, archive)
            pixels, digests = _decode_all(path, archive, members, options)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise damage(path, f"cannot be unpacked: {error}", "a complete zip file") from error
    places = np.array(sorted(members), np.int64)
    return Samples(
        columns={
            "image": Image(pixels),
            "animal": Dense(places[:, 2]),
            "file": Dense(digests),
            PATH: Text([members[place].filename for place in sorted(members)]),
            LOOK: Dense(looks(pixels.__getitem__, len(pixels))),
        },
        inputs=options.inputs,
        targets=tuple(options.targets),
        test=np.flatnonzero(places[:, 0] == PARTS.index("test")),
        classes={"animal": ANIMALS},
        identity="file",
        names=PATH,
        looks=LOOK,
    )


def _find_members(path: Path, archive: zipfile.ZipFile) -> dict[Place, zipfile.ZipInfo]:
    """The pictures by their place; whatever else the archive holds is passed over."""
    found: dict[Place, zipfile.ZipInfo] = {}
    every = archive.infolist()
    if len(every) > MAX_MEMBERS:
        raise damage(path, f"contains {len(every):,} files", f"at most {MAX_MEMBERS:,}")
    for member in every:
        if match := PICTURE.fullmatch(member.filename):
            place = PARTS.index(match[1]), int(match[3]), ANIMALS.index(match[2])
            if place in found:
                raise damage(path, f"contains {member.filename} twice", "each picture once")
            if member.file_size > MAX_BYTES:
                what = f"{member.filename} has {member.file_size:,} bytes"
                raise damage(path, what, f"pictures of at most {MAX_BYTES:,} bytes")
            found[place] = member
    if {place[0] for place in found} != set(range(len(PARTS))):
        accepted = "names such as train/cats/cat.0.jpg, below validation, train and test"
        raise damage(path, "does not contain pictures of each set", accepted)
    return found


def _decode_all(
    path: Path, archive: zipfile.ZipFile, members: dict[Place, zipfile.ZipInfo], how: Decoding
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """The pictures in order, and a hash of each one's file."""
    pixels = np.zeros((len(members), *how.sizes), np.uint8)
    digests = np.zeros((len(members), 16), np.uint8)
    broken: list[str] = []
    for row, place in enumerate(sorted(members)):
        data = archive.read(members[place])
        digests[row] = np.frombuffer(hashlib.blake2b(data, digest_size=16).digest(), np.uint8)
        try:
            pixels[row] = decode(data, how)
        except BrokenPictureError as error:
            broken.append(f"{members[place].filename} ({error})")
    if broken:
        more = ", ..." if len(broken) > EXAMPLES else ""
        some = ", ".join(broken[:EXAMPLES]) + more
        what = f"{len(broken):,} of {len(members):,} pictures cannot be read: {some}"
        raise damage(path, what, "JPEG pictures")
    return pixels, digests


def _write_sample(folder: Path) -> None:
    """Cats have stripes across, dogs upright; the same pictures by the names of both sources."""
    random = np.random.RandomState(0)
    (kaggle,) = CatsVsDogs(source="kaggle").files
    with (
        zipfile.ZipFile(folder / NAME, "w") as archive,
        zipfile.ZipFile(folder / kaggle.name, "w") as other,
    ):
        for part, many in (("train", 24), ("validation", 6), ("test", 10)):
            for number in range(many):
                for animal in ANIMALS:
                    data, _ = make_stripes(random, animal == "dog")
                    # a ZipInfo by itself has no date of today
                    name = f"cats_and_dogs_small/{part}/{animal}s/{animal}.{number}.jpg"
                    archive.writestr(zipfile.ZipInfo(name), data)
                    name = f"train/{animal}.{NUMBERS[part][number]}.jpg"
                    other.writestr(zipfile.ZipInfo(name), data)


cats_vs_dogs = Reader(_read, _write_sample, decoder="pillow")
