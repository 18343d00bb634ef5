"""Stories with a question and an answer each, in the manner of bAbI's tasks 1, 2, 6 and 15.

Weston and others (2015), "Towards AI-Complete Question Answering", arXiv:1502.05698. These are
drawn anew, from the option `seed`; none of bAbI's own text is here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...config.specs.generated import Stories
from ...errors import Problem, UsageError
from ..columns import Dense, Text
from ..reader import Reader
from ..samples import Samples
from .drawn import Draws, make_names

PEOPLE = ("Mary", "John", "Sandra", "Daniel", "Julie", "Fred", "Bill", "Jeff")
PLACES = ("kitchen", "garden", "office", "bedroom", "bathroom", "hallway", "school", "park")
THINGS = ("milk", "apple", "football")
MOVES = ("moved", "went", "journeyed", "travelled")
TAKES, DROPS = ("took", "grabbed", "got"), ("dropped", "left", "put down")
KINDS = {"mouse": "mice", "cat": "cats", "wolf": "wolves", "sheep": "sheep"}
NAMED = ("Gertrude", "Emily", "Winona", "Jessica")
NO_YES = ("no", "yes")
SAMPLE = 300
"""Stories of the sample."""
TRIES = 1000
"""As many stories in a row that are there already show that there are no others."""


class Asked(NamedTuple):
    """A story, a question about it, and the answer."""

    story: str
    question: str
    answer: str


@dataclass(frozen=True)
class World:
    """Who there is, where one can be, and how many sentences a story has at most."""

    people: tuple[str, ...]
    places: tuple[str, ...]
    sentences: int


def _move(draws: Draws, world: World, at: dict[str, str]) -> str:
    """Somebody goes somewhere else."""
    who = draws.choose(world.people)
    at[who] = draws.choose([one for one in world.places if one != at.get(who)])
    return f"{who} {draws.choose(MOVES)} to the {at[who]}."


def _tell_moves(draws: Draws, world: World) -> tuple[str, str, str]:
    """A story of people who go about, one of them, and where that one is."""
    at: dict[str, str] = {}
    told = [_move(draws, world, at) for _ in range(2 + draws.below(world.sentences - 1))]
    who = draws.choose(sorted(at))
    return " ".join(told), who, at[who]


def ask_one_fact(draws: Draws, world: World) -> Asked:
    """Where somebody is."""
    story, who, place = _tell_moves(draws, world)
    return Asked(story, f"Where is {who}?", place)


def ask_yes_no(draws: Draws, world: World) -> Asked:
    """Whether somebody is somewhere: as often so as not."""
    story, who, place = _tell_moves(draws, world)
    answer = draws.choose(NO_YES)
    others = [one for one in world.places if one != place]
    asked = place if answer == "yes" else draws.choose(others)
    return Asked(story, f"Is {who} in the {asked}?", answer)


def ask_two_facts(draws: Draws, world: World) -> Asked:
    """Where a thing is that somebody carries, or has put down."""
    at: dict[str, str] = {}
    holds: dict[str, str] = {}  # a thing -> who has it
    lies: dict[str, str] = {}  # a thing -> where it was put down
    told: list[str] = []
    most = 2 + draws.below(world.sentences - 1)
    while len(told) < most or not (holds or lies):
        free = [thing for thing in THINGS if thing not in holds]
        act = draws.below(4)  # half of what happens is that somebody goes somewhere
        if act == 0 and at and free:
            thing, who = draws.choose(free), draws.choose(sorted(at))
            if lies.get(thing, at[who]) == at[who]:  # nobody takes what lies elsewhere
                lies.pop(thing, None)
                holds[thing] = who
                told.append(f"{who} {draws.choose(TAKES)} the {thing}.")
        elif act == 1 and holds:
            thing = draws.choose(sorted(holds))
            who = holds.pop(thing)
            lies[thing] = at[who]
            told.append(f"{who} {draws.choose(DROPS)} the {thing}.")
        else:
            told.append(_move(draws, world, at))
    thing = draws.choose(sorted({*holds, *lies}))
    place = at[holds[thing]] if thing in holds else lies[thing]
    return Asked(" ".join(told), f"Where is the {thing}?", place)


def ask_deduction(draws: Draws, world: World) -> Asked:  # noqa: ARG001 - it has kinds of its own
    """What somebody is afraid of, by what all of that kind are afraid of."""
    kinds = list(KINDS)
    afraid = {kind: draws.choose([one for one in kinds if one != kind]) for kind in kinds}
    of = {name: draws.choose(kinds) for name in NAMED}
    told = [f"{KINDS[kind].capitalize()} are afraid of {KINDS[afraid[kind]]}." for kind in kinds]
    told += [f"{name} is a {kind}." for name, kind in of.items()]
    who = draws.choose(NAMED)
    return Asked(" ".join(draws.shuffle(told)), f"What is {who} afraid of?", afraid[of[who]])


ASK: dict[str, Callable[[Draws, World], Asked]] = {
    "one_fact": ask_one_fact,
    "two_facts": ask_two_facts,
    "yes_no": ask_yes_no,
    "deduction": ask_deduction,
}


def _draw_stories(options: Stories, world: World) -> Iterator[Asked]:
    """Stories without end, none twice.

    Raises:
        UsageError: there are no others.
    """
    draws, seen, repeats = Draws(options.seed, "stories", options.asks), set[str](), 0
    while repeats < TRIES:
        asked = ASK[options.asks](draws, world)
        repeats = repeats + 1 if asked.story in seen else 0
        if not repeats:
            seen.add(asked.story)
            yield asked
    what = f"there are not more than {len(seen):,} different stories"
    longer = min(100, 10 * options.sentences)
    hint = f"dataset.sentences={longer}, or more of dataset.people or dataset.locations"
    raise UsageError(Problem(what, "dataset.stories", f"at most {len(seen):,}", hint))


def _read(options: Stories, folder: Path) -> Samples:  # noqa: ARG001 - it needs no file
    places = make_names(PLACES, options.locations)
    world = World(make_names(PEOPLE, options.people), places, options.sentences)
    many = SAMPLE if options.sample else options.stories
    rows = [row for row, _ in zip(_draw_stories(options, world), range(many), strict=False)]
    answers = {"yes_no": NO_YES, "deduction": tuple(KINDS)}.get(options.asks, places)
    number = {answer: place for place, answer in enumerate(answers)}
    return Samples(
        columns={
            "story": Text([one.story for one in rows]),
            "question": Text([one.question for one in rows]),
            "answer": Dense(np.array([number[one.answer] for one in rows], np.int64)),
        },
        inputs=options.inputs,
        targets=tuple(options.targets),
        classes={"answer": answers},
    )


stories = Reader(_read, lambda folder: None)  # noqa: ARG005
