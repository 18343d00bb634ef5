"""Preparation steps by name. Each is fitted on training rows and applied to every part."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from ...errors import Problem, UsageError
from ..fields import Component, Table, option
from ..names import join_names
from ..shapes import Sizes
from .features import Features, RunFeatures
from .step import OnColumns as OnColumns  # plugins have it from here
from .tabular import Calendar, Categories, NormalScores
from .text import Vocabulary


class SameShape(OnColumns):
    """Options of steps that change values only."""

    rescales = True

    def after(self, sizes: Sizes | None) -> Sizes | None:
        """The shape as it was."""
        return sizes


class Standardise(SameShape):
    """Subtracts each feature's mean and divides by its standard deviation."""


@dataclass(frozen=True, kw_only=True)
class Scale(SameShape):
    """Divides by a fixed number (255 for bytes), or fits each feature's range to [0, 1]."""

    divide_by: float | None = option(
        None, "divisor; null: fits each feature's smallest and largest value", gt=0
    )


class Flatten(OnColumns):
    """Turns each row into one vector."""

    def after(self, sizes: Sizes | None) -> Sizes | None:
        """All numbers of a row."""
        return None if sizes is None else (math.prod(sizes),)


@dataclass(frozen=True, kw_only=True)
class OnTarget(OnColumns):
    """Options of a step that learns from a target too, of training rows.

    Attributes:
        problems: types of the targets that it can learn from.
    """

    problems: ClassVar[tuple[str, ...]] = ()

    target: str = option("", "target that it learns from; empty: the only one")

    def choose_target(self, problems: Mapping[str, str]) -> str:
        """The name of the target that it learns from.

        Args:
            problems: type of the problem of each target.

        Raises:
            UsageError: there is no such target, or the step cannot learn from it, as a predicate;
                the hint as OPTION=VALUE.
        """
        fine = [name for name, problem in problems.items() if problem in self.problems]
        name = self.target or (next(iter(problems)) if len(problems) == 1 else "")
        if name in fine:
            return name
        if not name:
            what = f"learns from one target, and there are {len(problems) or 'none'}"
        elif name not in problems:
            what = f"learns from target {name}, which there is not"
        else:
            what = f"cannot learn from target {name}, which is {problems[name]}"
        accepted, hint = f"a target that is {join_names(self.problems)}", ""
        if fine:
            accepted, hint = f"target: {join_names(fine)}", f"target={fine[0]}"
        raise UsageError(Problem(what, "", accepted, hint))


@dataclass(frozen=True, kw_only=True)
class MultiHot(OnColumns):
    """Marks which ids a row contains, or how often; their order is lost (book 3.4.2)."""

    size: int = option(10_000, "length of the vector; ids beyond it are refused", ge=2)
    mode: Literal["binary", "count", "tf_idf"] = option(
        "binary",
        "what stands in the place of an id: 1; how often the row has it; or that times "
        "ln((1 + rows) / (1 + rows with the id)) + 1 over the training rows, each row then divided "
        "by its length, as scikit-learn does by default",
        newer=True,
    )
    sublinear: bool = option(False, "1 + ln(count) in the place of a count", newer=True)

    def check(self) -> Iterator[tuple[str, Problem]]:
        """What its options contradict, and the option where it stands."""
        if self.sublinear and self.mode == "binary":
            what = "`sublinear` changes counts, and mode binary has none"
            yield "sublinear", Problem(what, accepted="mode: count or tf_idf", hint="mode=count")

    def after(self, sizes: Sizes | None) -> Sizes | None:  # noqa: ARG002
        """The vector."""
        return (self.size,)


@dataclass(frozen=True, kw_only=True)
class NaiveBayes(OnTarget):
    """Weighs each position of multi-hot rows by how much it speaks for one of two classes.

    The weight is the log-count ratio of Wang and Manning (2012): with p the training rows of the
    second class that have the position, plus alpha, and q those of the first,
    ln((p / sum of p) / (q / sum of q)).
    """

    problems = ("binary",)

    alpha: float = option(1.0, "added to each number of rows", gt=0)

    def after(self, sizes: Sizes | None) -> Sizes | None:
        """The shape as it was."""
        return sizes


@dataclass(frozen=True, kw_only=True)
class OneHot(OnColumns):
    """Turns integers into vectors with a single 1; unknown ones become zeros."""

    size: int | None = option(None, "length of the vector; null: from the training rows", ge=1)


