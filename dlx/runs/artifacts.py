"""What a training leaves to be looked at: files, each of a kind, listed in `artifacts.json`.

The kind says what a file holds and how a report shows it, whatever learner wrote it. Nothing in
them depends on a clock or a version, so that the same run leaves the same bytes.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from ..files import is_there, read_bytes, read_json, remove_file
from ..printable import printable_line
from .files import json_text, make_folders, safe_cell, write_bytes, write_json

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

NAME = "artifacts.json"
FOLDER = "artifacts"
KINDS = {
    "table": "csv",
    "cards": "json",
    "pictures": "png",
    "film": "png",
    "texts": "json",
    "lines": "csv",
    "points": "csv",
    "arrays": "safetensors",
    "vectors": "txt",
}
"""Each kind, and the ending of its files."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_LONGEST = 300
"""Characters of a title or caption."""


class About(TypedDict, total=False):
    """What may be said of an artifact; the epoch is that of `Artifacts` where it is not said."""

    title: str
    caption: str
    epoch: int | None


@dataclass(frozen=True)
class Artifact:
    """An entry of `artifacts.json`.

    Attributes:
        kind: one of `KINDS`.
        name: what it is of: small letters, digits, `_`.
        file: its file, below the folder of the training.
        title: its heading in a report.
        caption: what to know when looking at it; for cards, what they are ("largest errors").
        epoch: after which it was made; None at the end.
    """

    kind: str
    name: str
    file: str
    title: str = ""
    caption: str = ""
    epoch: int | None = None


PREDICTIONS = Artifact("table", "predictions", "predictions.csv", "Predictions")
ERRORS = Artifact(
    *("cards", "errors", "errors.json", "Worst errors"),
    caption="rows with the largest losses, worst first",
)
TRUST = Artifact("arrays", "trust", "artifacts/trust.safetensors", "What predictions are judged by")
BOOSTING = Artifact("arrays", "boosting", "artifacts/boosting.safetensors", "Boosted trees")
HIDDEN = (PREDICTIONS.file, TRUST.file, BOOSTING.file)
"""Files that a report does not show as what they are: it has sections on what they say."""
_BEFORE = (PREDICTIONS, ERRORS)
"""What folders held before anything was listed; it lies where it lay then."""


