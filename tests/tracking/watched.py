"""Small runs with a callback that watches, and what TensorBoard's own reader finds of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dlx.config.load import load
from dlx.running.run import Run
from dlx.running.train import train

ALL = "callbacks.tensorboard={steps: 1, embeddings: 20}"
WINE = ("task=wine", "dataset.sample=true", "trainer.epochs=3")
RECIPES = {
    "table, dropout, batch norm": (*WINE, "model.dropout=0.5", "model.batch_norm=true"),
    "multi-hot": ("task=imdb", "dataset.sample=true", "trainer.epochs=2", "model.dropout=0.2"),
    "embedding, lstm": (
        *("task=imdb", "dataset.sample=true", "trainer.epochs=2"),
        "prepare.steps=[{name: truncate, length: 90}]",
        "model={name: layers, layers: [{embedding: 8}, {lstm: 8}, {dropout: 0.3}]}",
    ),
    "images, convnet": (
        *("task=mnist", "dataset.sample=true", "trainer.epochs=2", "protocol=holdout"),
        "model={name: convnet, channels: [4, 8], dropout: 0.3}",
    ),
    "no hidden layer": (*WINE, "model.units=[]", "model.l2=0"),
    "numbers": ("task=diabetes", "dataset.sample=true", "trainer.epochs=2"),
}


def trained(*arguments: str) -> Run:
    """A finished run on one thread."""
    return train(load([*arguments, "trainer.threads=1"]), lambda _: None)


def warnings_of(run: Path) -> list[str]:
    """The warnings in `log.txt`, without the time."""
    lines = (run / "log.txt").read_text("utf-8").splitlines()
    return [line[21:] for line in lines if "warning:" in line]


def rows_of(file: Path) -> list[dict[str, Any]]:
    """The rows of a curve, without what is no score."""
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    return [{k: v for k, v in row.items() if k not in ("step", "hex")} for row in rows]
