"""What is said of misspelt keys, names and arguments on the shell, word for word."""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest

from dlx.config.fields import options_of
from dlx.config.load import load
from dlx.config.schema import Config, Trainer
from dlx.config.specs import CALLBACKS as CALLBACK_TABLE
from dlx.config.specs import METRICS as METRIC_TABLE
from dlx.config.specs import MODELS as MODEL_TABLE
from dlx.config.specs import SCHEDULES as SCHEDULE_TABLE
from dlx.config.specs import STEPS as STEP_TABLE
from dlx.errors import Problem, UsageError

Told = Callable[..., str]
SECTIONS = ", ".join(field.name for field in fields(Config))
TRAINER = ", ".join(field.name for field in fields(Trainer))
SHIPPED = Path(__file__).parents[2] / "configs"
TASKS = ", ".join(sorted(file.stem for file in (SHIPPED / "task").glob("*.yaml")))
MODEL_FILES = ", ".join(sorted(file.stem for file in (SHIPPED / "model").glob("*.yaml")))
MODELS = ", ".join(MODEL_TABLE.entries)
MLP = "l1, l2, init, units, activation, dropout, batch_norm"
RMSPROP = "lr, groups, rho, eps, momentum, weight_decay"
METRICS = ", ".join(METRIC_TABLE.entries)
SCHEDULES = ", ".join(sorted(SCHEDULE_TABLE.entries))
STEPS = ", ".join(STEP_TABLE.entries)
CALLBACKS = ", ".join(CALLBACK_TABLE.entries)
EARLY_STOPPING = ", ".join(options_of(CALLBACK_TABLE.entries["early_stopping"].options))
PLUGIN = "; one of a plugin needs plugins=[PACKAGE]"
NO_HYDRA = "hydra.* settings are refused: they can load and run code"
OWN_KEYS = "dlx's own keys; run.root for the output folder, -m for a sweep"
ONE_VALUE = "one value; a list in brackets; or -m to run each value"
DOTS = "key=value, as in trainer.epochs=5 or prepare.steps.0.size=5000"
KEY_VALUE = "key=value, as in optimizer.lr=0.01 or model.units=[64,64]"


def case(typed: str, what: str, accepted: str, hint: str, where: str = "") -> tuple[str, Problem]:
    last = typed.split(" ")[-1]
    return typed, Problem(what, where or f"command line: {last}", accepted, hint)


