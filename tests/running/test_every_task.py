"""Every shipped task, model, optimizer and schedule trains: on made-up data, for a moment."""

from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path

import pytest
import torch
from small import built, rows_of, status_of, trained, weights

from dlx.config.learners import known_inputs, reads, spec_of
from dlx.config.load import load
from dlx.config.paths import find_shipped
from dlx.config.schema import Config
from dlx.config.specs import MODELS, OPTIMIZERS, SCHEDULES
from dlx.config.specs.sequences import Sequences
from dlx.errors import UsageError
from dlx.report import build

TASKS = sorted(file.stem for file in (find_shipped("configs") / "task").glob("*.yaml"))


@cache
def config_of(task: str) -> Config:
    """Of a task as it is, on made-up data."""
    return load([f"task={task}", "dataset.sample=true"]).config


BASED = [task for task in TASKS if config_of(task).model.options.reads_bytes]
"""Tasks of a base that reads pictures itself, which is named by their optimizer too."""
MODELLED = [task for task in TASKS if task not in BASED and reads(config_of(task), "model")]
IMAGES = ("images", "mnist", "mnist_best", "digits", "cats_vs_dogs", "cats_vs_dogs_xception")
LOOKING = [task for task in TASKS if config_of(task).dataset.options.kind == "picture"]
LARGE = ("cats_vs_dogs_xception", "cats_vs_dogs_features", "scene", *BASED, *LOOKING)
"""Tasks whose model, or baselines, take seconds on made-up data too; yeast stands for scene."""
FITTING = {
    ("convnet", True): ("model.channels=[8,8]",),
    **{("conv1d", images): ("model.kernel=3", "model.pool=1") for images in (True, False)},
    ("layers", True): ("model.layers=[flatten,{linear: 8},relu]",),
}
"""What a model needs beside its name, for images or for others."""
OF_IMAGES = ("convnet", "vgg", "residual", "xception")
SEQUENCES = ("recurrent", "conv1d", "transformer")
NEEDED = {"layers": {"layers": ()}, "conv1d": {"kernel": 3, "pool": 1}}
EMBEDDED = ("model.layers=[{embedding: 4},global_max_pool,{linear: 8},relu]",)
"""What a list of layers needs, for rows of ids."""
EPISODES = (
    *("dataset.max_steps=20", "dataset.copies=2", "learner.steps_per_epoch=64"),
    *("learner.validation_episodes=2", "learner.test_episodes=2"),
)
"""Short ones, and few."""
NETWORKS = ("generator", "discriminator")
"""Of a GAN of pictures, whose own take seconds a step."""


def has_ids(task: str) -> bool:
    """Whether a task's inputs are rows of ids once they are prepared."""
    steps = config_of(task).prepare.steps
    last = steps[-1].name if steps else ""
    return last in ("pad", "truncate", "tokenize") or config_of(task).dataset.name == "posts"


def kind_of(task: str) -> tuple[object, ...]:
    """What a model is told of a task: how long its inputs are, and what they were prepared by."""
    config = config_of(task)
    ranks = [shape and len(shape) for shape in known_inputs(config).values()]
    return (*ranks, *(step.name for step in config.prepare.steps[-1:]))


FIRST = {*{kind_of(task): task for task in reversed(MODELLED)}.values()} - {"imdb_naive_bayes"}
"""A task of every kind but that of a million columns; the others pass every model under `-m slow`,
and their own below."""


def nodes_for(task: str) -> str:
    """A graph that reads all inputs of a task, each flattened."""
    inputs = config_of(task).dataset.options.inputs
    flat = "{embedding: 4}, global_max_pool" if has_ids(task) else "flatten"
    nodes = [f"flat_{name}: {{of: [{name}], layers: [{flat}]}}" for name in inputs]
    join = ", join: concat" if len(inputs) > 1 else ""
    ends = ", ".join(f"flat_{name}" for name in inputs)
    nodes.append(f"main: {{of: [{ends}]{join}, layers: [{{linear: 8}}, relu]}}")
    return f"model.nodes={{{', '.join(nodes)}}}"


