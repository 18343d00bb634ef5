"""Pictures in a folder of the user's own, and what is wrong with any of them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...config.names import plural
from ...config.specs.datasets import CatsVsDogs
from ...config.specs.images import Images
from ...config.specs.pictures import Decoding
from ...errors import UsageError
from ...files import fence
from ...printable import printable
from ..columns import Array, Dense, Files, Rows, Text
from ..likeness import looks
from ..reader import Reader
from ..samples import Note, Samples
from .listed import list_file
from .listing import EXAMPLES, Listing, list_classes, refuse, some
from .made_up import LISTED, write_sample

HASH, PATH, LOOK = "picture hash", "picture path", "picture look"
"""Columns beside the inputs and targets; no column of a user's file is likely to be called so."""


def _read(options: Images, folder: Path) -> Samples:
    root = fence(folder)
    if not options.file:
        listing = list_classes(root)
    elif options.sample:  # whose file has a column for each kind
        made_up = replace(options, file=LISTED, path="path", part=options.part and "part")
        listing = list_file(root, made_up, dict(options.columns))
    else:
        listing = list_file(root, options)
    files, rows, notes = open_pictures(root, options, listing, options.broken == "skip")
    listing = listing.take(rows)
    _refuse_lost_classes(root, listing)
    hashes = np.ascontiguousarray(files.digests).view("V16")[:, 0]
    return gather(options, files, listing, (*notes, *_compare_classes(root, listing, hashes)))


def gather(
    options: CatsVsDogs | Images, files: Files, listing: Listing, notes: Sequence[Note] = ()
) -> Samples:
    """Pictures with what is listed of them: their targets, sets, hashes, names and looks.

    Args:
        options: of the dataset, which name its inputs and targets.
        files: the pictures.
        listing: as many, in the same order.
        notes: what was mended in reading them.
    """
    return Samples(
        columns={
            "image": files,
            **{name: Dense(values) for name, values in listing.targets.items()},
            HASH: Dense(np.ascontiguousarray(files.digests)),
            PATH: Text([*listing.names]),
            LOOK: Dense(looks(files.pixels, len(files))),
        },
        inputs=options.inputs,
        targets=tuple(options.targets),
        test=listing.rows_of("test"),
        validation=listing.rows_of("validation"),
        classes=listing.classes,
        identity=HASH,
        names=PATH,
        looks=LOOK,
        notes=(*listing.notes, *notes),
    )


def open_pictures(
    root: Path, options: Decoding, listing: Listing, skip: bool = False
) -> tuple[Files, Rows, list[Note]]:
    """The pictures that can be read, their rows, and what is told of them and of the others.

    Args:
        root: the folder or the zip file that they are in.
        options: their size, colours and formats.
        listing: which.
        skip: whether what cannot be read is left out.

    Raises:
        UsageError: some cannot be read, and are not to be left out; or none can.
    """
    names, lacking = listing.names, listing.broken
    if root.is_dir():
        lacking = lacking | _find_lacking(root, listing)
    there = np.array([row for row, name in enumerate(names) if name not in lacking], np.int64)
    if not len(there):
        raise _refuse_broken(root, options, lacking, len(names), skip)
    files = Files.of(root, [names[row] for row in there], Decoding.of(options))
    survey = files.survey()
    broken = lacking | {names[there[row]]: why for row, why in survey.broken.items()}
    whole = np.setdiff1d(np.arange(len(there)), [*survey.broken])
    if broken and not (skip and len(whole)):
        raise _refuse_broken(root, options, broken, len(names), skip)
    told = _tell_broken(broken, len(names))
    notes = [(f"{told}; they were left out", len(broken))] if broken else []
    for what, rows in survey.mended.items():
        named = some([names[there[row]] for row in rows])
        notes.append((f"{plural(len(rows), 'picture')}: {what} ({named})", len(rows)))
    return files.take(whole), there[whole], notes


def _find_lacking(root: Path, listing: Listing) -> dict[str, str]:
    """Which files cannot be opened, and why."""
    found = {}
    for name in listing.names:
        if name not in listing.broken and not os.access(root / name, os.R_OK):
            found[name] = "permission denied" if (root / name).exists() else "there is no such file"
    return found


def _tell_broken(broken: Mapping[str, str], many: int) -> str:
    """How many pictures cannot be read, and why the first ones cannot."""
    shown = [f"{printable(name)} ({why})" for name, why in sorted(broken.items())]
    more = f" and {len(shown) - EXAMPLES:,} more" if len(shown) > EXAMPLES else ""
    return (
        f"{len(broken):,} of {many:,} pictures cannot be read: {', '.join(shown[:EXAMPLES])}{more}"
    )


def _refuse_broken(
    root: Path, options: Decoding, broken: Mapping[str, str], many: int, skip: bool
) -> UsageError:
    """The error of pictures that cannot be read."""
    accepted = f"pictures in {', '.join(options.formats)}"
    hint = "mend or delete them"
    if not skip and hasattr(options, "broken"):
        hint += "; or dataset.broken=skip leaves them out, and tells which"
    return refuse(root, _tell_broken(broken, many), accepted, hint)


def _refuse_lost_classes(root: Path, listing: Listing) -> None:
    """Refuses a class of which no picture is left."""
    for target, classes in listing.classes.items():
        values = listing.targets[target]
        if values.ndim == 1:
            lost = [one for place, one in enumerate(classes) if not (values == place).any()]
            if lost:
                what = f"no picture of {len(lost)} of the {len(classes)} classes can be read: "
                raise refuse(root, what + some(lost), "pictures of each")


def _compare_classes(root: Path, listing: Listing, hashes: Array) -> list[Note]:
    """Tells of files that are in two classes.

    Raises:
        UsageError: two classes have the same files.
    """
    if set(listing.targets) != {"class"} or not listing.classes:
        return []
    classes, values = listing.classes["class"], listing.targets["class"]
    first: dict[bytes, int] = {}
    both: list[str] = []
    shared: set[tuple[int, int]] = set()
    for row, known in enumerate(hashes.tolist()):
        other = first.setdefault(known, row)
        if values[other] != values[row]:
            both.append(f"{listing.names[other]} = {listing.names[row]}")
            shared.add((int(values[other]), int(values[row])))
    for one, two in sorted(shared):
        mine, its = ({*hashes[values == place].tolist()} for place in (one, two))
        if mine == its:
            what = f"classes {classes[one]} and {classes[two]} have the same {len(mine):,} files"
            raise refuse(root, what, "other pictures in each class")
    if not both:
        return []
    return [(f"{plural(len(both), 'file')} in two classes: {some(both)}", len(both))]


images = Reader(_read, write_sample, decoder="pillow")
