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
from ..columns import Dense, Files, Rows, Text
from ..likeness import looks
from ..reader import Reader
from ..samples import Note, Samples
from .listed import list_file
from .listing import (
    Listing,
    compare_classes,
    list_classes,
    refuse,
    refuse_lost_classes,
    some,
    tell_broken,
)
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
    refuse_lost_classes(root, listing, "picture")
    hashes = np.ascontiguousarray(files.digests).view("V16")[:, 0]
    notes += compare_classes(root, listing, hashes, "picture")
    return gather(options, files, listing, notes)


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
    told = tell_broken(broken, len(names), "picture")
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


def _refuse_broken(
    root: Path, options: Decoding, broken: Mapping[str, str], many: int, skip: bool
) -> UsageError:
    """The error of pictures that cannot be read."""
    accepted = f"pictures in {', '.join(options.formats)}"
    hint = "mend or delete them"
    if not skip and hasattr(options, "broken"):
        hint += "; or dataset.broken=skip leaves them out, and tells which"
    return refuse(root, tell_broken(broken, many, "picture"), accepted, hint)


images = Reader(_read, write_sample, decoder="pillow")
