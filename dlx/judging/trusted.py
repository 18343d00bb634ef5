"""What a run keeps so that it can say how far its predictions can be trusted: no row of anybody's.

It is a file of arrays, learnt at the end of a training: of training rows what they had, of
validation rows how far off and how sure the answers to them were.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data.unlike import Unlike
from .conformal import Scores
from .sureness import Ranks

Array = npt.NDArray[Any]
Arrays = Mapping[str, Array]

USUAL = 0.99
"""Share of the validation rows that no comparison may call unlike the training rows."""
MUTED = 0.05
"""A feature tells nothing where more validation rows than this had values never seen in it."""


@dataclass(frozen=True)
class Known:
    """What training rows had in an input, and how far beyond it validation rows went.

    Attributes:
        arrays: as the column remembers them; {} of texts, whose unknown words count.
        muted: which features tell nothing.
        amounts: how far beyond each validation row lies that was looked at, (rows,).
    """

    arrays: Arrays
    muted: npt.NDArray[np.bool_]
    amounts: npt.NDArray[np.float32]

    @classmethod
    def of(cls, arrays: Arrays, validation: Unlike) -> Known:
        """By what validation rows have."""
        muted = np.isinf(validation.amounts).mean(axis=0) > MUTED
        heard = np.where(muted, 0, validation.amounts).max(axis=1, initial=0.0)
        return cls(arrays, muted, heard.astype(np.float32))

    @cached_property
    def beyond(self) -> float:
        """So far beyond nothing is said."""
        return usual(self.amounts[np.isfinite(self.amounts)])

    def hear(self, found: Unlike) -> Unlike:
        """Without the features that tell nothing."""
        return replace(found, amounts=np.where(self.muted, 0, found.amounts).astype(np.float32))

    def alarms(self, found: Unlike) -> npt.NDArray[np.bool_]:
        """Which rows are unlike the training rows."""
        heard: npt.NDArray[np.bool_] = self.hear(found).amounts.max(axis=1, initial=0) > self.beyond
        return heard


def usual(values: Array) -> float:
    """What no more than one in a hundred rows exceeds, a new one like them counted in."""
    if not len(values):
        return 0.0
    rank = int(np.ceil(round((len(values) + 1) * USUAL, 9)))
    return float(np.sort(values)[min(rank, len(values)) - 1])


@dataclass(frozen=True)
class Space:
    """Where training rows lie in feature space, with what makes distances of all directions alike.

    Attributes:
        arrays: `centres` (centres, numbers), `offset` and `scale` (numbers,), `whiten` (numbers,
            numbers).
        near: the distance of each validation row that was looked at, (rows,).
    """

    arrays: Arrays
    near: npt.NDArray[np.float32]

    @cached_property
    def far(self) -> float:
        """The distance that validation rows do not exceed, but for one in a hundred."""
        return usual(self.near) if len(self.near) else np.inf


@dataclass(frozen=True)
class Trusted:
    """What a training keeps for those who predict with it.

    Attributes:
        rows: validation rows.
        chosen: whether they chose the epoch, so that answers to them are a little too good.
        folds: trainings whose validation rows they are.
        scores: how far off the answers were, by target.
        sure: how sure they were, by target; without those where nothing tells.
        surest: the share of rows that are less sure, the smallest of all targets.
        known: what training rows had, by input.
        space: where they lie in feature space; None where there is none.
    """

    rows: int
    chosen: bool
    folds: int
    scores: dict[str, Scores]
    sure: dict[str, Ranks]
    surest: Ranks
    known: dict[str, Known] = field(default_factory=dict)
    space: Space | None = None

    @cached_property
    def alarms(self) -> float:
        """The share of validation rows that is called unlike the training rows, by anything."""
        each = [one.amounts > one.beyond for one in self.known.values()]
        each += [] if self.space is None else [self.space.near > self.space.far]
        return float(np.any(each, axis=0).mean()) if each and len(each[0]) else 0.0

    def arrays(self) -> dict[str, Array]:
        """As a file holds them."""
        whole = np.array([self.rows, self.chosen, self.folds], np.int64)
        found: dict[str, Array] = {"rows": whole}
        for name, one in self.scores.items():
            found |= {f"scores/values/{name}": one.values, f"scores/rows/{name}": one.rows}
        found |= {f"sure/values/{name}": one.values for name, one in self.sure.items()}
        found["surest"] = self.surest.values
        for name, known in self.known.items():
            found |= {f"known/{key}/{name}": one for key, one in known.arrays.items()}
            found[f"unlike/amounts/{name}"] = known.amounts
            found[f"unlike/muted/{name}"] = known.muted
        if self.space is not None:
            found |= {f"space/{key}/": one for key, one in self.space.arrays.items()}
            found["near"] = self.space.near
        return {name: np.ascontiguousarray(one) for name, one in found.items()}

    @classmethod
    def of_arrays(cls, found: Arrays) -> Trusted:
        """What `arrays` told; any error of Python's where it makes no sense."""
        groups: dict[str, dict[str, dict[str, Array]]] = {}
        for name in sorted(found):  # a file of arrays has them in no order
            if name.count("/") >= 2:
                group, key, of = name.split("/", 2)
                groups.setdefault(group, {}).setdefault(of, {})[key] = found[name]
        rows, chosen, folds = (int(one) for one in found["rows"])
        known = {
            name: Known(groups.get("known", {}).get(name, {}), **one)
            for name, one in groups.get("unlike", {}).items()
        }
        space = Space(groups["space"][""], found["near"]) if "near" in found else None
        return cls(
            rows,
            bool(chosen),
            folds,
            {name: Scores(**one) for name, one in groups.get("scores", {}).items()},
            {name: Ranks(**one) for name, one in groups.get("sure", {}).items()},
            Ranks(found["surest"]),
            known,
            space,
        )


def pool(several: Sequence[Trusted], whole: Trusted) -> Trusted:
    """What the folds of a run tell together: each row was answered by a model that had it not.

    Args:
        several: of each fold.
        whole: what all their rows had, and where they lie in the features of the final model,
            where there is one: it has no validation rows.
    """
    first = several[0]
    known = {
        name: replace(
            one,
            amounts=np.concatenate([fold.known[name].amounts for fold in several]),
            muted=np.any([fold.known[name].muted for fold in several], axis=0),
        )
        for name, one in whole.known.items()
        if name in first.known
    }
    space = whole.space
    if space is not None:
        nears = [fold.space.near for fold in several if fold.space is not None]
        every = nears if len(nears) == len(several) else [np.zeros(0, np.float32)]
        space = replace(space, near=np.concatenate(every))
    return Trusted(
        sum(fold.rows for fold in several),
        any(fold.chosen for fold in several),
        len(several),
        {name: Scores.pool([fold.scores[name] for fold in several]) for name in first.scores},
        {name: Ranks.pool([fold.sure[name] for fold in several]) for name in first.sure},
        Ranks.pool([fold.surest for fold in several]),
        known,
        space,
    )
