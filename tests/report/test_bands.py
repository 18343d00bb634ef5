"""Lines with a band around them, along numbers that grow by factors."""

from __future__ import annotations

from dlx.report.charts import lines

COLUMNS = {
    "labels": ("10", "100", "1000"),
    "features": ("0.5", "0.7", "0.9"),
    "features from": ("0.4", "0.6", "0.9"),
    "features to": ("0.6", "0.8", "0.9"),
    "raw inputs": ("0.3", "0.5", "0.6"),
}


def test_what_lies_from_and_to_is_a_band_and_no_line() -> None:
    drawn = lines(COLUMNS, "")

    assert [one.name for one in drawn.series] == ["features", "raw inputs"]
    band, none = (one.band for one in drawn.series)
    assert none == ""
    corners = band.split()
    assert len(corners) == 6
    assert corners[2] == corners[3] == drawn.series[0].path.split()[2]  # where it has no width
    up = [float(corner.split(",")[1]) for corner in corners]
    assert up[0] > float(drawn.series[0].path.split()[0].split(",")[1]) > up[5]


def test_numbers_that_grow_by_factors_lie_evenly() -> None:
    drawn = lines(COLUMNS, "")

    assert drawn.across == [(54.0, "10"), (262.0, "100"), (470.0, "1000")]
    assert [dot[0] for dot in drawn.series[0].dots] == [54.0, 262.0, 470.0]
    assert drawn.series[0].dots[1][2] == "features: 0.7000 at 100.0"
    near = lines({**COLUMNS, "labels": ("10", "20", "30")}, "")
    assert [dot[0] for dot in near.series[0].dots] == [54.0, 262.0, 470.0]
    assert lines({**COLUMNS, "labels": ("0", "100", "1000")}, "").series[0].dots[1][0] == 95.6
    assert lines({"step": ("1", "1000"), "far": ("1", "2")}, "").across[1][1] == "400"
