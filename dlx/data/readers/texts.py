"""A text of the user's own, or Python's help on its language: stretches of its tokens."""

from __future__ import annotations

import ast
from hashlib import blake2b
from pathlib import Path

import numpy as np

from ...config.specs.text import Text
from ...errors import Problem, UsageError
from ..columns import Array, Dense, Passages
from ..reader import Reader, damage
from ..samples import Samples
from ..tokens import cut, number
from .nietzsche import NAME as SAMPLE
from .nietzsche import write_sentences

MAX_BYTES = 2**28
"""Of all texts together."""


def _read(options: Text, folder: Path) -> Samples:
    text = _text(options, folder)
    tokens = cut(text.lower() if options.lower else text, options.unit)
    _require_enough(options, folder, len(tokens))
    series, words = number(tokens)
    starts = np.arange(0, len(tokens) - options.length, options.moves, dtype=np.int64)
    ends = starts + options.length
    return Samples(
        columns={
            "text": Passages(series, starts, options.length, words),
            "place": Dense(ends),
            "end": Dense(_hash_ends(tokens, ends)),
        },
        inputs=options.inputs,
        targets=(),
        time="place",
        behind=-(-options.length // options.moves),
        identity="end",
    )


def _require_enough(options: Text, place: Path, many: int) -> None:
    """Refuses a text without a single stretch."""
    name, unit = place.name or str(place), options.unit
    if not many:
        raise UsageError(Problem(f"{name} is empty", str(place), "a text", "dataset.file=FILE.txt"))
    if many <= options.length:
        what = f"{name} has {many:,} {unit}s, and none follows the first {options.length:,}"
        hint = f"dataset.length={max(1, many // 10)}"
        raise UsageError(Problem(what, "dataset.length", f"at most {many - 1:,}", hint))


def _text(options: Text, folder: Path) -> str:
    """The whole text.

    Raises:
        UsageError: there is none, it is too large, or no UTF-8.
    """
    if options.sample:
        return _decode(folder / SAMPLE)
    if options.embedded:
        return _read_topics(folder / options.embedded[0])
    if not folder.is_dir():
        return _decode(folder)
    files = sorted(one for one in folder.rglob("*.txt") if one.is_file())
    if not files:
        what = f"{folder.name} has no file whose name ends with .txt"
        raise UsageError(Problem(what, str(folder), "texts in UTF-8", "dataset.file=FILE.txt"))
    if sum(one.stat().st_size for one in files) > MAX_BYTES:
        raise damage(folder, f"has more than {MAX_BYTES:,} bytes of text", "less text")
    return "\n\n".join(map(_decode, files))


def _decode(path: Path) -> str:
    with path.open("rb") as stream:
        data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise damage(path, f"has more than {MAX_BYTES:,} bytes", "less text")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        what = f"{path.name} is no text in UTF-8: byte {data[error.start]:#04x} in line {line:,}"
        hint = f"iconv -f latin1 -t utf-8 {path.name} > utf8.txt"
        raise UsageError(Problem(what, str(path), "UTF-8", hint)) from error


def _read_topics(path: Path) -> str:
    """Python's help on its language, topic after topic in the order of their names."""
    try:
        lines = ast.parse(path.read_text(encoding="utf-8")).body
        found = next(ast.literal_eval(line.value) for line in lines if isinstance(line, ast.Assign))
        return "\n".join(found[name] for name in sorted(found))
    except (OSError, ValueError, SyntaxError, StopIteration, TypeError) as error:
        raise damage(path, f"is not what Python brings: {error}", "topics = {...}") from error


def _hash_ends(tokens: list[str], ends: Array) -> Array:
    """A hash of the last character of each row and of where in the text it is, (rows, 16)."""
    places = np.cumsum(np.fromiter(map(len, tokens), np.int64, len(tokens)))[ends]
    told = zip(places.tolist(), ends.tolist(), strict=True)
    cells = [
        blake2b(f"{at} {tokens[end][-1]}".encode(), digest_size=16).digest() for at, end in told
    ]
    return np.frombuffer(b"".join(cells), np.uint8).reshape(-1, 16)


text = Reader(_read, write_sentences)
