"""Whether the members of an ensemble were trained for the rows and targets that judge it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..config.learners import spec_of
from ..config.names import join_names
from ..config.schema import Config
from ..data.carry_out import carry_out
from ..data.columns import Rows
from ..data.protocols import Split
from ..errors import MethodError, Problem, UsageError
from ..runs.folder import name_of
from ..runs.members import config_of_member, find_members, members_of
from ..sources.data import Data, split_digest
from .earlier import Earlier, read_earlier
from .lineage import INHERITED, INVALID, MEMBER

_SAME = "members that were trained on the same dataset with the same protocol and seed"


def check_members(config: Config, data: Data) -> list[str]:
    """Compares what an ensemble's members were trained on with what judges it.

    Args:
        config: names the members; of any other learner nothing is compared.
        data: its dataset, cut.

    Returns:
        Warnings: what members were warned of themselves.

    Raises:
        UsageError: a member has other targets, classes, data, test or validation rows.
        MethodError: a member was trained on rows that judge the ensemble.
    """
    warnings: list[str] = []
    for name, source in find_members(config).items():
        its, earlier = config_of_member(config, name), read_earlier(source.folder)
        key = f"learner.members.{name}"
        shown = f"run {name_of(source.folder)}"
        _require_predictions(its, shown, key)
        _require_targets(config, its, shown, key)
        _require_data(data, its, earlier, shown, key)
        theirs = _cut_of(its, data, earlier, shown, key)
        _require_rows(config, data, its, theirs, (name, shown, key))
        warnings += _inherit(config, earlier, name, key)
    return warnings


def _inherit(config: Config, earlier: Earlier, name: str, key: str) -> list[str]:
    """What a member was warned of: what the runs have seen that it started from.

    Raises:
        MethodError: they have seen rows of the test set that is to be evaluated.
    """
    told: list[Any] = earlier.get_or("report", "stamps", [])
    stamps = [stamp for stamp in map(str, told) if stamp.startswith(INHERITED)]
    if config.test and (seen := [stamp for stamp in stamps if stamp.endswith(INVALID)]):
        what = f"member {name} {seen[0].removesuffix(f': {INVALID}')}"
        accepted = "members that no test row has taught, or test=false"
        raise MethodError(Problem(what, key, accepted, "test=false"))
    return [f"{MEMBER} {name}: {stamp}" for stamp in stamps]


def _require_predictions(its: Config, shown: str, key: str) -> None:
    if "predict" not in spec_of(its).can:
        what = f"{shown} has learner {its.learner.name}, which predicts nothing of rows"
        raise UsageError(Problem(what, key, "runs of learner supervised"))


def _require_targets(config: Config, its: Config, shown: str, key: str) -> None:
    """Same targets, problems and positive classes."""
    if its.dataset.name != config.dataset.name:
        what = f"{shown} was trained on dataset {its.dataset.name}, the first member on "
        raise UsageError(Problem(what + config.dataset.name, key, _SAME))
    if [*its.targets] != [*config.targets]:
        mine, other = join_names(config.targets), join_names(its.targets)
        what = f"{shown} predicts {other or 'nothing'}, the first member {mine}"
        raise UsageError(Problem(what, key, "members with the same targets"))
    for name, target in config.targets.items():
        for option in ("problem", "positive"):
            one, other = getattr(its.targets[name], option), getattr(target, option)
            if one != other:
                what = f"{shown} has `targets.{name}.{option}` {one or 'empty'}, the first member "
                raise UsageError(Problem(what + (other or "empty"), key, "the same in all members"))


def _require_data(data: Data, its: Config, earlier: Earlier, shown: str, key: str) -> None:
    if not data.samples.is_known_as(earlier.data.get("digest")):
        what = f"{shown} was trained on other data of {its.dataset.name}: its digest is "
        what += f"{str(earlier.data.get('digest'))[:12]}, here {data.samples.digest[:12]}"
        accepted = "the same files, read with the same options of `dataset`"
        raise UsageError(Problem(what, key, accepted))


def _cut_of(its: Config, data: Data, earlier: Earlier, shown: str, key: str) -> Split:
    """How a member's rows were cut, which must be as it has recorded it."""
    first = next(iter(its.targets), "")
    cut = carry_out(its.protocol, data.samples, its.seed, first)
    if split_digest(replace(data, split=cut)) != earlier.data.get("split_digest"):
        raise UsageError(Problem(f"the split of {shown} is not what it was", key, _SAME))
    return cut


def _require_rows(
    config: Config, data: Data, its: Config, theirs: Split, named: tuple[str, str, str]
) -> None:
    """Same test rows, same validation rows, and none of them among those that it trained on."""
    name, shown, key = named
    if theirs.test_validates:
        what = f"{shown} was validated on its test rows, so no test set is left"
        raise UsageError(
            Problem(what, key, "a protocol with validation and test rows of their own")
        )
    _require_same(data.split.test, theirs.test, "test", (shown, key), _SAME)
    at = members_of(config)[name].at
    trained, held = _rows_of(its, theirs, at)
    mine = data.split.folds[0].validation if config.final != "only" else held[:0]
    for part, rows in (("test", data.split.test), ("validation", mine)):
        if leaked := len(np.intersect1d(rows, trained)):
            what = f"{shown} was trained on {leaked:,} of the {len(rows):,} {part} rows that "
            accepted = "members with the same seed and protocol; or all of them with final=true"
            hint = f"dlx train ... seed={config.seed}" if its.seed != config.seed else ""
            raise MethodError(Problem(f"{what}judge the ensemble", key, accepted, hint))
    if config.final != "only":
        _require_same(mine, held, "validation", (shown, key), _SAME)


def _rows_of(its: Config, theirs: Split, at: str) -> tuple[Rows, Rows]:
    """The rows that weights were trained on, and those that were held out."""
    none = theirs.test[:0]
    if at.startswith("folds/"):
        fold = theirs.folds[int(at.partition("/")[2])]
        return fold.train, fold.validation
    if its.final:
        return theirs.rest, none
    return theirs.folds[0].train, theirs.folds[0].validation


def _require_same(
    mine: Rows, theirs: Rows, part: str, named: tuple[str, str], accepted: str
) -> None:
    if not np.array_equal(np.sort(mine), np.sort(theirs)):
        shared = len(np.intersect1d(mine, theirs))
        what = f"{named[0]} has other {part} rows: {len(theirs):,}, of which {shared:,} are among "
        raise UsageError(
            Problem(f"{what}the {len(mine):,} of the first member", named[1], accepted)
        )
