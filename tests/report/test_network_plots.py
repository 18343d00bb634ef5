"""The drawing of networks: boxes do not overlap, lines go down, the same bytes each time."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from dlx.models.diagram import Box, Diagram, chain
from dlx.report.layered import lay_out
from dlx.report.network_plots import draw_networks

GAP = 0.2


def random_reads(seed: int) -> dict[str, tuple[str, ...]]:
    """Boxes of which each reads one or two earlier ones."""
    draw = random.Random(seed)
    found: dict[str, tuple[str, ...]] = {"a": ()}
    for name in "bcdefghijkl":
        found[name] = tuple(sorted(draw.sample([*found], min(len(found), draw.choice((1, 2))))))
    return found


@pytest.mark.parametrize("seed", range(5))
def test_boxes_have_room_and_lines_go_down(seed: int) -> None:
    reads = random_reads(seed)
    widths = {name: random.Random(name).uniform(0.5, 2) for name in reads}

    found = lay_out(reads, widths, GAP)

    rank = {name: i for i, level in enumerate(found.ranks) for name in level}
    assert {*rank} == {*found.across}
    assert all(rank[one] < rank[name] for name in reads for one in reads[name])
    for level in found.ranks:
        for left, right in pairwise(level):
            room = (widths.get(left, 0) + widths.get(right, 0)) / 2 + GAP  # type: ignore[arg-type]
            assert found.across[right] - found.across[left] >= room - 1e-9
    for line in found.lines.values():
        assert [rank[one] for one in line] == [*range(rank[line[0]], rank[line[-1]] + 1)]


def test_a_chain_is_straight() -> None:
    found = lay_out({"a": (), "b": ("a",), "c": ("b",)}, dict.fromkeys("abc", 1.0), GAP)
    assert len({round(place, 6) for place in found.across.values()}) == 1


def test_what_is_read_late_stands_just_above() -> None:
    reads = {"a": (), "b": ("a",), "c": ("b",), "late": (), "d": ("c", "late")}
    found = lay_out(reads, dict.fromkeys(reads, 1.0), GAP)
    assert found.ranks[2] in (["c", "late"], ["late", "c"])


def diagram() -> Diagram:
    found = chain({"first": ("Linear", (3,)), "second": ("ReLU", (3,))})
    found.add("alone", Box("input", "$alone_", (), ()))
    return found


@pytest.mark.parametrize("form", ["svg", "png"])
def test_files_have_the_same_bytes_each_time(form: str) -> None:
    one, other = (draw_networks({"": diagram()}, True, form) for _ in range(2))  # type: ignore[arg-type]
    assert one == other
    assert one.startswith({"svg": b"<?xml", "png": b"\x89PNG"}[form])
    without = draw_networks({"": diagram()}, False, form)  # type: ignore[arg-type]
    assert without != one
