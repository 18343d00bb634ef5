"""What may be asked of a projection: rows of numbers, without targets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import ClassVar

from ..errors import Problem
from .at_once import AtOnceSpec
from .files import Where
from .labels import check_labels
from .learners import LearnerSpec, ScoreSpec, has_validation, known_size
from .schema import Config

MOST_OF_TSNE = 3
"""Numbers that t-SNE gives at most: its tree splits the plane or the space."""
PLACES = "projection"
_TRUST = "1 where the {} nearest rows in the projection are the nearest ones in all columns"
_SCORES = {
    "trustworthiness": ScoreSpec("max", judged=True, meaning=_TRUST),
    "kept_neighbours": ScoreSpec(
        "max", meaning="share of the {} nearest rows in all columns that are so in the projection"
    ),
    "explained_variance": ScoreSpec(
        "max", meaning="share of the squared distance to the mean row that the projection explains"
    ),
    "reconstruction": ScoreSpec("min", meaning="mean squared error a number, from the projection"),
    "neighbour_accuracy": ScoreSpec(
        "max", meaning="share of rows whose nearest row in the projection has the same label"
    ),
}


class ProjectionSpec(AtOnceSpec):
    """Settings are compared by trustworthiness, which needs no labels."""

    encodes = True
    problem = "projection"

    @classmethod
    def of(cls, config: Config) -> LearnerSpec:
        """That of a method that cannot place new rows holds none out."""
        return cls() if config.learner.options.method.options.predicts else _PlacesSpec()

    def scores(self, config: Config) -> dict[str, ScoreSpec]:
        """Those that the method has, and of labels that are named."""
        options, validates = config.learner.options, has_validation(config)
        part = self.makes or ("val" if validates else "test")
        found = {}
        for name, one in _SCORES.items():
            linear = name in ("explained_variance", "reconstruction")
            if (linear and self.makes) or (name == "neighbour_accuracy" and options.labels is None):
                continue
            judged = one.judged and part != "test"
            told = one.meaning.format(options.neighbours)
            each = bool(self.makes) or validates
            found[f"{part}/{name}"] = replace(one, judged=judged, each_epoch=each, meaning=told)
        return found

    def check(self, config: Config, where: Where) -> Iterator[Problem]:
        """More components than columns, and labels that it may not be judged by."""
        yield from super().check(config, where)
        options, size = config.learner.options, known_size(config)
        method, here = options.method, where(("learner", "method", "components"))
        key, most = "learner.method.components", size
        if size and method.options.components > size:
            what = f"`{key}` is {method.options.components}, but a row has {size:,} numbers"
            yield Problem(what, here, f"a whole number from 1 to {size:,}", f"{key}={min(2, most)}")
        elif not method.options.predicts and method.options.components > MOST_OF_TSNE:
            what = f"`{key}` is {method.options.components}, more than {method.name} can give"
            accepted = f"a whole number from 1 to {MOST_OF_TSNE}"
            yield Problem(what, here, accepted, f"{key}=2")
        if options.labels is not None:
            yield from check_labels(config, where, ("learner", "labels"), options.labels)


class _PlacesSpec(ProjectionSpec):
    """All rows are placed together, and none is held out: the places themselves are judged."""

    uses = ("prepare",)
    can = ()
    encodes = False
    makes = PLACES
    why: ClassVar[Mapping[str, str]] = {
        **AtOnceSpec.why,
        "protocol": "it cannot place rows that it was not fitted to, so none is held out",
    }
