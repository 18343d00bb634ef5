"""What may be asked of steps that make features: rows as they were read, never moved."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import Problem, UsageError
from .fields import Chosen
from .files import Path, Where
from .schema import Config
from .shapes import Sizes, shape_of
from .specs.features import Features, RunFeatures


def check_features(config: Config, where: Where) -> Iterator[Problem]:
    """Weights and layers that are not there, and inputs that cannot be taken or would be moved."""
    for index, step in enumerate(config.prepare.steps):
        path = ("prepare", "steps", str(index))
        if isinstance(step.options, Features):
            found = [*step.options.check_base(where, path)]
            yield from found or _check_inputs(config, index, step.options, path, where)
        if isinstance(step.options, RunFeatures):
            yield from _check_inputs(config, index, step.options, path, where)


def has_features(config: Config, name: str) -> bool:
    """Whether an input becomes what a network sees in it."""
    steps = (step.options for step in config.prepare.steps)
    return any(isinstance(one, (Features, RunFeatures)) and _applies(one, name) for one in steps)


def _check_inputs(
    config: Config, index: int, options: Features | RunFeatures, path: Path, where: Where
) -> Iterator[Problem]:
    """What is wrong with the inputs that one step applies to."""
    shapes = config.dataset.options.shapes
    for name in config.dataset.options.inputs:
        if not _applies(options, name):
            continue
        before = [one for one in config.prepare.steps[:index] if _applies(one.options, name)]
        if before:
            yield _refuse_prepared(before[-1], options, where(path))
        elif isinstance(options, Features) and (sizes := shapes.get(name)):
            yield from _check_pictures(options, name, sizes, path, where)
        if config.prepare.augment.get(name):
            yield _refuse_moved(name, options, where(("prepare", "augment", name)))


def _applies(options: object, name: str) -> bool:
    columns: tuple[str, ...] = getattr(options, "columns", ())
    return not columns or name in columns


def _refuse_prepared(before: Chosen, options: Features | RunFeatures, here: str) -> Problem:
    if isinstance(options, RunFeatures):
        what = f"prepare step run_features stands after {before.name}, but takes rows as they were"
        hint = f"leave {before.name} out, or put it behind: the run prepares rows itself"
        return Problem(f"{what} read", here, "the first step of an input", hint)
    what = f"prepare step features stands after {before.name}, but takes pictures as they were read"
    hint = f"leave {before.name} out: the network scales pictures as its weights expect"
    return Problem(what, here, "pictures of bytes from 0 to 255", hint)


def _check_pictures(
    options: Features, name: str, sizes: Sizes, path: Path, where: Where
) -> Iterator[Problem]:
    try:
        options.take_pictures(name, shape_of(sizes, images=True), where(path))
    except UsageError as error:
        yield from error.problems


def _refuse_moved(name: str, options: Features | RunFeatures, here: str) -> Problem:
    key = f"prepare.augment.{name}"
    what = f"`{key}`: pictures are moved anew in each epoch, but features of {name} are computed"
    other = "model=pretrained" if isinstance(options, Features) else "from_run"
    hint = f"{key}=[], or {other}, which computes them in each epoch"
    return Problem(f"{what} once, before the first", here, "no augmentation", hint)
