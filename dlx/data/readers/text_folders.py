"""Texts in a folder of the user's own, and what is wrong with any of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...config.names import plural
from ...config.specs.texts import Texts
from ...files import fence
from ..columns import Array, Dense, Text
from ..encodings import NAMES, NoTextError, decode
from ..reader import Reader
from ..samples import Note, Samples
from ..tree import hash_bytes, read_file
from .listing import (
    Listing,
    Sort,
    compare_classes,
    ends_with,
    list_classes,
    refuse,
    refuse_lost_classes,
    some,
    tell_broken,
)

HASH, PATH = "text hash", "text path"
"""Columns beside the input and the target."""
EMPTY = "it is empty"
_PLAIN = ("utf-8", "utf-8-sig")
_MANY = (("train", 30), ("test", 10))


@dataclass(frozen=True)
class Found:
    """The texts of a folder.

    Attributes:
        listing: those that can be read.
        texts: what they are.
        digests: a hash of each file.
        notes: what is told of them and of the others.
        broken: those that cannot be read, and why.
    """

    listing: Listing
    texts: list[str]
    digests: Array
    notes: tuple[Note, ...]
    broken: dict[str, str]


def _read(options: Texts, folder: Path) -> Samples:
    found = read_folder(folder, options)
    listing = found.listing
    return Samples(
        columns={
            "text": Text(found.texts),
            "class": Dense(listing.targets["class"]),
            HASH: Dense(found.digests),
            PATH: Text([*listing.names]),
        },
        inputs=options.inputs,
        targets=tuple(options.targets),
        test=listing.rows_of("test"),
        validation=listing.rows_of("validation"),
        classes=listing.classes,
        identity=HASH,
        names=PATH,
        notes=(*listing.notes, *found.notes),
    )


def read_folder(folder: Path, options: Texts) -> Found:
    """The texts that can be read, and what is told of them and of the others.

    Raises:
        UsageError: some cannot be read, and are not to be left out; all of a class cannot; or the
            folders are not those of classes.
    """
    root = fence(folder)
    listing = list_classes(root, Sort("text", lambda name: ends_with(name, options.endings), "txt"))
    texts: dict[int, str] = {}
    hashes, broken = [], dict(listing.broken)
    coded: dict[str, list[str]] = {}
    for row, name in enumerate(listing.names):
        if name in broken:
            continue
        try:
            data = read_file(root, name)
            texts[row], encoding = read_text(data, options.encoding)
        except (OSError, NoTextError) as error:
            broken[name] = getattr(error, "strerror", "") or str(error)
            continue
        hashes.append(hash_bytes(data))
        if encoding not in _PLAIN and options.encoding == "auto":
            coded.setdefault(NAMES[encoding], []).append(name)
    if broken and options.broken == "refuse":
        hint = "mend or delete them; or dataset.broken=skip leaves them out, and tells which"
        raise refuse(root, tell_broken(broken, len(listing.names), "text"), "texts", hint)
    notes = _tell(broken, len(listing.names), coded)
    listing = listing.take(np.array([*texts], np.int64))
    refuse_lost_classes(root, listing, "text")
    digests = np.frombuffer(b"".join(hashes), np.uint8).reshape(-1, 16)
    notes += compare_classes(root, listing, digests.view("V16")[:, 0], "text")
    return Found(listing, [*texts.values()], digests, tuple(notes), broken)


def read_text(data: bytes, encoding: str = "auto") -> tuple[str, str]:
    """A text that is not empty, and the encoding that it was in.

    Raises:
        NoTextError: it is empty, no text, or not in this encoding.
    """
    text, name = decode(data, encoding)
    if not text.strip():
        raise NoTextError(EMPTY)
    return text, name


def _tell(broken: Mapping[str, str], many: int, coded: Mapping[str, list[str]]) -> list[Note]:
    """What is told of texts that were left out, and of those in other encodings than UTF-8."""
    notes: list[Note] = []
    if broken:
        notes.append((f"{tell_broken(broken, many, 'text')}; they were left out", len(broken)))
    for encoding, names in coded.items():
        notes.append((f"{plural(len(names), 'text')} in {encoding}: {some(names)}", len(names)))
    return notes


def _write_sample(folder: Path) -> None:
    """Texts of two classes, with words of their own among common ones, below train and test."""
    random = np.random.RandomState(0)
    common = [f"word{i}" for i in range(40)]
    for part, many in _MANY:
        for label, own in (("calm", ["still", "soft"]), ("loud", ["storm", "shout"])):
            (folder / part / label).mkdir(parents=True)
            for number in range(many):
                words = random.choice([*common, *own * 5], random.randint(20, 40))
                (folder / part / label / f"{number}.txt").write_text(" ".join(words) + "\n")


texts = Reader(_read, _write_sample)
