"""Texts to look at, typed or of a file, prepared as the run's rows were."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..config.names import join_names
from ..data.columns import Column, Text
from ..data.columns import Sequence as Ids
from ..data.samples import Frame
from ..errors import Problem, UsageError
from ..sources.batches import make_part
from .opened import Opened, Subject

_MARKS = str.maketrans(dict.fromkeys('!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\r\n', " "))
"""What Keras' tokenizer, which made the ids of its reviews, takes for blanks."""
_START, _UNKNOWN = ("<start>", "(start)"), ("<unknown>", "(unknown)")
_SHOWN = 40
"""Letters of a text that stand for it."""


def subjects_of_texts(opened: Opened, texts: Sequence[str]) -> tuple[Subject, ...]:
    """Texts as they were typed, each as the only input of a run.

    Raises:
        UsageError: the run is on something else, or knows no word of a text.
    """
    return tuple(
        subject_of(opened, text, f"“{_shorten(text)}”", f"text-{number}", "--text")
        for number, text in enumerate(texts, start=1)
    )


def subject_of(opened: Opened, text: str, title: str, slug: str, where: str) -> Subject:
    """One text.

    Args:
        opened: the run.
        text: the text.
        title: of the subject.
        slug: of it, in the names of files.
        where: what errors name: an option or a file.

    Raises:
        UsageError: see `subjects_of_texts`.
    """
    name = _input(opened, where)
    column = _column(opened, name, text, where)
    prepared = opened.pipeline.apply(Frame({name: column}))
    first = np.zeros(1, dtype=np.int64)
    inputs = make_part(prepared, {}, first, opened.device).batch(0, 1).inputs
    return Subject(title, slug, inputs, columns=prepared)


def _input(opened: Opened, where: str) -> str:
    """The only input, which is a text."""
    raw = {name: one.kind for name, one in opened.pipeline.raw.items()}
    (name, kind), *more = raw.items()
    if more or kind not in ("text", "sequence"):
        held = join_names(f"{one} ({kind or 'unknown'})" for one, kind in raw.items())
        what = f"dlx explain takes a text of a run whose only input is one, and this one has {held}"
        files = " or files of pictures" if kind in ("image", "files") and not more else ""
        hint = f"dlx explain {opened.kept.run} --row 0"
        raise UsageError(Problem(what, where, f"rows of the dataset, by --row{files}", hint))
    return name


def _column(opened: Opened, name: str, text: str, where: str) -> Column:
    """The text as the file of the dataset would have it: itself, or ids of its words."""
    if opened.pipeline.raw[name].kind == "text":
        return Text([text])
    column = opened.fold.data.samples.columns[name]
    words = column.words if isinstance(column, Ids) else ()
    if not words:
        what = "the ids of the data have no words, so that no text can be made into them"
        hint = f"dlx explain {opened.kept.run} --row 0"
        raise UsageError(Problem(what, where, "rows of the dataset, by --row", hint))
    assert isinstance(column, Ids)
    ids = _ids(words, text)
    if not any(words[one] not in (*_START, *_UNKNOWN) for one in ids):
        what = "the run knows no word of the text"
        raise UsageError(Problem(what, where, f"words such as {join_names(_usual(words))}"))
    edges = np.array([0, len(ids)], dtype=np.int64)
    return Ids(np.array(ids, dtype=np.int32), edges, column.size, words)


def _ids(words: Sequence[str], text: str) -> list[int]:
    """The start mark, where there is one, and the id of each word, or of the unknown one."""
    places = {word: place for place, word in reversed(list(enumerate(words)))}
    (start, unknown) = ([places[n] for n in names if n in places] for names in (_START, _UNKNOWN))
    found = list(start[:1])
    for word in text.lower().translate(_MARKS).split():
        found += [places[word]] if word in places else unknown[:1]
    return found


def _usual(words: Sequence[str]) -> list[str]:
    return [word for word in words if word[:1] not in ("<", "(")][:5]


def _shorten(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"
