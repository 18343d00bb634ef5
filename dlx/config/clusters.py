"""What may be asked of clusters: rows of numbers, and no targets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from ..errors import Problem
from .at_once import AtOnceSpec
from .check import SHELL
from .files import Where
from .labels import check_labels
from .learners import LearnerSpec, ScoreSpec, has_validation
from .schema import Config
from .specs.clusters import Bic, Clusters, Counted, KMeans

_SILHOUETTE = (
    "how much nearer rows are to their own cluster than to the next, from -1 to 1; a row in no "
    "cluster has 0"
)
_AGREE = {
    "adjusted_rand": "pairs of rows that clusters and {} treat alike: 1 all, 0 by chance",
    "mutual_information": "what clusters tell of {}, adjusted for chance: 1 all, 0 by chance",
}


class ClustersSpec(AtOnceSpec):
    """Rows of numbers; settings are compared by the silhouette, never by labels."""

    problem = "clustering"

    @classmethod
    def of(cls, config: Config) -> LearnerSpec:
        """Another one for methods that cannot assign rows that they were not fitted to."""
        options = config.learner.options
        assert isinstance(options, Clusters)
        return cls() if options.method.options.assigns else _FoundOnlySpec()

    def scores(self, config: Config) -> dict[str, ScoreSpec]:
        """Silhouette and loss of rows that were not fitted to; at the end what labels say."""
        held = self.makes or ("val" if has_validation(config) else "test")
        each, options = held == "val", config.learner.options
        judged = ScoreSpec("max", judged=True, each_epoch=each, meaning=_SILHOUETTE)
        found = {f"{held}/silhouette": judged}
        if loss := options.method.options.loss:
            found["train/loss"] = ScoreSpec("min", meaning=loss)
            found[f"{held}/loss"] = ScoreSpec("min", each_epoch=each, meaning=loss)
        for name, meaning in _AGREE.items() if options.labels else ():
            told = meaning.format(options.labels)
            found[f"{held}/{name}"] = ScoreSpec("max", each_epoch=False, meaning=told)
        return found

    def check(self, config: Config, where: Where) -> Iterator[Problem]:
        """Labels that there are not or that would leak, and numbers of clusters that clash."""
        yield from super().check(config, where)
        options = config.learner.options
        assert isinstance(options, Clusters)
        if options.labels is not None:
            yield from check_labels(config, where, ("learner", "labels"), options.labels)
        yield from _check_number(options, where)
        yield from _check_batches(config, options, where)

    def in_one_step(self, config: Config) -> bool:
        """Unless k-means takes batches."""
        method = config.learner.options.method.options
        return not (isinstance(method, KMeans) and method.fit == "batches")


class _FoundOnlySpec(ClustersSpec):
    """The same of methods that find clusters among all rows, and can assign no others."""

    uses = ("prepare",)
    can = ()
    makes = "clustering"
    why: ClassVar[Mapping[str, str]] = {
        **AtOnceSpec.why,
        "protocol": "its method cannot assign new rows, so all are clustered and none is held out",
    }

    def notes(self, config: Config) -> list[str]:
        """There is no test set."""
        name = config.learner.options.method.name
        return [f"{name} cannot assign new rows: all rows are clustered, there is no test set"]


def _check_number(options: Clusters, where: Where) -> Iterator[Problem]:
    """How many clusters there are is said once: by a number, or by a rule that fits the method."""
    method, choose = options.method, options.choose
    here, rule = where(("learner", "method")), where(("learner", "choose"))
    key = "learner.method.clusters"
    if not isinstance(method.options, Counted):
        if choose is not None:
            what = f"`learner.choose` is {choose.name}, but {method.name} finds how many there are"
            yield Problem(what, rule, "null", "learner.choose=null")
        return
    number = method.options.clusters
    if number is not None and choose is not None:
        written = where(("learner", "method", "clusters"))
        what = f"how many clusters is said twice: `{key}` is {number}, and `learner.choose` is "
        hint = "learner.choose=null" if written.startswith(SHELL) else f"{key}=null"
        yield Problem(what + choose.name, here, "one of them", hint)
    if choose is None:
        return
    if choose.options.least > choose.options.most:
        key = "learner.choose.least"
        what = f"`{key}` is {choose.options.least}, above `learner.choose.most`, which is "
        what, most = f"{what}{choose.options.most}", choose.options.most
        yield Problem(what, where(("learner", "choose", "least")), f"2 to {most}", f"{key}={most}")
    if isinstance(choose.options, Bic) and method.name != "mixture":
        what = f"`learner.choose` is {choose.name}, but {method.name} has no likelihood"
        yield Problem(what, rule, "silhouette or stability", "learner.choose.name=silhouette")


def _check_batches(config: Config, options: Clusters, where: Where) -> Iterator[Problem]:
    """K-means by batches needs a batch of as many rows as clusters, and a number of them."""
    method = options.method.options
    if not isinstance(method, KMeans) or method.fit != "batches":
        return
    if options.rule is not None:
        what = "`learner.method.fit` is batches, but how many clusters there are is chosen by all "
        hint = "learner.method.fit=whole" if options.choose else "learner.method.clusters=8"
        accepted = "whole, or a number of clusters"
        yield Problem(f"{what}rows", where(("learner", "method", "fit")), accepted, hint)
    elif (method.clusters or 0) > config.trainer.batch_size:
        many, key = method.clusters, "trainer.batch_size"
        what = f"a batch of {config.trainer.batch_size} rows cannot start {many} clusters"
        yield Problem(what, where(("trainer", "batch_size")), f"{many} or more", f"{key}={many}")
