"""The page of a set of experiments: our curves, the published figures at their places."""

from __future__ import annotations

import pytest

from dlx.experiments import Experiment
from dlx.report import experiments_plots
from dlx.report.experiments import build_experiments
from dlx.report.experiments_plots import Panel, Point

PUBLISHED = {
    "val/accuracy.best": 0.9,
    "val/accuracy.best_epoch": 2,
    "val/accuracy.final": 0.8,
    "train/accuracy.final": 0.99,
    "test/accuracy": 0.85,
}
ONE = Experiment("ch9.a", "a title", "imdb", source="9.1", published=PUBLISHED, about="A note.")
TWO = Experiment("ch9.b", "another", "imdb", ours={"val/loss.best": {"mean": 0.3, "std": 0.1}})


def test_ours_are_means_over_seeds_and_the_published_lie_at_their_epochs(
    make_run, page, tmp_path, figures
):
    def curve(rate):
        return [{"epoch": e, "val/accuracy": rate * e, "val/loss": 1 / e} for e in (1, 2, 3)]

    runs = [make_run(metrics=curve(rate)) for rate in (0.1, 0.3)]
    found = page(build_experiments(tmp_path / "set", [ONE, TWO], {"ch9.a": runs, "ch9.b": []}))
    (axes,) = figures[-1].axes
    ours, *marks = axes.lines
    assert list(ours.get_ydata()) == pytest.approx([0.2, 0.4, 0.6])
    places = {(line.get_xdata()[0], line.get_ydata()[0]) for line in marks[:3]}
    assert places == {(3.0, 0.99), (2, 0.9), (3.0, 0.8)}
    assert marks[3].get_ydata() == [0.85, 0.85]
    assert "ch9.a a title. A note." in found.text
    rows = found.tables["Figures, published and ours"]
    assert [row[:4] for row in rows if row[1] == "test/accuracy"] == [
        ["", "test/accuracy", "0.8500", "0.8812"]
    ]
    assert rows[-1][0:2] == ["ch9.b", "val/loss.best"]
    assert rows[-1][-1] == "0.3000"


def test_a_panel_each_with_room_for_every_mark(figures):
    points = [Point("val best", 3.0, 1.0), Point("val final", 20.0, 0.2), Point("test", None, 0.5)]
    panels = [Panel(f"ch4.imdb.{i}", [0.1, 0.9] * 10, [0.2, 0.5] * 10, points) for i in range(7)]
    experiments_plots.draw_against("accuracy", panels)
    assert [axes.get_title(loc="left") for axes in figures[-1].axes] == [p.name for p in panels]
    for axes in figures[-1].axes:
        low, high = axes.get_ylim()
        assert low <= 0.1
        assert high == 1.0
        assert [text.get_text() for text in axes.texts] == ["1.000", "0.2000", "0.5000"]


def test_a_folder_that_lost_its_report_is_told(make_run, tmp_path):
    from dlx.errors import UsageError

    run = make_run()
    (run / "report.json").unlink()
    with pytest.raises(UsageError, match=r"has no report\.json"):
        build_experiments(tmp_path / "set", [ONE], {"ch9.a": [run]})
