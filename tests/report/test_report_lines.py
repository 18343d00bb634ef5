"""The picture of a sweep over a number and a choice: a line each, and where they cross."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sweep_cases as cases

from dlx.report import build_sweep

ROWS = (100, 1000, 10_000)
SCORES = {"frozen": (0.7, 0.75, 0.8), "learnt": (0.5, 0.7, 0.9)}


def grid(rows: tuple[int, ...] = ROWS, kind: str = "sweep") -> dict[str, Any]:
    """A sweep over a number of rows and two choices, two seeds a setting."""
    tree = cases.sweep(1)
    trials: list[dict[str, Any]] = []
    points: list[dict[str, Any]] = []
    for place, rows_used in enumerate(rows):
        for choice, scores in SCORES.items():
            changed = {"protocol.train": rows_used, "model.how": choice}
            pair = [
                cases.trial(len(trials) + seed, len(points), changed, scores[place] + 0.01 * seed)
                for seed in (0, 1)
            ]
            trials += pair
            points.append(cases.setting(len(points), pair))
    return tree | {
        "kind": kind,
        "keys": ["protocol.train", "model.how"],
        "trials": trials,
        "points": points,
        "space": {},
        "best": None,
        "default": None,
    }


def pictures(folder: Path) -> set[str]:
    return {file.stem for file in (folder / "plots").glob("*.png")}


def test_a_line_for_each_choice_and_where_they_cross(
    tmp_path: Path, page: Any, figures: Any
) -> None:
    folder = cases.write(tmp_path, grid())
    told = page(build_sweep(folder)).text
    assert "val/accuracy along protocol.train, a line for each model.how; dots: each seed" in told
    assert "The lines cross between 1,000 and 10,000." in told
    assert "lines" in pictures(folder)
    drawn = next(f for f in figures if f.legends and f.axes[0].get_xlabel() == "protocol.train")
    means = {one.get_label(): one for one in drawn.axes[0].lines if one.get_label()[0] != "_"}
    assert list(means) == ["frozen", "learnt"]
    for choice, line in zip(SCORES, means.values(), strict=True):
        assert tuple(line.get_xdata()) == ROWS
        assert [round(y - 0.005, 6) for y in line.get_ydata()] == list(SCORES[choice])
    assert drawn.axes[0].get_xscale() == "log"


def test_no_lines_of_two_values_or_of_a_search(tmp_path: Path) -> None:
    for name, tree in {"few": grid(ROWS[:2]), "search": grid(kind="tune")}.items():
        folder = cases.write(tmp_path / name, tree)
        build_sweep(folder)
        assert "lines" not in pictures(folder)
