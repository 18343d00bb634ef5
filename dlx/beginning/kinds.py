"""What a path of the user's own is: a table, a folder of pictures or of texts, a series."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..config.fields import import_code
from ..config.names import find_nearest, join_names
from ..errors import Problem, UsageError
from ..files import names_in
from .described import Subject, Wishes, correct


@dataclass(frozen=True)
class Kind:
    """One kind of data.

    Attributes:
        noun: what it is, in words.
        fits: "module:function" that takes paths and says why they are of this kind, "" where they
            are not; it reads little.
        opens: "module:function" that takes paths and wishes and gives a `Subject`.
    """

    noun: str
    fits: str
    opens: str


KINDS: dict[str, Kind] = {
    "images": Kind(
        "a folder of pictures: a folder for each class",
        "dlx.beginning.pictures:fits",
        "dlx.beginning.pictures:open_pictures",
    ),
    "texts": Kind(
        "a folder of texts: a folder for each class",
        "dlx.beginning.texts:fits",
        "dlx.beginning.texts:open_texts",
    ),
    "series": Kind(
        "a table in time: CSV, TSV, JSON lines or Parquet with time stamps evenly apart",
        "dlx.beginning.series:fits",
        "dlx.beginning.series:open_series",
    ),
    "table": Kind(
        "a table: CSV, TSV, JSON lines or Parquet",
        "dlx.beginning.tables:fits",
        "dlx.beginning.tables:open_table",
    ),
}
"""The kinds by name, those with the narrower rule first."""


def find_kind(paths: Sequence[Path], asked: str, command: str) -> tuple[str, str]:
    """The kind of what lies at some paths, and the rule by which it is known.

    Args:
        paths: files or folders, all of which are there.
        asked: the kind that the user says it is; "" where they do not.
        command: what was typed, to which an answer is added.

    Raises:
        UsageError: there is no such kind, or nothing known lies there.
    """
    if asked:
        if asked not in KINDS:
            near = find_nearest(asked, KINDS) or next(iter(KINDS))
            hint = correct(command, "--kind", asked, near)
            what = f"there is no kind of data {asked!r}"
            raise UsageError(Problem(what, "--kind", join_names(KINDS), hint))
        return asked, f"--kind says {asked}"
    for name, kind in KINDS.items():
        if rule := import_code(kind.fits)(paths):
            return name, rule
    nouns = "; ".join(kind.noun for kind in KINDS.values())
    what = "nothing that can be learned from is recognised there"
    raise UsageError(Problem(what, join_names(map(str, paths)), nouns))


def _no_file(path: Path, command: str) -> Problem:
    """A path where nothing is, with the command for what is called nearly so."""
    beside = names_in(path.parent) if path.parent.is_dir() else []
    near = find_nearest(path.name, beside)
    words = [
        str(path.with_name(near)) if near and Path(one).expanduser() == path else one
        for one in shlex.split(command)
    ]
    hint = shlex.join(words) if near else ""
    return Problem(f"{path} does not exist", "command line", "a file or folder that is there", hint)


def open_subject(paths: Sequence[Path], wishes: Wishes, asked: str = "") -> tuple[Subject, str]:
    """What lies at some paths, and the rule by which its kind is known.

    Raises:
        UsageError: a path is missing, or it cannot be read.
    """
    for path in paths:
        if not path.exists():
            raise UsageError(_no_file(path, wishes.command))
    name, rule = find_kind(paths, asked, wishes.command)
    subject: Subject = import_code(KINDS[name].opens)(paths, wishes)
    return subject, f"{KINDS[name].noun.partition(':')[0]}: {rule}"