MISSPELT = [
    case(
        "model.layers=3",
        "unknown key `model.layers` (of mlp)",
        MLP,
        "model layers, pretrained have it",
    ),
    case("optimiser.lr=0.01", "unknown key `optimiser.lr`", SECTIONS, "optimizer.lr=0.01"),
    case("trainer.epoch=4", "unknown key `trainer.epoch`", TRAINER, "trainer.epochs=4"),
    case("tranier.epochs=4", "unknown key `tranier.epochs`", SECTIONS, "trainer.epochs=4"),
    case(
        "optimizer.learning_rate=0.1",
        "unknown key `optimizer.learning_rate` (of rmsprop)",
        RMSPROP,
        "optimizer.lr=0.1",
    ),
    case("trainer.max_epochs=4", "unknown key `trainer.max_epochs`", TRAINER, "trainer.epochs=4"),
    case(
        "optimizer={lrr:1}",
        "unknown key `optimizer.lrr` (of rmsprop)",
        RMSPROP,
        "did you mean optimizer.lr?",
    ),
    case("epochs=4", "unknown key `epochs`", SECTIONS, "trainer.epochs=4"),
    case("batch_size=32", "unknown key `batch_size`", SECTIONS, "trainer.batch_size=32"),
    case("lr=0.1", "unknown key `lr`", SECTIONS, "optimizer.lr=0.1"),
    case(
        "optimizer.beta1=0.5",
        "unknown key `optimizer.beta1` (of rmsprop)",
        RMSPROP,
        "optimizer adam, adamw, nadam have it",
    ),
    case(
        "model.channels=[8]",
        "unknown key `model.channels` (of mlp)",
        MLP,
        "model convnet, vgg, residual, xception, conv1d have it",
    ),
    case(
        "callbacks.early_stopping.patiense=3",
        "unknown key `callbacks.early_stopping.patiense` (of early_stopping)",
        EARLY_STOPPING,
        "callbacks.early_stopping.patience=3",
    ),
    case(
        "targets.digit.wieght=2",
        "unknown key `targets.digit.wieght`",
        "problem, weight, loss, positive, class_weights, sampling, threshold, scale, activation",
        "targets.digit.weight=2",
    ),
    case("zzz=1", "unknown key `zzz`", SECTIONS, ""),
    case("zzz.y=1", "unknown key `zzz.y`", SECTIONS, ""),
    case("model.units.x=3", "`model.units` is a mapping", "a list of whole numbers >= 1", ""),
    case(
        "prepare.steps.0.divide=8",
        "unknown key `prepare.steps.0.divide` (of scale)",
        "columns, divide_by",
        "prepare.steps.0.divide_by=8",
    ),
    case("patience=3", "unknown key `patience`", SECTIONS, "schedule.patience=3"),
    case("trainer.lr=0.1", "unknown key `trainer.lr`", TRAINER, "optimizer.lr=0.1"),
    case(
        "model=convnet model.units=[3]",
        "unknown key `model.units` (of convnet)",
        "l1, l2, init, channels, kernel, pool, pool_last, padding, dense, activation, dropout, "
        "batch_norm",
        "model mlp, tabular, recurrent, conv1d, transformer have it",
    ),
]
GROUP = [
    case("optimzer=adam", "unknown key `optimzer`", SECTIONS, "optimizer=adam"),
    case("modle=mlp", "unknown key `modle`", SECTIONS, "model=mlp"),
    case(
        "model=mlpp",
        "there is no model `mlpp`",
        f"{MODEL_FILES}; of a plugin: model.name=mlpp plugins=[PACKAGE]",
        "model=mlp",
    ),
    case(
        "optimizer=adamm",
        "there is no optimizer `adamm`",
        "adagrad, adam, adamw, lbfgs, nadam, rmsprop, sgd; "
        "of a plugin: optimizer.name=adamm plugins=[PACKAGE]",
        "optimizer=adam",
    ),
    case("task=digit", "there is no task `digit`", TASKS, "task=digits"),
    case(
        "schedule=cosinus",
        "there is no schedule `cosinus`",
        SCHEDULES + "; of a plugin: schedule.name=cosinus plugins=[PACKAGE]",
        "schedule=cosine",
    ),
    case(
        "metrics=accuracy",
        "there is no metrics `accuracy`",
        "classification, ranking, regression; of a plugin: metrics.accuracy={} plugins=[PACKAGE]",
        "metrics.accuracy={}",
    ),
    case("trainer=fast", "there is no trainer `fast`", "default, portable, quick", ""),
    case("model=", "there is no model ``", MODEL_FILES, ""),
    case("task=3", "there is no task `3`", TASKS, ""),
    case("task=mnist.yaml", "there is no task `mnist.yaml`", TASKS, "task=mnist"),
    case("task=../../x", "there is no task `../../x`", TASKS, ""),
    case("task=/etc/passwd", "there is no task `/etc/passwd`", TASKS, ""),
    case("model=../task/mnist", "there is no model `../task/mnist`", MODEL_FILES, ""),
    case("task=a/../../b", "there is no task `a/../../b`", TASKS, ""),
    case("task=.hidden", "there is no task `.hidden`", TASKS, ""),
]
NAME = [
    case(
        "optimizer.name=adamm",
        "there is no optimizer `adamm`",
        "rmsprop, sgd, adam, adamw, nadam, adagrad, lbfgs" + PLUGIN,
        "optimizer.name=adam",
    ),
    case("model.name=null", "`model` has no name", f"name: one of {MODELS}", ""),
    case("model.name=3", "`model.name` is 3", MODELS, ""),
    case("model.name=[]", "`model.name` is the list []", MODELS, ""),
    case(
        "targets.digit.loss=mse",
        "`targets.digit.loss` is 'mse' (text)",
        "a loss: {name: ..., options}",
        "targets.digit.loss.name=mse",
    ),
    case(
        "loss={name:mze}",
        "there is no loss `mze`",
        "auto, binary_cross_entropy, cross_entropy, mse, mae, huber, poisson, quantile" + PLUGIN,
        "did you mean mse?",
    ),
    case(
        "metrics.acuracy={}",
        "there is no metric `acuracy`",
        METRICS + PLUGIN,
        "did you mean accuracy?",
    ),
    case(
        "callbacks.early_stoping={}",
        "there is no callback `early_stoping`",
        CALLBACKS + PLUGIN,
        "did you mean early_stopping?",
    ),
    case(
        "prepare.steps=[standardise]",
        "`prepare.steps.0` is 'standardise' (text)",
        "a prepare step: {name: ..., options}",
        "did you mean {name: standardise}?",
    ),
    case(
        "prepare.steps=[{standardise:{}}]",
        "`prepare.steps.0` has no name",
        f"name: one of {', '.join(STEP_TABLE.entries)}",
        "",
    ),
    case(
        "prepare.steps.0.name=scal",
        "there is no prepare step `scal`",
        STEPS + PLUGIN,
        "prepare.steps.0.name=scale",
    ),
]
GRAMMAR = [
    case(
        "+optimizer.lr=0.1",
        "`+` is not needed: all possible keys are in the schema",
        "key=value",
        "optimizer.lr=0.1",
    ),
    case(
        "++optimizer.lr=0.1",
        "`+` is not needed: all possible keys are in the schema",
        "key=value",
        "optimizer.lr=0.1",
    ),
    case("+trainer.epoch=4", "unknown key `trainer.epoch`", TRAINER, "trainer.epochs=4"),
    case("+foo=1", "unknown key `foo`", SECTIONS, ""),
    case("~foo", "there is no `foo` to remove", "", ""),
    case("~task", "`task` takes a name", "task=NAME", "dlx tasks lists them"),
    case(
        "~optimizer.lr=0.1",
        "`~key` removes a key and takes no value",
        "~key",
        "~optimizer.lr   or   optimizer.lr=0.1",
    ),
    case(
        "~optimizer=adam",
        "`~key` removes a key and takes no value",
        "~key",
        "~optimizer   or   optimizer=adam",
    ),
    case(
        "~dataset",
        "`dataset` is missing",
        "a dataset: {name: ..., options}",
        "",
        where="command line: task=digits",
    ),
    case("~targets.digit", "`targets` is empty", "one of digit", ""),
    case("hydra.run.dir=x", NO_HYDRA, OWN_KEYS, ""),
    case("hydra/launcher=x", NO_HYDRA, OWN_KEYS, ""),
    case("+hydra.x=1", NO_HYDRA, OWN_KEYS, ""),
    case("hydra=x", NO_HYDRA, OWN_KEYS, ""),
    case(
        "model._target_=os.system",
        "unknown key `model._target_` (of mlp): dlx never imports what a config names",
        MLP,
        "",
    ),
    case(
        "+_target_=x",
        "unknown key `_target_`: dlx never imports what a config names",
        SECTIONS,
        "",
    ),
    case(
        "dataset._partial_=true",
        "unknown key `dataset._partial_` (of digits): dlx never imports what a config names",
        "sample",
        "",
    ),
    case("model@foo=mlp", "packages (@) are not supported", "key=value", ""),
    case(
        "optimizer.lr=0.1,0.2",
        "several values for one key",
        ONE_VALUE,
        "dlx train -m ... optimizer.lr=0.1,0.2   or   optimizer.lr=[0.1,0.2]",
    ),
    case(
        "model=mlp,convnet",
        "several values for one key",
        ONE_VALUE,
        "dlx train -m ... model=mlp,convnet",
    ),
    case(
        "optimizer.lr=choice(1,2)",
        "several values for one key",
        ONE_VALUE,
        "dlx train -m ... optimizer.lr=choice(1,2)",
    ),
    case(
        "seed=range(1,3)",
        "several values for one key",
        ONE_VALUE,
        "dlx train -m ... seed=range(1,3)",
    ),
    case(
        "model.units=[32],[64]",
        "several values for one key",
        ONE_VALUE,
        "dlx train -m ... model.units=[32],[64]   or   model.units=[[32],[64]]",
    ),
    case(
        "model=glob(*)", "several values for one key", ONE_VALUE, "dlx train -m ... model=glob(*)"
    ),
    case("digits", "expected key=value, got `digits`", "key=value", "task=digits"),
    case("=3", "expected key=value, got `=3`", "key=value", ""),
    case("", "expected key=value, got ``", "key=value", ""),
    case("~", "expected key=value, got `~`", "key=value", ""),
    case("a=b=c", "cannot read the argument: `=` is not allowed there", KEY_VALUE, "'a=\"b=c\"'"),
    case("/model=mlp", "`/model` is not a key: separate the parts by dots", DOTS, "model=mlp"),
    case(
        "run.root=café",
        "cannot read the argument: `é` is not allowed there",
        KEY_VALUE,
        "'run.root=\"café\"'",
    ),
    case(
        "model.units=[1,2", "cannot read the argument: its brackets are not balanced", KEY_VALUE, ""
    ),
    case(
        "seed=int(x)",
        "cannot read the argument: int(x): invalid literal for int() with base 10: 'x'",
        KEY_VALUE,
        "",
    ),
]
CASES = [*MISSPELT, *GROUP, *NAME, *GRAMMAR]