class Artifacts:
    """The artifacts of one training.

    One of the same name and epoch takes the place of the one before.

    Args:
        folder: of the training; None keeps nothing.
        rows: whether rows of the data may be shown; else their numbers and answers alone are.

    Attributes:
        epoch: after which they are made; None at the end.
    """

    def __init__(self, folder: Path | None, rows: bool = True) -> None:
        self.epoch: int | None = None
        self._rows = rows
        self._folder = folder
        self._listed = [] if folder is None else list_artifacts(folder)

    def table(
        self, name: str, columns: Mapping[str, Sequence[Any]], **about: Unpack[About]
    ) -> None:
        """Keeps a CSV file; no spreadsheet takes any of its texts for a formula.

        Args:
            name: of the artifact, which is part of its file's name.
            columns: cells by column: texts, numbers (seven digits are kept), or several of them.
            about: title, caption and epoch.

        Raises:
            ValueError: the columns differ in length, or the name is no name.
            RunError: it cannot be written; so do all others.
        """
        self._keep("table", name, _csv(columns), about)

    def lines(
        self, name: str, columns: Mapping[str, Sequence[Any]], **about: Unpack[About]
    ) -> None:
        """Keeps curves: the first column is along, each of the others a line."""
        self._keep("lines", name, _csv(columns), about)

    def points(
        self, name: str, columns: Mapping[str, Sequence[Any]], **about: Unpack[About]
    ) -> None:
        """Keeps places in a plane: the first two columns; a third one names what each is.

        A report colours them by that name, and tells where a pointer rests on one what all further
        columns have, as in {"x": …, "y": …, "digit": …, "row": …}. Names are listed in their order.
        """
        self._keep("points", name, _csv(columns), about)

    def cards(
        self,
        name: str,
        groups: Mapping[str, Sequence[Mapping[str, Any]]],
        **about: Unpack[About],
    ) -> None:
        """Keeps samples as people see them.

        Args:
            name: of the artifact.
            groups: cards by target or group: the facts of each, and below `shown` an image
                (`kind`, `shape`, `values` from 0 to 255), a text or named features; `row` is its
                row in the dataset.
            about: title, caption and epoch.
        """
        if not self._rows:
            groups = {name: [_hide(card) for card in cards] for name, cards in groups.items()}
        found = {group: {"rows": list(cards)} for group, cards in groups.items()}
        self._keep("cards", name, json_text(found).encode(), about)

    def texts(self, name: str, texts: Mapping[str, str], **about: Unpack[About]) -> None:
        """Keeps texts, each under a title of its own."""
        self._keep("texts", name, json_text(dict(texts)).encode(), about)

    def pictures(
        self,
        name: str,
        images: npt.NDArray[Any],
        across: int = 0,
        rows: bool = False,
        **about: Unpack[About],
    ) -> None:
        """Keeps images side by side in one picture.

        Args:
            name: of the artifact.
            images: (images, channels, height, width) with 1 or 3 channels: bytes, or numbers from
                0 to 1; what lies beyond is cut off.
            across: how many side by side; 0: as many as down.
            rows: whether they show rows of the data, which may be asked to be left out.
            about: title, caption and epoch.
        """
        if rows and not self._rows:
            return
        from .pixels import picture_of  # and with it numpy, only where there is a picture

        self._keep("pictures", name, picture_of(images, across), about)

    def film(
        self, name: str, images: npt.NDArray[Any], ms: int = 100, **about: Unpack[About]
    ) -> None:
        """Keeps images one after the other, each for so many milliseconds, again and again.

        Of (times, images, channels, height, width) those of a time are seen side by side.
        """
        from .pixels import film_of

        self._keep("film", name, film_of(images, ms), about)

    def vectors(
        self,
        name: str,
        words: Sequence[str],
        values: npt.NDArray[np.float32],
        **about: Unpack[About],
    ) -> None:
        """Keeps vectors of words in the text format of GloVe: a line each, single blanks between.

        Args:
            name: of the artifact; its file lies in the folder itself, as it is there to be used.
            words: what the vectors are of, none with a blank in it.
            values: (words, numbers); six digits are kept.
            about: title, caption and epoch.

        Raises:
            ValueError: a word could not be read back.
        """
        if broken := [word for word in words if [word] != word.split()]:
            raise ValueError(f"no line can begin with the word {broken[0]!r}")
        line = " ".join(["%s", *["%.6g"] * values.shape[1]]) + "\n"
        rows = zip(words, values.tolist(), strict=True)
        content = "".join(line % (word, *numbers) for word, numbers in rows)
        self._keep("vectors", name, content.encode(), about)

    def arrays(
        self, name: str, arrays: Mapping[str, npt.NDArray[Any]], **about: Unpack[About]
    ) -> None:
        """Keeps arrays of numbers by name, as a file of safetensors: to be used, not looked at."""
        from safetensors.numpy import save

        self._keep("arrays", name, save(dict(arrays)), about)

    def film_of_epochs(
        self, name: str, pictures: str, ms: int = 100, **about: Unpack[About]
    ) -> None:
        """Keeps a film of the pictures that epochs have left, in their order; none of fewer than 2.

        Args:
            name: of the film.
            pictures: the name of the pictures.
            ms: milliseconds that each is seen.
            about: title, caption and epoch.

        Raises:
            ValueError: they are of several sizes.
        """
        every = [one for one in self._listed if (one.kind, one.name) == ("pictures", pictures)]
        every = [one for one in every if one.epoch is not None]
        if self._folder is None or len(every) < 2:
            return
        from .pixels import film_of_pictures

        contents = [read_bytes(self._folder / one.file) for one in every]
        self._keep("film", name, film_of_pictures(contents, ms), about)

    def cut(self, epoch: int) -> None:
        """Takes away what was made after an epoch: a resumed training makes it again."""
        later = [one for one in self._listed if one.epoch is not None and one.epoch > epoch]
        if self._folder is None or not later:
            return
        self._listed = [one for one in self._listed if one not in later]
        self._write()
        for one in later:
            if is_there(self._folder / one.file):
                remove_file(self._folder / one.file)

    def _keep(self, kind: str, name: str, content: bytes, about: About) -> None:
        if not _NAME.fullmatch(name):
            raise ValueError(f"`{name}` is no name of an artifact: small letters, digits and _")
        if self._folder is None:
            return
        about = {"epoch": self.epoch, **about}
        entry = Artifact(kind, name, _place(kind, name, about["epoch"]), **about)
        make_folders((self._folder / entry.file).parent)
        write_bytes(self._folder / entry.file, content)
        same = [one.file == entry.file for one in self._listed]
        place = same.index(True) if any(same) else len(same)
        self._listed[place : place + 1] = [entry]
        self._listed.sort(key=lambda one: math.inf if one.epoch is None else one.epoch)
        self._write()

    def _write(self) -> None:
        assert self._folder is not None
        entries = [asdict(one) for one in self._listed]
        write_json(self._folder / NAME, {"schema_version": 1, "artifacts": entries})


def list_artifacts(folder: Path) -> list[Artifact]:
    """What a folder lists, in order of epochs; of an older version's, what it kept without a list.

    An entry that makes no sense, as it may stand in a stranger's folder, is left out.
    """
    try:
        found = read_json(folder / NAME)["artifacts"]
        return [one for entry in found if (one := _sound(entry)) is not None]
    except (OSError, ValueError, TypeError, KeyError):
        return [one for one in _BEFORE if is_there(folder / one.file)]


def _hide(card: Mapping[str, Any]) -> dict[str, Any]:
    """A card without what its row holds, and without its name."""
    return {name: value for name, value in card.items() if name not in ("shown", "name")}


def _sound(entry: object) -> Artifact | None:
    """An entry, if its values are of their kinds, and its file where `Artifacts` would put it."""
    if not isinstance(entry, dict):
        return None
    kind, name, epoch = entry.get("kind"), entry.get("name"), entry.get("epoch")
    if not isinstance(kind, str) or not isinstance(name, str) or not _NAME.fullmatch(name):
        return None
    if kind not in KINDS or type(epoch) not in (int, type(None)):
        return None
    title, caption = (printable_line(str(entry.get(key, ""))) for key in ("title", "caption"))
    file = _place(kind, name, epoch)
    found = Artifact(kind, name, file, title[:_LONGEST], caption[:_LONGEST], epoch)
    return found if file == entry.get("file") else None


def _place(kind: str, name: str, epoch: int | None) -> str:
    file = f"{name}{'' if epoch is None else f'-{epoch}'}.{KINDS[kind]}"
    beside = kind == "vectors" or file in {one.file for one in _BEFORE}
    return file if beside else f"{FOLDER}/{file}"


def _csv(columns: Mapping[str, Sequence[Any]]) -> bytes:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(map(safe_cell, columns))
    writer.writerows(zip(*map(_cells, columns.values()), strict=True))
    return stream.getvalue().encode()


def _cells(values: Sequence[Any]) -> Iterator[str]:
    return map(_cell, values.tolist() if hasattr(values, "tolist") else values)


def _cell(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return "|".join(map(_cell, value))
    return f"{value:.7g}" if isinstance(value, float) else safe_cell(str(value))
