"""How much worse a run's score gets where a feature is shuffled among rows (Breiman, 2001).

Features are shuffled as they were read, and go through the run's preparation again, so that what
was made of one, as a column a category, moves with it. Rows and draws are paired: the score with
a shuffled feature is judged against that without as a model is against a baseline. What another
feature tells too seems to matter less, so features that are alike are shuffled together as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..data.columns import Array, Column, Dense, Rows
from ..data.samples import Frame
from ..interrupts import check
from ..judging.baselines import Answer
from ..judging.blocks import order_in_time
from ..judging.evaluation import Evaluation
from ..judging.judge import judge
from ..learning.heads import Head
from ..learning.supervised import Supervised
from ..metrics import Metric
from ..seeds import derive
from ..sources.batches import make_part
from .charts import draw_bars
from .opened import Asked, Opened, UnfitError
from .opened import spread as spread_evenly
from .pieces import Listed, Piece, Plotted

REPEATS = 10
"""Ways of shuffling a feature, whose mean score is taken."""
ROWS = 5000
"""Rows that are shuffled, at most, evenly spaced."""
MOST = 20
"""Features that are judged and shown, those that cost the most."""
ALIKE = 0.8
"""Correlation of ranks from which on features are also shuffled together."""


@dataclass(frozen=True)
class Group:
    """What is shuffled together: features of the inputs as they were read.

    Attributes:
        name: of the feature, or of several.
        parts: (input, place); a place of None is the whole input.
    """

    name: str
    parts: tuple[tuple[str, int | None], ...]


@dataclass(frozen=True)
class Rowset:
    """The rows that are shuffled, and how they are judged.

    Attributes:
        opened: the run.
        which: they are, in words.
        rows: their numbers in the dataset.
        frame: the inputs as they were read.
        metric: the run's judged one.
        score: its name.
        head: of the target that is judged.
        learner: has the weights.
    """

    opened: Opened
    which: str
    rows: Rows
    frame: Frame
    metric: Metric
    score: str
    head: Head
    learner: Supervised

    @property
    def truth(self) -> Tensor:
        """The targets of the rows."""
        values = self.opened.fold.data.targets[self.head.name].values[self.rows]
        return torch.from_numpy(values).to(self.opened.device)

    def answers(self, frame: Frame) -> Tensor:
        """What metrics are taken of, for rows as they were read."""
        columns = self.opened.pipeline.apply(frame)
        targets = self.opened.fold.data.targets
        values = {name: one.values[self.rows] for name, one in targets.items()}
        part = make_part(columns, values, np.arange(len(self.rows)), self.opened.device)
        logits = self.learner.run_over(part, self.learner.meters("val"))
        return self.head.answers(logits[self.head.name])

    def shuffled(self, group: Group) -> tuple[Tensor, ...]:
        """The answers with some features shuffled, in so many ways; the same for every group."""
        found = []
        for repeat in range(REPEATS):
            check()
            seed = derive(self.opened.config.seed, "permutation", repeat)
            source = torch.Generator().manual_seed(seed)
            order = torch.randperm(len(self.rows), generator=source).numpy()
            found.append(self.answers(_shuffle(self.frame, group, order)))
        return tuple(found)


def explain(opened: Opened, asked: Asked) -> Iterator[Piece]:  # noqa: ARG001 - one interface for all
    """A chart and a table of the features that cost the most."""
    rowset = _rowset(opened)
    alone = _groups(rowset.frame)
    if len(alone) == 1:
        raise UnfitError(f"{alone[0].name} is its only input, and no table")
    together, alike = _alike(opened, alone)
    own = rowset.answers(rowset.frame)
    answers = {one.name: rowset.shuffled(one) for one in (*alone, *together)}
    facts, value = _judge(rowset, own, answers)
    listed = sorted(facts["baselines"], key=lambda one: -one["difference"])
    cut = f"; the {MOST} that cost the most are shown" if len(answers) > MOST else ""
    over = f"{rowset.score} {value:.4g} over {rowset.which}"
    text = f"{over}; {REPEATS} shuffles each{cut}; {_how(facts)}"
    names, costs = [one["name"] for one in listed], [one["difference"] for one in listed]
    ends = [one["interval"] for one in listed]
    title = f"What shuffling a feature costs in {rowset.score}"
    yield Plotted(
        method="permutation",
        name="features",
        title=title,
        text=". ".join([text, *alike]),
        pixels=draw_bars(names, costs, f"{rowset.score} worse by, with 95 % intervals", ends),
    )
    yield Listed(
        method="permutation",
        name="features",
        title=f"{title}, in numbers",
        columns={
            "feature": names,
            "cost": costs,
            "from": [one[0] if one else "" for one in ends],
            "to": [one[1] if one else "" for one in ends],
            "significant": ["yes" if one["beaten"] else "no" for one in listed],
        },
    )


def _how(facts: Mapping[str, Any]) -> str:
    """By which method intervals were made: the last words of the verdict."""
    text = str(facts["power"]["text"])
    return text[text.rfind("(") + 1 :].rstrip(")")


def _rowset(opened: Opened) -> Rowset:
    learner = opened.learner
    if not isinstance(learner, Supervised):
        raise UnfitError(f"learner {opened.config.learner.name} has no score by rows")
    which, part = opened.looking()
    samples = opened.fold.data.samples
    rows = part.numbers.cpu().numpy()
    rows = rows[rows < len(samples)]  # copies of rows have numbers beyond
    many = len(rows)
    rows = rows[spread_evenly(many, ROWS).numpy()]
    score, head, metric = learner.meters("val").metrics[0]
    frame = Frame({name: samples.columns[name].take(rows) for name in opened.pipeline.read})
    told = f"{len(rows):,} of {many:,} {which} rows"
    if which == "training":
        told += " (none validate; what was learnt by heart counts too)"
    return Rowset(opened, told, rows, frame, metric, score.partition("/")[2], head, learner)


def _groups(frame: Frame) -> list[Group]:
    """Each feature of a table; an input of another kind as a whole."""
    found: list[tuple[str, str, tuple[str, int | None]]] = []
    for name, column in frame.columns.items():
        if isinstance(column, Dense) and column.is_table:
            named = enumerate(column.features)
            found += [(feature, f"{name}: {feature}", (name, place)) for place, feature in named]
        else:
            found.append((name, name, (name, None)))
    many = Counter(short for short, *_ in found)
    return [Group(long if many[short] > 1 else short, (part,)) for short, long, part in found]


def _alike(opened: Opened, alone: Sequence[Group]) -> tuple[list[Group], list[str]]:
    """Features whose ranks are alike over training rows, as groups; and a sentence of each pair."""
    columns, rows = opened.fold.data.samples.columns, opened.fold.rows.train
    rows = rows[spread_evenly(len(rows), ROWS).numpy()]
    numbers = {
        one.name: values
        for one in alone
        if (values := _numbers(columns[one.parts[0][0]], one.parts[0][1], rows)) is not None
    }
    names, pairs = list(numbers), []
    ranks = [_ranks(values) for values in numbers.values()]
    for first, second in ((a, b) for a in range(len(names)) for b in range(a)):
        if abs(close := float(ranks[first] @ ranks[second])) >= ALIKE:
            pairs.append((names[second], names[first], close))
    by_name = {one.name: one for one in alone}
    groups = [
        Group(" + ".join(group), tuple(part for name in group for part in by_name[name].parts))
        for group in _join([(one, other) for one, other, _ in pairs], names)
    ]
    told = [f"{a} and {b} tell much the same (rank correlation {r:+.2f})" for a, b, r in pairs]
    return groups, told


def _numbers(column: Column, place: int | None, rows: Rows) -> Array | None:
    if not isinstance(column, Dense):
        return None
    values = column.values[rows] if place is None else column.values[rows, place]
    return values if values.ndim == 1 and values.dtype.kind in "fiub" else None


def _ranks(values: Array) -> Array:
    """Ranks less their mean, of length 1; equal values share one. All zero where all are equal."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]
    moved = ranks - ranks.mean()
    return np.asarray(moved / (np.linalg.norm(moved) or 1.0))


