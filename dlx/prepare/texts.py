"""From texts to lists of ids: by a vocabulary of the training texts, or by hashing.

A unit is a word or a character; a token is a unit or a run of several (an n-gram). Texts are cut
once, into numbers of their units; n-grams are made, counted and looked up as whole numbers.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Iterator
from dataclasses import replace
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt

from ..config.names import plural
from ..config.specs import prepare as specs
from ..data.columns import Array, Column, Rows, Sequence
from ..errors import Problem, UsageError
from .steps import START, UNKNOWN, State, Step, texts_of

RESERVED = ("(padding)", "(start)", "(unknown)")
_MARKS = r"""!"#$%&()*+,-./:;<=>?@[\]^_`{|}~"""
_BLANKS = bytes.maketrans(_MARKS.encode(), b" " * len(_MARKS))
_TAG = re.compile(r"<[^<>]*>")

Hashes = npt.NDArray[np.uint64]
Piece = tuple[Array, Rows]
"""Ids end to end, and how many of them each row has."""


def id_words(words: Iterable[str], first: int) -> tuple[str, ...]:
    """The word of each id of a vocabulary whose first token has this id."""
    return (*RESERVED[:first], *words)


class Tokenize(Step[specs.Tokenize]):
    """Tokens to ids as Keras' reviews have them: the start mark, then the most frequent tokens."""

    costly = True

    def fit(self, column: Column) -> State:
        """The vocabulary of the training texts, most frequent first, and what it leaves out."""
        return self._choose(*_number(texts_of(column, "tokenize"), self.options))

    def apply(self, column: Column, state: State) -> Column:
        """Lists of ids, as the options have them."""
        return self._encode(*_number(texts_of(column, "tokenize"), self.options), state)

    def fit_apply(self, column: Column, train: Rows) -> tuple[State, Column]:
        """Both, with every text cut once."""
        rows, units = _number(texts_of(column, "tokenize"), self.options)
        state = self._choose(rows.take(train), units)
        return state, self._encode(rows, units, state)

    def remarks(self, state: State) -> list[str]:
        """How much of the training texts the vocabulary covers, and texts that have no token."""
        seen, size = state.get("seen"), self.options.num_words
        if not seen:
            return []
        words, different = len(state["words"]), seen["different"]
        told = f"vocabulary: {words:,} of {different:,} different tokens"
        told += f", {seen['kept'] / max(1, seen['tokens']):.1%} of all in the training texts"
        if different < size - self.options.first:
            told += f"; num_words={size} leaves room for more"
        found = [told] if self.options.vocabulary == "training" else []
        if seen["empty"]:
            what = "nothing" if self.options.unknown == "drop" else "the unknown id"
            what = "the start id" if self.options.start else what
            of = f"{seen['empty']:,} of {plural(seen['texts'], 'training text')}"
            found.append(f"{of} without a token: {what} stands for each")
        return found

    def counts(self, state: State) -> dict[str, int]:
        """How many different tokens there were."""
        return {"tokens": state["seen"]["different"]} if "seen" in state else {}

    def unknown(self, column: Column, state: State) -> Array | None:
        """Which share of each text's words is not in the vocabulary."""
        if self.options.unit != "word" or min(self.options.ngrams) > 1:
            return None
        rows, units = _number(texts_of(column, "tokenize"), self.options)
        singly = replace(self.options, ngrams=(1,))
        ids, lengths = next(_look_up(rows, units, state["words"], singly))
        shares: Array = _count_in_rows(ids == 0, lengths) / np.maximum(lengths, 1)
        return shares

    def _choose(self, rows: Sequence, units: list[str]) -> State:
        """What is learnt from training texts.

        Raises:
            UsageError: no token is left.
        """
        options, lengths = self.options, rows.lengths()
        found = list(_count(rows, units, options))
        words, kept = _most_frequent(found, options)
        if options.vocabulary == "printable":
            words = list(string.printable)
        if not words:
            often = f" {options.min_count:,} times or more" if options.min_count > 1 else ""
            what = f"prepare step tokenize found no token{often} in the training texts"
            hint = "min_count: 1" if often else "unit: char, or punctuation: keep"
            raise UsageError(Problem(what, "", "training texts with tokens", hint))
        seen = {
            "texts": len(rows),
            "empty": int((lengths == 0).sum()),
            "tokens": sum(int(one.counts.sum()) for one in found),
            "different": sum(len(one.keys) for one in found),
            "kept": kept,
        }
        return {"words": words, "seen": seen}

    def _encode(self, rows: Sequence, units: list[str], state: State) -> Column:
        """Rows of ids: what each begins with, then its tokens of one length after another."""
        options, count = self.options, len(rows)
        words = state["words"]
        pieces: list[Piece] = []
        if options.start:
            pieces.append((np.full(count, START), np.ones(count, np.int64)))
        for ids, lengths in _look_up(rows, units, words, options):
            if options.unknown == "drop":
                known = ids > 0
                pieces.append((ids[known], _count_in_rows(known, lengths)))
            else:
                pieces.append((np.where(ids > 0, ids, UNKNOWN), lengths))
        if options.unknown == "id" and not options.start:
            empty = sum((lengths for _, lengths in pieces), np.zeros(count, np.int64)) == 0
            pieces.append((np.full(empty.sum(), UNKNOWN), empty.astype(np.int64)))
        values, offsets = _lay_out(pieces, count)
        known_words = id_words(words, options.first)
        return Sequence(values, offsets, len(known_words), known_words)


