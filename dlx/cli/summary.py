"""The verb `dlx summary`: the layers of a task's model, with shapes and parameter counts."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Problem, UsageError
from .console import say, say_json, show_table
from .drawn import find_place, form_of
from .hydra_flags import add_flags

if TYPE_CHECKING:
    from ..data.columns import Input
    from ..models.diagram import Diagram
    from ..models.summary import LayerRow


EXAMPLES = """examples:
  dlx summary task=digits
  dlx summary task=mnist model=convnet
  dlx summary task=imdb 'model.units=[64,64]' dataset.sample=true
  dlx summary task=breast_cancer_shared --plot network.svg
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's options to its parser."""
    add_flags(parser)
    parser.add_argument("--json", action="store_true", help="print JSON, for scripts")
    parser.add_argument(
        "--plot", metavar="FILE", help="draw the network into a file, FILE.svg or FILE.png"
    )
    parser.add_argument(
        "--no-shapes", action="store_true", help="with --plot, leave out what each layer gives"
    )


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
    from ..models.trace import watch
    from ..optimizers.groups import cuts_of, describe_trained, require_groups
    from ..sources.data import read_data
    from ..sources.fold import prepare_fold

    file = _find_place(args)
    config = locate_files(load(args.overrides, args.config_dir).config)
    data = read_data(config)
    fold = prepare_fold(config, data, data.split.folds[0])
    if reads(config, "targets"):  # else the learner knows what its model answers, or has none
        build = builder(config, fold.inputs, fold.targets)
        model = outline(build)
        total = count_parameters(model)
        whole = model if total > LARGE else build()
        with watch(whole) as diagrams:
            layers = layer_table(whole, fold.inputs)
        sizes = {name: p.numel() for name, p in model.named_parameters()}
        require_groups(groups_of(config.optimizer), sizes, "optimizer.groups", frozen_groups(model))
        groups = {**groups_of(config.optimizer), **frozen_groups(model)}
        trained = describe_trained(cuts_of(sizes, groups))
        vectors = describe_starts(model)
    else:
        learner = build_learner(config, fold.inputs, fold.targets, fold.device)
        total = count_parameters(learner.networks)
        with watch(learner.module) as diagrams:
            layers = learner.layers(fold.inputs)
        trained = build_optimizers(config, learner, 1, "min").describe_trained()
        vectors = describe_starts(learner.networks)
    if file is not None:
        _plot(file, diagrams, layers, not args.no_shapes)
    if args.json:
        shown = [asdict(layer) for layer in layers]
        told = {"parameters": total, "trained": trained, "vectors": vectors}
        say_json({"layers": shown, **told})
        return 0
    _show_layers(fold.inputs, layers)
    say(f"{total:,} parameters in {network_name(config)}")
    for line in filter(None, (trained, *vectors)):
        say(line)
    if file is not None:
        say(f"drawn: {file}")
    return 0


def _find_place(args: argparse.Namespace) -> Path | None:
    """Where the picture is to lie; None where none is asked for.

    Raises:
        UsageError: it is no place for one, or the options have no effect.
    """
    if args.plot is None:
        if args.no_shapes:
            what = "--no-shapes has no effect without --plot"
            raise UsageError(Problem(what, "--no-shapes", "--plot FILE", "--plot network.svg"))
        return None
    return find_place(args.plot)


def _plot(
    file: Path, diagrams: Mapping[str, Diagram], layers: Sequence[LayerRow], shapes: bool
) -> None:
    """Draws what was seen of networks; of what is none of them its layers, one after another."""
    from ..models.diagram import chain
    from ..report.network_plots import draw_networks
    from ..runs.files import write_bytes

    rows = {one.name: (one.kind, one.output_shape) for one in layers}
    write_bytes(file, draw_networks(diagrams or {"": chain(rows)}, shapes, form_of(file)))


def _show_layers(inputs: Mapping[str, Input], layers: Sequence[LayerRow]) -> None:
    """The table of what comes in and of each layer."""
    rows = [
        [name, f"input ({found.kind})", " x ".join(map(str, _sizes(found))), ""]
        for name, found in inputs.items()
    ]
    rows += [
        [layer.name, layer.kind, " x ".join(map(str, layer.output_shape)), f"{layer.parameters:,}"]
        for layer in layers
    ]
    show_table(("layer", "kind", "output", "parameters"), rows, right=("parameters",))
    if any(found.ragged for found in inputs.values()):
        say("rows differ in length: the sizes are those of the longest")


def _sizes(found: Input) -> tuple[object, ...]:
    """The sizes of an input; where rows differ in length, those of the longest."""
    return (f"up to {found.longest}",) if found.ragged else found.shape
