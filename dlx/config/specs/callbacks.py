"""Callbacks by name: what may watch a training and act on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..fields import Component, Table, option


@dataclass(frozen=True, kw_only=True)
class EarlyStopping:
    """Stops once the monitored score has not improved for `patience` epochs in a row."""

    monitor: str = option("auto", "score to watch, as in val/loss; auto: trainer.monitor")
    patience: int = option(
        5, "epochs in a row without improvement after which it stops", unit="epochs", ge=1
    )
    min_delta: float = option(0.0, "smallest change that counts as improvement", ge=0)


@dataclass(frozen=True, kw_only=True)
class TimeLimit:
    """Stops after the epoch in which the training has run for so many minutes."""

    minutes: float = option(help="longest training time", unit="minutes", gt=0, example="30")


@dataclass(frozen=True, kw_only=True)
class TensorBoard:
    """Writes what TensorBoard shows into the run folder: scores, histograms, graph, images."""

    histograms: int = option(
        1, "weights and gradients as histograms after every so many epochs; 0: never", ge=0
    )
    steps: int = option(10, "training loss of every so many optimizer steps; 0: of none", ge=0)
    graph: bool = option(True, "the graph of the model's layers")
    images: int = option(
        16, "input images, and filters of the first convolution, shown at most; 0: none", ge=0
    )
    embeddings: int = option(
        0,
        "rows in the projector: last hidden layer on validation rows, vectors of words; 0: none",
        ge=0,
        le=10_000,
    )


@dataclass(frozen=True, kw_only=True)
class MLflow:
    """Logs the run to MLflow: config, scores of epochs, final scores with baselines, files."""

    tracking_uri: str = option(
        "local",
        "where to: local (`<run.root>/mlflow`), env (what MLFLOW_TRACKING_URI says), or an address "
        "that holds no password",
        example="http://127.0.0.1:5000",
    )
    experiment: str = option("", "MLflow's experiment; empty: the task's name")
    artifacts: tuple[
        Literal[
            "config.yaml",
            "data.json",
            "environment.json",
            "log.txt",
            "metrics.jsonl",
            "predictions.csv",
            "report.json",
        ],
        ...,
    ] = option(("config.yaml", "report.json"), "files of the run folder to log at the end")


_CODE = "dlx.training.callbacks"
CALLBACKS = Table(
    "callback",
    {
        "early_stopping": Component(EarlyStopping, f"{_CODE}:EarlyStopping"),
        "mlflow": Component(MLflow, "dlx.tracking.mlflow:MLflow", ("mlflow",), "mlflow"),
        "tensorboard": Component(
            TensorBoard, "dlx.tracking.tensorboard:TensorBoard", ("tensorboard",), "tensorboard"
        ),
        "time_limit": Component(TimeLimit, f"{_CODE}:TimeLimit"),
    },
)
