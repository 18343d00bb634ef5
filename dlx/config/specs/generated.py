"""Datasets by name that dlx makes by rule, from no file: the same options give the same rows.

What they are drawn from is an option of their own, so that a run's seed changes no row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from ..fields import option
from .dataset import Dataset


@dataclass(frozen=True, kw_only=True)
class Generated(Dataset):
    """What every dataset has that is made by rule."""

    terms = "none: made by rule"

    seed: int = option(0, "what the rows are drawn from; apart from the run's `seed`", ge=0)


@dataclass(frozen=True, kw_only=True)
class Stories(Generated):
    """Short stories, a question about each and its answer, by rule, as in bAbI's tasks.

    The tasks are those of Weston and others (2015, arXiv:1502.05698); the stories are made anew.
    No two rows have the same story.
    """

    inputs = ("story", "question")
    targets: ClassVar[dict[str, str]] = {"answer": "multiclass"}
    rows = "12,000"

    asks: Literal["one_fact", "two_facts", "yes_no", "deduction"] = option(
        "one_fact",
        "what an answer takes: one fact (bAbI's task 1: where somebody is), two facts (2: where "
        "something is that somebody has carried), yes_no (6: whether somebody is somewhere), "
        "deduction (15: what somebody is afraid of, being of some kind)",
    )
    stories: int = option(12_000, "how many stories there are; more only add to them", ge=50)
    sentences: int = option(
        10, "most sentences of a story; deduction always takes eight", ge=2, le=100
    )
    people: int = option(4, "how many people there are", ge=1, le=1000)
    locations: int = option(6, "how many places there are", ge=2, le=1000)


@dataclass(frozen=True, kw_only=True)
class Posts(Generated):
    """Posts of made-up words, and age, income and gender of who wrote each, as in the book's 7.1.3.

    Of the words that tell of the writer, a third are of an age near the writer's, a third of a
    bracket of income, the writer's or one beside it, and a third of a gender, mostly the writer's.
    """

    inputs = ("post",)
    targets: ClassVar[dict[str, str]] = {
        "age": "regression",
        "income": "multiclass",
        "gender": "binary",
    }
    rows = "5,000"

    posts: int = option(5_000, "how many posts there are; more only add to them", ge=50)
    length: int = option(300, "words of a post", ge=10, le=10_000)
    telling: float = option(
        0.3, "share of the words that tell of the writer; the others are common ones", gt=0, le=1
    )
