"""Mulan's tables with several labels a row: ARFF, and an XML file that names the labels."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...config.specs.multilabel import Scene, Yeast
from ..columns import Dense
from ..reader import Reader, damage
from ..samples import Samples
from .arff import Arff, read_arff

SCENES = ("Beach", "Sunset", "FallFoliage", "Field", "Mountain", "Urban")
FUNCTIONS = tuple(f"Class{place}" for place in range(1, 15))
_LABEL = re.compile(r'<label\s+name="([^"<>&]*)"')


def _read_yeast(options: Yeast, folder: Path) -> Samples:
    return _read(options, folder, ("yeast.arff",), "yeast.xml")


def _read_scene(options: Scene, folder: Path) -> Samples:
    return _read(options, folder, ("scene-train.arff", "scene-test.arff"), "scene.xml")


def _read(options: Yeast | Scene, folder: Path, names: Sequence[str], listed: str) -> Samples:
    """The rows of one file, or of the training file and the test file."""
    labels = _read_labels(folder / listed)
    tables = [read_arff(folder / name) for name in names]
    for name, table in zip(names, tables, strict=True):
        _check(options, folder / name, table, labels, tables[0])
    every = [one.name for one in tables[0].attributes]
    marked = np.isin(every, labels)
    rows = np.concatenate([table.rows for table in tables])
    (target,), many = options.targets, len(tables[0].rows)
    return Samples(
        columns={
            "features": Dense(rows[:, ~marked].astype(np.float32)),
            target: Dense(rows[:, marked].astype(np.float32)),
        },
        inputs=options.inputs,
        targets=(target,),
        test=np.arange(many, len(rows)) if len(tables) > 1 else None,
        classes={target: tuple(name for name in every if name in labels)},
        features={"features": tuple(name for name in every if name not in labels)},
    )


def _read_labels(path: Path) -> tuple[str, ...]:
    """Names of the labels. Their order is the table's."""
    found = tuple(_LABEL.findall(path.read_text("utf-8", errors="replace")))
    if not found:
        raise damage(path, "names no label", '<label name="..."> in <labels>')
    return found


def _check(
    options: Yeast | Scene, path: Path, table: Arff, labels: tuple[str, ...], first: Arff
) -> None:
    names = [one.name for one in table.attributes]
    if lacking := [label for label in labels if label not in names]:
        raise damage(path, f"has no attribute {lacking[0]}", "an attribute for each label")
    if table.attributes != first.attributes:
        raise damage(path, "declares other attributes than the training file", "the same")
    (wide,) = options.shapes["features"]
    if len(names) - len(labels) != wide:
        raise damage(
            path, f"has {len(names) - len(labels)} attributes that are no labels", str(wide)
        )
    wrong = [a for a in table.attributes if (a.values is not None) != (a.name in labels)]
    wrong += [a for a in table.attributes if a.name in labels and a.values != ("0", "1")]
    if wrong:
        raise damage(path, f"attribute {wrong[0].name}", "labels as {0,1}, all others as numbers")


def _write(path: Path, rows: int, labels: tuple[str, ...], wide: int, seed: int) -> None:
    """Made-up rows: each label looks at numbers of its own; the last one is rare."""
    random = np.random.RandomState(seed)
    features = random.normal(0, 0.1, (rows, wide))
    edges = np.linspace(-0.05, 0.2, len(labels))
    noisy = features[:, : len(labels)] + random.normal(0, 0.03, (rows, len(labels)))
    marked: npt.NDArray[np.int64] = (noisy > edges).astype(np.int64)
    header = ["@relation made_up", ""]
    header += [f"@attribute Att{place} numeric" for place in range(1, wide + 1)]
    header += [f"@attribute {label} {{0,1}}" for label in labels]
    pairs = zip(features.tolist(), marked.tolist(), strict=True)
    lines = [",".join([*(f"{x:.6f}" for x in one), *map(str, own)]) for one, own in pairs]
    path.write_text("\n".join([*header, "", "@data", *lines, ""]), encoding="utf-8")


def _write_labels(path: Path, labels: tuple[str, ...]) -> None:
    lines = [f'<label name="{label}"></label>' for label in labels]
    space = "http://mulan.sourceforge.net/labels"
    text = "\n".join([f'<labels xmlns="{space}">', *lines, "</labels>", ""])
    path.write_text(text, encoding="utf-8")


def _write_yeast(folder: Path) -> None:
    _write(folder / "yeast.arff", 200, FUNCTIONS, 103, 0)
    _write_labels(folder / "yeast.xml", FUNCTIONS)


def _write_scene(folder: Path) -> None:
    for part, rows in (("train", 150), ("test", 60)):
        _write(folder / f"scene-{part}.arff", rows, SCENES, 294, len(part))
    _write_labels(folder / "scene.xml", SCENES)


yeast = Reader(_read_yeast, _write_yeast)
scene = Reader(_read_scene, _write_scene)
