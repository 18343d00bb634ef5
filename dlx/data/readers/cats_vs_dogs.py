"""Cats and dogs: JPEG photographs in a zip file, read in place and never unpacked to disk."""

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
from ..columns import Dense, Image
from ..reader import Reader, damage
from ..samples import Samples
from .made_up import make_stripes
from .pictures import BrokenPictureError, decode

NAME = "cats_and_dogs_small.zip"
PARTS = ("validation", "train", "test")
"""In the order of the rows: without shuffling, a hold-out of 1,000 is the official one."""
ANIMALS = ("cat", "dog")
PICTURE = re.compile(r"(?:[^/.]+/)?(validation|train|test)/(cat|dog)s/\2\.([0-9]{1,6})\.jpg")

MAX_MEMBERS, MAX_BYTES = 100_000, 2**25  # of the archive; of one picture, unpacked
EXAMPLES = 5

Place = tuple[int, int, int]
"""Where a picture comes: by part, then number, so that cats and dogs take turns, then animal."""


def _read(options: CatsVsDogs, folder: Path) -> Samples:
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
        },
        inputs=options.inputs,
        targets=tuple(options.targets),
        test=np.flatnonzero(places[:, 0] == PARTS.index("test")),
        classes={"animal": ANIMALS},
        identity="file",
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
    """Cats have stripes across, dogs upright."""
    random = np.random.RandomState(0)
    with zipfile.ZipFile(folder / NAME, "w") as archive:
        for part, many in (("train", 24), ("validation", 6), ("test", 10)):
            for number in range(many):
                for animal in ANIMALS:
                    data, _ = make_stripes(random, animal == "dog")
                    # a ZipInfo by itself has no date of today
                    name = f"cats_and_dogs_small/{part}/{animal}s/{animal}.{number}.jpg"
                    archive.writestr(zipfile.ZipInfo(name), data)


cats_vs_dogs = Reader(_read, _write_sample, decoder="pillow")
