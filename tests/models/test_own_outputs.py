"""Models whose last layer gives the outputs themselves, without an output layer."""

from __future__ import annotations

import pytest
import torch
from small import loaded

from dlx.config.specs.nodes import Node
from dlx.data.columns import Input
from dlx.errors import UsageError

CODES = {"x": Input("dense", (4,))}
GROW = [
    ("linear", {"units": 12}),
    ("reshape", {"sizes": (3, 2, 2)}),
    ("conv_transpose2d", {"channels": 1, "kernel": 2, "stride": 2}),
]
VAE = ("task=digits_vae", "dataset.sample=true")


def test_the_last_layers_numbers_are_the_outputs_of_a_list_and_of_a_graph(build, layer):
    layers = tuple(layer(name, **options) for name, options in GROW)
    listed = build("layers", CODES, {"y": 16}, layers=layers, output_layer=False)
    nodes = {"main": Node(of=("x",), layers=layers)}
    graph = build("graph", CODES, {"y": 16}, nodes=nodes, output_layer=False)
    assert sum(p.numel() for p in listed.parameters()) == 60 + 13
    graph.load_state_dict(listed.state_dict())
    rows = torch.randn(5, 4)
    found = listed({"x": rows})["y"]
    torch.testing.assert_close(found, listed.body(rows).flatten(1))
    assert torch.equal(graph({"x": rows})["y"], found)


def test_another_number_of_outputs_is_refused(build, layer):
    layers = tuple(layer(name, **options) for name, options in GROW)
    with pytest.raises(UsageError) as caught:
        build("layers", CODES, {"y": 15}, layers=layers, output_layer=False)
    assert str(caught.value) == (
        "the last layer gives an image (channels, height, width) of 1 x 4 x 4, but is to give the "
        "outputs themselves, 15 numbers\n"
        "  where: model.layers\n"
        "  accepted: layers whose last one gives 15 numbers\n"
        "  try: model.output_layer=true"
    )


@pytest.mark.parametrize("graph", [False, True])
def test_a_learners_model_is_told_of_by_its_own_key_before_data_are_read(graph):
    layers = "layers: [{linear: 60}, {reshape: [15, 2, 2]}, {upsample: 3}]"
    model = f"{{name: layers, {layers}, output_layer: false}}"
    if graph:
        model = f"{{name: graph, nodes: {{main: {{of: [latent], {layers}}}}}, output_layer: false}}"
    with pytest.raises(UsageError) as caught:
        loaded(f"learner.decoder={model}", base=VAE)
    assert str(caught.value) == (
        "the last layer gives an image (channels, height, width) of 15 x 6 x 6, but is to give the "
        "outputs themselves, 64 numbers\n"
        f"  where: command line: learner.decoder={model}\n"
        "  accepted: layers whose last one gives 64 numbers\n"
        "  try: learner.decoder.output_layer=true"
    )