class HashTokens(Step[specs.HashTokens]):
    """Tokens to ids by a hash that is the same everywhere; nothing is kept but how many collide."""

    costly = True

    def fit(self, column: Column) -> State:
        """How many different tokens the training texts have, and how many share an id."""
        return self._survey(*_number(texts_of(column, "hash_tokens"), self.options))

    def apply(self, column: Column, state: State) -> Column:  # noqa: ARG002
        """Lists of ids from 1 to size - 1."""
        return self._encode(*_number(texts_of(column, "hash_tokens"), self.options))

    def fit_apply(self, column: Column, train: Rows) -> tuple[State, Column]:
        """Both, with every text cut once."""
        rows, units = _number(texts_of(column, "hash_tokens"), self.options)
        return self._survey(rows.take(train), units), self._encode(rows, units)

    def remarks(self, state: State) -> list[str]:
        """How many tokens share an id with another."""
        shared, different = state["shared"], state["different"]
        told = f"hashing: {shared:,} of {different:,} different tokens in the training texts"
        return [f"{told} share an id with another"]

    def counts(self, state: State) -> dict[str, int]:
        """How many different tokens there were, and how many of them share an id."""
        return {"tokens": state["different"], "shared": state["shared"]}

    def _survey(self, rows: Sequence, units: list[str]) -> State:
        different = np.unique(np.concatenate([h for h, _ in _hashes(rows, units, self.options)]))
        _, sharing = np.unique(self._ids(different), return_counts=True)
        return {"different": len(different), "shared": len(different) - int((sharing == 1).sum())}

    def _encode(self, rows: Sequence, units: list[str]) -> Column:
        pieces = [(self._ids(h), lengths) for h, lengths in _hashes(rows, units, self.options)]
        return Sequence(*_lay_out(pieces, len(rows)), self.options.size)

    def _ids(self, hashes: Hashes) -> Array:
        return (hashes % np.uint64(self.options.size - 1)).astype(np.int32) + 1


def _cut(text: str, options: specs.Tokens) -> list[str] | str:
    """The units of a text."""
    if options.strip_tags:
        text = _TAG.sub(" ", text)
    if options.lower:
        text = text.lower()
    if options.strips:  # through bytes, whose translation is ten times as fast
        data = text.encode(errors="surrogatepass").translate(_BLANKS)
        text = data.decode(errors="surrogatepass")
    return text.split() if options.unit == "word" else text


