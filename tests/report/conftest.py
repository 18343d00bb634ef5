"""Run folders of every kind, as a training leaves them, and a reader of the page."""

from __future__ import annotations

import copy
import csv
import json
from collections.abc import Callable, Iterator, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

MakeRun = Callable[..., Path]
VOID = {"meta", "img", "br", "link", "base", "input"}


class Page(HTMLParser):
    """A page taken apart: its tags with their attributes, its texts, its tables."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.style = ""
        self.tables: dict[str, list[list[str]]] = {}
        self._table: list[list[str]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self._table = self.tables.setdefault(attributes.get("aria-label") or "", [])
        elif tag == "tr":
            self._table.append([])
        elif tag in ("td", "th"):
            self._table[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" in self.open:
            self.style += data
        elif data.strip():
            self.texts.append(data.strip())
            if self.open[-1] in ("td", "th"):
                self._table[-1][-1] += data

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The figures that are drawn from now on."""
    from matplotlib.figure import Figure

    drawn: list[Any] = []
    save = Figure.savefig

    def kept(figure: Any, *args: Any, **how: Any) -> None:
        drawn.append(figure)
        save(figure, *args, **how)

    monkeypatch.setattr(Figure, "savefig", kept)
    return drawn


@pytest.fixture(scope="session")
def page() -> Callable[[Path], Page]:
    return lambda path: Page(path.read_text("utf-8"))


def data_facts(classes: dict[str, int]) -> dict[str, Any]:
    """What a report says of its data."""
    return {
        "dataset": "imdb",
        "rows": {"train": 15000, "val": 10000, "test": 25000},
        "classes": {"sentiment": {"train": classes, "val": classes, "test": classes}},
        "duplicates": {"train-test": 123},
        "files": [{"name": "imdb.npz", "sha256": "69664113be75683a"}],
        "terms": "for research",
    }


def model_facts() -> dict[str, Any]:
    """What a report says of its model."""
    return {
        "name": "mlp",
        "parameters": 160305,
        "layers": [
            {
                "name": "body.0",
                "kind": "Linear",
                "output": "16",
                "parameters": 160288,
                "trainable": True,
            },
            {
                "name": "head",
                "kind": "Linear",
                "output": "1",
                "parameters": 17,
                "trainable": False,
            },
        ],
    }


def full_report() -> dict[str, Any]:
    """A binary run's report with every key there is."""
    classes = {"negative": 6, "positive": 4}
    score = {"direction": "max", "value": 0.8812, "interval": [0.8771, 0.8852]}
    baseline = {"name": "majority", "value": 0.5}
    return {
        "schema_version": 1,
        "task": "imdb",
        "title": "positive or negative film reviews",
        "source": "Deep Learning with Python, 3.4",
        "run": "imdb/20260101-120000-1a2b3c4d-1",
        "sample": False,
        "state": "done",
        "problem": {
            "sentiment": {
                "type": "binary",
                "title": "binary classification",
                "activation": "sigmoid",
                "loss": "binary_cross_entropy",
                "classes": list(classes),
            }
        },
        "answer": {
            "score": "test/accuracy",
            "part": "test",
            "baseline": baseline,
            "beats": True,
            "looks": 3,
            "weights": "best",
            "epoch": 2,
            **score,
        },
        "scores": [
            {"name": "val/accuracy", **score, "baseline": baseline, "interval": None},
            {"name": "test/accuracy", **score, "baseline": baseline},
            {"name": "test/loss", **score, "direction": "min", "baseline": None},
        ],
        "targets": ["sentiment"],
        "monitor": "val/loss",
        "best_epoch": 2,
        "epochs": 4,
        "steps": 1600,
        "data": data_facts(classes),
        "protocol": {"name": "holdout", "rule": "10,000 rows are held out."},
        "prepare": [{"step": "multi_hot", "columns": ["review"], "text": "10,000 ids"}],
        "inputs": {"review": {"kind": "multi_hot", "shape": [10_000]}},
        "model": model_facts(),
        "learner": "supervised",
        "optimizer": "rmsprop lr=0.001",
        "schedule": "cosine final=0.0",
        "seconds": {"train": 3.04, "total": 65.0},
        "environment": {"python": "3.11.7", "threads": 1, "deterministic": True},
        "config": "task: imdb\ntrainer: {epochs: 4}\n",
        "overrides": ["trainer.epochs=4"],
        "command": "dlx train task=imdb trainer.epochs=4",
        "notes": ["mse works, but learns more slowly."],
        "contract": "The same bits on the same versions.",
    }


