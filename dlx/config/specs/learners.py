"""Learners by name: what one step of training means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..fields import Chosen, Component, Table, option
from .anomalies import Anomalies
from .clusters import Clusters
from .contrastive import Contrastive
from .dqn import Dqn
from .dreams import Dream, Style
from .judge import JUDGE, Judge
from .language import LANGUAGE_NETWORKS
from .learner import Learner as Learner
from .models import MODELS
from .optimizers import OPTIMIZERS
from .policies import Ppo, Reinforce
from .probe import PROBE, Probe
from .projections import Projection


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
    terms: Literal["nats", "book"] = option(
        "nats",
        "the loss: the bound in nats a picture; or in the terms of the book's code the mean "
        "cross-entropy of a pixel + 0.0005 * the mean over latent numbers of mean^2 + "
        "exp(log_variance) - log_variance - 1, and the bound beside it",
        newer=True,
    )
    std: Literal["half", "whole"] = option(
        "half",
        "standard deviation of what is drawn: exp(log_variance / 2), or exp(log_variance), as in "
        "the book's code (whole)",
        newer=True,
    )
    bound_samples: int = option(
        0,
        "draws a picture for the importance-weighted bound, told at the end (Burda and others, "
        "2016); 0: not told",
        ge=0,
        newer=True,
    )
    probe: Probe | None = option(None, PROBE, newer=True)


@dataclass(frozen=True, kw_only=True)
class Corrupt:
    """What is done to each number of a row before the encoder reads it."""

    noise: float = option(0.0, "standard deviation of normal noise that is added", ge=0)
    drop: float = option(0.0, "share of the numbers that become 0", ge=0, lt=1)


@dataclass(frozen=True, kw_only=True)
class Mask:
    """Which part of a row the encoder does not read: hidden numbers are those of the mean row."""

    share: float = option(0.0, "share of the patches that are hidden; 0: none", ge=0, lt=1)
    patch: int = option(
        4, "side of a patch in pixels; of rows that are no pictures, numbers side by side", ge=1
    )
    scored: Literal["hidden", "all"] = option(
        "hidden", "the loss is of hidden numbers alone, or of all"
    )


@dataclass(frozen=True, kw_only=True)
class Autoencoder(Learner):
    """Each row from a few numbers, or from what is left of it (Vincent, 2008; He, 2021)."""

    spec = "dlx.config.autoencoder:AutoencoderSpec"

    code: int = option(32, "numbers that stand for a row", ge=1)
    encoder: Chosen = option(
        MODELS.default("mlp"), "gives the numbers that stand for a row", table=MODELS
    )
    decoder: Chosen = option(
        MODELS.default("mlp"), "gives the row that numbers stand for", table=MODELS
    )
    loss: Literal["squared_error", "cross_entropy"] = option(
        "squared_error",
        "of each number: its squared error; or, of numbers from 0 to 1, the cross-entropy of a "
        "pixel that is white with the probability that the decoder gives",
    )
    corrupt: Corrupt = option(Corrupt, "what is done to rows first, which are to be rebuilt whole")
    mask: Mask = option(Mask, "which part of rows is hidden, and is to be told from the rest")
    probe: Probe | None = option(None, PROBE)


@dataclass(frozen=True, kw_only=True)
class GanOptimizers:
    """What moves each network; null: the config's `optimizer`."""

    generator: Chosen | None = option(None, "moves the generator", table=OPTIMIZERS)
    discriminator: Chosen | None = option(None, "moves the discriminator", table=OPTIMIZERS)


@dataclass(frozen=True, kw_only=True)
class Gan(Learner):
    """Generative adversarial networks: samples that cannot be told from data (Goodfellow, 2014)."""

    spec = "dlx.config.gan:GanSpec"

    noise: int = option(16, "random numbers that a sample is made of", ge=1)
    generator: Chosen = option(
        MODELS.default("mlp"), "makes a sample of random numbers", table=MODELS
    )
    discriminator: Chosen = option(
        MODELS.default("mlp"), "tells samples from rows of the data", table=MODELS
    )
    optimizers: GanOptimizers = option(
        GanOptimizers, "an optimizer for each network; null: that of `optimizer`"
    )
    output: Literal["sigmoid", "tanh", "tanh_unscaled"] = option(
        "sigmoid",
        "what makes samples of the generator's numbers; sigmoid: from 0 to 1; tanh: from -1 to 1, "
        "which data are scaled to as well; tanh_unscaled: beside data from 0 to 1 (the book)",
        newer=True,
    )
    loss: Literal["cross_entropy", "mean_cross_entropy", "hinge", "least_squares"] = option(
        "cross_entropy",
        "of both networks; cross_entropy adds that of rows and that of samples, "
        "mean_cross_entropy takes their mean (the book)",
        newer=True,
    )
    labels: Literal["real", "made"] = option(
        "real", "which rows have the label 1, to which noise is added; made: the book's", newer=True
    )
    label_noise: float = option(
        0.0,
        "uniform noise from 0 to this is added to labels (the book: 0.05)",
        ge=0,
        lt=1,
        newer=True,
    )
    label_smoothing: float = option(
        0.0,
        "how far the label of rows of the data is from that of certainty",
        ge=0,
        lt=1,
        newer=True,
    )
    shown_every: int = option(5, "pictures of samples are kept of each such epoch", ge=1)
    judge: Judge = option(Judge, JUDGE, newer=True)