class _Numbers(dict[str, int]):
    """Numbers what it is asked for, in the order in which it is first seen."""

    def __missing__(self, unit: str) -> int:
        self[unit] = number = len(self)
        return number


def _number(texts: Iterable[str], options: specs.Tokens) -> tuple[Sequence, list[str]]:
    """Each text as the numbers of its units, and the unit of each number."""
    numbers = _Numbers()
    rows = [np.zeros(0, np.int32)]
    for text in texts:
        units = _cut(text, options)
        rows.append(np.fromiter(map(numbers.__getitem__, units), np.int32, len(units)))
    offsets = np.cumsum([len(row) for row in rows], dtype=np.int64)
    return Sequence(np.concatenate(rows), offsets), list(numbers)


def _inside(rows: Sequence, length: int) -> tuple[npt.NDArray[np.bool_], Rows]:
    """At which places a run of so many begins that ends in the same row, and how many a row has."""
    lengths = rows.lengths()
    ends = np.repeat(rows.offsets[1:], lengths)[: max(0, len(rows.values) - length + 1)]
    return np.arange(len(ends)) + length <= ends, np.maximum(lengths - length + 1, 0)


class _Counted:
    """The distinct runs of one length in some texts, and how often each occurs.

    Args:
        keys: numbers of the runs: that of all units but the last, times the number of units there
            are, plus the last one.
        counts: of each.
        units: the unit of each number.
        shorter: the distinct runs that are one shorter; None for those of a single unit.
    """

    def __init__(self, keys: Rows, counts: Rows, units: list[str], shorter: list[Rows]) -> None:
        self.keys, self.counts, self.units, self.shorter = keys, counts, units, shorter

    def name(self, key: int, between: str) -> str:
        """The token that a run is, its units joined."""
        parts = []
        for table in reversed(self.shorter):
            key, last = divmod(key, len(self.units))
            parts.append(self.units[last])
            key = int(table[key]) if len(table) else key
        parts.append(self.units[key])
        return between.join(reversed(parts))


def _count(rows: Sequence, units: list[str], options: specs.Tokens) -> Iterator[_Counted]:
    """The runs of each length that is asked for, counted."""
    values = rows.values.astype(np.int64)
    keys, shorter = values, list[Rows]()
    for length in range(1, max(options.ngrams) + 1):
        if length == 2:
            shorter = [np.zeros(0, np.int64)]  # units are numbered without gaps
            keys = keys[:-1] * len(units) + values[1:]
        elif length > 2:  # numbered anew, so that no number is too large
            table, ranks = np.unique(keys, return_inverse=True)
            shorter = [*shorter, table]
            keys = ranks[:-1] * len(units) + values[length - 1 :]
        if length in options.ngrams:
            distinct, counts = _tally(keys[_inside(rows, length)[0]])
            yield _Counted(distinct, counts, units, shorter)


def _tally(keys: Rows) -> tuple[Rows, Rows]:
    """The distinct numbers, ascending, and how often each is there."""
    if keys.max(initial=0) < max(2**20, len(keys)):
        counts = np.bincount(keys)
        distinct = np.flatnonzero(counts)
        return distinct, counts[distinct]
    return np.unique(keys, return_counts=True)


def _most_frequent(found: list[_Counted], options: specs.Tokenize) -> tuple[list[str], int]:
    """The most frequent tokens, ties in the order of their characters; how often they are there."""
    room, least = options.num_words - options.first, options.min_count
    counts = np.concatenate([one.counts for one in found])
    if len(counts) > room:
        least = max(least, int(np.partition(counts, -room)[-room]))
    between = " " if options.unit == "word" else ""
    named = []
    for one in found:
        kept = np.flatnonzero(one.counts >= least)
        keys, often = one.keys[kept].tolist(), one.counts[kept].tolist()
        named += [(-n, one.name(key, between)) for key, n in zip(keys, often, strict=True)]
    named = sorted(named)[:room]
    return [word for _, word in named], -sum(n for n, _ in named)


