"""Pictures: PNG files that can be read, whatever the numbers, and always the same."""

from __future__ import annotations

import io
import math

import matplotlib
import numpy as np
import pytest
from PIL import Image

from dlx.report.curves import _bars, curves
from dlx.report.matrix_plots import confusion
from dlx.report.plots import Bar, Curve, curve, scatter
from dlx.report.read import Run

NAN = math.nan


def colors(png: bytes) -> set[tuple[int, ...]]:
    image = Image.open(io.BytesIO(png)).convert("RGB")
    image.load()
    return {color for _, color in image.getcolors(image.width * image.height)}


TRAIN, VAL, WHITE = (213, 94, 0), (0, 114, 178), (255, 255, 255)


@pytest.mark.parametrize(
    ("train", "val", "drawn"),
    [
        ([1.0, 0.5, 0.2], [1.0, 0.7, 0.9], {TRAIN, VAL}),
        ([1.0, 0.5, 0.2], [NAN, NAN, NAN], {TRAIN}),
        ([NAN, NAN, NAN], [1.0, NAN, 0.9], {VAL}),
        ([NAN, 0.5, NAN], [NAN, 0.7, NAN], {TRAIN, VAL}),
        ([0.0, 0.0, 0.0], [0.0, 0.0, 0.0], {TRAIN, VAL}),
        ([1e99, -1e99, 0.0], [1e-99, 0.0, -1e-99], {TRAIN, VAL}),
    ],
)
def test_a_curve_draws_what_there_is(train, val, drawn):
    found = colors(curve(Curve("loss", [1, 2, 3], train, val, best=2)))
    assert WHITE in found
    assert {TRAIN, VAL} & found == drawn


@pytest.mark.parametrize("epochs", [1, 400])
def test_a_curve_of_any_length_is_drawn(epochs):
    values = [1 / e for e in range(1, epochs + 1)]
    found = colors(curve(Curve("loss", range(1, epochs + 1), values, values)))
    assert {TRAIN, VAL} <= found


@pytest.mark.parametrize(("value", "fits"), [(0.8, True), (0.5, False), (NAN, False)])
def test_a_baseline_is_drawn_only_where_it_leaves_the_curves_legible(value, fits):
    data = Curve("accuracy", [1, 2], [0.9, 0.95], [0.88, 0.9], bars=[Bar("majority", value)])
    bare = Curve("accuracy", [1, 2], [0.9, 0.95], [0.88, 0.9])
    assert bool(data.shown) is fits
    assert (curve(data) != curve(bare)) is fits


def test_the_colour_of_a_cell_is_its_share_of_the_row_and_its_number_the_count(figures):
    counts = np.array([[90, 10], [1, 1]])
    confusion(counts, ["a", "b"])
    (axes,) = figures[-1].axes
    assert axes.images[0].get_array().tolist() == [[0.9, 0.1], [0.5, 0.5]]
    assert [text.get_text() for text in axes.texts[4:]] == ["90", "10", "1", "1"]


@pytest.mark.parametrize("many", [1, 2, 12])
def test_a_matrix_of_any_size_and_with_any_names_is_drawn(many):
    names = [f"$\\frac{{$ {i} \N{PILE OF POO}漢 " + "long" * i for i in range(many)]
    counts = np.zeros((many, many), np.int64)
    counts[0] = 1
    image = Image.open(io.BytesIO(confusion(counts, names)))
    assert 500 < image.width < 1200
    assert 300 < image.height < 1200


def test_a_scatter_shows_points_and_its_line():
    true = np.linspace(-3, 40, 200)
    assert colors(scatter(true, true[::-1])) != colors(scatter(true, true))
    same = np.full(3, 7.0)
    assert WHITE in colors(scatter(same, same))


def test_the_user_s_own_settings_change_nothing():
    data = Curve("loss", [1, 2], [1.0, 0.5], [0.9, 0.7])
    usual = curve(data)
    mine = {"figure.facecolor": "black", "font.size": 30, "text.usetex": True, "savefig.dpi": 30}
    with matplotlib.rc_context(mine):
        assert curve(data) == usual
        assert matplotlib.rcParams["font.size"] == 30


def test_a_curve_has_a_line_for_each_naive_forecast_and_the_best_of_other_kinds():
    listed = [
        *(("median", "constant", 5.0), ("mean", "constant", 6.0), ("last value", "naive", 4.0)),
        *(("same hour yesterday", "naive", 5.5), ("ridge regression", "classical", 3.0)),
    ]
    beside = [{"name": n, "kind": kind, "value": value} for n, kind, value in listed]
    score = {"name": "val/mae", "direction": "min", "value": 2.0, "beside": beside}
    baseline = {"name": "ridge regression", "value": 3.0}
    epochs = [{"epoch": 1, "train/mae": 7.0, "val/mae": 6.0}, {"train/mae": 2.5, "val/mae": 2.0}]
    for scores, names in (
        ([score], ["ridge regression", "last value", "median", "same hour yesterday"]),
        ([{**score, "beside": [], "baseline": baseline}], ["ridge regression"]),  # of older runs
        ([{**score, "name": "val/mse"}], []),
        (
            [{**score, "name": "test/mae", "direction": "max"}],
            ["mean", "same hour yesterday", "last value", "ridge regression"],
        ),
    ):
        found = _bars(Run({"scores": scores}, epochs), "mae")
        assert [bar.name for bar in found] == names
    (block,) = curves(Run({"scores": [score]}, epochs)).blocks
    bare = curves(Run({"scores": []}, epochs)).blocks[0]
    assert block.size[1] > bare.size[1]  # its legend has room
