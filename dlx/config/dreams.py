"""What may be asked of learners of a picture: its pixels are all that moves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..errors import Problem
from .files import Where
from .learners import LearnerSpec, ScoreSpec
from .names import did_you_mean, join_names
from .schema import Config
from .specs.averages import is_averaged
from .specs.dreams import Dream, Looks, Style
from .specs.optimizers import recomputes

_OBJECTIVE = "weighted mean square of what the layers answer"
_PARTS = {
    "loss": "weighted sum of the parts below",
    "content": "part of the loss: how far the layers' answers are from those to the content",
    "style": "part of the loss: how far the channels' correlations are from those of the style",
    "variation": "part of the loss: how much neighbours differ",
}


class _LooksSpec(LearnerSpec):
    """What both share: there are no rows, so nothing is held out, and the picture is judged."""

    branch = "generative"
    eats = ("picture",)
    uses = ("optimizer", "schedule")
    makes = "picture"
    inputs: tuple[str, ...]

    def check(self, config: Config, where: Where) -> Iterator[Problem]:
        """A dataset of other pictures, no network or two, and layers that it has not."""
        options, name = config.learner.options, config.learner.name
        assert isinstance(options, Looks)
        if config.dataset.options.inputs != self.inputs:
            what = f"learner {name} works on {join_names(self.inputs)}, but dataset "
            what += f"{config.dataset.name} has {join_names(config.dataset.options.inputs)}"
            fitting = {1: "picture", 2: "picture_pair"}[len(self.inputs)]
            yield Problem(what, where(("dataset",)), hint=f"dataset.name={fitting}")
        if is_averaged(config.trainer.average, config.trainer.epochs):
            what = f"learner {name} keeps the picture of the last step, and averages none"
            yield Problem(what, where(("trainer", "average")), hint="trainer.average=none")
        yield from _check_network(config, options, where)

    def _check_layers(
        self, options: Looks, key: str, layers: Mapping[str, float], where: Where
    ) -> Iterator[Problem]:
        """Layers that the network has not, or that count nothing."""
        path = ("learner", key)
        if options.network is not None:
            known = options.known.layers
            for name in (name for name in layers if name not in known):
                what = f"`learner.{key}` has `{name}`, but {options.network} has no such layer"
                near = did_you_mean(name, known)
                yield Problem(what, where((*path, name)), join_names(known), near)
        chosen = key == "layers" and options.network is None  # a layer is, where none is named
        if layers and not any(layers.values()) and not chosen:
            what = f"all layers of `learner.{key}` count 0, so none has a gradient to the picture"
            yield Problem(what, where(path), "a number other than 0 for one of them")
        if not layers and not chosen:
            what = f"`learner.{key}` names no layer"
            known = options.known.layers if options.network is not None else {}
            example = f"'learner.{key}={{{[*known][-1]}: 1}}'" if known else ""
            yield Problem(what, where(path), join_names(known), example)


def _check_network(config: Config, options: Looks, where: Where) -> Iterator[Problem]:
    """Which network looks must be said once, and it must take pictures of any size."""
    name, run = config.learner.name, config.from_run.run
    if options.network is None and not (run or config.dataset.options.sample):
        what = f"learner {name} has no network to look with: `learner.network` is null"
        accepted = "a network of torchvision, or a run in `from_run`"
        yield Problem(what, where(("learner", "network")), accepted, "from_run=last")
    if options.network is None:
        return
    if run:
        what = f"two networks would look: `learner.network` is {options.network}, and `from_run` "
        what += f"is {run}"
        yield Problem(what, where(("from_run",)), "one of them", "learner.network=null")
    yield from options.check_base(where, ("learner",))
    if options.known.one_size:
        what = f"`learner.network` is {options.network}, which takes pictures of one size only"
        accepted, hint = "one that takes pictures of any size", "learner.network=squeezenet1_1"
        yield Problem(what, where(("learner", "network")), accepted, hint)


class DreamSpec(_LooksSpec):
    """One picture; settings are compared by how much the layers answer to it."""

    problem = "DeepDream"
    inputs = ("image",)

    def scores(self, config: Config) -> dict[str, ScoreSpec]:  # noqa: ARG002
        """The objective: of the picture as it moves, and as it is kept, in whole grey levels."""
        return {
            "train/loss": ScoreSpec("min", meaning="the objective, negative"),
            "train/objective": ScoreSpec("max", meaning=_OBJECTIVE),
            "picture/objective": ScoreSpec("max", judged=True, meaning=_OBJECTIVE),
        }

    def check(self, config: Config, where: Where) -> Iterator[Problem]:
        """What all check, and fewer epochs than octaves."""
        yield from super().check(config, where)
        options = config.learner.options
        assert isinstance(options, Dream)
        yield from self._check_layers(options, "layers", options.layers, where)
        if options.normalise and recomputes(config.optimizer):
            what = f"optimizer {config.optimizer.name} needs the gradient as it is, but "
            what += "`learner.normalise` divides it by its size"
            here = where(("learner", "normalise")) or where(("optimizer",))
            hint = "learner.normalise=false"
            yield Problem(what, here, "false, or another optimizer", hint)

    def notes(self, config: Config) -> list[str]:
        """Fewer epochs than octaves: the picture does not become as large as it was."""
        epochs, octaves = config.trainer.epochs, config.learner.options.octaves
        last = min(epochs, config.trainer.last_epoch or epochs)
        if last >= octaves:
            return []
        told = f"an octave is an epoch, and {last} of {octaves} octaves are done"
        return [f"{told}: the picture stays smaller than it is given"]


class StyleSpec(_LooksSpec):
    """Two pictures; settings are compared by the loss of what is made of them."""

    problem = "style transfer"
    inputs = ("content", "style")

    def scores(self, config: Config) -> dict[str, ScoreSpec]:  # noqa: ARG002
        """The loss and its parts: of the picture as it moves, and as it is kept."""
        found = {}
        for part in ("train", "picture"):
            for name, meaning in _PARTS.items():
                judged = (part, name) == ("picture", "loss")
                found[f"{part}/{name}"] = ScoreSpec("min", judged=judged, meaning=meaning)
        return found

    def check(self, config: Config, where: Where) -> Iterator[Problem]:
        """What all check, and the layers of both kinds."""
        yield from super().check(config, where)
        options = config.learner.options
        assert isinstance(options, Style)
        for key in ("content", "style"):
            yield from self._check_layers(options, key, getattr(options, key), where)
