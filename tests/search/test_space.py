"""What a search may change: a model says itself which option is its size."""

from __future__ import annotations

import pytest

from dlx.config.fields import options_of
from dlx.config.load import load
from dlx.config.specs import MODELS
from dlx.search.space import levers, neighbours, size_key
from dlx.workflow.model_steps import sizes_to_tune, small_models

pytestmark = pytest.mark.usefixtures("here")

SELF_CONTAINED = [name for name, one in MODELS.entries.items() if not one.options.reads_bytes]
"""Models of any data, which start from no file."""


@pytest.mark.parametrize("name", SELF_CONTAINED)
def test_a_models_size_is_what_its_spec_says(name: str) -> None:
    whole = {"graph": ["model.nodes.main={of: [image], layers: [flatten]}"]}
    whole["conv1d"] = ["model.pool=1"]
    config = load(["task=mnist", f"model={name}", "prepare=scale", *whole.get(name, [])]).config
    size, key = config.model.options.size, size_key(config)
    small = small_models(config, 40)

    assert key == (f"model.{size}" if size else None)
    assert not size or size in options_of(MODELS.entries[name].options)
    assert [list(one) for one in small] == ([[key]] * 3 if size else [[]])
    assert (key in [lever.key for lever in levers(config, neighbours(config))]) == bool(size)
    assert bool(neighbours(config)) == bool(size)
    assert sizes_to_tune(config, [{"changed": small[0]}]) == (
        [small[0][key], [2 * one for one in small[0][key]]] if key else []
    )


@pytest.mark.parametrize("model", ["conv1d", "transformer", "gru"])
def test_every_value_of_a_models_own_levers_may_be_tried(model: str) -> None:
    """Dropout too, whatever the end of the model is."""
    asked = ["task=imdb_sequence", "dataset.sample=true", f"model={model}"]
    keys = {lever.key: lever.values for lever in levers(load(asked).config, [])}
    most = keys["model.dropout"][-1]
    assert load([*asked, f"model.dropout={most}"]).config.model.options.dropout == most


def test_a_layer_more_is_tried_only_where_it_fits() -> None:
    small = load(["task=cats_vs_dogs", "model.channels=[8,8,8,8]"]).config
    assert neighbours(small) == [[4, 4, 4, 4], [16, 16, 16, 16]]
    large = load(["task=cats_vs_dogs", "model.channels=[8,8,8,8]", "dataset.size=128"]).config
    assert neighbours(large) == [[4, 4, 4, 4], [16, 16, 16, 16], [8, 8, 8, 8, 8]]


def test_small_models_are_no_narrower_than_what_they_tell_apart() -> None:
    mlp = load(["task=wine", "model.units=[8]"]).config
    assert small_models(mlp, 40) == [{"model.units": units} for units in ([64], [64, 64], [256])]
    assert small_models(mlp, 3) == [{"model.units": units} for units in ([16], [16, 16], [64])]
