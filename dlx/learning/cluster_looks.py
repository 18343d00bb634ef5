"""What is to be looked at of clusters: their sizes, rows in their middle, a plane, labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..config.names import plural
from ..config.specs.clusters import Clusters as Options
from ..config.specs.clusters import Counted
from ..data.columns import Rows
from ..data.samples import Samples
from ..judging.agreement import Agreement, Groups, adjusted_rand
from ..judging.bootstrap import Draws, middle
from ..judging.frechet import Components
from ..judging.intervals import Interval
from ..metrics.base import Values
from ..runs.artifacts import Artifacts
from ..sources.labels import Labels
from .cluster_rivals import Rival
from .clusterings import Clustering
from .latents import as_pictures
from .worst import show_inputs

PICTURES, CARDS = 10, 3
"""Rows of a cluster that are shown, where they are pictures, or not."""
SHOWN = 20
"""Clusters whose rows are shown, the largest first."""
NONE = "none"


@dataclass(frozen=True)
class Looked:
    """What was judged last.

    Attributes:
        samples: the dataset.
        part: which of its rows: "val", "test", or what the spec says that it `makes`.
        numbers: of the rows in the dataset.
        rows: their vectors, (rows, numbers).
        trained: numbers of the training rows, or of some.
        train: their vectors.
        answers: which clusters they are in: the model's answer, then the simpler ones'.
        silhouettes: of the rows `some`, under the model's.
        some: which rows those are of.
        labels: of the rows, where there are any.
    """

    samples: Samples
    part: str
    numbers: Rows
    rows: Tensor
    trained: Rows
    train: Tensor
    answers: Sequence[Rival]
    silhouettes: Values
    some: Tensor
    labels: Labels | None

    @property
    def groups(self) -> Groups:
        """The cluster of each row."""
        found: Groups = self.answers[0].groups[0].numpy()
        return found

    @property
    def set(self) -> str:
        """What the rows are, in words."""
        return {"val": "validation", "test": "test"}.get(self.part, "all")

    def agreement(self) -> list[tuple[Rival, Agreement]]:
        """How far each answer agrees with the labels."""
        assert self.labels is not None
        truth = self.labels.ids
        return [(one, one.agreement(truth, adjusted_rand)) for one in self.answers]


def name_of(cluster: int) -> str:
    """A cluster by its number, from 1 as people count; none for -1."""
    return NONE if cluster < 0 else str(cluster + 1)


def tell_clusters(found: Looked, model: Clustering, options: Options) -> list[str]:
    """How many clusters there are and why, rows in none, and what labels say of them."""
    told = [_tell_number(model, options)]
    rounds, most = model.get_buffer("rounds").tolist(), getattr(options.method.options, "rounds", 0)
    if rounds and rounds[0] >= most:
        told.append(f"{options.method.name} stopped after {most} rounds without having settled")
    if alone := int((found.groups < 0).sum()):
        told.append(f"{alone:,} of {len(found.groups):,} rows are in no cluster")
    if found.labels is not None:
        _, value, interval, _ = agreement_intervals(found)[0]
        within = f" ({_within(interval)})" if interval else ""
        told.append(
            f"agreement with {found.labels.name}, from which nothing was learnt: adjusted "
            f"Rand index {value:.4g}{within}; 1 is the same groups, 0 chance"
        )
    return told


def _tell_number(model: Clustering, options: Options) -> str:
    """How many clusters were found, and which rule said so."""
    name = options.method.name
    if options.rule is not None:
        rule, value = options.rule.options, model.get_buffer("told")
        best = "largest" if rule.most_wins else "smallest"
        end = float(value.max() if rule.most_wins else value.min())
        told = f"{plural(model.many, 'cluster')}: of {rule.least} to {rule.most}, they have the "
        return f"{told}{best} {rule.along} of training rows ({end:.4g})"
    if isinstance(options.method.options, Counted):
        return f"{plural(model.many, 'cluster')}, as `learner.method.clusters` says"
    if model.many < 2:
        many = "one cluster" if model.many else "no cluster"
        return f"{name} found {many}, so there is no silhouette"
    return f"{name} found {plural(model.many, 'cluster')}"


def leave_clusters(into: Artifacts, found: Looked, model: Clustering, options: Options) -> None:
    """Keeps all that there is to look at."""
    trained = model.assign(found.train)[0].numpy()
    _leave_choice(into, model, options)
    _leave_sizes(into, found, trained)
    _leave_middle(into, found, trained, model.many)
    _leave_plane(into, found)
    if found.labels is not None:
        _leave_labels(into, found, found.labels)
        _leave_agreement(into, found, found.labels)


def _leave_choice(into: Artifacts, model: Clustering, options: Options) -> None:
    """The curve that chose the number of clusters."""
    if options.rule is None:
        return
    rule = options.rule.options
    tried, told = (model.get_buffer(name).tolist() for name in ("tried", "told"))
    best = "largest" if rule.most_wins else "smallest"
    caption = f"by training rows; the {best} is chosen, of equal ones the fewest clusters"
    columns = {"clusters": [int(one) for one in tried], rule.along: told}
    into.lines("choice", columns, title="How many clusters there are", caption=caption)


def _leave_sizes(into: Artifacts, found: Looked, trained: Groups) -> None:
    """A table of the clusters."""
    known = [one for one in np.unique(np.concatenate([trained, found.groups])) if one >= 0]
    known += [-1] * bool((found.groups < 0).any())
    some = found.groups[found.some.numpy()]
    table: dict[str, list[Any]] = {"cluster": [name_of(int(one)) for one in known]}
    if found.set != "all":
        table["training rows"] = [int((trained == one).sum()) for one in known]
    table[f"{found.set} rows"] = [int((found.groups == one).sum()) for one in known]
    table["mean silhouette"] = [_mean(found.silhouettes[some == one]) for one in known]
    if found.labels is not None:
        told = [_most_frequent(found.labels, found.groups == one) for one in known]
        table[f"most frequent {found.labels.name}"] = [one[0] for one in told]
        table["its share"] = [one[1] for one in told]
    caption = "from the largest to the smallest"
    into.table("clusters", table, title="Clusters", caption=caption)


def _mean(values: Values) -> Any:
    return float(values.mean()) if len(values) else ""


def _most_frequent(labels: Labels, rows: Any) -> tuple[str, Any]:
    """The label that most of some rows have, and the share that has it."""
    counts = np.bincount(labels.ids[rows], minlength=len(labels.classes))
    if not counts.sum():
        return "", ""
    return labels.classes[int(counts.argmax())], float(counts.max() / counts.sum())


def _leave_middle(into: Artifacts, found: Looked, trained: Groups, many: int) -> None:
    """The training rows nearest to the mean of each cluster, as people see them."""
    samples, numbers = found.samples, found.trained
    known = [(one, np.flatnonzero(trained == one)) for one in range(min(many, SHOWN))]
    known = [(one, places) for one, places in known if len(places)]
    if not known:
        return
    (first, *others), title = samples.inputs, "Rows in the middle of each cluster"
    picture = not others and samples.columns[first].show(int(numbers[0])).kind == "image"
    shown = PICTURES if picture else CARDS
    caption = f"the training rows nearest to the mean of each of {len(known)} clusters"
    middle_of = {one: _middle(found.train, places, shown) for one, places in known}
    if picture:
        rows = [numbers[places] for places in middle_of.values()]
        pixels = [[samples.columns[first].show(int(row)).content for row in one] for one in rows]
        images = _grid(pixels, shown)
        caption += ", a row of pictures for each"
        into.pictures("middle", images, rows=True, across=shown, title=title, caption=caption)
        return
    cards = {
        f"cluster {name_of(one)}": [
            {"row": int(numbers[at]), "shown": show_inputs(samples, int(numbers[at]))}
            for at in places
        ]
        for one, places in middle_of.items()
    }
    into.cards("middle", cards, title=title, caption=caption)


def _middle(rows: Tensor, places: Any, shown: int) -> Any:
    """Those of some rows that are nearest to their mean."""
    own = rows[torch.from_numpy(places)]
    apart = (own - own.mean(dim=0)).square().sum(dim=1)
    return places[apart.sort(stable=True).indices[:shown].numpy()]


def _grid(pixels: Sequence[Sequence[Any]], across: int) -> Any:
    """Pictures in rows of the same number, the rest white; all by one scale, as people see them."""
    known = np.stack([np.asarray(one, np.float32) for line in pixels for one in line])
    low, high = float(known.min()), float(known.max())
    blank = np.full_like(known[0], high)
    every = [[*line, *[blank] * (across - len(line))] for line in pixels]
    flat = np.stack([np.asarray(one, np.float32) for line in every for one in line])
    scaled = (flat - low) / ((high - low) or 1.0)
    return as_pictures(torch.from_numpy(scaled).flatten(1), flat.shape[1:])


def _leave_plane(into: Artifacts, found: Looked) -> None:
    """The rows in the plane in which training rows vary most, coloured by cluster."""
    axes = Components.fit(found.train.numpy(), 2)
    places = axes.of(found.rows.numpy())
    if places.shape[1] < 2:
        return
    order = np.argsort(
        np.where(found.groups < 0, np.iinfo(np.int64).max, found.groups), kind="stable"
    )
    columns: dict[str, Any] = {f"component {n + 1}": places[order, n] for n in range(2)}
    columns["cluster"] = [name_of(int(one)) for one in found.groups[order]]
    if found.labels is not None:
        ids = found.labels.ids[order]
        columns[found.labels.name] = [found.labels.classes[one] for one in ids.tolist()]
    columns["row"] = found.numbers[order].tolist()
    caption = "the two directions in which training rows vary most, coloured by cluster"
    into.points("plane", columns, title="Clusters in a plane", caption=caption)


def _leave_labels(into: Artifacts, found: Looked, labels: Labels) -> None:
    """How many rows of each label each cluster has."""
    known = np.unique(found.groups)
    known = np.concatenate([known[known >= 0], known[known < 0]])
    table: dict[str, list[Any]] = {"cluster": [name_of(int(one)) for one in known]}
    for place, name in enumerate(labels.classes):
        own = labels.ids == place
        table[name] = [int((own & (found.groups == one)).sum()) for one in known]
    caption = f"{found.set} rows; nothing learnt from {labels.name}"
    title = f"Clusters and {labels.name}"
    into.table("confusion", table, title=title, caption=caption)


def _leave_agreement(into: Artifacts, found: Looked, labels: Labels) -> None:
    """The adjusted Rand index of all answers, each beside the model's, on the same draws."""
    told = agreement_intervals(found)
    own = told[0][1]
    table: dict[str, list[Any]] = {
        "clusters": [_describe(one) for one, *_ in told],
        "adjusted Rand": [value for _, value, *_ in told],
        "95 % interval": [_within(interval) for *_, interval, _ in told],
        "model better by": ["", *(own - value for _, value, *_ in told[1:])],
        "its 95 % interval": [_within(lead) for *_, lead in told],
    }
    caption = f"nothing learnt from {labels.name}; intervals by a paired bootstrap of the "
    caption += f"{len(found.groups):,} {found.set} rows"
    title = f"Agreement with {labels.name}"
    into.table("agreement", table, title=title, caption=caption)


def agreement_intervals(
    found: Looked,
) -> list[tuple[Rival, float, Interval | None, Interval | None]]:
    """Each answer's adjusted Rand index, its interval, and that of the model's lead over it."""
    every = found.agreement()
    draws = Draws(len(found.groups))
    drawn = [one.bootstrap(draws) for _, one in every]
    return [
        (rival, one.value(), middle(values), middle(drawn[0] - values) if place else None)
        for place, ((rival, one), values) in enumerate(zip(every, drawn, strict=True))
    ]


def _describe(one: Rival) -> str:
    many = len(one.groups)
    return one.name if many == 1 else f"{one.name} (mean of {many})"


def _within(interval: Interval | None) -> str:
    return "" if interval is None else f"{interval[0]:.4g} to {interval[1]:.4g}"
