"""What may be asked of a variational autoencoder: pictures without targets."""

from __future__ import annotations

from collections.abc import Iterator

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

_BOUND = "negative bound on the likelihood, in nats a picture"
_BOOK = "in the book's terms: cross-entropy a pixel + 0.0005 * mean of what latent numbers take"
_PARTS = {
    "reconstruction": "part of the {}: what the pixels take, given the latent numbers",
    "kl": "part of the {}: what the latent numbers take (KL divergence)",
}
_WEIGHTED = "importance-weighted bound of {} draws a picture, in nats (Burda and others, 2016)"
_OBJECTIVE = "what training minimises: reconstruction + learner.beta * kl"
_ERROR = "mean squared error a pixel of reconstructions"


class VaeSpec(LearnerSpec):
    """Pictures of one input; a bound in nats a picture is what settings are compared by."""

    branch = "self-supervised"
    problem = "autoencoding"
    uses = ("prepare", "protocol", "optimizer", "schedule")
    encodes = True
    can = ("folds", "final", "accumulate", "diagnose")

    def scores(self, config: Config) -> dict[str, ScoreSpec]:
        """The bound and its parts of both sets; of rows that do not train, the squared error."""
        validates, options = has_validation(config), config.learner.options
        book = options.terms == "book"
        parts = {"bound": _BOUND} if book else {}
        parts |= {name: told.format("bound" if book else "loss") for name, told in _PARTS.items()}
        objective = {"train/objective": ScoreSpec("min", meaning=_OBJECTIVE)}
        found = objective if options.beta != 1 else {}
        for part in ("train", "val") if validates else ("train",):
            meaning = _BOOK if book else _BOUND
            found[f"{part}/loss"] = ScoreSpec("min", judged=part == "val", meaning=meaning)
            for name, meaning in parts.items():
                found[f"{part}/{name}"] = ScoreSpec("min", meaning=meaning)
        held = "val" if validates else "test"
        found[f"{held}/mse"] = ScoreSpec("min", each_epoch=validates, meaning=_ERROR)
        if many := options.bound_samples:
            meaning = _WEIGHTED.format(f"{many:,}")
            found[f"{held}/iw_bound"] = ScoreSpec("min", each_epoch=False, meaning=meaning)
        return {**found, **probe_scores(config)}

    def monitor(self, config: Config) -> str | None:
        """The bound on the validation set."""
        return "val/loss" if has_validation(config) else None

    def models(self, config: Config) -> dict[str, ModelUse]:
        """Encoder and decoder."""
        options = config.learner.options
        latent = {"latent": (options.latent,)}
        return {
            "learner.encoder": ModelUse(
                options.encoder, known_inputs(config), ("mean", "log_variance")
            ),
            "learner.decoder": ModelUse(
                options.decoder, latent, ("pixels",), {"pixels": known_size(config)}
            ),
        }

    def check(self, config: Config, where: Where) -> Iterator[Problem]:
        """Whether there is one input, and no step makes something else of its pictures."""
        yield from check_probe(config, where)
        inputs, options = config.dataset.options.inputs, config.learner.options
        if options.terms == "book" and options.beta != 1:
            what = f"`learner.beta` is {options.beta:g}, but `learner.terms` is book"
            accepted = "1: the book's terms have a weight of their own"
            yield Problem(what, where(("learner", "beta")), accepted, "learner.terms=nats")
        if len(inputs) != 1:
            what = f"learner vae learns from one input, but dataset {config.dataset.name} has "
            yield Problem(what + join_names(inputs), where(("dataset",)), "a dataset of pictures")
        for index, step in enumerate(config.prepare.steps):
            if step.name in _SPOILED:
                what, hint = _SPOILED[step.name]
                what = f"learner vae learns {what}"
                yield Problem(what, where(("prepare", "steps", str(index))), hint=hint)


_SPOILED = {
    "standardise": (
        "pixels from 0 to 1, but standardise makes others",
        "'prepare.steps=[{name: scale, divide_by: 255}]' for bytes",
    ),
    "flatten": (
        "pictures, but flatten makes vectors of them",
        "leave it out: model mlp flattens them itself",
    ),
}
"""What a step would make of pictures, and what to do in its place."""
