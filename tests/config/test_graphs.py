"""Graphs of layers: every mistake is told before torch is imported, with what to type."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dlx.config.load import load
from dlx.errors import Problem, UsageError

Told = Callable[..., str]
Write = Callable[[str, str], Path]

TASK = """\
dataset: {name: beijing_pm25}
targets: {pm25: {problem: regression}}
prepare: {steps: [{name: one_hot, columns: [wind]}, {name: standardise}]}
protocol: {name: chronological}
model:
  name: graph
  nodes:
    sky:
      of: [features]
      layers: [{linear: 8}, relu]
    air:
      of: [wind]
      layers:
        - linear: 8
        - relu
    both:
      of: [sky, air]
      join: add
"""


@pytest.fixture(autouse=True)
def task(write: Write) -> None:
    write("task/sky", TASK)


def test_it_is_read_as_it_is_written() -> None:
    config = load(["task=sky"]).config
    assert list(config.model.options.nodes) == ["sky", "air", "both"]
    assert config.model.options.nodes["both"].join == "add"
    assert [layer.name for layer in config.model.options.nodes["air"].layers] == ["linear", "relu"]


SHELL = {
    "nodes.sky.of=[feature]": (
        "node sky reads `feature`, which is no input and no node\n"
        "  where: command line: model.nodes.sky.of=[feature]\n"
        "  accepted: features, wind, air, both\n"
        "  try: did you mean features?"
    ),
    "nodes.sky.of=[]": (
        "node sky reads nothing\n"
        "  where: command line: model.nodes.sky.of=[]\n"
        "  accepted: features, wind, air, both"
    ),
    "nodes.sky.of=[sky]": (
        "nodes read each other in a circle: sky -> sky\n"
        "  where: command line: model.nodes.sky.of=[sky]\n"
        "  accepted: nodes that read inputs, or nodes that read others\n"
        "  try: 'model.nodes.sky.of=[features]'"
    ),
    "nodes.sky.of=[both]": (
        "nodes read each other in a circle: both -> sky -> both\n"
        "  where: configs/task/sky.yaml:17\n"
        "  accepted: nodes that read inputs, or nodes that read others\n"
        "  try: 'model.nodes.sky.of=[features]'"
    ),
    "nodes.both.join=null": (
        "node both reads sky, air, but `model.nodes.both.join` is missing\n"
        "  where: configs/task/sky.yaml:17\n"
        "  accepted: concat, add\n"
        "  try: model.nodes.both.join=concat"
    ),
    "nodes.sky.join=add": (
        "`model.nodes.sky.join` is add, but node sky reads features alone\n"
        "  where: command line: model.nodes.sky.join=add\n"
        "  accepted: null, or several in `of`\n"
        "  try: model.nodes.sky.join=null"
    ),
    "nodes.air.like=sky": (
        "node air is like sky, and has layers of its own\n"
        "  where: command line: model.nodes.air.like=sky\n"
        "  accepted: `like` or `layers`\n"
        "  try: model.nodes.air.layers=[]"
    ),
    "nodes.more={of: [both], like: sly}": (
        "node more is like `sly`, which is no node\n"
        "  where: command line: model.nodes.more={of: [both], like: sly}\n"
        "  accepted: a node with layers of its own: sky, air\n"
        "  try: did you mean sky?"
    ),
    "nodes.more={of: [both], like: both}": (
        "node more is like both, which has no layers to share\n"
        "  where: command line: model.nodes.more={of: [both], like: both}\n"
        "  accepted: a node with layers of its own: sky, air"
    ),
    "nodes.wind={of: [sky]}": (
        "`wind` is the name of a node and of an input\n"
        "  where: command line: model.nodes.wind={of: [sky]}\n"
        "  accepted: any name but features, wind\n"
        "  try: did you mean wind_node?"
    ),
    "nodes.two-fold={of: [sky]}": (
        "`two-fold` cannot be the name of a node\n"
        "  where: command line: model.nodes.two-fold={of: [sky]}\n"
        "  accepted: a letter, then letters, digits and _; any but `name`"
    ),
    "nodes.spare={of: [sky]}": (
        "no node reads both, spare, and `model.heads` does not say which gives the answer\n"
        "  where: command line: model.nodes.spare={of: [sky]}\n"
        "  accepted: one last node, or a head a target\n"
        "  try: 'model.nodes.joined={of: [both, spare], join: concat}'"
    ),
    "heads={dust: both}": (
        "`model.heads` names `dust`, which is no target\n"
        "  where: command line: model.heads={dust: both}\n"
        "  accepted: pm25\n"
        "  try: '~model.heads.dust'",
        "`model.heads` has no node for the target pm25\n"
        "  where: command line: model.heads={dust: both}\n"
        "  accepted: sky, air, both\n"
        "  try: model.heads.pm25=both",
    ),
    "heads={pm25: bath}": (
        "the head of pm25 reads `bath`, which is no node\n"
        "  where: command line: model.heads={pm25: bath}\n"
        "  accepted: sky, air, both\n"
        "  try: did you mean both?"
    ),
    "heads={pm25: sky}": (
        "no node and no head reads node both\n"
        "  where: configs/task/sky.yaml:18\n"
        "  accepted: nodes that are read\n"
        "  try: '~model.nodes.both'"
    ),
    "nodes.air.layers.0.linear=16": (
        "node both cannot add sky, a vector of 8, and air, a vector of 16\n"
        "  where: configs/task/sky.yaml:18\n"
        "  accepted: values of the same shape\n"
        "  try: layers that end in the same size, or join: concat"
    ),
    "nodes.air.layers=[{linear: 8}, flatten, {lstm: 8}]": (
        "layer 3 (lstm) cannot take a vector of 8\n"
        "  where: command line: model.nodes.air.layers=[{linear: 8}, flatten, {lstm: 8}]\n"
        "  accepted: a sequence (time, features)\n"
        "  try: place it before flatten or pooling, or give the recurrent layer sequence: true"
    ),
    "nodes.last={of: [both], like: sky}": (
        "node last is like sky, but reads a vector of 8, and sky a vector of 9\n"
        "  where: command line: model.nodes.last={of: [both], like: sky}\n"
        "  accepted: the shape that the other reads\n"
        "  try: in place of `like`, give last layers of its own"
    ),
    "nodes.both={of: [sky, air], join: concat, layers: [{conv2d: 4}]}": (
        "layer 1 (conv2d) cannot take a vector of 16\n"
        "  where: command line: model.nodes.both={of: [sky, air], join: concat, "
        "layers: [{conv2d: 4}]}\n"
        "  accepted: an image (channels, height, width)\n"
        "  try: place it before flatten or pooling, and do not flatten images in prepare"
    ),
    "nodes={}": "",
}


@pytest.mark.parametrize(("argument", "expected"), [(k, v) for k, v in SHELL.items() if v])
def test_mistakes(told: Told, argument: str, expected: str | tuple[str, ...]) -> None:
    problems = (expected,) if isinstance(expected, str) else expected
    assert told("task=sky", f"model.{argument}") == "\n".join(problems)


def refusals(typed: list[str]) -> tuple[Problem, ...]:
    try:
        load(typed)
    except UsageError as error:
        return error.problems
    return ()


@pytest.mark.parametrize("argument", SHELL)
def test_what_is_advised_works(argument: str) -> None:
    """Typed after the wrong argument, as often as something is advised."""
    typed = ["task=sky", f"model.{argument}"]
    for _ in range(3):
        hints = [problem.hint for problem in refusals(typed)]
        commands = [hint for hint in hints if "=" in hint or hint.lstrip("'").startswith("~")]
        typed += shlex.split(commands[0]) if commands else []
    left = refusals(typed)
    assert len(typed) == 2 or not left, typed
    assert all(problem.accepted or problem.hint for problem in left), "nothing says what to do"


def test_all_mistakes_are_told_at_once(told: Told) -> None:
    said = told("task=sky", "model.nodes.sky.of=[sun]", "model.nodes.air.join=add")
    assert "reads `sun`" in said
    assert "`model.nodes.air.join` is add" in said


def test_a_graph_without_nodes_is_told_one_that_works(told: Told) -> None:
    assert told("task=wine", "model=graph") == (
        "graph needs nodes, but `model.nodes` is empty\n"
        "  where: dlx:configs/model/graph.yaml:2 (by model=graph)\n"
        "  accepted: at least one node\n"
        "  try: 'model.nodes.main={of: [features], layers: [flatten, {linear: 16}, relu]}'"
    )


def test_what_is_read_last_is_no_padding_in_any_node() -> None:
    nodes = "{text: {of: [review], layers: [{embedding: 4}, {lstm: 4}]}, end: {of: [text]}}"
    steps = "prepare.steps=[{name: pad, side: back}]"
    with pytest.raises(Exception, match=r"layer 2 \(lstm\) .* padding at the end") as caught:
        load(["task=imdb", "model=graph", f"model.nodes={nodes}", steps])
    assert caught.value.problems[0].where == f"command line: model.nodes={nodes}"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("key", "value", "wrong"),
    [
        ("model.nodes.sky.layers.0.linear", [4, 8], ""),
        ("model.nodes.sky.layers", [["relu"]], ""),
        ("model.nodes.sky.layer", [4], "unknown key `model.nodes.sky.layer`"),
        ("model.nodes", [{}], ""),
    ],
)
def test_what_a_search_may_move(key: str, value: list[Any], wrong: str) -> None:
    arguments = ["task=sky", f"search={{{key}: {{choice: {value}}}}}".replace("'", "")]
    if not wrong:
        assert load(arguments).config.search == {key: {"choice": value}}
        return
    with pytest.raises(UsageError, match=wrong):
        load(arguments)


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        (
            "learner.encoder={name: graph, nodes: {a: {of: [b]}, b: {of: [a]}}}",
            "nodes read each other in a circle: a -> b -> a\n  where: command line: {}\n"
            "  accepted: nodes that read inputs, or nodes that read others\n"
            "  try: 'learner.encoder.nodes.a.of=[image]'",
        ),
        (
            "learner.decoder={name: graph}",
            "graph needs nodes, but `learner.decoder.nodes` is empty\n  where: command line: {}\n"
            "  accepted: at least one node\n  try: 'learner.decoder.nodes.main="
            "{of: [latent], layers: [flatten, {linear: 16}, relu]}'",
        ),
        (
            "learner.decoder={name: layers, layers: [{lstm: 3}]}",
            "layer 1 (lstm) cannot take a vector of 2\n  where: command line: {}\n"
            "  accepted: a sequence (time, features)\n  try: place it before flatten or pooling, "
            "or give the recurrent layer sequence: true",
        ),
    ],
)
def test_models_among_a_learners_options_are_checked_as_well(
    told: Told, argument: str, expected: str
) -> None:
    assert told("task=digits_vae", argument) == expected.replace("{}", argument, 1)
