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
