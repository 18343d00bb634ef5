"""Callbacks by name: what may watch a training and act on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from ..fields import Component, Table, option


@dataclass(frozen=True, kw_only=True)
class EarlyStopping:
    """Stops once the monitored score has not improved for `patience` epochs in a row.

    Which weights are kept does not depend on it: the best by trainer.monitor, else the last.
    """

    monitor: str = option(
        "auto", "score to monitor, for example val/loss or train/accuracy; auto: trainer.monitor"
    )
    patience: int = option(
        5, "epochs in a row without improvement after which it stops", unit="epochs", ge=1
    )
    min_delta: float = option(0.0, "improvements up to this do not count", ge=0)
    stops: Literal["at_patience", "past_patience"] = option(
        "at_patience",
        "at_patience: with the last of `patience` epochs (Keras since 2.0.9); "
        "past_patience: with one more (the book's Keras: patience 1 stops after 2 epochs)",
        newer=True,
    )
    from_epoch: int = option(
        1, "first epoch that is looked at: a warm-up before it", unit="epochs", ge=1, newer=True
    )
    baseline: float | None = option(
        None,
        "score that must be beaten: until then an improvement does not end the count of epochs",
        newer=True,
    )


@dataclass(frozen=True, kw_only=True)
class TimeLimit:
    """Stops at the end of the epoch in which the time limit is reached."""

    minutes: float = option(help="time limit of the training", unit="minutes", gt=0, example="30")


@dataclass(frozen=True, kw_only=True)
class CSVLog:
    """Writes the scores of every epoch into `epochs.csv` of the run folder, for spreadsheets."""

    separator: Literal["comma", "semicolon", "tab"] = option(
        "comma", "between two cells; semicolon: for spreadsheets with a decimal comma"
    )


@dataclass(frozen=True, kw_only=True)
class Activations:
    """Keeps what every layer gives for the first validation rows, after each epoch.

    Attributes:
        needs_validation: whether it is refused where no rows are held out.
    """

    needs_validation: ClassVar[bool] = True

    samples: int = option(1, "validation rows, the first ones", ge=1, le=64)
    every: int = option(1, "epochs between two records", unit="epochs", ge=1)
    pictures: bool = option(True, "pictures of the first row's activations, for the report")


@dataclass(frozen=True, kw_only=True)
class TensorBoard:
    """Writes TensorBoard logs into the run folder: scores, histograms, graph, images."""

    histograms: int = option(1, "histograms of weights and gradients every N epochs; 0: off", ge=0)
    steps: int = option(10, "training loss every N optimizer steps; 0: off", ge=0)
    graph: bool = option(True, "the graph of the model's layers")
    images: int = option(
        16, "most input images, and filters of the first convolution, to show; 0: off", ge=0
    )
    embeddings: int = option(
        0,
        "rows in the projector: last hidden layer on validation rows, word vectors; 0: off",
        ge=0,
        le=10_000,
    )
    embeddings_every: int = option(
        0, "projector after every N epochs too; 0: at the end only", unit="epochs", ge=0, newer=True
    )


@dataclass(frozen=True, kw_only=True)
class MLflow:
    """Logs the run to MLflow: config, scores of epochs, final scores with baselines, files."""

    tracking_uri: str = option(
        "local",
        "where to: local (`<run.root>/mlflow`), env (MLFLOW_TRACKING_URI), or an address "
        "without a password",
        example="http://127.0.0.1:5000",
    )
    experiment: str = option("", "MLflow's experiment; empty: the task's name")
    artifacts: tuple[
        Literal[
            "artifacts",
            "config.yaml",
            "data.json",
            "environment.json",
            "log.txt",
            "metrics.jsonl",
            "predictions.csv",
            "report.json",
        ],
        ...,
    ] = option(
        ("config.yaml", "report.json"),
        "files of the run folder to log at the end; artifacts: all that artifacts.json lists",
    )


_CODE = "dlx.training.callbacks"
CALLBACKS = Table(
    "callback",
    {
        "activations": Component(Activations, "dlx.tracking.activations:Activations"),
        "csv_log": Component(CSVLog, "dlx.tracking.csv_log:CSVLog"),
        "early_stopping": Component(EarlyStopping, f"{_CODE}:EarlyStopping"),
        "mlflow": Component(MLflow, "dlx.tracking.mlflow:MLflow", ("mlflow",), "mlflow"),
        "tensorboard": Component(
            TensorBoard, "dlx.tracking.tensorboard:TensorBoard", ("tensorboard",), "tensorboard"
        ),
        "time_limit": Component(TimeLimit, f"{_CODE}:TimeLimit"),
    },
)
