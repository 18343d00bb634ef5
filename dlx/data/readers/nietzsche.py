"""Nietzsche's "Beyond Good and Evil" in English: windows over its characters, and the next one."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ...config.specs.datasets import Nietzsche
from ...errors import Problem, UsageError
from ..columns import Array, Dense, Sequence
from ..reader import Reader, damage
from ..samples import Samples

NAME = "nietzsche.txt"
MAX_BYTES = 2**26
MOST_CHARACTERS = 255  # distinct ones: an id is a byte, and 0 is padding
NAMED = {"\n": "newline", " ": "blank", "\t": "tab"}


def _read(options: Nietzsche, folder: Path) -> Samples:
    path, length, step = folder / NAME, options.length, options.step
    text = _text(path).lower()
    if len(text) <= length:
        what = f"{NAME} has {len(text):,} characters, and none follows the first {length:,}"
        accepted = f"at most {len(text) - 1:,}"
        raise UsageError(Problem(what, "dataset.length", accepted, "dataset.length=60"))
    characters = sorted(set(text))
    if len(characters) > MOST_CHARACTERS:
        what = f"contains {len(characters):,} different characters"
        raise damage(path, what, f"at most {MOST_CHARACTERS}")
    number = {character: place for place, character in enumerate(characters)}
    codes = np.fromiter(map(number.__getitem__, text), np.uint8, len(text))
    begins = np.arange(0, len(text) - length, step, dtype=np.int64)
    names = tuple(NAMED.get(one, one) for one in characters)
    windows = sliding_window_view(codes + np.uint8(1), length)[begins]
    return Samples(
        columns={
            "text": Sequence.of_rows(windows, len(names) + 1),
            "next": Dense(codes[begins + length].astype(np.int64)),
            "place": Dense(begins + length),
            "predicted character": Dense(_hash_places(text, begins + length)),
        },
        inputs=options.inputs,
        targets=tuple(options.targets),
        classes={"next": names},
        words={"text": ("(padding)", *names)},
        time="place",
        behind=-(-length // step),
        identity="predicted character",
    )


def _text(path: Path) -> str:
    """The whole text.

    Raises:
        UsageError: it is too large, or no UTF-8.
    """
    with path.open("rb") as stream:
        data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise damage(path, f"has more than {MAX_BYTES:,} bytes", "the official text")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise damage(path, f"is not a text: {error}", "UTF-8") from error


def _hash_places(text: str, places: Array) -> Array:
    """A hash of each of these places and the character there, (rows, 16) bytes."""
    cells = [
        blake2b(f"{at} {text[at]}".encode(), digest_size=16).digest() for at in places.tolist()
    ]
    return np.frombuffer(b"".join(cells), np.uint8).reshape(-1, 16)


def write_sentences(folder: Path) -> None:
    """Some thousand characters of made-up sentences."""
    random = np.random.RandomState(0)
    words = ["the", "of", "and", "truth", "man", "will", "spirit", "free", "not", "all", "good"]
    sentences = [
        " ".join(random.choice(words, random.randint(4, 12))).capitalize() + "." for _ in range(120)
    ]
    lines = [" ".join(sentences[at : at + 2]) for at in range(0, len(sentences), 2)]
    (folder / NAME).write_bytes("\n".join(lines).encode() + b"\n")


nietzsche = Reader(_read, write_sentences)
