"""What is said of values that do not fit on the shell, word for word."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dlx.config.paths import find_shipped
from dlx.config.specs import LAYERS as LAYER_TABLE
from dlx.errors import Problem
from dlx.problem import PROBLEMS

Told = Callable[..., str]
A_LAYER = "a layer: {name: ..., options}"
PLUGIN = "DLX_COMPONENTS = {kind: {name: Component(...)}}"
LAYERS = ", ".join(LAYER_TABLE.entries)
MODELS = ", ".join(sorted(file.stem for file in (find_shipped("configs") / "model").iterdir()))


def case(typed: str, what: str, accepted: str, hint: str, where: str = "") -> tuple[str, Problem]:
    last = typed.split(" ")[-1]
    return typed, Problem(what, where or f"command line: {last}", accepted, hint)


TYPE = [
    case("trainer.epochs=ten", "`trainer.epochs` is 'ten' (text)", "a whole number >= 0", ""),
    case("trainer.epochs=1.5", "`trainer.epochs` is 1.5", "a whole number >= 0", ""),
    case("trainer.epochs=true", "`trainer.epochs` is true", "a whole number >= 0", ""),
    case("trainer.epochs=null", "`trainer.epochs` is null", "a whole number >= 0", ""),
    case("trainer.epochs=[1]", "`trainer.epochs` is the list [1]", "a whole number >= 0", ""),
    case("trainer.epochs={a:1}", "`trainer.epochs` is a mapping", "a whole number >= 0", ""),
    case("test=yes", "`test` is 'yes' (text)", "true or false", "test=true"),
    case("test=1", "`test` is 1", "true or false", ""),
    case(
        "model.units=64",
        "`model.units` is 64",
        "a list of whole numbers >= 1",
        "'model.units=[64]'",
    ),
    case("model.units=[a]", "`model.units.0` is 'a' (text)", "a whole number >= 1", ""),
    case("model.units=[1,[2]]", "`model.units.1` is the list [2]", "a whole number >= 1", ""),
    case("about.title=3", "`about.title` is 3", "text", "\"about.title='3'\""),
    case("from_run=1704", "`from_run.run` is 1704", "text", "\"from_run='1704'\""),
    case("from_run=17.5", "`from_run.run` is 17.5", "text", ""),
    case("about=x", "`about` is 'x' (text)", "a section", ""),
    case("prepare=[]", "`prepare` is the list []", "a section", ""),
    case(
        "metrics=[accuracy]",
        "`metrics` is the list [accuracy]",
        "a mapping of metric names to their options",
        "'metrics={accuracy:{}}'",
    ),
    case(
        "metrics.accuracy=true", "`metrics.accuracy` is true", "the options of accuracy, or {}", ""
    ),
    case("plugins=os", "plugin os has no DLX_COMPONENTS", PLUGIN, ""),
    case("plugins=[os]", "plugin os has no DLX_COMPONENTS", PLUGIN, ""),
    case(
        "trainer.device=gpu", "`trainer.device` is 'gpu' (text)", "one of auto, cpu, cuda, mps", ""
    ),
    case(
        "trainer.device=cpuu",
        "`trainer.device` is 'cpuu' (text)",
        "one of auto, cpu, cuda, mps",
        "trainer.device=cpu",
    ),
    case(
        "trainer.threads=autoo",
        "`trainer.threads` is 'autoo' (text)",
        "a whole number >= 1 and <= 1024 or auto",
        "trainer.threads=auto",
    ),
    case(
        "targets.digit.problem=multiclas",
        "`targets.digit.problem` is 'multiclas' (text)",
        f"one of {', '.join(PROBLEMS)}",
        "targets.digit.problem=multiclass",
    ),
    case("targets=null", "`targets` is null", "a mapping of names to sections", ""),
    case("targets.digit=null", "`targets.digit` is null", "a section", ""),
    case("optimizer.lr=", "`optimizer.lr` is '' (text)", "a number > 0", ""),
    case("seed=???", "`seed` is '???' (text)", "a whole number >= 0", ""),
    case("model=3", "there is no model `3`", MODELS, ""),
    case("task=[a]", "`task` takes a name", "task=NAME", "dlx tasks lists them"),
]
RANGE = [
    case(
        "trainer.epochs=0",
        "`trainer.epochs` is 0, so nothing would be trained",
        "a whole number >= 1",
        "",
    ),
    case("optimizer.lr=0", "`optimizer.lr` is 0", "a number > 0", ""),
    case("optimizer.lr=-1", "`optimizer.lr` is -1", "a number > 0", ""),
    case("optimizer.lr=nan", "`optimizer.lr` is nan", "a number > 0, finite", ""),
    case("optimizer.lr=inf", "`optimizer.lr` is inf", "a number > 0, finite", ""),
    case("optimizer.lr=1e999", "`optimizer.lr` is inf", "a number > 0, finite", ""),
    case("model.dropout=1", "`model.dropout` is 1", "a number >= 0 and < 1", ""),
    case("model.units=[64,-1]", "`model.units.1` is -1", "a whole number >= 1", ""),
    case("trainer.clip_norm=-1", "`trainer.clip_norm` is -1", "a number > 0", ""),
    case("seed=-1", "`seed` is -1", "a whole number >= 0", ""),
    case(
        "seed=9999999999999999999999",
        "`seed` is a number of 74 bits",
        "a whole number >= 0, of 63 bits at most",
        "",
    ),
    case(
        "callbacks.early_stopping.patience=0",
        "`callbacks.early_stopping.patience` is 0",
        "a whole number >= 1 (epochs)",
        "",
    ),
    case("schema_version=2", "`schema_version` is 2", "a whole number >= 1 and <= 1", ""),
]
LAYERS_CASES = [
    case(
        "model=layers model.layers=[{lineer:16}]",
        "there is no layer `lineer`",
        LAYERS + "; one of a plugin needs plugins=[PACKAGE]",
        "did you mean linear?",
    ),
    case(
        "model=layers model.layers=[{linear:16},rellu]",
        "there is no layer `rellu`",
        LAYERS + "; one of a plugin needs plugins=[PACKAGE]",
        "did you mean relu?",
    ),
    case("model=layers model.layers=[{relu:3}]", "`relu` takes no options", "", "relu"),
    case(
        "model=layers model.layers=[{linear:16,dropout:3}]",
        "`model.layers.0` has no name",
        "relu, {dropout: 0.5} or {name: dropout, rate: 0.5}",
        "",
    ),
    case("model=layers model.layers=[3]", "`model.layers.0` is 3", A_LAYER, ""),
    case(
        "model=layers model.layers=[{}]",
        "`model.layers.0` has no name",
        "relu, {dropout: 0.5} or {name: dropout, rate: 0.5}",
        "",
    ),
    case(
        "model=layers model.layers=[{linear:{units:16,unit:3}}]",
        "unknown key `model.layers.0.unit` (of linear)",
        "units, bias",
        "did you mean model.layers.0.units?",
    ),
    case(
        "model=layers model.layers=[{linear:sixteen}]",
        "`model.layers.0.units` is 'sixteen' (text)",
        "a whole number >= 1",
        "",
    ),
    case(
        "model=layers model.layers=[linear]",
        "linear needs `model.layers.0.units`, which is missing",
        "a whole number >= 1",
        "units: 16",
    ),
    case("model=layers model.layers=[null]", "`model.layers.0` is null", A_LAYER, ""),
    case(
        "model=layers model.layers.0=rellu",
        "there is no layer `rellu`",
        LAYERS + "; one of a plugin needs plugins=[PACKAGE]",
        "did you mean relu?",
    ),
    case(
        "model=layers model.layers.3.rate=1",
        "`model.layers.3` has no name",
        "relu, {dropout: 0.5} or {name: dropout, rate: 0.5}",
        "",
    ),
    case(
        "model.name=layers",
        "layers needs `model.layers`, which is missing",
        "a list of layer components",
        "layers: [{linear: 16}, relu]",
    ),
]
INDEX = [
    case(
        "prepare.steps.1.divide_by=8",
        "`prepare.steps.1.divide_by`: the list has 1 items, counted from 0",
        "",
        "",
    ),
    case("model.units.9=3", "`model.units.9`: the list has 2 items, counted from 0", "", ""),
    case("~prepare.steps.0", "there is no `prepare.steps.0` to remove", "", ""),
    case(
        "model=convnet model.channels.0=8",
        "`model.channels` has its default value: an item of it cannot be changed alone",
        "a list of whole numbers >= 1",
        "'model.channels=[8,64,64]'",
    ),
    case(
        "prepare.steps.0.columns.0=image",
        "`prepare.steps.0.columns` has its default value: an item of it cannot be changed alone",
        "a list of texts",
        "'prepare.steps.0.columns=[image]'",
    ),
    case(
        "prepare.steps.x.divide_by=8",
        "`prepare.steps` is a mapping",
        "a list of prepare step components",
        "",
    ),
]
MISSING = [
    case(
        "callbacks.time_limit={}",
        "time_limit needs `callbacks.time_limit.minutes`, which is missing",
        "a number > 0 (minutes)",
        "minutes: 30",
    ),
]
CASES = [*TYPE, *RANGE, *LAYERS_CASES, *INDEX, *MISSING]


@pytest.mark.parametrize(("typed", "problem"), CASES, ids=[typed for typed, _ in CASES])
def test_told(told: Told, typed: str, problem: Problem) -> None:
    assert told("task=digits", *typed.split(" ")) == str(problem)
