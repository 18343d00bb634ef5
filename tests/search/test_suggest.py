from __future__ import annotations

import pytest

from dlx.config.spaces import Lever
from dlx.search.space import as_arguments
from dlx.search.suggest import Tried, suggest

SPACE = (
    Lever("model.units", "choice", ([16], [16, 16], [64])),
    Lever("model.dropout", "uniform", (0.0, 0.6)),
    Lever("optimizer.lr", "log", (1e-4, 1e-1)),
)


def searched(trials: int, seed: int, tried: list[Tried] | None = None) -> list[Tried]:
    """A search whose best lies at units [64], no dropout, lr 0.01."""
    tried = list(tried or [])
    while len(tried) < trials:
        changed = suggest(SPACE, tried, "max", seed)
        distance = abs(changed["optimizer.lr"] - 0.01) + changed["model.dropout"]
        tried.append(Tried(changed, (changed["model.units"] == [64]) - distance))
    return tried


def test_suggestions_lie_in_the_space() -> None:
    for one in searched(12, 0):
        assert one.changed["model.units"] in ([16], [16, 16], [64])
        assert 0 <= one.changed["model.dropout"] <= 0.6
        assert 1e-4 <= one.changed["optimizer.lr"] <= 1e-1


def test_a_search_that_was_stopped_goes_on_as_if_it_had_not_been() -> None:
    assert searched(10, 3, searched(4, 3)) == searched(10, 3)


def test_seeds_differ() -> None:
    assert searched(3, 0) != searched(3, 1)


def test_it_learns() -> None:
    values = [one.value or 0 for one in searched(40, 0)]

    assert sum(values[20:]) / 20 > sum(values[:8]) / 8 + 0.2


def test_what_failed_is_skipped() -> None:
    failed = [Tried(suggest(SPACE, [], "min", 0), None)]

    assert suggest(SPACE, failed, "min", 0).keys() == {lever.key for lever in SPACE}


@pytest.mark.parametrize(
    ("changed", "typed"),
    [
        ({"model.units": [16, 16]}, "model.units=[16,16]"),
        ({"optimizer.lr": 0.00123}, "optimizer.lr=0.00123"),
        ({"model.batch_norm": True}, "model.batch_norm=true"),
        ({"model.l2": 1e-05}, "model.l2=1e-05"),
    ],
)
def test_values_as_they_are_typed(changed: dict[str, object], typed: str) -> None:
    assert as_arguments(changed) == [typed]