@pytest.mark.parametrize(("typed", "problem"), CASES, ids=[typed for typed, _ in CASES])
def test_told(told: Told, typed: str, problem: Problem) -> None:
    assert told("task=digits", *typed.split(" ")) == str(problem)


@pytest.mark.parametrize(("typed", "problem"), CASES, ids=[typed for typed, _ in CASES])
def test_what_it_says_to_type_is_no_such_mistake(told: Told, typed: str, problem: Problem) -> None:
    others = ["task=digits", *typed.split(" ")[:-1]]
    hints = [h for h in problem.hint.split("   or   ") if re.match(r"[\w.']+=\S+$", h)]
    for hint in hints:
        with contextlib.suppress(UsageError):
            load([*others, *shlex.split(hint)])
            continue
        said = told(*others, *shlex.split(hint))
        assert f"unknown key `{hint.partition('=')[0]}`\n" not in said


def test_no_task(told: Told) -> None:
    text = "no task is given\n  where: command line\n  accepted: task=NAME\n"
    assert told() == f"{text}  try: dlx tasks lists them"
    assert told("optimizer.lr=0.1") == f"{text}  try: dlx tasks lists them"


def test_a_misspelt_task_key_is_told_beside_the_missing_task(told: Told) -> None:
    said = told("taks=digits")
    assert said.startswith("no task is given\n")
    assert said.endswith("\n  try: task=digits")


