"""What is wrong with the augmentations of a config, before anything is read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from ..errors import Problem
from .features import has_features
from .fields import Chosen, options_of, to_plain
from .files import Where
from .learners import known_inputs, spec_of
from .names import did_you_mean, join_names
from .schema import Config
from .specs.augment import AUGMENTATIONS, STAGES, refuse_pictures


def check_augment(config: Config, where: Where) -> Iterator[Problem]:
    """Inputs that the dataset has not, or that are no pictures, as far as that is known unread."""
    for name, every in config.prepare.augment.items():
        yield from _order(name, every, where(("prepare", "augment", name)))
    yield from _inputs(config, "augment", where)
    yield from _mixing(config, where)


def check_views(config: Config, where: Where) -> Iterator[Problem]:
    """Views of inputs likewise, and where nothing is predicted that could be averaged."""
    yield from _inputs(config, "views", where)
    if any(config.prepare.views.values()) and "predict" not in spec_of(config).can:
        what = f"`prepare.views`: learner {config.learner.name} has no predictions to average"
        yield Problem(what, where(("prepare", "views")), "learner supervised", "prepare.views={}")


def _inputs(config: Config, section: str, where: Where) -> Iterator[Problem]:
    """Inputs that the dataset has not, or that are no pictures."""
    offered = config.dataset.options.inputs
    for name, every in getattr(config.prepare, section).items():
        here = where(("prepare", section, name))
        if name not in offered:
            key = f"prepare.{section}.{name}"
            what = f"`{key}`: dataset {config.dataset.name} has no input `{name}`"
            yield Problem(what, here, join_names(offered), did_you_mean(name, offered))
        elif section == "augment" and has_features(config, name):
            continue  # `check_features` tells why
        elif every and (sizes := known_inputs(config)[name]):
            yield from refuse_pictures(section, name, every, sizes, here)


def _order(name: str, every: Sequence[Chosen], here: str) -> Iterator[Problem]:
    """Augmentations in another order than they act in, or of which one is without effect."""
    key, stages = f"prepare.augment.{name}", [_stage(one) for one in every]
    ordered = sorted(every, key=_stage)
    if late := next((at for at in range(1, len(every)) if stages[at] < stages[at - 1]), 0):
        what = f"`{key}`: {every[late].name} stands after {every[late - 1].name}"
        groups = [_named(stage) for stage in STAGES]
        yield Problem(what, here, ", then ".join(groups), _typed(key, ordered))
    fills = [one for one in every if one.name == "fill"]
    geometry = [one for one in every if one.options.stage == "geometry" and one.name != "fill"]
    if len(fills) > 1:
        first = next(at for at, one in enumerate(every) if one.name == "fill")
        rest = [one for at, one in enumerate(every) if one.name != "fill" or at == first]
        what = f"`{key}`: fill stands there {len(fills)} times, but pixels are read once"
        yield Problem(what, here, "one fill", _typed(key, rest))
    elif fills and not geometry:
        what = f"`{key}`: fill is without effect, as nothing moves the pictures"
        rest = [one for one in every if one not in fills]
        yield Problem(what, here, _named("geometry"), _typed(key, rest))


def _mixing(config: Config, where: Where) -> Iterator[Problem]:
    """Pictures mixed more than once, or where something cannot be mixed with them."""
    mixing = [
        (name, one)
        for name, every in config.prepare.augment.items()
        for one in every
        if one.options.stage == "mix"
    ]
    if not mixing:
        return
    name, one = mixing[0]
    here, key = where(("prepare", "augment", name)), f"prepare.augment.{name}"
    rest = [other for other in config.prepare.augment[name] if other.options.stage != "mix"]
    others = [other for other in config.dataset.options.inputs if other != name]
    if len(mixing) > 1:
        what = f"`{key}`: {one.name} and {mixing[1][1].name}, but a row is mixed once"
        yield Problem(what, here, "one of mixup and cutmix", _typed(key, [*rest, one]))
    if others:
        what = f"`{key}`: {one.name} would leave input {others[0]} unmixed"
        yield Problem(what, here, "pictures alone", _typed(key, rest))
    if "predict" not in spec_of(config).can:
        what = f"`{key}`: learner {config.learner.name} has no loss of targets to mix"
        yield Problem(what, here, "learner supervised", _typed(key, rest))


def _stage(one: Chosen) -> int:
    return STAGES.index(one.options.stage)


def _named(stage: str) -> str:
    """The augmentations of a stage by name, in brackets where there are several."""
    entries: dict[str, Any] = {name: one.options for name, one in AUGMENTATIONS.entries.items()}
    return f"{stage} ({join_names(n for n, one in entries.items() if one.stage == stage)})"


def _typed(key: str, every: Sequence[Chosen]) -> str:
    """The setting as it is typed."""
    return f"'{key}=[{join_names(_short(one) for one in every)}]'"


def _short(one: Chosen) -> str:
    """An augmentation in its shortest form."""
    known = options_of(AUGMENTATIONS.entries[one.name].options)
    changed = {k: v for k, v in to_plain(one.options).items() if v != known[k].default}
    if not changed:
        return one.name
    if [*changed] == [*known][:1]:
        changed = {one.name: changed.popitem()[1]}
    else:
        changed = {"name": one.name, **changed}
    pairs = (f"{k}: {v if isinstance(v, str) else json.dumps(v)}" for k, v in changed.items())
    return f"{{{join_names(pairs)}}}"
