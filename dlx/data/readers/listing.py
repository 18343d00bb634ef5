"""Which files a dataset has, a row each, and what is known of them before any is read."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
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
class Sort:
    """What files of a sort are called in messages, and by which names they are known.

    Attributes:
        noun: of one of them.
        fits: whether a name is that of one.
        ending: of such a name, as an example.
        unfiled: what to do where they lie in no folder of a class; "" for nothing.
    """

    noun: str
    fits: Callable[[str], bool]
    ending: str
    unfiled: str = ""


@dataclass(frozen=True)
class Listing:
    """The files of a dataset, in the order of its rows.

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
        """These files, in this order."""
        places = rows.tolist()
        names = tuple(self.names[row] for row in places)
        parts = tuple(self.parts[row] for row in places) if self.parts else ()
        targets = {name: values[rows] for name, values in self.targets.items()}
        return replace(self, names=names, parts=parts, targets=targets)

    def rows_of(self, part: str) -> Rows | None:
        """The files of a part; None where there is no such part."""
        rows = np.flatnonzero(np.array(self.parts) == part)
        return rows if len(rows) else None


def some(names: Sequence[str]) -> str:
    """The first of some names, printable, and how many more there are."""
    more = f" and {len(names) - EXAMPLES:,} more" if len(names) > EXAMPLES else ""
    return ", ".join(map(printable, names[:EXAMPLES])) + more


def refuse(folder: Path, what: str, accepted: str = "", hint: str = "") -> UsageError:
    """The error of a folder of files that is not as it must be."""
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
    return ends_with(name, ENDINGS)


def ends_with(name: str, endings: Iterable[str]) -> bool:
    """Whether a name ends with one of these after its last point."""
    return "." in name and name.rpartition(".")[2].lower() in endings


PICTURES = Sort(
    "picture", is_picture, "jpg", "dataset.file=labels.csv, if a CSV file says what they are"
)


def list_classes(root: Path, sort: Sort = PICTURES) -> Listing:
    """Files of a sort of which each lies in the folder of its class, below those of sets or not.

    Raises:
        UsageError: there are no classes, one has no such file, or a file is in no class.
    """
    top = [*list_folder(root)]
    check_names(root, (one.name for one in top))
    parts = _find_parts(root, top)
    found: dict[str, dict[str, list[Entry]]] = {}
    for part in parts or [""]:
        inside = [*list_folder(root, part)] if part else top
        _refuse_stray(root, part, inside, sort)
        for one in inside:
            if one.kind == "folder":
                label = one.name.rpartition("/")[2]
                found.setdefault(part, {})[label] = [*list_folder(root, one.name, deep=True)]
    _refuse_few(root, found, sort)
    return _make_listing(root, found, sort)


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


def _refuse_stray(root: Path, part: str, inside: Sequence[Entry], sort: Sort) -> None:
    """Refuses links where classes stand, and files of the sort that are in none."""
    if links := [one.name for one in inside if one.kind == "link"]:
        raise refuse(
            root, f"{some(links)}: {LINK}", "folders", "cp -rL copies what links stand for"
        )
    stray = [one.name for one in inside if one.kind == "file" and sort.fits(one.name)]
    if stray:
        what = f"{plural(len(stray), sort.noun)} in no folder of a class: {some(stray)}"
        here = f"{part or root.name}/CLASS/NAME.{sort.ending}"
        hint = sort.unfiled
        if not part and all(one.kind != "folder" for one in inside):
            above = f"dataset.folder={shlex.quote(str(root.parent))}, if {root.name} is a class"
            hint = "; or ".join(filter(None, (above, hint)))
        raise refuse(root, what, f"a folder for each class, as in {here}", hint)


def _refuse_few(root: Path, found: dict[str, dict[str, list[Entry]]], sort: Sort) -> None:
    """Refuses classes without a file of the sort, and fewer than two."""
    classes = sorted({label for inside in found.values() for label in inside})
    empty = [
        "/".join(filter(None, (part, label)))
        for part, inside in found.items()
        for label, entries in inside.items()
        if not any(sort.fits(one.name) for one in entries)
    ]
    if empty:
        what = f"{plural(len(empty), 'folder')} of a class without a {sort.noun}: {some(empty)}"
        raise refuse(root, what, f"{sort.noun}s in each", "delete what is no class")
    if len(classes) < 2:
        what = f"there is only one class: {classes[0]}" if classes else "there is no folder in it"
        raise refuse(root, what, "a folder for each of two classes or more")


def _make_listing(root: Path, found: dict[str, dict[str, list[Entry]]], sort: Sort) -> Listing:
    classes = tuple(sorted({label for inside in found.values() for label in inside}))
    every = [
        (one, part, classes.index(label))
        for part, inside in found.items()
        for label, entries in sorted(inside.items())
        for one in entries
    ]
    check_names(root, (one.name for one, *_ in every))
    fitting = [(one, part, place) for one, part, place in every if sort.fits(one.name)]
    others = [one.name for one, *_ in every if not sort.fits(one.name)]
    told = f"{plural(len(others), 'file')} without a {sort.noun}'s name, left out: {some(others)}"
    return Listing(
        tuple(one.name for one, *_ in fitting),
        tuple(part_of(part) for _, part, _ in fitting) if any(found) else (),
        {"class": np.array([place for *_, place in fitting], np.int64)},
        {"class": classes},
        {one.name: LINK for one, *_ in fitting if one.kind == "link"},
        ((told, len(others)),) if others else (),
    )


def tell_broken(broken: Mapping[str, str], many: int, noun: str) -> str:
    """How many of so many files cannot be read, and why the first ones cannot."""
    shown = [f"{printable(name)} ({why})" for name, why in sorted(broken.items())]
    more = f" and {len(shown) - EXAMPLES:,} more" if len(shown) > EXAMPLES else ""
    which = f"{len(broken):,} of {plural(many, noun)}"
    return f"{which} cannot be read: {', '.join(shown[:EXAMPLES])}{more}"


def refuse_lost_classes(root: Path, listing: Listing, noun: str) -> None:
    """Refuses a class of which no file is left.

    Raises:
        UsageError: there is such a class.
    """
    for target, classes in listing.classes.items():
        values = listing.targets[target]
        if values.ndim == 1:
            lost = [one for place, one in enumerate(classes) if not (values == place).any()]
            if lost:
                what = f"no {noun} of {len(lost)} of the {len(classes)} classes can be read: "
                raise refuse(root, what + some(lost), f"{noun}s of each")


def compare_classes(root: Path, listing: Listing, hashes: Array, noun: str) -> list[Note]:
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
            raise refuse(root, what, f"other {noun}s in each class")
    if not both:
        return []
    return [(f"{plural(len(both), 'file')} in two classes: {some(both)}", len(both))]