@dataclass(frozen=True, kw_only=True)
class Pad(OnColumns):
    """Cuts or fills every row of ids to one length; every step of it then counts."""

    length: int = option(500, "ids per row", ge=1)
    side: Literal["front", "back"] = option(
        "front",
        "where zeros are added; Keras: front; back does not go with a recurrent layer that gives "
        "its last output",
    )
    cut: Literal["front", "back"] | None = option(
        None,
        "where surplus ids are cut off; null: at the side where zeros are added (Keras: front)",
        newer=True,
    )


@dataclass(frozen=True, kw_only=True)
class Truncate(OnColumns):
    """Cuts rows of ids that are too long; the others keep their length, and nothing is filled."""

    length: int = option(500, "ids a row, at most", ge=1)
    keep: Literal["first", "last"] = option("last", "which ids of a row stay")


@dataclass(frozen=True, kw_only=True)
class Tokens(OnColumns):
    """Options of what a token is."""

    unit: Literal["word", "char"] = option(
        "word", "what a text is cut into: words or characters", newer=True
    )
    ngrams: tuple[int, ...] = option(
        (1,),
        "lengths of the runs of units that are tokens; [1, 2]: units and pairs of neighbours, "
        "all of one length before those of the next",
        ge=1,
        le=8,
        newer=True,
    )
    lower: bool = option(True, "fold to lower case first")
    punctuation: Literal["strip", "keep"] | None = option(
        None,
        "strip: a blank for each of Keras' marks (the apostrophe is none); keep: as it stands; "
        "null: strip for words, keep for characters",
        newer=True,
    )
    strip_tags: bool = option(False, "a blank for each HTML tag, such as <br />, first", newer=True)

    @property
    def strips(self) -> bool:
        """Whether punctuation becomes blanks."""
        return (self.punctuation or ("strip" if self.unit == "word" else "keep")) == "strip"

    def check(self) -> Iterator[tuple[str, Problem]]:
        """What its options contradict, and the option where it stands."""
        if not self.ngrams or len(set(self.ngrams)) < len(self.ngrams):
            what = f"`ngrams` is [{', '.join(map(str, self.ngrams))}]"
            yield "ngrams", Problem(what, accepted="lengths, each once", hint="ngrams=[1,2]")


@dataclass(frozen=True, kw_only=True)
class Tokenize(Tokens):
    """Turns text into ids of a vocabulary that is taken from the training texts.

    Ids: 0 padding, 1 start, 2 unknown, then the most frequent tokens, ties in the order of their
    characters; tokens begin at 1 where neither start nor unknown is used. A word is what lies
    between blanks and Keras' punctuation marks, one letter too (scikit-learn's default pattern
    leaves words of one letter out).
    """

    num_words: int = option(10_000, "ids kept at most, the reserved ones included", ge=4)
    min_count: int = option(
        1, "how often a token must occur in the training texts", ge=1, newer=True
    )
    start: bool = option(True, "begin each row with id 1", newer=True)
    unknown: Literal["id", "drop"] = option(
        "id",
        "tokens outside the vocabulary: id 2, or left out; id: a row is never empty",
        newer=True,
    )
    vocabulary: Literal["training", "printable"] = option(
        "training",
        "printable: Python's 100 printable ASCII characters in its order, unit: char",
        newer=True,
    )

    @property
    def first(self) -> int:
        """The id of the first token of the vocabulary."""
        return 3 if self.start or self.unknown == "id" else 1

    def check(self) -> Iterator[tuple[str, Problem]]:
        """What its options contradict, and the option where it stands."""
        yield from super().check()
        if self.vocabulary == "printable" and (self.unit, self.ngrams) != ("char", (1,)):
            what = "`vocabulary: printable` is a list of characters"
            accepted = "unit: char, with ngrams: [1]"
            yield "vocabulary", Problem(what, accepted=accepted, hint="vocabulary=training")


@dataclass(frozen=True, kw_only=True)
class HashTokens(Tokens):
    """Turns text into ids by hashing each token: no vocabulary, and some tokens share an id.

    The hash is BLAKE2b, the same in every process and on every machine; id 0 is padding.
    """

    size: int = option(
        10_000, "number of ids, padding included: tokens have 1 to size - 1", ge=2, le=2**31 - 1
    )


