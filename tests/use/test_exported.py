"""What an exported graph is made of, and what is refused before anything is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from small import loaded
from torch import Tensor

from dlx.cli.main import main
from dlx.config.specs import STEPS
from dlx.config.specs.prepare import Expression
from dlx.data.columns import Column, Dense, Image, Sequence, Window
from dlx.data.samples import Frame, Samples
from dlx.data.targets import Answers, TargetCodec
from dlx.errors import RunError, UsageError
from dlx.losses import activate
from dlx.prepare import Pipeline
from dlx.use import export as exporting
from dlx.use.exported_description import tell_output
from dlx.use.exported_files import write_all
from dlx.use.exported_graph import Graph, finish
from dlx.use.exported_inputs import Way, find_ways, ports_of
from dlx.use.exported_layers import replace_layers
from dlx.use.exported_steps import INSIDE

Cli = Callable[..., Any]
EXPRESSIONS = (
    Expression(ratio=("a", "b")),
    Expression(difference=("a", "b")),
    Expression(product=("a", "b", "c")),
    Expression(sum=("a", "c")),
    Expression(log="a"),
    Expression(bins="a", edges=(9990.0, 10010.0)),
    Expression(cyclic="a", period=24.0),
)
CASES: list[tuple[str, dict[str, Any]]] = [
    ("standardise", {}),
    ("scale", {}),
    ("scale", {"divide_by": 7.0}),
    ("flatten", {}),
    ("one_hot", {}),
    ("impute", {"strategy": "median"}),
    ("impute", {"indicator": True}),
    ("select", {"keep": ("c", "a")}),
    *(("derive", {"features": {"d": one}}) for one in EXPRESSIONS),
]


def numbers(rows: int = 6) -> Dense:
    """Large numbers, of which some are 0 and a feature is constant."""
    values = np.random.default_rng(0).normal(1e4, 30, (rows, 3)).astype(np.float32)
    values[0, 1], values[:, 2] = 0, 7
    return Dense(values, ("a", "b", "c"))


def fit(column: Column, *steps: tuple[str, dict[str, Any]]) -> tuple[Pipeline, Frame, Column]:
    """A fitted pipeline, its rows, and what it makes of them."""
    columns = {"x": column, "y": Dense(np.zeros(len(column), dtype=np.int64))}
    samples = Samples(columns, inputs=("x",), targets=("y",))
    chosen = [STEPS.default(name, **options)() for name, options in steps]
    pipeline, made = Pipeline.fit(chosen, samples, np.arange(len(column)))
    return pipeline, Frame({"x": column}), made["x"]


def run_way(way: Way) -> Tensor:
    """What the steps within the graph make of the rows that a way was found by."""
    found: Tensor = way.module(way.port.given[way.port.name])
    return found


@pytest.mark.parametrize(("name", "options"), CASES)
def test_a_step_within_the_graph_is_the_step(name: str, options: dict[str, Any]) -> None:
    given = numbers()
    if name == "one_hot":
        given = Dense(np.array([[0, 2], [1, 1], [2, 0]], np.float32))
    if name == "impute":
        given.values[3, 0] = np.nan
    pipeline, frame, made = fit(given, (name, options))
    ((way,),) = [own.values() for own in find_ways([pipeline], frame)]

    assert [step.name for step in way.inside] == [name]
    assert way.port.left == ()
    np.testing.assert_allclose(run_way(way).numpy(), made.arrays()["values"], rtol=3e-7)


def test_every_step_that_a_graph_can_hold_is_tried() -> None:
    assert {name for name, _ in CASES} == set(INSIDE)


def test_pictures_come_in_as_bytes() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 3, 5, 5), np.uint8)
    pipeline, frame, _ = fit(Image(pixels), ("scale", {"divide_by": 255.0}), ("standardise", {}))
    ((way,),) = [own.values() for own in find_ways([pipeline], frame)]
    found = run_way(way)

    assert [step.name for step in way.inside] == ["scale", "standardise"]
    assert way.port.given["x"].numpy().dtype == np.uint8
    assert abs(float(found.mean())) < 1e-5
    assert abs(float(found.std(correction=0)) - 1) < 1e-5


def test_what_comes_before_a_step_that_no_graph_holds_is_left_to_the_caller() -> None:
    ids = Sequence(np.array([3, 4, 5, 3, 4]), np.array([0, 3, 5]))
    pipeline, frame, _ = fit(ids, ("truncate", {"length": 2}))
    ((way,),) = [own.values() for own in find_ways([pipeline], frame)]

    assert [step.name for step in way.port.left] == ["truncate"]
    assert way.inside == ()
    assert way.port.given["x"].tolist() == [[4, 5], [3, 4]]
    assert way.port.given["x_lengths"].tolist() == [2, 2]


def test_windows_come_in_written_out() -> None:
    series = np.arange(20, dtype=np.float64)[:, None]
    window = Window(series, np.array([4, 9]), lookback=4, step=2, names=("t",))
    pipeline, frame, _ = fit(window, ("standardise", {}))
    ((way,),) = [own.values() for own in find_ways([pipeline], frame)]

    assert way.port.given["x"].tolist() == [[[2.0], [4.0]], [[7.0], [9.0]]]
    assert way.port.features == ("t",)


def test_networks_share_an_input_that_the_same_is_made_of() -> None:
    first, frame, _ = fit(numbers(), ("standardise", {}))
    second, _, _ = fit(numbers(9), ("standardise", {}))
    ids = Sequence(np.array([3, 4, 5, 3, 9]), np.array([0, 3, 5]))
    short, words, _ = fit(ids, ("truncate", {"length": 2}))
    long, _, _ = fit(ids, ("truncate", {"length": 3}))

    assert list(ports_of(find_ways([first, second], frame))) == ["x"]
    assert list(ports_of(find_ways([short, long, short], words))) == ["x", "x_2"]


class Stub:
    """A session that answers with the run's numbers, moved."""

    def __init__(self, values: Any, by: float) -> None:
        self.values, self.by, self.at = values, by, 0

    def run(self, _: Any, feed: dict[str, Any]) -> list[Any]:
        rows = feed["x"][:, 0].astype(int)
        return [self.values[rows] + self.by]