@dataclass(frozen=True, kw_only=True)
class Diffusion(Learner):
    """Diffusion model: samples out of noise, which is taken off step by step (Ho, 2020)."""

    spec = "dlx.config.diffusion:DiffusionSpec"

    denoiser: Chosen = option(
        MODELS.default("mlp"),
        "guesses what is noise in a noisy row, told its `level`",
        table=MODELS,
    )
    predicts: Literal["noise", "velocity", "data"] = option(
        "noise", "what it answers; velocity is noise and data in the shares of the other"
    )
    schedule: Literal["cosine", "linear"] = option(
        "cosine", "how noise grows from step to step (Nichol and Dhariwal, 2021; Ho, 2020)"
    )
    steps: int = option(1000, "in so many steps data become noise", ge=2)
    jumps: int = option(
        20, "in so many jumps a sample comes out of noise (DDIM; Song and others, 2021)", ge=1
    )
    looks: int = option(
        4, "noise levels, evenly apart, at which each row that does not train is scored", ge=1
    )
    level: int = option(32, "numbers that tell the network how much noise there is", ge=2)
    judge: Judge = option(Judge, JUDGE)
    shown_every: int = option(5, "pictures of samples are kept of each such epoch", ge=1)


@dataclass(frozen=True, kw_only=True)
class WordVectors(Learner):
    """A vector for each word, from which words stand near it (word2vec; Mikolov, 2013)."""

    spec = "dlx.config.word_vectors:WordVectorsSpec"

    method: Literal["skip_gram", "cbow"] = option(
        "skip_gram",
        "a word tells each word near it (skip_gram), or the mean of those near it tells it (cbow)",
    )
    size: int = option(100, "numbers of a word's vector", ge=1)
    window: int = option(
        5, "words at either side that are near; for each word a number from 1 to it is drawn", ge=1
    )
    negatives: int = option(5, "weight of words drawn at random against one that is near", ge=1)
    drawn: int = option(64, "words drawn at random a step, which all its words share", ge=1)
    power: float = option(
        0.75, "words are drawn by their frequency to this power; 0: all alike", ge=0
    )
    subsample: float | None = option(
        1e-4,
        "frequency f from which on a word is left out at random: sqrt(subsample / f) stay; null: "
        "all do",
        gt=0,
    )


@dataclass(frozen=True, kw_only=True)
class Member:
    """A finished run whose weights an ensemble holds.

    Attributes:
        run: its name, or its path.
        at: where in it the weights lie: its own, of a fold (folds/0), of an epoch (snapshots/10).
        sha256: of the weights.
    """

    run: str = option(help="a run folder, or a unique part of a run's name", path=True)
    at: str = option(
        "", "which of its weights: empty: those that it kept; folds/NUMBER; snapshots/EPOCH"
    )
    sha256: str = option("", "digest of the weights, which dlx fills in and holds them to")


@dataclass(frozen=True, kw_only=True)
class Ensemble(Learner):
    """Averages the predictions of finished runs; `dlx ensemble RUN RUN` puts one together."""

    spec = "dlx.config.ensemble:EnsembleSpec"

    members: dict[str, Member] = option(
        dict, "the runs, by the names that reports give them", example="{one: {run: 1a2b3c4d}}"
    )
    weights: Literal["mean", "nelder_mead", "random_search"] = option(
        "mean",
        "what each member counts: all the same; or what has the least loss on the validation set, "
        "found by the simplex of Nelder and Mead (1965), or among weights drawn at random",
    )
    classical: tuple[Literal["linear", "naive_bayes", "boosting"], ...] = option(
        (),
        "classical models that join, fitted to the training rows as `inputs_of` reads them: "
        "logistic or ridge regression, naive Bayes of counts, gradient-boosted trees",
    )
    inputs_of: str = option(
        "", "the member whose inputs classical models read; empty: the first by name"
    )
    draws: int = option(1000, "weights that random_search draws", ge=1)


@dataclass(frozen=True, kw_only=True)
class LanguageModel(Learner):
    """Tells the next token of a text from those before it (book 8.1)."""

    spec = "dlx.config.language_model:LanguageModelSpec"

    network: Chosen = option(
        LANGUAGE_NETWORKS.default("lstm"), "reads the text", table=LANGUAGE_NETWORKS
    )
    tells: Literal["every", "last"] = option(
        "every",
        "what is learnt and scored of a stretch: what follows each of its tokens, or only what "
        "follows the last (as the book does)",
    )
    shown: int = option(400, "tokens of each text that is written after an epoch", ge=1)


LEARNERS = Table(
    "learner",
    {
        "supervised": Component(Supervised, "dlx.learning.supervised:Supervised"),
        "autoencoder": Component(Autoencoder, "dlx.learning.autoencoder:Autoencoder"),
        "vae": Component(Vae, "dlx.learning.vae:Vae"),
        "gan": Component(Gan, "dlx.learning.gan:Gan"),
        "diffusion": Component(Diffusion, "dlx.learning.diffusion:Diffusion"),
        "ensemble": Component(Ensemble, "dlx.learning.ensemble:Ensemble"),
        "language_model": Component(LanguageModel, "dlx.learning.language_model:LanguageModel"),
        "contrastive": Component(Contrastive, "dlx.learning.contrastive:Contrastive"),
        "word_vectors": Component(WordVectors, "dlx.learning.word_vectors:WordVectors"),
        "projection": Component(Projection, "dlx.learning.projection:Projection"),
        "anomalies": Component(Anomalies, "dlx.learning.anomalies:Anomalies"),
        "clusters": Component(Clusters, "dlx.learning.clusters:Clusters"),
        "dream": Component(Dream, "dlx.learning.dream:Dream"),
        "ppo": Component(Ppo, "dlx.learning.ppo:Ppo"),
        "dqn": Component(Dqn, "dlx.learning.dqn:Dqn"),
        "reinforce": Component(Reinforce, "dlx.learning.reinforce:Reinforce"),
        "style": Component(Style, "dlx.learning.style:Style"),
    },
)