@dataclass(frozen=True, kw_only=True)
class Impute(OnColumns):
    """Replaces missing values by a constant, or by the feature's mean or median in training."""

    strategy: Literal["zero", "mean", "median", "constant"] = option(
        "median",
        "what replaces missing values; zero is safe where 0 has no other meaning (book 4.3)",
    )
    value: float = option(0.0, "the number that strategy: constant takes", newer=True)
    indicator: bool = option(
        False,
        "add a feature for each one with missing values in training: 1 where it was missing",
    )

    def check(self) -> Iterator[tuple[str, Problem]]:
        """A number that nothing takes."""
        if self.value and self.strategy != "constant":
            what = f"`value` is {self.value:g}, but strategy {self.strategy} takes no number"
            yield "value", Problem(what, accepted="strategy: constant", hint="strategy=constant")


@dataclass(frozen=True, kw_only=True)
class Expression:
    """A feature computed from others; exactly one of the operations is given."""

    ratio: tuple[str, ...] = option((), "first feature by second; 0 where the second is 0")
    difference: tuple[str, ...] = option((), "first feature minus second")
    product: tuple[str, ...] = option((), "features multiplied")
    sum: tuple[str, ...] = option((), "features added")
    log: str = option("", "log(1 + |x|) of a feature, with its sign")
    bins: str = option("", "index of the bin that a feature falls into")
    cyclic: str = option("", "sine and cosine of a periodic feature, such as the hour")
    edges: tuple[float, ...] = option((), "edges of the bins; empty: quantiles of training")
    quantiles: int = option(
        4, "number of bins with equally many training rows, if no edges are given", ge=2
    )
    period: float | None = option(
        None, "period of a cyclic feature, for example 24 for hours", gt=0
    )


@dataclass(frozen=True, kw_only=True)
class Derive(OnColumns):
    """Adds features computed from others: ratios, differences, logs, bins, cyclic encodings."""

    features: dict[str, Expression] = option(
        help="new features by name",
        example="{rooms_by_tax: {ratio: [RM, TAX]}, time: {cyclic: hour, period: 24}}",
    )


@dataclass(frozen=True, kw_only=True)
class Select(OnColumns):
    """Keeps the named features, or drops them."""

    keep: tuple[str, ...] = option((), "features to keep; empty: all")
    drop: tuple[str, ...] = option((), "features to drop")


class LabelEncode(OnColumns):
    """Turns text categories into integers; categories not seen in training share one."""


_CODE = "dlx.prepare.steps"
_FEATURES, _TABULAR = "dlx.prepare.features", "dlx.prepare.tabular"
STEPS = Table(
    "prepare step",
    {
        "standardise": Component(Standardise, f"{_CODE}:Standardise"),
        "scale": Component(Scale, f"{_CODE}:Scale"),
        "flatten": Component(Flatten, f"{_CODE}:Flatten"),
        "features": Component(Features, "dlx.models.features:Features"),
        "run_features": Component(RunFeatures, "dlx.learning.run_features:RunFeatures"),
        "multi_hot": Component(MultiHot, "dlx.prepare.sparse:MultiHot"),
        "naive_bayes": Component(NaiveBayes, "dlx.prepare.sparse:NaiveBayes"),
        "one_hot": Component(OneHot, f"{_CODE}:OneHot"),
        "pad": Component(Pad, "dlx.prepare.lengths:Pad"),
        "truncate": Component(Truncate, "dlx.prepare.lengths:Truncate"),
        "tokenize": Component(Tokenize, "dlx.prepare.texts:Tokenize"),
        "vocabulary": Component(Vocabulary, "dlx.prepare.vocabulary:Vocabulary"),
        "hash_tokens": Component(HashTokens, "dlx.prepare.texts:HashTokens"),
        "impute": Component(Impute, f"{_FEATURES}:Impute"),
        "derive": Component(Derive, f"{_FEATURES}:Derive"),
        "select": Component(Select, f"{_FEATURES}:Select"),
        "categories": Component(Categories, f"{_TABULAR}:Categories"),
        "calendar": Component(Calendar, f"{_TABULAR}:Calendar"),
        "normal_scores": Component(NormalScores, f"{_TABULAR}:NormalScores"),
        "label_encode": Component(LabelEncode, f"{_FEATURES}:LabelEncode"),
    },
)