def _look_up(
    rows: Sequence, units: list[str], words: list[str], options: specs.Tokenize
) -> Iterator[Piece]:
    """The id of each token of each length that is asked for; 0 where the vocabulary has it not.

    Known runs grow by a unit at a time: one that no word begins with is not looked at again.
    """
    tokens = [tuple(word.split(" ") if options.unit == "word" else word) for word in words]
    ids = {token: options.first + place for place, token in enumerate(tokens)}
    known = {
        unit: number for number, unit in enumerate(dict.fromkeys(u for t in tokens for u in t))
    }
    here = np.array([known.get(unit, -1) for unit in units], np.int32)[rows.values]
    places: dict[Any, int] = {(unit,): number for unit, number in known.items()}
    at = here
    for length in range(1, max(options.ngrams) + 1):
        if length > 1:
            grown = {
                places[token[: length - 1]] * len(known) + known[token[length - 1]]: token[:length]
                for token in tokens
                if len(token) >= length
            }
            at = _grow(at, here[length - 1 :], np.array(sorted(grown), np.int64), len(known))
            places = {grown[key]: place for place, key in enumerate(sorted(grown))}
        if length in options.ngrams:
            of_place = np.array([ids.get(one, 0) for one in places] + [0], np.int32)
            inside, lengths = _inside(rows, length)
            yield of_place[at[inside]], lengths  # the last, at place -1, stands for all others


def _grow(at: Array, following: Array, keys: Rows, base: int) -> Array:
    """The place of each run that is one longer among those that words begin with, or -1."""
    found = np.full(len(following), -1, np.int32)
    alive = np.flatnonzero((at[: len(following)] >= 0) & (following >= 0))
    if len(keys):
        asked = at[alive].astype(np.int64) * base + following[alive]
        near = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
        found[alive] = np.where(keys[near] == asked, near, -1)
    return found


def _hashes(
    rows: Sequence, units: list[str], options: specs.Tokens
) -> Iterator[tuple[Hashes, Rows]]:
    """A hash of each token of each length that is asked for, and how many each row has."""
    cells = (blake2b(unit.encode(errors="surrogatepass"), digest_size=8) for unit in units)
    of_unit = np.frombuffer(b"".join(cell.digest() for cell in cells), "<u8")
    here = of_unit.astype(np.uint64)[rows.values]
    hashes = here
    for length in range(1, max(options.ngrams) + 1):
        if length > 1:
            hashes = _mix(hashes[:-1]) + here[length - 1 :]
        if length in options.ngrams:
            inside, lengths = _inside(rows, length)
            yield hashes[inside], lengths


def _mix(values: Hashes) -> Hashes:
    """SplitMix64's finaliser (Steele, Lea and Flood, 2014): so that order counts in a sum."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _count_in_rows(marks: npt.NDArray[np.bool_], lengths: Rows) -> Rows:
    """How many marks each row has, of rows of these lengths end to end."""
    sums = np.concatenate([[0], np.cumsum(marks)])
    ends = np.concatenate([[0], np.cumsum(lengths)])
    found: Rows = np.diff(sums[ends])
    return found


def _lay_out(pieces: list[Piece], count: int) -> tuple[Array, Rows]:
    """Rows that consist of their part of each piece, in order, end to end; and their offsets."""
    sizes = sum((lengths for _, lengths in pieces), np.zeros(count, np.int64))
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    values, at = np.zeros(offsets[-1], np.int32), offsets[:-1].copy()
    for ids, lengths in pieces:
        begins = np.cumsum(lengths) - lengths
        values[np.repeat(at - begins, lengths) + np.arange(len(ids))] = ids
        at += lengths
    return values, offsets
