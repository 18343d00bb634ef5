"""The branches of learning (Chollet 2017, section 4.1), and what dlx adds to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Branch = Literal[
    "supervised", "self-supervised", "unsupervised", "reinforcement", "generative", "other"
]


@dataclass(frozen=True)
class BranchFacts:
    """A branch of learning, explained.

    Attributes:
        meaning: what is learned, from what.
        book: where the book describes it.
        first: the command to begin with; "" where there is none.
    """

    meaning: str
    book: str
    first: str


BRANCHES: Mapping[Branch, BranchFacts] = {
    "supervised": BranchFacts(
        "learns to map inputs to known targets, from examples that people labelled: classes, "
        "labels, numbers",
        "4.1.1, chapters 3, 5 and 6",
        "dlx train task=digits",
    ),
    "self-supervised": BranchFacts(
        "learns without labels of people: what is to be told is made from the inputs themselves, "
        "as the same picture again, the part of it that was hidden, or the next character",
        "4.1.3, 8.1, 8.4",
        "dlx train task=digits_autoencoder",
    ),
    "unsupervised": BranchFacts(
        "finds structure in data without any target: clusters, a few numbers that tell most, what "
        "is unlike all else",
        "4.1.2",
        "dlx train task=digits_clusters",
    ),
    "reinforcement": BranchFacts(
        "learns to act: an agent observes an environment, and chooses actions that bring most "
        "reward",
        "4.1.4",
        "dlx train task=gridworld",
    ),
    "generative": BranchFacts(
        "makes new pictures, and is judged by what it made; the book puts this in none of its four "
        "branches. Networks that train against each other, noise that is taken off step by step, "
        "and pictures that move themselves. Autoencoders and language models make new samples "
        "too; the book counts them as self-supervised",
        "8.2, 8.3, 8.5",
        "dlx train task=digits_gan",
    ),
    "other": BranchFacts(
        "learners of your own that name no branch (`branch` of their spec)",
        "",
        "",
    ),
}
