from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dlx.judging.verdict import CHANCE, display_name, entry, power_of, verdict_of

WON, LOST = "beats the trivial baseline", "does not beat the trivial baseline"


NAMES = {
    "constant": "majority",
    "naive": "persistence",
    "classical": "ridge regression",
    "boosting": "gradient boosting",
}


def against(kind: str, difference: float, half: float | None = 0.02) -> dict[str, Any]:
    """A baseline that the model is better than by this much."""
    name = NAMES[kind]
    interval = None if half is None else (difference - half, difference + half)
    return entry("val/mae", name, kind, 0.5, difference, interval)


SURE, TIE, BEHIND = 0.1, 0.01, -0.1


@pytest.mark.parametrize(
    ("constant", "linear", "text", "trivial", "beats", "use"),
    [
        (SURE, SURE, f"{WON} and ridge regression", True, True, ""),
        (SURE, TIE, f"{WON}; ridge regression is as good", True, False, "as good"),
        (SURE, -TIE, f"{WON}; ridge regression is as good", True, False, "as good"),
        (SURE, 0.0, f"{WON}; ridge regression is as good", True, False, "as good"),
        (SURE, BEHIND, f"{WON}; ridge regression is better", True, False, "better"),
        (SURE, None, WON, True, True, ""),
        (TIE, None, LOST, False, False, ""),
        (BEHIND, TIE, LOST, False, False, "as good"),
        (BEHIND, BEHIND, f"{LOST}; ridge regression is better", False, False, "better"),
    ],
)
def test_the_best_simpler_answer_decides(
    constant: float, linear: float | None, text: str, trivial: bool, beats: bool, use: str
) -> None:
    listed = [against("constant", constant)]
    listed += [] if linear is None else [against("classical", linear)]

    found = verdict_of(listed)

    assert (found.text, found.trivial, found.beats) == (text, trivial, beats)
    assert found.use == (f"use ridge regression: it is simpler and {use}" if use else "")


NARROW = "ahead, though not significantly at 95 %"


@pytest.mark.parametrize(
    ("linear", "trees", "text", "beats", "use"),
    [
        (SURE, SURE, f"{WON}, ridge regression and gradient boosting", True, ""),
        (SURE, TIE, f"{WON} and ridge regression", True, ""),
        (SURE, 0.0, f"{WON} and ridge regression", True, ""),
        (SURE, -TIE, f"{WON}; gradient boosting is {NARROW}", False, f"it is {NARROW}"),
        (SURE, BEHIND, f"{WON}; gradient boosting is better", False, "it is better"),
        (TIE, -TIE, f"{WON}; gradient boosting is {NARROW}", False, f"it is {NARROW}"),
        (None, BEHIND, f"{WON}; gradient boosting is better", False, "it is better"),
    ],
)
def test_boosted_trees_are_told_of_where_they_are_ahead_or_surely_beaten(
    linear: float | None, trees: float, text: str, beats: bool, use: str
) -> None:
    """They are no simpler than a network: a tie is not theirs, a loss to them is never silent."""
    listed = [against("constant", SURE)]
    listed += [] if linear is None else [against("classical", linear)]
    listed.append(against("boosting", trees))

    found = verdict_of(listed)

    assert (found.text, found.trivial, found.beats) == (text, True, beats)
    assert found.use == (f"use gradient boosting: {use}" if use else "")
    told = power_of(listed, "so")["text"]
    assert "than gradient boosting (0.5)" in told
    assert told.startswith(text)


def test_a_forecast_that_is_not_beaten_is_to_be_used() -> None:
    found = verdict_of([against("constant", SURE), against("naive", BEHIND)])
    assert (found.text, found.use) == (LOST, "use persistence: it is simpler and better")


def test_what_is_not_known_is_not_made_up() -> None:
    assert verdict_of([]).beats is None
    assert verdict_of([against("classical", SURE)]).beats is None
    found = verdict_of([against("constant", SURE), against("classical", SURE, None)])
    assert found.text == f"{WON}; not known whether it beats ridge regression"
    assert (found.trivial, found.beats, found.use) == (True, None, "")
    assert verdict_of([against("constant", SURE, None)]).text.startswith("not known whether it")
    assert verdict_of([{"name": 3}, {"kind": "classical", "beaten": False}]).use == ""
    assert power_of([], "nothing is measured")["text"] == "nothing is measured"


def test_whatever_guesses_at_random_is_called_chance() -> None:
    for name in CHANCE:
        one = entry("test/accuracy", name, "constant", 0.1, 0.8, (0.7, 0.9))
        assert "test/accuracy is 0.8 better than chance (0.1)" in power_of([one], "so")["text"]
    assert display_name("majority") == display_name("majority", whole=True) == "majority"
    assert len({display_name(name, whole=True) for name in CHANCE}) == len(CHANCE) == 2


def test_what_is_told_is_the_simple_answer_that_the_verdict_rests_on() -> None:
    """The one with the smallest lead may be beaten, another of a wider interval not."""
    told = power_of([against("naive", 0.1), against("constant", 0.2, 0.3)], "so")["text"]
    assert told == (
        f"{LOST}: val/mae is 0.2 better than majority (0.5), 95 % interval of the difference -0.1 "
        "to 0.5 (so)"
    )
    both = power_of([against("naive", 0.1), against("constant", 0.2)], "so")["text"]
    assert "better than persistence (0.5)" in both


def test_no_loss_to_boosted_trees_is_silent() -> None:
    """Wherever they are ahead, the first line names them, or a model that is at least as good."""
    draws = np.random.default_rng(0)
    for _ in range(200):
        listed = [
            against(kind, float(draws.normal(0, 0.1)), float(draws.uniform(0, 0.2)))
            for kind in draws.permutation(["constant", "naive", "classical", "boosting"]).tolist()
        ]
        (trees,) = [one for one in listed if one["kind"] == "boosting"]
        found = verdict_of(listed)
        told = [one for one in listed if f"use {one['name']}: " in found.use]
        if trees["difference"] < 0:
            assert told
            assert told[0]["difference"] <= trees["difference"]
            assert found.beats is False
        assert f"than gradient boosting ({trees['value']:.4g})" in power_of(listed, "so")["text"]
