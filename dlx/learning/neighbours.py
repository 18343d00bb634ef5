"""What is to be looked at of word vectors: the vectors, and which words have similar ones."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..runs.artifacts import Artifacts
from .vocabulary import Vocabulary

SHOWN, NEAREST = 40, 5
"""Words whose nearest ones are listed, and how many of these."""
COMMON = 100
"""As many of the most frequent words are passed over, as most have no meaning of their own."""

Matrix = npt.NDArray[np.float32]


def leave(into: Artifacts, known: Vocabulary, vectors: Matrix) -> None:
    """Keeps vectors in GloVe's format, and some words with their nearest ones.

    Args:
        into: takes them.
        known: the words; those that stand in no training text have no vector worth keeping.
        vectors: of each id, (ids, numbers).
    """
    ids = np.array([at for at in known.frequent() if [known.names[at]] == known.names[at].split()])
    words, found = [known.names[at] for at in ids], vectors[ids]
    size = found.shape[1]
    many = f"{len(ids):,} words of the training texts"
    caption = f"{many}, the most frequent first; {size} numbers each"
    into.vectors("vectors", words, found, title="Word vectors", caption=caption)
    first = COMMON if len(ids) > COMMON + SHOWN else 0
    _leave_nearest(into, words, found, first)


def _leave_nearest(into: Artifacts, words: list[str], vectors: Matrix, first: int) -> None:
    """Every few of the frequent words with the words of the most similar vectors."""
    many = min(len(words), first + 20 * SHOWN)
    chosen = np.unique(np.linspace(first, many - 1, SHOWN).astype(int))
    unit = _unit(vectors)
    alike = unit[chosen] @ unit.T
    alike[np.arange(len(chosen)), chosen] = -np.inf
    nearest = np.argsort(-alike, axis=1, kind="stable")[:, : min(NEAREST, len(words) - 1)]
    columns = {"word": [words[at] for at in chosen]}
    for rank in range(nearest.shape[1]):
        cosine = alike[np.arange(len(chosen)), nearest[:, rank]]
        pairs = zip(nearest[:, rank], cosine, strict=True)
        columns[f"nearest {rank + 1}"] = [f"{words[at]} {value:.2f}" for at, value in pairs]
    caption = "words with those whose vectors point most nearly the same way, and the cosine"
    into.table("neighbours", columns, title="Nearest words", caption=caption)


def _unit(vectors: Matrix) -> Matrix:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    found: Matrix = vectors / np.maximum(lengths, 1e-12)
    return found
