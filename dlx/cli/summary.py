"""The verb `dlx summary`: the layers of a task's model, with shapes and parameter counts."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from .console import say, say_json, show_table
from .hydra_flags import add_flags

if TYPE_CHECKING:
    from ..data.columns import Input

EXAMPLES = """examples:
  dlx summary task=digits
  dlx summary task=mnist model=convnet
  dlx summary task=imdb 'model.units=[64,64]' dataset.sample=true
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's options to its parser."""
    add_flags(parser)
    parser.add_argument("--json", action="store_true", help="print JSON, for scripts")


def run(args: argparse.Namespace) -> int:
    """Draws the layer table; nothing is trained or written."""
    from dataclasses import asdict

    from ..config.learners import network_name, reads
    from ..config.specs.optimizers import groups_of
    from ..data.origins import load, locate_files
    from ..learning.build import build_learner, build_optimizers
    from ..learning.networks import builder
    from ..models.frozen import frozen_groups
    from ..models.sizes import LARGE, count_parameters, outline
    from ..models.summary import describe_starts, layer_table
    from ..optimizers.groups import cuts_of, describe_trained, require_groups
    from ..sources.data import read_data
    from ..sources.fold import prepare_fold

    config = locate_files(load(args.overrides, args.config_dir).config)
    data = read_data(config)
    fold = prepare_fold(config, data, data.split.folds[0])
    if reads(config, "model"):
        build = builder(config, fold.inputs, fold.targets)
        model = outline(build)
        total = count_parameters(model)
        layers = layer_table(model if total > LARGE else build(), fold.inputs)
        sizes = {name: p.numel() for name, p in model.named_parameters()}
        require_groups(groups_of(config.optimizer), sizes, "optimizer.groups", frozen_groups(model))
        groups = {**groups_of(config.optimizer), **frozen_groups(model)}
        trained = describe_trained(cuts_of(sizes, groups))
        vectors = describe_starts(model)
    else:
        learner = build_learner(config, fold.inputs, fold.targets, fold.device)
        total, layers = count_parameters(learner.networks), learner.layers(fold.inputs)
        trained = build_optimizers(config, learner, 1, "min").describe_trained()
        vectors = describe_starts(learner.networks)
    if args.json:
        shown = [asdict(layer) for layer in layers]
        told = {"parameters": total, "trained": trained, "vectors": vectors}
        say_json({"layers": shown, **told})
        return 0
    inputs = [
        [name, f"input ({found.kind})", " x ".join(map(str, _sizes(found))), ""]
        for name, found in fold.inputs.items()
    ]
    rows = [
        [layer.name, layer.kind, " x ".join(map(str, layer.output_shape)), f"{layer.parameters:,}"]
        for layer in layers
    ]
    show_table(("layer", "kind", "output", "parameters"), [*inputs, *rows], right=("parameters",))
    if any(found.ragged for found in fold.inputs.values()):
        say("rows differ in length: the sizes are those of the longest")
    say(f"{total:,} parameters in {network_name(config)}")
    for line in filter(None, (trained, *vectors)):
        say(line)
    return 0


def _sizes(found: Input) -> tuple[object, ...]:
    """The sizes of an input; where rows differ in length, those of the longest."""
    return (f"up to {found.longest}",) if found.ragged else found.shape