def sample_of(task: str, *overrides: str) -> tuple[str, ...]:
    return (f"task={task}", "dataset.sample=true", "trainer.threads=1", *overrides)


SELF_CONTAINED = [name for name, one in MODELS.entries.items() if not one.options.reads_bytes]
"""Models that start from no file."""


def test_there_are_tasks() -> None:
    assert len(TASKS) >= 9


@pytest.mark.parametrize(
    "task", [t if t not in LARGE else pytest.param(t, marks=pytest.mark.slow) for t in TASKS]
)
def test_a_task_trains_on_made_up_data_and_is_stamped(task: str) -> None:
    length = "last_epoch" if task in BASED else "epochs"  # stages begin in later epochs
    smaller = ("dataset.size=64",) if task in BASED or "features" in task else ()
    if config_of(task).learner.name == "language_model":
        smaller = ("learner.shown=10", "learner.network.units=8")
    if task == "frogs_gan":
        smaller = tuple(f"learner.{one}={{name: mlp, units: [4]}}" for one in NETWORKS)
    if config_of(task).learner.name == "diffusion":
        few = ("learner.jumps=2", "learner.judge.samples=16")
        smaller = ("trainer.steps_per_epoch=2", *few)
    if config_of(task).dataset.options.kind == "environment":
        smaller = EPISODES
    run = trained(f"trainer.{length}=1", *smaller, base=sample_of(task))
    page = build(run.folder).read_text(encoding="utf-8")

    assert status_of(run.folder)["state"] == "done"
    rows = "test" if config_of(task).test else "val"
    assert run.facts["answer"]["part"] == (spec_of(config_of(task)).makes or rows)
    assert all(math.isfinite(score["value"]) for score in run.facts["scores"])
    assert len(rows_of(run.folder)) == 1
    assert status_of(run.folder)["sample"] is True
    assert json.loads((run.folder / "report.json").read_text())["sample"] is True
    assert "sample data" in page.lower()
    assert not Path("runs/ledger.sqlite").exists()


@pytest.mark.parametrize("model", SELF_CONTAINED)
@pytest.mark.parametrize(
    "task", [t if t in FIRST else pytest.param(t, marks=pytest.mark.slow) for t in MODELLED]
)
def test_every_model_that_fits_takes_a_step(task: str, model: str) -> None:
    change = (f"model={model}", *FITTING.get((model, task in IMAGES), ()))
    if has_ids(task) and model == "layers":
        change = (f"model={model}", *EMBEDDED)
    if has_ids(task) and model == "mlp":
        with pytest.raises(UsageError, match="model=mlp cannot take the input"):
            built(*change, base=sample_of(task))
        return
    if model == "graph" and config_of(task).model.name != "graph":
        change = (*change, nodes_for(task))
    if model in OF_IMAGES and task not in IMAGES:
        with pytest.raises(UsageError, match=f"model={model}"):
            built(*change, base=sample_of(task))
        return
    config = config_of(task)
    inputs = config.dataset.options.inputs
    options = None if model == "graph" else MODELS.default(model, **NEEDED.get(model, {}))().options
    if isinstance(options, Sequences) and [*options.check(known_inputs(config), [], str)]:
        with pytest.raises(UsageError, match="reads steps"):
            load([f"task={task}", *change])
        return
    acts = config.dataset.options.kind == "environment"
    if acts and model in SEQUENCES:  # whose observations are known once the environment is there
        with pytest.raises(UsageError, match=r"cannot take a vector|reads steps"):
            built(*change, base=sample_of(task))
        return
    if model in ("layers", *SEQUENCES) and len(inputs) > 1:
        with pytest.raises(UsageError, match=f"the data have {len(inputs)} inputs: {inputs[0]}, "):
            built(*change, base=sample_of(task))
        return
    *_, fold, training = built(*change, *EPISODES * acts, base=sample_of(task))
    before = weights(training)

    # An odd number, as signs of an even one may cancel; a policy plays its own.
    training.step(next(training.source.epoch(0) if acts else fold.train.in_order(17)))

    after = weights(training)
    assert math.isfinite(next(iter(training.train_meters.scores().values())))
    assert all(tensor.isfinite().all() for tensor in after.values())
    assert all(not torch.equal(after[name], before[name]) for name in after if "heads" in name)
    moved = sum(not torch.equal(after[name], before[name]) for name in after)
    assert moved >= min(3, len(after))  # a linear model has two


