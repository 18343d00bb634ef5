"""What is drawn where: axes that end where their scores do, letters that can be read."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

from dlx.report import compare_plots, evidence_plots, matrix_plots, plots, sweep_plots
from dlx.report.compare_plots import Span
from dlx.report.evidence_plots import Line, Slice
from dlx.report.levers import lever
from dlx.report.plots import Bar, Curve, Turn
from dlx.report.sweep_plots import Fan, Trade

RATES = [0.002, 0.0027, 0.0035, 0.0041, 0.0052, 0.0069, 0.0072]
SHARES = [1.0, 0.98, 1.0, 0.97, 0.99, 1.0, 0.96]
UNITS = [[8], [16], [32], [16, 16], [8], [16], [32]]
LEVERS = [
    lever("optimizer.lr", RATES),
    lever("model.units", UNITS),
    lever("trainer.batch_size", [4, 8, 16, 4, 8, 16, 4]),
    lever("augmentation.a_rather_long_name_of_it", [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.503]),
    lever("model.dropout", [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.503]),
    lever("model.l2", [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1.1e-6, 1e-1]),
]
NAMES = [f"{i}: units=[64,64] dropout=0.{i} l2=0.0001 optimizer.lr=0.00{i}" for i in range(7)]
LINES = [Line(name, SHARES, SHARES, place) for place, name in enumerate(NAMES)]
FULL = Curve(
    "accuracy",
    range(1, 8),
    SHARES,
    SHARES,
    best=7,
    bars=[Bar("logistic regression", 0.9)],
    turn=Turn("overfits", 3, 0.1),
)
SERIES = Curve(
    "mae",
    range(1, 2),
    [4.6],
    [5.1],
    best=1,
    bars=[Bar("mean", 4.984), Bar("last value", 6.113), Bar("same hour yesterday", 6.144)],
)
SPANS = [
    Span(f"run {i}: optimizer.lr=0.0{i} trainer.epochs={i}0", 0.9, (0.8, 1.0), 0.4)
    for i in (1, 2, 3)
]


def fan(levers: Any) -> bytes:
    return sweep_plots.parallel(Fan(levers, "val/accuracy", SHARES, 1.0, 0, cut=True))


def trade(name: str = "parameters") -> bytes:
    across = [float(100 * one) for one in range(1, 8)] if name == "parameters" else SHARES
    return sweep_plots.tradeoff(Trade((name, across), ("val/accuracy", SHARES), [0, 1], own=2))


def matrix() -> bytes:
    names = [f"a class with a name {i}" for i in range(12)]
    return matrix_plots.confusion(np.full((12, 12), 12_345), names)


def reliability(*rows: int) -> bytes:
    bins = np.arange(10)
    full = np.array(rows) > 0
    said, came = np.where(full, bins / 10 + 0.05, np.nan), np.where(full, 1.0, np.nan)
    return evidence_plots.reliability(evidence_plots.Reliability(np.array(rows), said, came))


DRAWN = {
    "curve": lambda: plots.curve(FULL),
    "curve of a series": lambda: plots.curve(SERIES),
    "smoothed": lambda: plots.draw_smoothed("accuracy", range(1, 8), SHARES, (1, 1.0)),
    "overlaid": lambda: evidence_plots.overlaid("val/accuracy", LINES, faint=[[0.2, 0.3]]),
    "panels": lambda: evidence_plots.panels("loss", LINES),
    "slices": lambda: evidence_plots.slices(
        "val/accuracy", [Slice(one, SHARES, 0) for one in LEVERS]
    ),
    "one slice": lambda: evidence_plots.slices("val/accuracy", [Slice(LEVERS[5], SHARES, 0)]),
    "parallel": lambda: fan(LEVERS),
    "parallel of two": lambda: fan(LEVERS[:2]),
    "so far": lambda: sweep_plots.draw_progress("val/accuracy", SHARES, 1.0, 0.98),
    "front": trade,
    "front of two shares": lambda: trade("val/recall"),
    "bars": lambda: sweep_plots.bars(
        {"trainer.batch_size": 0.6, "model.l2": 0.4}, {"model.l2": (0.1, 0.9)}
    ),
    "matrix": matrix,
    "reliability": lambda: reliability(50, 3, 0, 12, 12, 1, 2, 9, 0, 60),
    "intervals": lambda: compare_plots.intervals("test/accuracy", SPANS),
}


@pytest.fixture(params=DRAWN)
def figure(request, figures):
    DRAWN[request.param]()
    return figures[-1]


def letters(figure: Any) -> list[tuple[str, Any]]:
    """Every text that is seen, and its box in pixels."""
    from matplotlib.text import Text

    renderer = figure.canvas.get_renderer()
    ticks = {
        label
        for axes in figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        for tick in axis.get_major_ticks()
        for label in (tick.label1, tick.label2)
    }
    shown = {
        label
        for axes in figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        for label in axis.get_ticklabels()
        if _within(label, axes, axis)
    }
    every = [one for one in figure.findobj(Text) if one.get_visible() and one.get_text().strip()]
    every = [one for one in every if one not in ticks or one in shown]
    return [(one.get_text(), one.get_window_extent(renderer)) for one in every]


def _within(label: Any, axes: Any, axis: Any) -> bool:
    low, high = sorted(axis.get_view_interval())
    at = label.get_position()[0 if axis is axes.xaxis else 1]
    return bool(low - 1e-12 <= at <= high + 1e-12)


def test_every_letter_lies_inside_its_figure(figure):
    box = figure.bbox
    for text, place in letters(figure):
        assert place.x0 >= box.x0 - 1, text
        assert place.x1 <= box.x1 + 1, text
        assert place.y0 >= box.y0 - 1, text
        assert place.y1 <= box.y1 + 1, text


def test_no_text_lies_on_another(figure):
    for (one, place), (other, beside) in itertools.combinations(letters(figure), 2):
        wide = min(place.x1, beside.x1) - max(place.x0, beside.x0)
        high = min(place.y1, beside.y1) - max(place.y0, beside.y0)
        assert wide <= 1.5 or high <= 1.5, (one, other)


@pytest.mark.parametrize(
    "name", ["curve", "smoothed", "overlaid", "slices", "so far", "front", "front of two shares"]
)
def test_a_share_ends_at_one_and_its_mark_there_is_whole(name, figures):
    DRAWN[name]()
    for axes in figures[-1].axes:
        assert axes.get_ylim()[1] == 1.0
        long = [line for line in axes.lines if len(line.get_xdata()) > 2]
        assert not any(line.get_clip_on() for line in long if 1.0 in line.get_ydata())
    if name == "front of two shares":
        assert axes.get_xlim()[1] == 1.0


def test_an_error_may_be_of_any_size(figures):
    sweep_plots.draw_progress("val/mae", [2.0, 1.0, 1.5], -1.0, math.nan)
    assert figures[-1].axes[0].get_ylim()[1] > 2.0


def test_intervals_end_at_one(figures):
    DRAWN["intervals"]()
    assert figures[-1].axes[0].get_xlim()[1] == 1.0


@pytest.mark.parametrize(
    ("train", "scale"),
    [
        ([90.0, 20.0, *(1 + 0.01 * e for e in range(28))], "log"),
        ([-90.0, 0.2, *(0.5 + 0.01 * e for e in range(28))], "linear"),
        ([1.5 - 0.01 * e for e in range(30)], "linear"),
    ],
)
def test_the_first_epochs_are_in_the_picture(train, scale, figures):
    plots.curve(Curve("loss", range(1, 31), train, train))
    axes = figures[-1].axes[0]
    low, high = axes.get_ylim()
    assert axes.get_yscale() == scale
    assert low <= min(train) < max(train) <= high


def test_a_log_axis_has_the_gap_at_its_end(figures):
    train = [90.0, 20.0, *(1 / e for e in range(1, 29))]
    val = [90.0, 20.0, *([1.0] * 28)]
    plots.curve(Curve("loss", range(1, 31), train, val, turn=Turn("fits", 30, 0.96)))
    assert "gap 0.9600" in [text.get_text() for text in figures[-1].axes[0].texts]


def test_a_legend_says_in_full_what_differs(figures):
    DRAWN["overlaid"]()
    (legend,) = figures[-1].legends
    assert [text.get_text() for text in legend.get_texts()] == NAMES


def test_each_panel_has_a_scale_on_which_its_turn_is_seen(figures):
    """One that diverges does not press the others flat."""
    turned = [1.0, 0.5, 0.4, 0.5, 0.6]
    evidence_plots.panels("loss", [Line("a", [], turned, 0), Line("b", [], [5e3, 1, 9e3], 1)])
    first = figures[-1].axes[0]
    low, high = first.get_ylim()
    assert (turned[-1] - min(turned)) / (high - low) > 0.25
    ring = first.lines[-1]
    assert (list(ring.get_xdata()), list(ring.get_ydata())) == ([3], [0.4])


def test_no_line_leads_to_a_bin_of_few_rows(figures):
    reliability(50, 3, 0, 12, 12, 1, 2, 9, 0, 60)
    axes = figures[-1].axes[0]
    joined = axes.lines[1].get_ydata()
    assert [place for place, value in enumerate(joined) if math.isfinite(value)] == [0, 3, 4, 9]
    assert [text.get_text() for text in axes.texts] == ["3", "1", "2", "9"]
    assert len(axes.lines[2].get_xdata()) == 4


def test_equal_scores_are_lines_of_one_colour(figures):
    fan(LEVERS[:2])
    from matplotlib.collections import LineCollection

    drawn = [one for one in figures[-1].axes[0].collections if isinstance(one, LineCollection)]
    colours = {tuple(colour) for colour in drawn[-1].get_colors()}
    assert len(colours) == len(set(SHARES))


def test_the_ends_of_an_axis_stand_before_what_lies_between(figures):
    fan(LEVERS)
    texts = [text.get_text() for text in figures[-1].axes[0].texts]
    for end in ("0.002", "0.0072", "0.503", "1e-06", "0.96", "1"):
        assert end in texts
    assert "0.5" not in texts


def test_a_bar_shows_how_far_it_may_move(figures):
    DRAWN["bars"]()
    (whisker,) = figures[-1].axes[0].lines
    assert (list(whisker.get_xdata()), list(whisker.get_ydata())) == ([0.1, 0.9], [1, 1])
