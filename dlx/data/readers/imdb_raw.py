"""IMDB's reviews as text, streamed from Stanford's archive; nothing is ever unpacked to disk."""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ...config.specs.datasets import ImdbRaw
from ..columns import Dense, Text
from ..reader import Reader, content_digest, damage
from ..samples import Samples

NAME = "aclImdb_v1.tar.gz"
PARTS = ("train", "test")  # training rows first
LABELS = ("neg", "pos")
SENTIMENTS = ("negative", "positive")
LABELLED = re.compile(r"aclImdb/(train|test)/(neg|pos)/([0-9]{1,9})_([0-9]{1,2})\.txt")

MAX_MEMBERS = 250_000  # the official archive has about 100,000
MAX_REVIEW = 2**20  # bytes; the longest official one has 14,000
MAX_REVIEWS = 50_000
MAX_UNPACKED = 2**30  # bytes of the whole archive

_BLOCK, _CHUNK = 512, 2**20  # bytes
_KIND = 156  # where a member's kind stands
_REGULAR, _BARE = tarfile.REGTYPE + tarfile.AREGTYPE, b"123456"  # links, devices, folders: no data


class _Unpacked:
    """The bytes of a gzipped file in order, of which there may be so many and no more."""

    def __init__(self, packed: gzip.GzipFile, limit: int) -> None:
        self._packed = packed
        self._left = limit

    def read(self, size: int) -> bytes:
        """The next bytes.

        Raises:
            tarfile.ReadError: there are fewer, or more than the limit in all.
        """
        self._left -= size
        if self._left < 0:
            raise tarfile.ReadError("it unpacks to more bytes than any official archive")
        data = self._packed.read(size)
        if len(data) < size:
            raise tarfile.ReadError("unexpected end of data")
        return data

    def skip(self, size: int) -> None:
        """Passes over the next bytes."""
        for begin in range(0, size, _CHUNK):
            self.read(min(_CHUNK, size - begin))


def _members(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name and contents of each labelled review, in the archive's order; all else is passed over.

    Raises:
        UsageError: the archive is damaged or larger than it may be.
    """
    accepted = "the official archive, or one with the same labelled reviews"
    try:
        with gzip.open(path) as packed:
            assert isinstance(packed, gzip.GzipFile)
            yield from _read_labelled(_Unpacked(packed, MAX_UNPACKED))
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValueError) as error:
        raise damage(path, f"cannot be read: {error}", accepted) from error


def _read_labelled(archive: _Unpacked) -> Iterator[tuple[str, bytes]]:
    """The labelled reviews of a tar archive.

    Its blocks are read here, as `tarfile` takes four times as long for so many small members.
    What it would make of links, folders, devices and long names is of no use: none is a review.
    """
    count = 0
    while (header := archive.read(_BLOCK)) != bytes(_BLOCK):
        count += 1
        if count > MAX_MEMBERS:
            raise tarfile.ReadError(f"it contains more than {MAX_MEMBERS:,} members")
        name, size = _read_header(header)
        padded = -(-size // _BLOCK) * _BLOCK
        if header[_KIND] in _REGULAR and LABELLED.fullmatch(name):
            if size > MAX_REVIEW:
                raise tarfile.ReadError(f"{name} has {size:,} bytes")
            yield name, archive.read(padded)[:size]
        elif header[_KIND] not in _BARE:
            archive.skip(padded)


def _read_header(header: bytes) -> tuple[str, int]:
    """Name and size of a member, by the POSIX format (IEEE 1003.1, pax, "ustar")."""
    total = sum(header) - sum(header[148:156]) + 8 * ord(" ")
    if int(header[148:156].strip(b"\0 "), 8) != total:
        raise tarfile.ReadError("the checksum of a member's header is wrong")
    name, prefix = (part.split(b"\0", 1)[0] for part in (header[:100], header[345:500]))
    whole = prefix + b"/" + name if prefix and header[257:263] == b"ustar\0" else name
    size = int(header[124:136].strip(b"\0 ") or b"0", 8)
    if size < 0:
        raise tarfile.ReadError("a member has a negative size")
    return whole.decode(errors="replace"), size


def _reviews(path: Path) -> tuple[dict[str, str], str]:
    """The texts by name, and the content digest."""
    texts: dict[str, str] = {}
    digests: dict[str, str] = {}
    for name, data in _members(path):
        if name in texts or len(texts) == MAX_REVIEWS:
            what = f"{name} twice" if name in texts else f"over {MAX_REVIEWS:,} reviews"
            raise damage(path, f"contains {what}", f"each review once, at most {MAX_REVIEWS:,}")
        try:
            texts[name] = data.decode()
        except UnicodeDecodeError as error:
            raise damage(path, f"{name} is not a text: {error}", "UTF-8") from error
        digests[name] = hashlib.sha256(data).hexdigest()
    if not texts:
        accepted = "names such as aclImdb/train/pos/0_9.txt"
        raise damage(path, "contains no labelled reviews", accepted)
    return texts, content_digest(digests)


def _place(name: str) -> tuple[int, int, int]:
    """Where a review comes: by part, training first, then label, then id."""
    match = LABELLED.fullmatch(name)
    assert match is not None, "only labelled reviews are kept"
    return PARTS.index(match[1]), LABELS.index(match[2]), int(match[3])


def _read(options: ImdbRaw, folder: Path) -> Samples:
    texts, digest = _reviews(folder / NAME)
    names = sorted(texts, key=_place)
    places = np.array([_place(name) for name in names], np.int64)
    return Samples(
        columns={"review": Text([texts[name] for name in names]), "sentiment": Dense(places[:, 1])},
        inputs=options.inputs,
        targets=tuple(options.targets),
        test=np.flatnonzero(places[:, 0] == PARTS.index("test")),
        source={"content_sha256": digest},
        classes={"sentiment": SENTIMENTS},
    )


def _write_sample(folder: Path) -> None:
    """40 reviews a part and label, in the archive's layout with its folders and README."""
    random = np.random.RandomState(0)
    common = [f"word{i}" for i in range(60)]
    words = {"neg": [*common, "dull", "awful", "worse"], "pos": [*common, "fine", "great", "best"]}
    with (
        gzip.GzipFile(folder / NAME, "wb", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        _add(archive, "aclImdb/README", "Synthetic sample data: no real reviews.")
        for part in PARTS:
            for label, known in words.items():
                weights = np.array([1.0] * 60 + [10.0] * 3) / 90
                for i in range(40):
                    chosen = random.choice(known, random.randint(20, 60), p=weights)
                    rating = 1 + i % 4 if label == "neg" else 7 + i % 4
                    _add(archive, f"aclImdb/{part}/{label}/{i}_{rating}.txt", " ".join(chosen))


def _add(archive: tarfile.TarFile, name: str, text: str) -> None:
    data = text.encode()
    member = tarfile.TarInfo(name)
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))


imdb_raw = Reader(_read, _write_sample, contents=lambda path: _reviews(path)[1])