@pytest.mark.parametrize(("by", "right"), [(1e-6, True), (2e-5, False), (np.nan, False)])
def test_a_graph_that_answers_otherwise_is_refused(
    monkeypatch: pytest.MonkeyPatch, by: float, right: bool
) -> None:
    import onnxruntime

    rows = Dense(np.arange(100, dtype=np.float32)[:, None])
    pipeline, frame, _ = fit(rows)
    known = Answers(np.linspace(-0.5, 0.5, 100), [], None)
    stub = Stub(known.values, by)
    monkeypatch.setattr(onnxruntime, "InferenceSession", lambda *_: stub)
    graph = Graph(b"", {"y": "y"}, {}, 20)
    given = (graph, find_ways([pipeline], frame), frame, {"y": known}, "100 rows", "runs/x")
    if right:
        assert exporting.compare(*given).differences["y"] == pytest.approx(by, rel=1e-3)
        return
    with pytest.raises(RunError) as caught:
        exporting.compare(*given)
    (problem,) = caught.value.problems
    told = "2e-05" if by < 1 else "inf"
    assert problem.what == f"the graph's answers differ from the run's by {told} (y)"
    assert problem.accepted == "at most 1e-05"


def test_what_was_standardised_is_compared_by_its_spread() -> None:
    """Near 0 an answer of prices in the thousands has the rounding of thousands."""
    found, known = np.array([0.01, 9000.0]), np.array([0.0, 9000.0])
    assert exporting._difference(found, known, 1.0) == pytest.approx(0.01)
    assert exporting._difference(found, known, 4000.0) == pytest.approx(2.5e-6)


def test_all_files_are_written_or_none(here: Path) -> None:
    (here / "b.json").mkdir()
    with pytest.raises(RunError, match=r"b\.json"):
        write_all({here / "b.json": b"2", here / "a.onnx": b"1"})
    assert [file.name for file in here.iterdir()] == ["b.json"]
    write_all({here / "a.onnx": b"1", here / "a.json": b"2"})
    assert sorted(file.name for file in here.iterdir()) == ["a.json", "a.onnx", "b.json"]


def test_an_output_says_what_its_numbers_are() -> None:
    told = tell_output("y", "y", TargetCodec("binary", 1, ("no", "yes")))
    assert told["meaning"] == "probability of yes, the answer where it is above the threshold"
    assert (told["shape"], told["threshold"]) == (["rows"], 0.5)
    told = tell_output("y", "y", TargetCodec("vector_regression", 2))
    assert told["shape"] == ["rows", 2]
    assert "classes" not in told


REFUSED = [
    ("x.pb", "x.pb is no name of an ONNX file", "*.onnx\n  try: --out x.onnx"),
    ("there.onnx", "there.json exists", "a new file\n  try: --force replaces it"),
]


