"""Writing on with the language model of a finished run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from ..config.names import plural
from ..data.columns import Passages
from ..data.tokens import cut
from ..errors import Problem, RunError, UsageError
from ..learning import texts
from ..learning.language_model import LanguageModel
from ..learning.writing import Drawing, write
from ..running.kept import Kept
from ..sources.data import read_data

SHOWN = 60
"""Characters that are known, at most, which an error names."""


@dataclass(frozen=True)
class Writer:
    """A run that is ready to write.

    Attributes:
        kept: what the run has kept.
        learner: its learner with these weights.
        words: the token of each id.
    """

    kept: Kept
    learner: LanguageModel
    words: tuple[str, ...]

    @classmethod
    def of(cls, kept: Kept) -> Writer:
        """The language model of a run.

        Raises:
            RunError: its fitted preparation is damaged.
        """
        pipeline = kept.pipeline()
        learner = kept.learner_alone(pipeline)
        try:
            if learner is None:
                raise LookupError
            (step,) = pipeline.steps
            words = ("", *map(str, step.state["words"]))
        except (ValueError, LookupError, TypeError) as error:
            what = "the fitted preparation has no vocabulary"
            raise RunError(Problem(what, str(kept.run), hint="train again")) from error
        writer = cls(kept, cast("LanguageModel", learner), words)
        if len(words) != writer.learner.model.ids:
            what = f"the vocabulary has {len(words):,} tokens, the network another number"
            raise RunError(Problem(what, str(kept.run), hint="train again"))
        writer.learner.networks.eval()
        return writer

    def number(self, prompt: str, unknown: bool = False) -> list[int]:
        """The tokens of a prompt.

        Args:
            prompt: the text.
            unknown: whether tokens that no training row had are read as the unknown one.

        Raises:
            UsageError: it is empty, or has such tokens.
        """
        options = self.kept.config.dataset.options
        place = {word: at for at, word in enumerate(self.words) if at}
        tokens = cut(prompt.lower() if options.lower else prompt, options.unit)
        if tokens and tokens[0] not in place and f" {tokens[0]}" in place:
            tokens[0] = f" {tokens[0]}"  # words are known with the blank that is before them
        if not tokens:
            what = "the prompt is empty"
            hint = "leave out --prompt: a stretch of the validation set stands in its place"
            raise UsageError(Problem(what, "--prompt", "at least one character", hint))
        missing = [token for token in dict.fromkeys(tokens) if token not in place]
        if missing and not unknown:
            raise UsageError(self._tell_missing(missing, options.unit))
        return [place.get(token, 0) for token in tokens]

    def _tell_missing(self, missing: list[str], unit: str) -> Problem:
        named = ", ".join(map(repr, missing[:10]))
        what = f"the prompt has {plural(len(missing), f'{unit}')} that the run does not know: "
        accepted = f"{len(self.words) - 1:,} known {unit}s"
        if unit == "character":
            accepted = "".join(sorted(self.words[1:]))[:SHOWN]
            accepted = f"{len(self.words) - 1:,} known characters: {accepted!r}"
        hint = "--unknown reads them as unknown"
        return Problem(what + named, "--prompt", accepted, hint)

    def usual(self) -> list[int]:
        """A stretch of the validation set, or of the training rows where none validate.

        Raises:
            UsageError: the data are missing, or have changed.
        """
        data = read_data(self.kept.config)
        self.kept.earlier.check_data(data)
        fold = self.kept.place(data)
        column = fold.columns[self.learner.model.name]
        assert isinstance(column, Passages)
        rows = fold.rows.validation if len(fold.rows.validation) else fold.rows.train
        return texts.prompt_of(column, rows)

    def write(self, prompt: list[int], way: Drawing, seed: int) -> Iterator[str]:
        """The tokens that follow a prompt, one by one, without an end."""
        for (one,) in write(self.learner.model, prompt, [way], seed, self.learner.fresh):
            yield self.words[one]

    def text(self, ids: list[int]) -> str:
        """What tokens say; an unknown one is a replacement character."""
        return "".join(self.words[at] if at else "\ufffd" for at in ids)

    def warn(self, prompt: list[int]) -> str:
        """What to know of a prompt; "" for nothing."""
        needed = self.learner.fresh
        if len(prompt) >= needed:
            return ""
        many = plural(len(prompt), "token")
        return f"the run has learnt to read {needed} tokens, and the prompt has {many}"