def _join(pairs: Sequence[tuple[str, str]], names: Sequence[str]) -> list[list[str]]:
    """The names that pairs connect, group by group, in their order."""
    of = {name: {name} for name in names}
    for one, other in pairs:
        joined = of[one] | of[other]
        of.update(dict.fromkeys(joined, joined))
    distinct = {id(group): group for group in of.values() if len(group) > 1}
    return [sorted(group, key=list(names).index) for group in distinct.values()]


def _shuffle(frame: Frame, group: Group, order: Rows) -> Frame:
    """The rows with these features of the rows in another order."""
    columns = dict(frame.columns)
    for name, place in group.parts:
        column = columns[name]
        if place is None:
            columns[name] = column.take(order)
            continue
        assert isinstance(column, Dense)
        values = np.array(column.values)
        values[:, place] = values[order, place]
        columns[name] = replace(column, values=values)
    return Frame(columns)


def _judge(
    rowset: Rowset, own: Tensor, answers: Mapping[str, tuple[Tensor, ...]]
) -> tuple[Any, float]:
    """The facts of the comparison with those that cost the most, and the score itself."""
    metric, truth = rowset.metric, rowset.truth
    model = Answer("model", "model", metric, truth, (own,))
    others = [Answer(name, "noise", metric, truth, found) for name, found in answers.items()]
    sign = 1.0 if metric.direction == "max" else -1.0
    others.sort(key=lambda one: sign * one.value())
    evaluation = Evaluation(rowset.score, metric.direction, "row", model, tuple(others[:MOST]))
    found = order_in_time(rowset.opened.fold.data.samples, rowset.rows)
    judged = judge("val", [evaluation.placed_in_time(found)])
    return judged.facts, model.value()
