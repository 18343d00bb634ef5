"""What may be asked of a language model: a text, without targets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..errors import Problem
from .files import Where
from .learners import LearnerSpec, ScoreSpec, has_validation
from .schema import Config

_LOSS = "cross-entropy in nats a token"
_BITS = "bits a character, unknown tokens spelled out, so that characters and words compare"
_PERPLEXITY = "tokens among which one would have to guess: e to the loss"


class LanguageModelSpec(LearnerSpec):
    """A text, whose next token is told; settings are compared by bits a character."""

    branch = "self-supervised"
    problem = "next token"
    eats = ("text",)
    uses = ("prepare", "protocol", "optimizer", "schedule")
    can = ("final", "accumulate", "diagnose", "generate")

    def scores(self, config: Config) -> dict[str, ScoreSpec]:
        """The loss of both sets; of rows that do not train bits, and of words the perplexity."""
        found = {"train/loss": ScoreSpec("min", meaning=_LOSS)}
        validates = has_validation(config)
        held = "val" if validates else "test"
        found[f"{held}/bits"] = ScoreSpec("min", validates, validates, _BITS)
        found[f"{held}/loss"] = ScoreSpec("min", False, validates, _LOSS)
        if getattr(config.dataset.options, "unit", "") == "word":
            found[f"{held}/perplexity"] = ScoreSpec("min", False, validates, _PERPLEXITY)
        return found

    def monitor(self, config: Config) -> str | None:
        """The bits a character of the validation set."""
        return "val/bits" if has_validation(config) else None

    def check(self, config: Config, where: Where) -> Iterator[Problem]:
        """Whether the text gets numbers, and the network fits what it is to tell."""
        steps = [step.name for step in config.prepare.steps]
        if steps != ["vocabulary"]:
            told = f"the steps are {', '.join(steps)}" if steps else "there is no step"
            what = f"learner language_model reads the numbers of a vocabulary, but {told}"
            hint = "'prepare.steps=[{name: vocabulary}]'"
            yield Problem(what, where(("prepare", "steps")), "the step vocabulary alone", hint)
        options, path = config.learner.options, ("learner", "network")
        for name, found in options.network.options.check():
            hint = found.hint and f"learner.network.{found.hint}"
            yield replace(found, where=where((*path, name)), hint=hint)
        if options.tells == "last" and options.network.name == "transformer":
            what = "`learner.tells` is last, but a transformer tells what follows every token"
            yield Problem(what, where(("learner", "tells")), "every", "learner.tells=every")
