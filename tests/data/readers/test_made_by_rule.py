"""Datasets that are made by rule: no row twice, the answers right, more rows only added."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlx.config.specs.generated import Posts, Stories
from dlx.data.columns import Dense, Sequence, Text
from dlx.data.readers import posts as made_posts
from dlx.data.readers.drawn import make_names, make_word
from dlx.data.readers.posts import posts
from dlx.data.readers.stories import KINDS, stories
from dlx.data.samples import Samples
from dlx.errors import UsageError

NOWHERE = Path("/nowhere")
Row = tuple[str, str, str]


def read(asks: str, **options: Any) -> Samples:
    given: dict[str, Any] = {"asks": asks, "stories": 400, **options}
    return stories.read(Stories(**given), NOWHERE)


def rows(samples: Samples) -> list[Row]:
    """Story, question and answer of each."""
    story, question, answer = samples.columns.values()
    assert isinstance(story, Text)
    assert isinstance(question, Text)
    assert isinstance(answer, Dense)
    names = samples.classes["answer"]
    answers = [names[place] for place in answer.values]
    return list(zip(story.values, question.values, answers, strict=True))


def last_place(story: str, who: str) -> str:
    return str(re.findall(rf"{who} \w+ to the (\w+)\.", story)[-1])


def answer_one_fact(story: str, question: str) -> str:
    return last_place(story, question.removeprefix("Where is ").rstrip("?"))


def answer_yes_no(story: str, question: str) -> str:
    who, place = re.fullmatch(r"Is (\w+) in the (\w+)\?", question).groups()  # type: ignore[union-attr]
    return "yes" if last_place(story, who) == place else "no"


def answer_two_facts(story: str, question: str) -> str:
    """Follows the thing: with who took it, else where it was put down."""
    thing = question.removeprefix("Where is the ").rstrip("?")
    at: dict[str, str] = {}
    holder, lies = "", ""
    for sentence in story.rstrip(".").split(". "):
        who, verb, *_, last = sentence.split()
        if last not in ("milk", "apple", "football"):
            at[who] = last
        elif last == thing and verb in ("took", "grabbed", "got"):
            assert lies in ("", at[who])  # nobody takes what lies elsewhere
            assert not holder
            holder, lies = who, ""
        elif last == thing:
            assert holder == who
            holder, lies = "", at[who]
    return lies or at[holder]


def answer_deduction(story: str, question: str) -> str:
    who = question.removeprefix("What is ").removesuffix(" afraid of?")
    kind = re.search(rf"{who} is a (\w+)\.", story)[1]  # type: ignore[index]
    one = {many: single for single, many in KINDS.items()}
    feared = re.search(rf"\b{KINDS[kind]} are afraid of (\w+)", story, re.IGNORECASE)
    return one[feared[1]]  # type: ignore[index]


SOLVE: dict[str, Callable[[str, str], str]] = {
    "one_fact": answer_one_fact,
    "two_facts": answer_two_facts,
    "yes_no": answer_yes_no,
    "deduction": answer_deduction,
}


@pytest.mark.parametrize("asks", SOLVE)
def test_every_answer_follows_from_its_story(asks: str) -> None:
    found = rows(read(asks))
    assert [SOLVE[asks](story, question) for story, question, _ in found] == [a for *_, a in found]
    assert len({story for story, *_ in found}) == len(found) == 400
    counts = np.unique([answer for *_, answer in found], return_counts=True)[1]
    assert counts.min() > 0.6 * 400 / len(counts)  # no answer is much rarer than others


def test_more_stories_only_add_to_them_and_another_seed_makes_others() -> None:
    few, many, others = read("one_fact"), read("one_fact", stories=500), read("one_fact", seed=1)
    assert rows(many)[:400] == rows(few)
    assert {one[0] for one in rows(few)}.isdisjoint(
        one[0] for one in rows(others) if one[0].count(".") > 4
    )


def test_a_world_of_the_books_size() -> None:
    found = read("one_fact", locations=500, people=12)
    assert len(found.classes["answer"]) == 500
    assert len(set(found.classes["answer"])) == 500
    assert all(SOLVE["one_fact"](*one[:2]) == one[2] for one in rows(found))


def test_where_there_are_not_so_many_stories() -> None:
    with pytest.raises(UsageError) as error:
        read("one_fact", stories=5000, people=1, locations=2, sentences=2)
    (problem,) = error.value.problems
    assert problem.where == "dataset.stories"
    assert problem.what == "there are not more than 32 different stories"
    assert problem.accepted == "at most 32"
    assert problem.hint == "dataset.sentences=20, or more of dataset.people or dataset.locations"


def test_made_up_words_differ() -> None:
    assert len({make_word(number) for number in range(6000)}) == 6000
    assert make_names(("a", "b"), 1) == ("a",)
    assert make_names(("a", "b"), 3)[:2] == ("a", "b")


def test_posts_tell_of_who_wrote_them() -> None:
    """Simple rules find age, income and gender again, with the errors that the noise leaves."""
    found = posts.read(Posts(posts=400, length=300), NOWHERE)
    column = found.columns["post"]
    assert isinstance(column, Sequence)
    ids = column.rows()
    age, income, gender = (np.asarray(found.columns[name]) for name in found.targets)

    years = (ids >= made_posts.FIRST_AGE) & (ids < made_posts.FIRST_INCOME)
    mean = (ids * years).sum(axis=1) / years.sum(axis=1) - made_posts.FIRST_AGE + 16
    assert np.abs(mean - age).mean() < 2

    brackets = (ids >= made_posts.FIRST_INCOME) & (ids < made_posts.FIRST_GENDER)
    bracket = np.where(brackets, (ids - made_posts.FIRST_INCOME) // 5, np.nan)
    assert (np.round(np.nanmean(bracket, axis=1)) == income).mean() > 0.85

    men = (ids >= made_posts.FIRST_GENDER + 10).sum(axis=1)
    women = (ids >= made_posts.FIRST_GENDER).sum(axis=1) - men
    assert ((men > women) == gender).mean() > 0.95


def test_more_posts_only_add_to_them() -> None:
    few, many = (posts.read(Posts(posts=n, length=51), NOWHERE) for n in (50, 60))
    for name, column in few.columns.items():
        np.testing.assert_array_equal(
            column.hashes(np.arange(50)), many.columns[name].hashes(np.arange(50))
        )
    assert few.columns["post"].describe().shape == (51,)