def test_several_mistakes_are_told_together(told: Told) -> None:
    said = told("task=digits", "optimiser.lr=1", "model=mlpp", "seed=x", "+test=true", "x", "~y")
    assert [line for line in said.splitlines() if not line.startswith("  ")] == [
        "expected key=value, got `x`",
        "there is no model `mlpp`",
        "there is no `y` to remove",
        "unknown key `optimiser.lr`",
        "`seed` is 'x' (text)",
        "`+` is not needed: all possible keys are in the schema",
    ]


@pytest.mark.parametrize(
    "typed",
    ["task=a\0b", "a" * 300 + "=1", "task=" + "a" * 300, "x." * 40 + "y=1", "seed=" + "[" * 50],
    ids=["NUL", "long key", "long name", "deep key", "deep list"],
)
def test_strange_arguments_are_told_of_once(told: Told, typed: str) -> None:
    said = told("task=digits", typed)
    assert said.count("\n  where: command line: ") == 1


def test_an_argument_without_end_is_not_repeated(told: Told) -> None:
    assert told("task=digits", "seed=" + "9" * 100_000) == (
        "the argument has 100,005 characters\n"
        "  where: command line: seed=99999999999999999999999999999999999...\n"
        "  accepted: at most 20,000"
    )
    assert told("task=digits", "model.units=" + "[" * 10_000 + "]" * 9_000) == (
        "the argument is nested too deeply\n"
        "  where: command line: model.units=[[[[[[[[[[[[[[[[[[[[[[[[[[[[...\n"
        "  accepted: at most 32 levels"
    )
