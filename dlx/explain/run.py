"""Explaining a run: each method that was asked for, or that fits it; and the files that it leaves.

They are named after what they show, and listed in `explain.json`; a new explanation in the same
folder takes the place of the one before.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import Problem, UsageError
from ..files import fence, is_file, read_json, remove_file
from ..interrupts import check
from ..runs.files import make_folders, safe_cell, write_bytes, write_json
from ..runs.folder import name_of
from ..runs.members import members_of
from .drawing import png, write_above
from .files import subjects_of_files
from .methods import METHODS, require_comparing, require_methods
from .opened import Asked, Opened, Subject, UnfitError
from .pieces import Drawn, Explanation, Listed, Marked, Piece, Samples
from .subjects import subjects_of_rows, usual_rows
from .texts import subjects_of_texts

FOLDER, INDEX, PAGE = "explain", "explain.json", "explain.html"
_FILE = re.compile(r"[a-z_]+-[A-Za-z0-9._#-]+\.(png|csv)")


def explain(
    opened: Opened,
    methods: Sequence[str] = (),
    files: Sequence[Path] = (),
    rows: Sequence[int] = (),
    layer: str = "",
    label: str = "",
    baseline: str = "",
    texts: Sequence[str] = (),
) -> Explanation:
    """Explains a run.

    Args:
        opened: the run.
        methods: names in `METHODS`; none: all that fit the run and are quick.
        files: pictures or texts to look at, prepared as the run's rows were.
        rows: rows of the dataset to look at; with neither, a few that validate.
        layer: the layer to look at; "": as each method chooses.
        label: the class to speak of; "": the one with the highest score.
        baseline: what rows are compared with; "": the usual one of each kind of input.
        texts: to look at, prepared likewise.

    Raises:
        UsageError: a name is none of a method, a layer, a class or a row; a method that was named
            does not fit the run.
    """
    require_methods([*methods])
    names, skipped = _leave_out(opened, list(methods) or _fitting(opened), [*files, *texts], rows)
    require_comparing(names, baseline)
    subjects = _subjects(opened, names, files, rows, texts)
    asked = Asked(subjects, layer, label, opened.config.seed, baseline)
    pieces: list[Piece] = []
    for name in names:
        check()
        try:
            _refuse_members(opened, name)
            pieces.extend(METHODS[name].load()(opened, asked))
        except UnfitError as reason:
            if methods:
                what = f"{name} does not fit this run: {reason}"
                hint = "leave out --method for all that does"
                raise UsageError(Problem(what, "--method", "", hint)) from None
            skipped[name] = str(reason)
    return _gather(opened, pieces, skipped)


def _leave_out(
    opened: Opened, names: list[str], given: Sequence[object], rows: Sequence[int]
) -> tuple[list[str], dict[str, str]]:
    """The methods that show no row of a run that leaves its rows out, and why others do not stand.

    Raises:
        UsageError: rows are asked for.
    """
    if opened.config.report.rows or (given and not rows):
        return names, {}
    why = "the run leaves rows of its data out (report.rows=false)"
    if rows:
        hint = f"dlx explain {opened.kept.run} FILE"
        raise UsageError(Problem(why, "--row", "files of pictures or texts", hint))
    return [n for n in names if not METHODS[n].lone], {n: why for n in names if METHODS[n].lone}


def _refuse_members(opened: Opened, method: str) -> None:
    """Of an ensemble, only what asks for nothing but its answers.

    Raises:
        UnfitError: the method opens the network.
    """
    member = next((one.run for one in members_of(opened.config).values()), "")
    if member and method != "permutation":
        raise UnfitError(f"a member of an ensemble is looked at by itself: dlx explain {member}")


def _fitting(opened: Opened) -> list[str]:
    """The methods that are for the kinds of inputs that a run has."""
    kinds = set(opened.kinds.values())
    return [n for n, one in METHODS.items() if one.default and kinds & set(one.reads)]


def _subjects(
    opened: Opened,
    names: Sequence[str],
    files: Sequence[Path],
    rows: Sequence[int],
    texts: Sequence[str],
) -> tuple[Subject, ...]:
    found = (*subjects_of_files(opened, files), *subjects_of_texts(opened, texts))
    if rows:
        found = (*found, *subjects_of_rows(opened, list(dict.fromkeys(rows))))
    if not found and any(METHODS[name].lone for name in names):
        found = subjects_of_rows(opened, usual_rows(opened))
    return found


def _gather(opened: Opened, pieces: Sequence[Piece], skipped: Mapping[str, str]) -> Explanation:
    kept, looked = opened.kept, opened.looked
    return Explanation(
        name_of(kept.run),
        f"{kept.name} (epoch {kept.state.get('epoch')})",
        tuple(pieces),
        skipped,
        bool(getattr(opened.config.dataset.options, "sample", False)),
        looked.times + 1 if looked.rows else 0,
        {"seen": looked.seen, "rows": looked.rows},
        looked.warnings,
    )


def name_files(pieces: Sequence[Piece]) -> dict[str, Piece]:
    """The pieces by the names of their files; those that would have the same one are numbered."""
    found: dict[str, Piece] = {}
    for piece in pieces:
        name = re.sub(r"[^A-Za-z0-9._#-]+", "-", piece.name)[:100]
        stem, tried = f"{piece.method}-{name}", 1
        while (file := f"{stem}{f'#{tried}' if tried > 1 else ''}.{piece.ending}") in found:
            tried += 1
        found[file] = piece
    return found


def keep(explanation: Explanation, folder: Path) -> list[Path]:
    """Writes the pieces into a folder, and takes away those of the explanation before.

    Args:
        explanation: what to write.
        folder: made where it is missing.

    Returns:
        The files, in order.

    Raises:
        RunError: they cannot be written.
    """
    make_folders(folder)
    fence(folder)
    contents = {name: _content(one) for name, one in name_files(explanation.pieces).items()}
    for old in set(_listed(folder)) - set(contents):
        with suppress(OSError):  # somebody else took it away
            remove_file(folder / old)
    for name, content in contents.items():
        write_bytes(folder / name, content)
    write_json(folder / INDEX, {"schema_version": 1, **index_of(explanation)})
    return [folder / name for name in contents]


def _listed(folder: Path) -> list[str]:
    """The files of the explanation before, if they are such as this writes."""
    try:
        pieces = read_json(folder / INDEX)["pieces"]
        names = [str(one["file"]) for one in pieces]
    except (OSError, ValueError, TypeError, KeyError):
        return []
    return [name for name in names if _FILE.fullmatch(name) and is_file(folder / name)]


def index_of(explanation: Explanation) -> dict[str, Any]:
    """What an explanation holds, as JSON has it."""
    pieces = [
        {"file": name, "method": one.method, "title": one.title, **one.facts()}
        for name, one in name_files(explanation.pieces).items()
    ]
    told: dict[str, Any] = {"run": explanation.run, "weights": explanation.weights}
    return {**told, "pieces": pieces, "skipped": dict(explanation.skipped)}


def _content(piece: Piece) -> bytes:
    if isinstance(piece, Drawn):
        return png(write_above(piece.pixels, caption_of(piece)))
    return _csv(_columns(piece))


def caption_of(piece: Piece) -> list[str]:
    """What stands above a picture: what it shows, and of what."""
    facts = (f"{name} {_tell(value)}" for name, value in piece.facts().items())
    return [piece.title, " · ".join(facts)]


def _tell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _columns(piece: Piece) -> Mapping[str, Sequence[Any]]:
    if isinstance(piece, Listed):
        return piece.columns
    if isinstance(piece, Marked):
        return {
            "word": [word for word, _ in piece.words],
            "weight": [weight for _, weight in piece.words],
        }
    assert isinstance(piece, Samples)
    names = list(dict.fromkeys(name for one in piece.samples for name in one.facts))
    each = {name: [one.facts.get(name, "") for one in piece.samples] for name in names}
    return {"sample": [one.title for one in piece.samples], **each}


def _csv(columns: Mapping[str, Sequence[Any]]) -> bytes:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(map(safe_cell, columns))
    for row in zip(*columns.values(), strict=True):
        cells = (f"{v:.7g}" if isinstance(v, float) else safe_cell(str(v)) for v in row)
        writer.writerow(cells)
    return stream.getvalue().encode()
