"""A recurrent layer that gives its last output never reads padding last."""

from __future__ import annotations

import itertools
import shlex

import pytest

from dlx.config.load import load
from dlx.errors import MethodError, UsageError

REVIEWS = ("task=imdb", "dataset.sample=true", "model=layers")
CASES = list(
    itertools.product(("rnn", "lstm", "gru"), ("front", "back"), (False, True), (False, True))
)


def arguments(kind: str, side: str, both: bool, every: bool) -> list[str]:
    """A model that reads reviews, filled on one side."""
    options = f"units: 4, bidirectional: {both}, sequence: {every}"
    layers = ["{embedding: 4}", f"{{{kind}: {{{options}}}}}", *(["global_max_pool"] * every)]
    steps = f"prepare.steps=[{{name: pad, length: 9, side: {side}}}]"
    return [*REVIEWS, steps, f"model.layers=[{', '.join(layers)}]"]


@pytest.mark.parametrize(("kind", "side", "both", "every"), CASES)
def test_what_would_read_padding_last_is_refused(
    kind: str, side: str, both: bool, every: bool
) -> None:
    """Forward it stands at the back; backward at the front, or it is read first of all."""
    asked = arguments(kind, side, both, every)
    if every or (side == "front" and not both):
        assert load(asked).config.model.name == "layers"
        return
    with pytest.raises(MethodError, match=rf"layer 2 \({kind}\) .* padding") as caught:
        load(asked)

    (problem,) = caught.value.problems
    assert problem.where == f"command line: {asked[-1]}"
    (step,) = load([*asked, *shlex.split(problem.hint)]).config.prepare.steps
    told = step.name, step.options.length, getattr(step.options, "side", "")
    assert told == (("truncate", 9, "") if both else ("pad", 9, "front"))


@pytest.mark.parametrize("turns", [0, 1, 2])
@pytest.mark.parametrize("side", ["front", "back"])
def test_what_reads_backwards_is_to_be_filled_at_the_back(side: str, turns: int) -> None:
    """And twice turned at the front again; the hint makes it right."""
    steps = f"prepare.steps=[{{name: pad, length: 9, side: {side}}}]"
    layers = [*["reverse"] * turns, "{embedding: 4}", "{gru: 4}"]
    asked = [*REVIEWS, steps, f"model.layers=[{', '.join(layers)}]"]
    right = "back" if turns == 1 else "front"
    if side == right:
        load(asked)
        return
    with pytest.raises(MethodError, match="computed from the padding") as caught:
        load(asked)
    (step,) = load([*asked, *shlex.split(caught.value.problems[0].hint)]).config.prepare.steps
    assert (step.name, step.options.length, step.options.side) == ("pad", 9, right)


def test_models_of_sequences_are_told_too() -> None:
    padded = ["task=imdb", "dataset.sample=true", "prepare=pad"]
    load([*padded, "model=lstm"])
    for wrong in (["model=bilstm"], ["model=lstm", "model.reverse=true"]):
        with pytest.raises(MethodError, match="padding") as caught:
            load([*padded, *wrong])
        load([*padded, *wrong, *shlex.split(caught.value.problems[0].hint)])


def test_a_layer_that_reads_no_padded_ids_is_as_before() -> None:
    load(
        [
            *REVIEWS,
            "prepare.steps=[{name: pad, side: back}]",
            "model.layers=[{embedding: 4}, flatten]",
        ]
    )
    with pytest.raises(UsageError, match="units"):
        load([*arguments("lstm", "back", False, False)[:-1], "model.layers=[{embedding: 4}, lstm]"])
