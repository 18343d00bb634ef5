"""Mulan's yeast and scene: labels by their XML file, parts, and files that do not fit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import dlx.data
from dlx.config.fields import Chosen
from dlx.config.specs.multilabel import Scene, Yeast
from dlx.data.readers.multilabel import FUNCTIONS, SCENES, scene, yeast
from dlx.errors import UsageError


def test_labels_are_those_that_the_xml_names_in_the_order_of_the_table(tmp_path: Path) -> None:
    yeast.write_sample(tmp_path)
    listed = tmp_path / "yeast.xml"
    lines = listed.read_text("utf-8").splitlines()
    listed.write_text("\n".join([lines[0], *lines[-2:0:-1], lines[-1]]), encoding="utf-8")

    samples = yeast.read(Yeast(), tmp_path)

    assert samples.classes == {"functions": FUNCTIONS}
    features, labels = (np.asarray(samples.columns[n]) for n in ("features", "functions"))
    assert (features.shape, labels.shape) == ((200, 103), (200, 14))
    assert (features.dtype, set(np.unique(labels))) == (np.float32, {0.0, 1.0})
    assert samples.features["features"][:2] == ("Att1", "Att2")
    assert samples.test is None


def test_the_rows_of_the_test_file_are_the_test_set(tmp_path: Path) -> None:
    scene.write_sample(tmp_path)
    samples = scene.read(Scene(), tmp_path)
    assert samples.test is not None
    assert samples.test.tolist() == list(range(150, 210))
    assert samples.classes == {"scenes": SCENES}


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        ("yeast.xml", "label name", "tag name", "yeast.xml: names no label"),
        ("yeast.xml", "Class14", "Class15", "yeast.arff: has no attribute Class15"),
        ("yeast.arff", "Class14 {0,1}", "Class14 {1,0}", "yeast.arff: attribute Class14"),
        (
            "yeast.xml",
            '<label name="Class14"></label>\n',
            "",
            "yeast.arff: has 104 attributes that are no labels",
        ),
    ],
)
def test_files_that_do_not_fit_are_told_of(
    tmp_path: Path, name: str, old: str, new: str, told: str
) -> None:
    yeast.write_sample(tmp_path)
    text = (tmp_path / name).read_text("utf-8")
    assert old in text
    (tmp_path / name).write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        yeast.read(Yeast(), tmp_path)
    assert str(caught.value).startswith(f"{told}\n")


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "rows", "test", "rarest"),
    [("yeast", 2417, None, ("Class14", 34)), ("scene", 2407, 1196, ("Sunset", 364))],
)
def test_real_files(
    real: Callable[..., Chosen], name: str, rows: int, test: int | None, rarest: tuple[str, int]
) -> None:
    samples = dlx.data.read(real(name))
    (target,) = samples.targets
    counts = np.asarray(samples.columns[target]).sum(axis=0)
    assert len(samples) == rows
    assert (samples.test is None) is (test is None)
    assert test is None or samples.test is None or len(samples.test) == test
    assert (samples.classes[target][counts.argmin()], counts.min()) == rarest