def full_metrics(epochs: int = 4) -> list[dict[str, Any]]:
    """An overfitting run's rows."""
    return [
        {
            "epoch": e,
            "step": 30 * e,
            "lr": 0.001,
            "train/loss": 0.5 / e,
            "train/accuracy": 1 - 0.3 / e,
            "val/loss": 0.3 + 0.05 * abs(e - 2),
            "val/accuracy": 0.88 - 0.01 * abs(e - 2),
            "hex": {"train/loss": "0x1p-1"},
        }
        for e in range(1, epochs + 1)
    ]


def labels(classes: Sequence[str], rows: int = 300, seed: int = 0) -> list[list[object]]:
    """The rows of a classifier's predictions.csv, four in five of them right."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, len(classes), rows)
    other = rng.integers(0, len(classes), rows)
    predicted = np.where(rng.random(rows) < 0.8, true, other)
    pairs = enumerate(zip(true, predicted, strict=True))
    head: list[object] = ["row", "true", "predicted", "probability"]
    return [head, *([i, classes[t], classes[p], 0.75] for i, (t, p) in pairs)]


@pytest.fixture
def report() -> dict[str, Any]:
    return full_report()


@pytest.fixture(scope="session")
def make_run(tmp_path_factory: pytest.TempPathFactory) -> MakeRun:
    """Writes a run folder; what is not given is as in a binary run, None leaves a file out."""

    def make(
        report: dict[str, Any] | None = None,
        metrics: list[dict[str, Any]] | str | None = "full",
        predictions: list[list[object]] | str | None = "full",
        **changed: Any,
    ) -> Path:
        folder = tmp_path_factory.mktemp("run")
        tree = copy.deepcopy(full_report() if report is None else report)
        (folder / "report.json").write_text(json.dumps({**tree, **changed}), "utf-8")
        if metrics is not None:
            rows = full_metrics() if isinstance(metrics, str) else metrics
            text = "".join(json.dumps(row) + "\n" for row in rows)
            (folder / "metrics.jsonl").write_text(text, "utf-8")
        if predictions is not None:
            binary = labels(["negative", "positive"])
            with (folder / "predictions.csv").open("w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows(binary if isinstance(predictions, str) else predictions)
        return folder

    return make


def problem_of(kind: str, classes: Sequence[str] = ()) -> dict[str, Any]:
    """One target's entry below `problem`."""
    found = {"type": kind, "title": kind, "activation": "none", "loss": "mse"}
    return {**found, "classes": list(classes)} if classes else found


@pytest.fixture
def problem() -> Callable[..., dict[str, Any]]:
    return problem_of


@pytest.fixture
def label_rows() -> Callable[..., list[list[object]]]:
    return labels


@pytest.fixture
def metrics() -> list[dict[str, Any]]:
    return full_metrics()


def places(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value in a tree."""
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, value in pairs:
        yield (*path, key)
        if isinstance(value, (dict, list)):
            yield from places(value, (*path, key))


def replaced(tree: Any, path: tuple[Any, ...], value: Any) -> Any:
    tree = copy.deepcopy(tree)
    inner = tree
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return tree


def each_damaged(tree: Any, value: object) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """The tree with one value replaced, once for each place in it."""
    for path in places(tree):
        yield path, replaced(tree, path, value)


@pytest.fixture(scope="session")
def damaged() -> Callable[..., Iterator[tuple[tuple[Any, ...], Any]]]:
    return each_damaged