@pytest.mark.parametrize(("out", "what", "accepted"), REFUSED)
def test_a_file_that_cannot_be_written_is_refused(
    wines: Path, here: Path, cli: Cli, out: str, what: str, accepted: str
) -> None:
    (here / "there.json").write_text("mine")
    answer = cli("export", "last", "--root", str(wines.parent.parent), "--out", out)

    told = f"error: {what}\n  where: --out\n  accepted: {accepted}\n"
    assert (answer.code, answer.out, answer.err) == (2, "", told)
    assert [file.name for file in here.iterdir()] == ["there.json"]


def test_a_package_that_is_missing_is_named(
    wines: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dlx.config.extras.is_installed", lambda name: name != "onnxscript")
    answer = cli("export", "last", "--root", str(wines.parent.parent))
    assert (answer.code, answer.err) == (
        2,
        "error: dlx export needs the package onnxscript\n  try: pip install 'dlx[export]'\n",
    )


def test_data_that_are_others_are_refused(wines: Path) -> None:
    """The check needs rows that the run was trained beside."""
    other = loaded("seed=1").config
    predictor = SimpleNamespace(config=other, inputs=())
    with pytest.raises(UsageError, match="the split is different"):
        exporting.real_rows(wines, predictor)  # type: ignore[arg-type]


NETWORKS: dict[str, tuple[str, ...]] = {
    "a table": ("task=diabetes", "targets.progression.scale=standardise"),
    "a logarithm": ("task=diabetes", "targets.progression.scale=log"),
    "quantiles": ("task=diabetes", "targets.progression.problem=quantile_regression"),
    "pictures": ("task=mnist", "dataset.sample=true", "model=convnet"),
    "a folder": ("task=images", "dataset.sample=true"),
    "a series": ("task=beijing_windows", "dataset.sample=true", "model=gru"),
    "an LSTM": ("model=lstm",),
    "both ways": ("model={name: recurrent, cell: gru, units: [8, 8], bidirectional: concat}",),
    "backwards": ("model={name: recurrent, cell: rnn, units: [8], reverse: true}",),
    "relu": (
        "model={name: layers, layers: [{embedding: 8}, {gru: {units: 8, activation: relu}}]}",
    ),
    "attention": ("model=transformer",),
    "convolutions": ("model=conv1d",),
    "folds": ("task=wine", "protocol=kfold"),
    "marks": ("task=imdb", "dataset.sample=true"),
}


def test_a_target_may_be_named_as_a_word_of_python() -> None:
    layers = [torch.nn.Linear(1, 1) for _ in range(3)]
    network = torch.nn.ModuleDict(dict(zip(("class", "class_", "y"), layers, strict=True)))
    replace_layers(network)
    assert list(network) == ["class__", "class_", "y"]
    assert list(network.values()) == layers


CODECS = {
    "a scale": TargetCodec("regression", 1, mean=(3.0,), std=(2.0,)),
    "a logarithm": TargetCodec("regression", 1, mean=(1.0,), std=(0.5,), log=True),
    "counts": TargetCodec("count_regression", 1),
    "quantiles": TargetCodec("quantile_regression", 3, quantiles=(0.1, 0.5, 0.9)),
    "labels": TargetCodec("multilabel", 2, ("a", "b"), threshold=(0.2, 0.7)),
}


@pytest.mark.parametrize("name", CODECS)
def test_numbers_are_finished_as_a_codec_decodes_them(name: str) -> None:
    codec = CODECS[name]
    logits = torch.randn(20, codec.outputs, generator=torch.Generator().manual_seed(0))
    known = codec.decode(activate(codec.problem, logits).numpy())

    np.testing.assert_allclose(finish(codec, logits), exporting.numbers_of(known), rtol=1e-6)
    assert (
        tell_output("y", "y", codec)["shape"] == ["rows", codec.outputs][: 1 + (codec.outputs > 1)]
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_a_graph_answers_as_the_run(name: str, here: Path, in_process: None) -> None:
    words = NETWORKS[name]
    if not words[0].startswith("task="):
        words = ("task=imdb_sequence", "dataset.sample=true", *words)
    train = ["train", *words, "trainer.epochs=1", "trainer.threads=1", "test=false", "--quiet"]
    assert main(train) == 0
    assert main(["export", "last", "--out", "x.onnx"]) == 0
    assert (here / "x.json").is_file()
    assert main(["export", "last", "--out", "x.onnx"]) == 2
