"""Learners by name: what one step of training means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..fields import Chosen, Component, Table, option
from .models import MODELS


@dataclass(frozen=True, kw_only=True)
class Learner:
    """Options that every learner has, and where it says what may be asked of it.

    One with several groups of parameters may have a section `optimizers`, of a `Chosen | None` by
    group: what moves it in place of the config's `optimizer`.

    Attributes:
        spec: "module:class" of its `dlx.config.learners.LearnerSpec`, which imports no torch.
    """

    spec: ClassVar[str]


class Supervised(Learner):
    """Predicts targets from inputs: one model, the weighted sum of the targets' losses."""

    spec = "dlx.config.supervised:SupervisedSpec"


@dataclass(frozen=True, kw_only=True)
class Vae(Learner):
    """Variational autoencoder: each picture from a few numbers (Kingma and Welling, 2014)."""

    spec = "dlx.config.vae:VaeSpec"

    latent: int = option(2, "numbers that stand for a picture", ge=1)
    encoder: Chosen = option(
        MODELS.default("mlp"), "gives mean and log-variance of a picture's numbers", table=MODELS
    )
    decoder: Chosen = option(
        MODELS.default("mlp"), "gives the pixels that numbers stand for", table=MODELS
    )
    beta: float = option(
        1.0, "weight of the KL divergence in training; the score always has 1", ge=0
    )


LEARNERS = Table(
    "learner",
    {
        "supervised": Component(Supervised, "dlx.learning.supervised:Supervised"),
        "vae": Component(Vae, "dlx.learning.vae:Vae"),
    },
)
