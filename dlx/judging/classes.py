"""What a score is of, in words: which class, an average over which, numbers of which unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

ONE_CLASS = ("precision", "recall", "f1", "average_precision")
"""Scores that of two classes are those of the positive one."""


def describe_meanings(meanings: Mapping[str, Any], scores: Sequence[str]) -> Iterator[str]:
    """A line for all scores that are of the same, where their names would mislead.

    Args:
        meanings: `meanings` of a run's `report.json`: score of training -> what it is of.
        scores: names of the run's scores; one of the test set is of the same as of validation.
    """
    alike: dict[str, list[str]] = {}
    for name in scores:
        part, _, measure = name.partition("/")
        told = meanings.get(f"val/{measure}" if part == "test" else name)
        if isinstance(told, str) and told:
            alike.setdefault(told, []).append(name)
    for told, names in alike.items():
        yield f"{', '.join(names)}: {told}"


def describe_classes(problems: Mapping[str, Any], scores: Sequence[str]) -> Iterator[str]:
    """A line for each target with a score that is of one class or an average over classes.

    Args:
        problems: `problem` of a run's `report.json`; that of an old run says less.
        scores: names of the run's scores, as in "test/precision".
    """
    for target, facts in problems.items():
        prefix = f"{target}/" if len(problems) > 1 else ""
        measures = dict.fromkeys(name.partition("/")[2] for name in scores)
        own = [m.removeprefix(prefix) for m in measures if m.startswith(prefix)]
        known = facts if isinstance(facts, Mapping) else {}
        named = [measure for measure in own if measure in ONE_CLASS]
        if named and isinstance(positive := known.get("positive"), str):
            key = f"targets.{target}.positive"
            yield f"{', '.join(prefix + m for m in named)}: of class {positive} ({key})"
        told = known.get("averages")
        averages = told if isinstance(told, Mapping) else {}
        for measure in own:
            if measure in averages:
                yield f"{prefix}{measure}: {averages[measure]} average over classes or labels"
