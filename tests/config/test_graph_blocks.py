"""Blocks, models and repetitions within graphs: what is wrong is told with what to type."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from dlx.config.load import digest, load
from dlx.errors import MethodError, Problem, UsageError

Told = Callable[..., str]
Write = Callable[[str, str], Path]

TASK = """\
dataset: {name: breast_cancer_views}
targets: {diagnosis: {problem: binary}}
protocol: {name: holdout}
model:
  name: graph
  blocks:
    wide:
      nodes:
        a: {of: [input], layers: [{linear: 10}, relu]}
        sum: {of: [a, input], join: add}
    two:
      inputs: [left, right]
      outputs: [far, near]
      nodes:
        far: {of: [left], layers: [{linear: 4}]}
        near: {of: [far, right], join: concat, layers: [{linear: 3}]}
  nodes:
    first: {of: [mean, worst], block: two}
    more:
      of: [error]
      block: wide
      repeat: 3
    both: {of: [first.far, first.near, more], join: concat}
"""


@pytest.fixture(autouse=True)
def task(write: Write) -> None:
    write("task/views", TASK)


def test_blocks_models_and_repetitions_are_read() -> None:
    graph = load(["task=views", "model.nodes.both.model={name: mlp}"]).config.model.options
    assert graph.blocks["two"].inputs == ("left", "right")
    assert graph.nodes["more"].repeat == 3
    assert graph.nodes["both"].model.options.units == (64, 64)


def test_a_graph_without_them_has_its_old_digest() -> None:
    told = digest(load(["task=breast_cancer_shared"]).config)
    assert told.startswith("6a3d492598aecf38")


BLOCKS = {
    "nodes.more.block=wade": (
        "node more has the block `wade`, which is not there\n"
        "  where: command line: model.nodes.more.block=wade\n"
        "  accepted: a block of model.blocks: wide, two\n"
        "  try: did you mean wide?"
    ),
    "nodes.more.layers=[relu]": (
        "node more has layers and block\n"
        "  where: configs/task/views.yaml:21\n"
        "  accepted: one of layers, block, model\n"
        "  try: model.nodes.more.block=null"
    ),
    "nodes.more.repeat=0": (
        "`model.nodes.more.repeat` is 0\n"
        "  where: command line: model.nodes.more.repeat=0\n"
        "  accepted: a whole number >= 1 and <= 1000"
    ),
    "nodes.both.repeat=2": (
        "node both is repeated, but has nothing to repeat\n"
        "  where: command line: model.nodes.both.repeat=2\n"
        "  accepted: layers, a block or a model\n"
        "  try: model.nodes.both.repeat=1"
    ),
    "nodes.first.of=[mean]": (
        "node first reads mean, but block two has 2 inputs: left, right\n"
        "  where: command line: model.nodes.first.of=[mean]\n"
        "  accepted: 2 inputs or nodes"
    ),
    "nodes.first.join=concat": (
        "node first joins what it reads, but block two has 2 inputs: left, right\n"
        "  where: command line: model.nodes.first.join=concat\n"
        "  accepted: null\n"
        "  try: model.nodes.first.join=null"
    ),
    "nodes.both.of=[first,more]": (
        "node both reads first, which has several outputs\n"
        "  where: command line: model.nodes.both.of=[first,more]\n"
        "  accepted: first.far, first.near"
    ),
    "nodes.both.of=[first.far,more]": (
        "no node reads first.near, both, and `model.heads` does not say which gives the answer\n"
        "  where: configs/task/views.yaml:23\n"
        "  accepted: one last node, or a head a target\n"
        "  try: 'model.nodes.joined={of: [first.near, both], join: concat}'"
    ),
    "blocks.wide.nodes.a.of=[sum]": (
        "nodes read each other in a circle: a -> sum -> a\n"
        "  where: command line: model.blocks.wide.nodes.a.of=[sum]\n"
        "  accepted: nodes that read inputs, or nodes that read others\n"
        "  try: 'model.blocks.wide.nodes.a.of=[input]'"
    ),
    "blocks.wide.nodes.a.of=[inputs]": (
        "node a reads `inputs`, which is no input and no node\n"
        "  where: command line: model.blocks.wide.nodes.a.of=[inputs]\n"
        "  accepted: input, sum\n"
        "  try: did you mean input?"
    ),
    "blocks.wide.nodes.b={of: [input], layers: [relu]}": (
        "no node of block wide reads sum, b, and `model.blocks.wide.outputs` does not say which it "
        "gives\n"
        "  where: command line: model.blocks.wide.nodes.b={of: [input], layers: [relu]}\n"
        "  accepted: one last node, or outputs\n"
        "  try: 'model.blocks.wide.outputs=[sum, b]'"
    ),
    "blocks.spare={nodes: {a: {of: [input], layers: [relu]}}}": (
        "no node has the block spare\n"
        "  where: command line: model.blocks.spare={nodes: {a: {of: [input], layers: [relu]}}}\n"
        "  accepted: blocks that nodes name\n"
        "  try: '~model.blocks.spare'"
    ),
    "blocks.wide.nodes.a={block: wide, layers: []}": (
        "block wide stands within itself: wide -> wide\n"
        "  where: command line: model.blocks.wide.nodes.a={block: wide, layers: []}\n"
        "  accepted: blocks that stand in each other once\n"
        "  try: '~model.blocks.wide.nodes.a.block'"
    ),
    "blocks.wide.nodes.a.layers=[{linear: 9}]": (
        "node more.1.sum cannot add more.1.a, a vector of 9, and error, a vector of 10\n"
        "  where: configs/task/views.yaml:10\n"
        "  accepted: values of the same shape\n"
        "  try: layers that end in the same size, or join: concat"
    ),
    "blocks.wide.nodes.a.layers.0={lstm: 3}": (
        "layer 1 (lstm) cannot take a vector of 10\n"
        "  where: command line: model.blocks.wide.nodes.a.layers.0={lstm: 3}\n"
        "  accepted: a sequence (time, features)\n"
        "  try: place it before flatten or pooling, or give the recurrent layer sequence: true"
    ),
    "nodes.again={of: [error], like: more, repeat: 2}": (
        "node again is repeated, but more says how often\n"
        "  where: command line: model.nodes.again={of: [error], like: more, repeat: 2}\n"
        "  accepted: layers, a block or a model\n"
        "  try: model.nodes.again.repeat=1"
    ),
}
MODELS = {
    "{name: mlp, l2: 0.1}": (
        "`model.nodes.more.model.l2` is 0.1, but it is one for the whole network\n"
        "  where: command line: model.nodes.more.model={name: mlp, l2: 0.1}\n"
        "  accepted: model.l2\n"
        "  try: model.l2=0.1"
    ),
    "{name: recurrent, units: []}": (
        "`model.nodes.more.model.units` is empty\n"
        "  where: command line: model.nodes.more.model={name: recurrent, units: []}\n"
        "  accepted: one whole number >= 1 or several\n"
        "  try: model.nodes.more.model.units=[32]"
    ),
    "{name: convnet}": (
        "layer 1 (conv2d) cannot take a vector of 10\n"
        "  where: command line: model.nodes.more.model={name: convnet}\n"
        "  accepted: an image (channels, height, width)\n"
        "  try: place it before flatten or pooling, and do not flatten images in prepare"
    ),
    "{name: pretrained, network: squeezenet1_1, upto: features.13}": (
        "`model.nodes.more.model.upto` is features.13, but squeezenet1_1 has no such layer\n"
        "  where: command line: model.nodes.more.model={name: pretrained, network: squeezenet1_1, "
        "upto: features.13}\n"
        f"  accepted: features, {', '.join(f'features.{n}' for n in range(13))}\n"
        "  try: did you mean features.3?"
    ),
}
OWN = ("task=views", "model.nodes.more={block: null, repeat: 1}", "~model.blocks.wide")


def refusals(typed: list[str]) -> tuple[Problem, ...]:
    try:
        load(typed)
    except (UsageError, MethodError) as error:
        return error.problems
    return ()


def commands(problems: tuple[Problem, ...]) -> list[str]:
    return [one.hint for one in problems if "=" in one.hint or one.hint.startswith("'~")]


@pytest.mark.parametrize("argument", BLOCKS)
def test_a_mistake_about_blocks(told: Told, argument: str) -> None:
    """And what is advised works, typed after it."""
    typed = ["task=views", f"model.{argument}"]
    assert told(*typed) == BLOCKS[argument]
    for _ in range(2):
        typed += [word for hint in commands(refusals(typed))[:1] for word in shlex.split(hint)]
    assert len(typed) == 2 or not commands(refusals(typed)), typed


@pytest.mark.parametrize("model", MODELS)
def test_a_mistake_about_a_model_within_a_graph(told: Told, model: str) -> None:
    assert told(*OWN, f"model.nodes.more.model={model}") == MODELS[model]


def test_layers_that_a_block_shares_read_one_shape(told: Told) -> None:
    again = "model.nodes.again={of: [first.far], like: more}"
    read = "model.nodes.both.of=[first.far, first.near, more, again]"
    assert told("task=views", again, read) == (
        "node again.1.a is like more.1.a, but reads a vector of 4, and more.1.a a vector of 10\n"
        f"  where: command line: {again}\n"
        "  accepted: the shape that the other reads\n"
        "  try: in place of `like`, give again.1.a layers of its own"
    )


def test_blocks_that_multiply_are_bounded(told: Told) -> None:
    """Before they are opened."""
    inner = "model.blocks.many={nodes: {a: {of: [input], block: wide, repeat: 1000}}}"
    assert told(
        "task=views", inner, "model.nodes.more.block=many", "model.nodes.more.repeat=1000"
    ) == (
        "the graph has 2,000,003 nodes, counting those of blocks and repeated ones\n"
        "  where: configs/task/views.yaml:23\n"
        "  accepted: at most 10,000"
    )


def test_what_is_read_last_is_no_padding_in_a_block() -> None:
    blocks = "{text: {nodes: {a: {of: [input], layers: [{embedding: 4}, {lstm: 4}]}}}}"
    nodes = "{text: {of: [review], block: text}}"
    steps = "prepare.steps=[{name: pad, side: back}]"
    typed = ["task=imdb", "model=graph", f"model.nodes={nodes}", f"model.blocks={blocks}", steps]
    (problem,) = refusals(typed)
    assert "layer 2 (lstm) returns its last output, which is computed from the p" in problem.what
    assert problem.where == f"command line: model.blocks={blocks}"


def test_a_base_in_a_graph_scales_pictures_itself() -> None:
    base = "{name: pretrained, network: squeezenet1_1, weights: random}"
    graph = f"model.nodes={{a: {{of: [image], model: {base}}}}}"
    typed = ["task=cats_vs_dogs", "dataset.sample=true", "model=graph", graph]
    assert not refusals([*typed, "prepare=none"])
    (problem,) = refusals([*typed, "prepare=scale"])
    assert problem.what == "model graph scales pictures itself, but step scale does too"
