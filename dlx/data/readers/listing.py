"""Which pictures a dataset has, and what is known of each before any is decoded."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ...config.names import plural
from ...errors import Problem, UsageError
from ...printable import printable
from ..columns import Array, Rows
from ..samples import Note
from ..tree import LINK, Entry, list_folder
from .pictures import ENDINGS

PARTS = ("validation", "train", "test")
"""In the order of the rows."""
EXAMPLES = 3


@dataclass(frozen=True)
class Listing:
    """The pictures of a dataset, in the order of its rows.

    Attributes:
        names: of each its path in the folder, with slashes.
        parts: of each the part that it is in, one of `PARTS`; empty where there are none.
        targets: name -> a value a picture.
        classes: target -> names of its classes or labels.
        broken: names of what cannot be read, and why, where that is known already.
        notes: what else is to be told.
    """

    names: tuple[str, ...]
    parts: tuple[str, ...]
    targets: dict[str, Array]
    classes: dict[str, tuple[str, ...]]
    broken: dict[str, str] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()

    def take(self, rows: Rows) -> Listing:
        """These pictures, in this order."""
        places = rows.tolist()
        names = tuple(self.names[row] for row in places)
        parts = tuple(self.parts[row] for row in places) if self.parts else ()
        targets = {name: values[rows] for name, values in self.targets.items()}
        return replace(self, names=names, parts=parts, targets=targets)

    def rows_of(self, part: str) -> Rows | None:
        """The pictures of a part; None where there is no such part."""
        rows = np.flatnonzero(np.array(self.parts) == part)
        return rows if len(rows) else None


def some(names: Sequence[str]) -> str:
    """The first of some names, printable, and how many more there are."""
    more = f" and {len(names) - EXAMPLES:,} more" if len(names) > EXAMPLES else ""
    return ", ".join(map(printable, names[:EXAMPLES])) + more


def refuse(folder: Path, what: str, accepted: str = "", hint: str = "") -> UsageError:
    """The error of a folder of pictures that is not as it must be."""
    return UsageError(Problem(what, str(folder), accepted, hint))


def check_names(folder: Path, names: Iterable[str]) -> None:
    """Refuses names that are no text: they could not be written into any record.

    Raises:
        UsageError: there are such.
    """
    if odd := [name for name in names if _is_no_text(name)]:
        what = f"{plural(len(odd), 'name')} not in UTF-8: {some(odd)}"
        raise refuse(folder, what, "names in UTF-8", "rename what is called so")


def _is_no_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return True
    return False


def is_picture(name: str) -> bool:
    """Whether a name is that of a picture."""
    return name.rpartition(".")[2].lower() in ENDINGS and "." in name


def list_classes(root: Path) -> Listing:
    """Pictures of which each lies in the folder of its class, below folders of parts or not.

    Raises:
        UsageError: there are no classes, one has no picture, or a picture is in no class.
    """
    top = [*list_folder(root)]
    check_names(root, (one.name for one in top))
    parts = _find_parts(root, top)
    found: dict[str, dict[str, list[Entry]]] = {}
    for part in parts or [""]:
        inside = [*list_folder(root, part)] if part else top
        _refuse_stray(root, part, inside)
        for one in inside:
            if one.kind == "folder":
                label = one.name.rpartition("/")[2]
                found.setdefault(part, {})[label] = [*list_folder(root, one.name, deep=True)]
    _refuse_few(root, found)
    return _make_listing(root, found)


def _find_parts(root: Path, top: Sequence[Entry]) -> list[str]:
    """The folders of parts, in the order of the rows; none where all are classes."""
    folders = [one.name for one in top if one.kind == "folder"]
    named = [part_of(name) for name in folders]
    if not any(named) or not any(
        one.kind == "folder"
        for name, part in zip(folders, named, strict=True)
        for one in (list_folder(root, name) if part else ())
    ):
        return []  # a class may be called train
    accepted = "train, and validation (or val) and test beside it; or a folder for each class"
    if others := [name for name, part in zip(folders, named, strict=True) if not part]:
        raise refuse(
            root, f"there are other folders beside those of sets: {some(others)}", accepted
        )
    if "train" not in named or len(set(named)) < len(named):
        what = "there is no folder train" if "train" not in named else "a set has two folders"
        raise refuse(root, f"{what}, only {', '.join(folders)}", accepted)
    return sorted(folders, key=lambda name: PARTS.index(part_of(name)))


def part_of(name: str) -> str:
    """The part that a folder's or a cell's name stands for; "" for none."""
    name = {"val": "validation"}.get(name.lower(), name.lower())
    return name if name in PARTS else ""


def _refuse_stray(root: Path, part: str, inside: Sequence[Entry]) -> None:
    """Refuses links where classes stand, and pictures that are in none."""
    if links := [one.name for one in inside if one.kind == "link"]:
        raise refuse(
            root, f"{some(links)}: {LINK}", "folders", "cp -rL copies what links stand for"
        )
    pictures = [one.name for one in inside if one.kind == "file" and is_picture(one.name)]
    if pictures:
        what = f"{plural(len(pictures), 'picture')} in no folder of a class: {some(pictures)}"
        here = f"{part or root.name}/CLASS/NAME.jpg"
        hint = "dataset.file=labels.csv, if a CSV file says what they are"
        if not part and all(one.kind != "folder" for one in inside):
            above = f"dataset.folder={shlex.quote(str(root.parent))}"
            hint = f"{above}, if {root.name} is a class; or {hint}"
        raise refuse(root, what, f"a folder for each class, as in {here}", hint)


def _refuse_few(root: Path, found: dict[str, dict[str, list[Entry]]]) -> None:
    """Refuses classes without a picture, and fewer than two."""
    classes = sorted({label for inside in found.values() for label in inside})
    empty = [
        "/".join(filter(None, (part, label)))
        for part, inside in found.items()
        for label, entries in inside.items()
        if not any(is_picture(one.name) for one in entries)
    ]
    if empty:
        what = f"{plural(len(empty), 'folder')} of a class without a picture: {some(empty)}"
        raise refuse(root, what, "pictures in each", "delete what is no class")
    if len(classes) < 2:
        what = f"there is only one class: {classes[0]}" if classes else "there is no folder in it"
        raise refuse(root, what, "a folder for each of two classes or more")


def _make_listing(root: Path, found: dict[str, dict[str, list[Entry]]]) -> Listing:
    classes = tuple(sorted({label for inside in found.values() for label in inside}))
    every = [
        (one, part, classes.index(label))
        for part, inside in found.items()
        for label, entries in sorted(inside.items())
        for one in entries
    ]
    check_names(root, (one.name for one, *_ in every))
    pictures = [(one, part, place) for one, part, place in every if is_picture(one.name)]
    others = [one.name for one, *_ in every if not is_picture(one.name)]
    told = f"{plural(len(others), 'file')} without a picture's name, left out: {some(others)}"
    return Listing(
        tuple(one.name for one, *_ in pictures),
        tuple(part_of(part) for _, part, _ in pictures) if any(found) else (),
        {"class": np.array([place for *_, place in pictures], np.int64)},
        {"class": classes},
        {one.name: LINK for one, *_ in pictures if one.kind == "link"},
        ((told, len(others)),) if others else (),
    )
