"""What every learner's options have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, kw_only=True)
class Learner:
    """Options that every learner has, and where it says what may be asked of it.

    One with several groups of parameters may have a section `optimizers`, of a `Chosen | None` by
    group: what moves it in place of the config's `optimizer`.

    Attributes:
        spec: "module:class" of its `dlx.config.learners.LearnerSpec`, which imports no torch.
    """

    spec: ClassVar[str]
