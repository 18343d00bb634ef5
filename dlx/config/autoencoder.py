"""What may be asked of an autoencoder: rows of numbers of one input, without targets."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from ..errors import Problem
from .files import Where
from .learners import (
    LearnerSpec,
    ModelUse,
    ScoreSpec,
    has_validation,
    known_inputs,
    known_size,
)
from .names import join_names
from .probe import check_probe, probe_scores
from .schema import Config
from .specs.learners import Autoencoder, Mask

CODE, ROW = "code", "row"
"""What the encoder answers and the decoder reads; what the decoder answers."""

_ERRORS = {"squared_error": "mean squared error a number", "cross_entropy": "cross-entropy a pixel"}
_WHOLE = "mean squared error a number of rows rebuilt from whole ones"


class AutoencoderSpec(LearnerSpec):
    """Numbers of one input; settings are compared by how well rows are rebuilt."""

    uses = ("prepare", "protocol", "optimizer", "schedule")
    encodes = True
    can = ("folds", "final", "accumulate", "diagnose")
    branch = "self-supervised"
    problem = "autoencoding"

    def scores(self, config: Config) -> dict[str, ScoreSpec]:
        """The loss of both sets; of rows that do not train, the error of whole rows."""
        validates, options = has_validation(config), config.learner.options
        meaning = f"{_ERRORS[options.loss]} of {rebuilt_of(options)}"
        found = {
            f"{part}/loss": ScoreSpec("min", judged=part == "val", meaning=meaning)
            for part in (("train", "val") if validates else ("train",))
        }
        if tells_whole(options):
            held = "val" if validates else "test"
            whole = ScoreSpec("min", each_epoch=validates, meaning=_WHOLE)
            found[f"{held}/reconstruction"] = whole
        return {**found, **probe_scores(config)}

    def monitor(self, config: Config) -> str | None:
        """The loss of the validation set."""
        return "val/loss" if has_validation(config) else None

    def models(self, config: Config) -> dict[str, ModelUse]:
        """Encoder and decoder."""
        options = config.learner.options
        code, size = {CODE: (options.code,)}, known_size(config)
        return {
            "learner.encoder": ModelUse(
                options.encoder, known_inputs(config), (CODE,), {CODE: options.code}
            ),
            "learner.decoder": ModelUse(options.decoder, code, (ROW,), {ROW: size}),
        }

    def check(self, config: Config, where: Where) -> Iterator[Problem]:
        """Whether there is one input, which patches fit into, and numbers that the loss takes."""
        yield from check_probe(config, where)
        inputs, options = config.dataset.options.inputs, config.learner.options
        if len(inputs) != 1:
            what = f"learner autoencoder learns from one input, but dataset {config.dataset.name} "
            what += f"has {join_names(inputs)}"
            yield Problem(what, where(("dataset",)), "a dataset of one input")
        elif sizes := known_inputs(config)[inputs[0]]:
            yield from check_mask(options.mask, inputs[0], sizes, where)
        for index, step in enumerate(config.prepare.steps):
            if step.name == "standardise" and options.loss == "cross_entropy":
                what = "`learner.loss` is cross_entropy, which takes numbers from 0 to 1, but "
                at = where(("prepare", "steps", str(index)))
                hint = "learner.loss=squared_error"
                yield Problem(f"{what}standardise makes others", at, "scale", hint)


def rebuilt_of(options: Autoencoder) -> str:
    """What is rebuilt, and from what, in words."""
    mask, corrupt = options.mask, options.corrupt
    if mask.share:
        return "hidden numbers" if mask.scored == "hidden" else "rows of which a part is hidden"
    return "rows rebuilt from corrupted ones" if corrupt.noise or corrupt.drop else "rebuilt rows"


def tells_whole(options: Autoencoder) -> bool:
    """Whether the error of whole rows is told beside the loss, as it is another.

    Of hidden numbers alone it is not, as the others are then never learnt to be rebuilt.
    """
    mask, corrupt = options.mask, options.corrupt
    hidden = mask.share and mask.scored == "hidden"
    changed = corrupt.noise or corrupt.drop or mask.share
    return not hidden and bool(changed or options.loss != "squared_error")


def grid_of(sizes: Sequence[int], patch: int) -> tuple[int, ...]:
    """How many patches lie along each side of a row: its last two axes, or its only one."""
    return tuple(size // patch for size in sizes[-2:])


def count_hidden(share: float, patches: int) -> int:
    """How many of so many patches are hidden."""
    return round(share * patches)


def check_mask(mask: Mask, name: str, sizes: Sequence[int], where: Where) -> Iterator[Problem]:
    """Patches that do not fit into a row, or of which none or all would be hidden."""
    if not mask.share:
        return
    sides = sizes[-2:]
    if all(sides) and any(side % mask.patch for side in sides):
        shape = " x ".join(map(str, sides))
        what = f"`learner.mask.patch` is {mask.patch}, but {name} has rows of {shape}"
        common = math.gcd(*sides)
        fit = [one for one in range(1, common + 1) if common % one == 0]
        best = min(fit, key=lambda one: (abs(one - mask.patch), one))
        accepted, hint = join_names(list(map(str, fit))), f"learner.mask.patch={best}"
        yield Problem(what, where(("learner", "mask", "patch")), accepted, hint)
    elif patches := math.prod(grid_of(sizes, mask.patch)):
        yield from _check_share(mask, name, patches, where)


def _check_share(mask: Mask, name: str, patches: int, where: Where) -> Iterator[Problem]:
    hidden = count_hidden(mask.share, patches)
    if patches == 1:
        what = f"`learner.mask.patch` is {mask.patch}, but then a row of {name} is one patch"
        at, hint = where(("learner", "mask", "patch")), "learner.mask.patch=1"
        yield Problem(what, at, "a smaller number", hint)
    elif hidden in (0, patches):
        told = "none of the {} patches of a row is" if not hidden else "each of the {} patches is"
        what = f"`learner.mask.share` is {mask.share:g}, but then {told.format(patches)} hidden"
        low, high = 0.5 / patches, 1 - 0.5 / patches
        accepted = f"0, or a number between {low:.2g} and {high:.2g}"
        at = where(("learner", "mask", "share"))
        yield Problem(what, at, accepted, "learner.mask.share=0.5")
