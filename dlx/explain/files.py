"""Files to look at: pictures and texts, prepared as the run's rows were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from ..config.specs.pictures import FORMATS, Decoding
from ..data.columns import Image
from ..data.readers.pictures import BrokenPictureError, decode
from ..data.samples import Frame
from ..errors import Problem, UsageError
from ..sources.batches import make_part
from .opened import Opened, Subject
from .subjects import slug_of
from .texts import subject_of

LIMIT = 32 * 1024 * 1024
"""Bytes that a file may have."""


def subjects_of_files(opened: Opened, files: Sequence[Path]) -> tuple[Subject, ...]:
    """Files, each as the only input of a run.

    Raises:
        UsageError: the run has several inputs, or one of numbers; a file cannot be read.
    """
    if not files:
        return ()
    (name, kind) = _only_input(opened)
    return tuple(_read(opened, file, name, kind, n) for n, file in enumerate(files, start=1))


def _only_input(opened: Opened) -> tuple[str, str]:
    raw = {name: one.kind for name, one in opened.pipeline.raw.items()}
    name, kind = next(iter(raw.items()))
    if len(raw) == 1 and kind in ("image", "files", "text", "sequence"):
        return name, kind
    held = ", ".join(f"{name} ({kind or 'unknown'})" for name, kind in raw.items())
    what = f"dlx explain takes files of runs on pictures or texts, and this one has {held}"
    hint = f"dlx explain {opened.kept.run} --row 0"
    raise UsageError(Problem(what, "FILE", "rows of the dataset, by --row", hint))


def _read(opened: Opened, file: Path, name: str, kind: str, number: int) -> Subject:
    data, slug = _bytes_of(file), f"{number}-{slug_of(file)}"
    if kind in ("text", "sequence"):
        return subject_of(opened, data.decode("utf-8", "replace"), file.name, slug, str(file))
    column = _decode(opened, file, name, data)
    prepared = opened.pipeline.apply(Frame({name: column}))
    none = torch.zeros(1, dtype=torch.int64).numpy()
    inputs = make_part(prepared, {}, none, opened.device).batch(0, 1).inputs
    return Subject(file.name, slug, inputs, pictures={name: column.pixels[0]}, columns=prepared)


def _bytes_of(file: Path) -> bytes:
    if file.exists() and not file.is_file():
        raise UsageError(Problem("it is no regular file", str(file), "a picture or a text"))
    try:
        with file.open("rb") as stream:
            data = stream.read(LIMIT + 1)
    except OSError as error:
        raise UsageError(Problem(f"it cannot be read: {error.strerror}", str(file))) from error
    if len(data) > LIMIT:
        raise UsageError(Problem(f"it has more than {LIMIT:,} bytes", str(file)))
    return data


def _decode(opened: Opened, file: Path, name: str, data: bytes) -> Image:
    try:
        return Image(decode(data, _decoding(opened, name))[None])
    except BrokenPictureError as error:
        raise UsageError(Problem(f"{error}", str(file), "a picture")) from error


def _decoding(opened: Opened, name: str) -> Decoding:
    """How the run's pictures were made of files; of a plugin's dataset, their size and colours."""
    options = opened.config.dataset.options
    if isinstance(options, Decoding):
        return replace(Decoding.of(options), formats=FORMATS)
    channels, *sides = opened.inputs[name].shape
    return Decoding(size=tuple(sides), colour="grey" if channels == 1 else "rgb")