def test_every_optimizer_learns_and_none_as_another() -> None:
    ends = {}
    for name in OPTIMIZERS.entries:
        run = trained(
            f"optimizer={{name: {name}, lr: 0.01}}", "trainer.epochs=20", "model.dropout=0"
        )
        rows = rows_of(run.folder)
        assert rows[-1]["train/loss"] < 0.95 * rows[0]["train/loss"], name
        ends[name] = rows[-1]["train/loss"]

    assert len(set(ends.values())) == len(OPTIMIZERS.entries)


EXPECTED = {
    "constant": lambda at, total: 1.0,
    "step": lambda at, total: 0.1 ** (at * 4 // total),
    "cosine": lambda at, total: (1 + math.cos(math.pi * at / total)) / 2,
    "piecewise": lambda at, total: (1, 0.5, 0.5, 0.1)[at * 4 // total],
    "inverse_time": lambda at, total: 1 / (1 + 0.01 * at),
}


@pytest.mark.parametrize("name", SCHEDULES.entries)
def test_every_schedule_sets_the_rate_of_every_step(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Four epochs: the rate that each step was made with."""
    options = {
        "step": ", every: 1",
        "plateau": ", patience: 0, min_delta: 100",
        "piecewise": ", from_epochs: [2, 4], shares: [0.5, 0.1]",
        "inverse_time": ", decay: 0.01",
    }
    config, _, fold, training = built(
        "trainer.epochs=4",
        "trainer.batch_size=10",
        "optimizer={name: sgd, lr: 0.01}",
        f"schedule={{name: {name}{options.get(name, '')}}}",
    )
    rates = []
    for _ in range(4):
        for batch in fold.train.in_order(config.trainer.batch_size):
            rates.append(training.optimizers.rates()["lr"])
            training.step(batch)
        training.optimizers.finish_epoch(1.0)

    total = len(rates)
    assert total == 4 * training.source.steps
    if name in EXPECTED:
        expected = [0.01 * EXPECTED[name](at, total) for at in range(total)]
        assert rates == pytest.approx(expected, rel=1e-6, abs=1e-9)
    elif name == "plateau":
        each = [0.01, 0.01, 0.001, 0.0001]
        expected = [rate for rate in each for _ in range(training.source.steps)]
        assert rates == pytest.approx(expected)
    else:
        peak = rates.index(max(rates))
        assert max(rates) == pytest.approx(0.01, rel=0.05)
        assert rates[: peak + 1] == sorted(rates[: peak + 1])
        assert rates[peak:] == sorted(rates[peak:], reverse=True)
        assert rates[0] == pytest.approx(0.0004)
        assert rates[-1] < 1e-5


@pytest.mark.parametrize("name", ["constant", "step", "cosine", "plateau"])
def test_a_warm_up_rises_to_the_rate(name: str) -> None:
    *_, fold, training = built(
        "trainer.epochs=4",
        "trainer.batch_size=10",
        "optimizer={name: sgd, lr: 0.01}",
        f"schedule={{name: {name}, warmup_epochs: 1}}",
    )
    rates = []
    for batch in fold.train.in_order(10):
        rates.append(training.optimizers.rates()["lr"])
        training.step(batch)

    assert rates[0] == pytest.approx(0.0001)
    assert rates == sorted(rates)
    after = training.optimizers.rates()["lr"]
    assert after == pytest.approx(0.01, rel=0.2)
