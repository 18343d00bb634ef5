"""How many parameters the networks of chapters 7 and 8 have, against the book's: `counts.yaml`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from torch import nn

from dlx.config.check import Checker
from dlx.config.fields import Chosen
from dlx.config.learners import spec_of
from dlx.config.load import load
from dlx.config.specs import MODELS
from dlx.data.columns import Input
from dlx.experiments import find
from dlx.models.sizes import count_parameters, outline

TABLE = yaml.safe_load((Path(__file__).parent / "counts.yaml").read_text(encoding="utf-8"))


def chosen_of(model: Any) -> Chosen:
    """A model as a config has it."""
    checker = Checker(".".join)
    found = checker.component(MODELS, model, ("model",))
    assert not checker.noted
    assert not [*found.options.check({}, (), ".".join)] or found.name == "graph"
    return found


def inputs_of(row: dict[str, Any]) -> dict[str, Input]:
    numbers = {name: Input("dense", tuple(sizes)) for name, sizes in row.get("inputs", {}).items()}
    ids = {
        name: Input("ids", (length,), many) for name, (length, many) in row.get("ids", {}).items()
    }
    return {**numbers, **ids}


def networks_of(row: dict[str, Any]) -> Iterator[nn.Module]:
    """The networks of a row, without memory for their weights."""
    if "experiment" in row:
        config = load(find(row["experiment"]).arguments()).config
        for use in spec_of(config).models(config).values():
            inputs = {n: Input("dense", tuple(sizes or ())) for n, sizes in use.inputs.items()}
            latent = getattr(config.learner.options, "latent", 1)
            outputs = {name: use.sizes.get(name, latent) for name in use.outputs}
            yield outline(lambda given=(use.chosen, inputs, outputs): build(*given))
    else:
        yield outline(lambda: build(chosen_of(row["model"]), inputs_of(row), row["outputs"]))


def build(chosen: Chosen, inputs: dict[str, Input], outputs: dict[str, int]) -> nn.Module:
    network: nn.Module = chosen.load()(chosen.options, inputs, outputs)
    return network


@pytest.mark.parametrize("name", TABLE)
def test_a_network_has_the_books_count_or_it_is_said_why_not(name: str) -> None:
    row = TABLE[name]
    networks = [*networks_of(row)]
    counted = networks if row.get("top", True) else [one.layers for one in networks]  # type: ignore[misc]

    assert sum(map(count_parameters, counted)) == row.get("ours", row["book"])  # type: ignore[arg-type]
    assert ("ours" in row) == bool(row.get("why"))


def test_running_statistics_are_what_keras_counts_beside() -> None:
    (network,) = networks_of(TABLE["ch7.siamese_vision"])
    running = [one for name, one in network.named_buffers() if "running" in name]
    assert sum(one.numel() for one in running) == 54_528
