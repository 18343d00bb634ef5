"""What the method forbids, step by step, refused from the command line (book chapter 4).

What a workflow refuses once it is under way stands in test_workflow.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

CONFIG, METHOD = 2, 4

STEP_1 = {
    ("task=digits", "~targets"): "`targets` is empty",
    ("task=digits", "~targets.digit"): "`targets` is empty",
    ("task=digits", "targets.digit.problem=guess"): "`targets.digit.problem` is 'guess' (text)",
    ("task=digits", "targets.digit.problem=binary"): (
        "`targets.digit.problem` is binary, but the data are multiclass"
    ),
    ("task=wine", "targets.cultivar.problem=multilabel"): (
        "`targets.cultivar.problem` is multilabel, but the data are multiclass"
    ),
    ("task=diabetes", "targets.progression.problem=multiclass"): (
        "`targets.progression.problem` is multiclass, but its values are numbers, not classes"
    ),
}

STEP_2 = {
    ("task=diabetes", "metrics.accuracy={}"): "metric accuracy does not fit scalar regression",
    ("task=digits", "plugins=[aimless]", "metrics.aimless={}"): (
        "plugin aimless: metric `aimless` has no `direction`: max, min"
    ),
}

STEP_5 = {
    ("task=breast_cancer", "targets.diagnosis.activation=softmax"): (
        "activation softmax contradicts binary classification"
    ),
    ("task=diabetes", "targets.progression.activation=sigmoid"): (
        "activation sigmoid contradicts scalar regression"
    ),
    ("task=diabetes", "targets.progression.activation=relu"): "`targets.progression.activation`",
    ("task=breast_cancer", "targets.diagnosis.activation=none"): (
        "activation none contradicts binary classification"
    ),
    ("task=digits", "loss=binary_cross_entropy"): (
        "each sample has exactly one class: use cross_entropy, or declare the problem multilabel"
    ),
    ("task=digits", "loss=mse"): "loss mse contradicts multiclass",
    ("task=diabetes", "targets.progression.problem=unit_regression"): (
        "is declared regression to values in [0, 1], but its values go from 25 to 346"
    ),
    ("task=diabetes", "loss=cross_entropy"): "loss cross_entropy contradicts scalar regression",
}

ARROW = "temporal leak: the rows of dataset beijing_pm25 are ordered by time, and protocol {}"
STEP_3 = {
    ("task=beijing_pm25", f"protocol={name}"): ARROW.format(name)
    for name in ("holdout", "kfold", "iterated_kfold", "test_as_validation")
}

STEPS_6_AND_7 = {
    ("task=wine", "trainer.monitor=train/loss"): "a training score may not choose the epoch",
    ("task=wine", "trainer.monitor=test/accuracy"): (
        "is tuning on the test set, and leaves none to test on"
    ),
    ("-m", "task=wine", "seed=1,2", "test=true"): "a sweep never uses the test set",
}

AIMLESS = """
from dataclasses import dataclass
from typing import ClassVar
from dlx.config.fields import Component


@dataclass(frozen=True, kw_only=True)
class Aimless:
    \"\"\"Nobody knows whether more of it is better.\"\"\"

    problems: ClassVar[tuple[str, ...]] = ("multiclass",)


DLX_COMPONENTS = {"metric": {"aimless": Component(Aimless, "aimless:Aimless")}}
"""

HOLES = """
from dataclasses import dataclass
from typing import ClassVar
import numpy as np
from dlx.config.fields import Component
from dlx.config.specs.datasets import Dataset
from dlx.data.reader import Reader
from dlx.data.samples import Samples


@dataclass(frozen=True, kw_only=True)
class Holes(Dataset):
    \"\"\"A value is missing.\"\"\"

    inputs = ("features",)
    targets: ClassVar[dict[str, str]] = {"cultivar": "multiclass"}
    rows = "90"
    terms = "made up"


def read(options, folder):
    features = np.random.default_rng(0).normal(size=(90, 4)).astype(np.float32)
    features[7, 1] = np.nan
    return Samples(
        columns={"features": features, "cultivar": np.arange(90) % 3},
        inputs=("features",), targets=("cultivar",), test=None, source={}, digest="",
    )


reader = Reader(read, lambda folder: None)
DLX_COMPONENTS = {"dataset": {"holes": Component(Holes, "holes:reader")}}
"""


@pytest.fixture(autouse=True)
def _plugins(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two plugins that lie where one stands."""
    monkeypatch.syspath_prepend(here)
    (here / "aimless.py").write_text(AIMLESS)
    (here / "holes.py").write_text(HOLES)


CASES = [
    *((arguments, CONFIG, told) for arguments, told in (STEP_1 | STEP_2 | STEP_5).items()),
    *((arguments, METHOD, told) for arguments, told in (STEP_3 | STEPS_6_AND_7).items()),
]


@pytest.mark.parametrize(
    ("arguments", "code", "told"), CASES, ids=[" ".join(case[0]) for case in CASES]
)
def test_it_is_refused_and_nothing_is_written(
    cli: Any, here: Path, arguments: tuple[str, ...], code: int, told: str
) -> None:
    answer = cli("train", *arguments)

    assert answer.code == code, answer.err
    assert told in answer.err
    assert not (here / "runs").exists()


def test_step_4_refuses_missing_values_that_nothing_fills(cli: Any, here: Path) -> None:
    holes = ("plugins=[holes]", "task=wine", "dataset={name: holes}", "trainer.epochs=1")

    refused = cli("train", *holes, "prepare.steps=[]")
    filled = cli("train", *holes, "prepare.steps=[{name: impute}]")

    assert refused.code == CONFIG
    assert "input features has missing (NaN) or infinite values" in refused.err
    assert "where: first in row 7" in refused.err
    assert (
        "{name: impute}, early in prepare.steps, fills missing values (also those of "
        "copies)" in refused.err
    )
    assert filled.code == 0, filled.err


def test_step_4_guards_a_constant_feature(cli: Any) -> None:
    """Of a feature that never changes, the standard deviation is 0; pixels at the rim are such."""
    answer = cli("train", "task=digits", "prepare.steps=[{name: standardise}]", "trainer.epochs=1")

    assert answer.code == 0, answer.err


def test_step_4_of_a_workflow_refuses_statistics_of_validation_rows(cli: Any, here: Path) -> None:
    answer = cli("workflow", "task=wine", "protocol=holdout", "prepare.scope=all")

    assert answer.code == METHOD
    assert (
        "preparation that is also fitted on validation rows leaks information about them to the "
        "model"
    ) in answer.err
    assert "where: prepare.scope=all" in answer.err
    assert not list(here.glob("runs/*/*"))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ("prepare.copies.features=[ash]",),
            "`prepare.copies.features` is given, but `prepare.copies.share` is 0",
        ),
        (
            ("prepare.steps=[{name: derive, features: {a: {log: alcohol, period: 5}}}]",),
            "`period` of `a` has no effect with log",
        ),
        (
            (
                "prepare.steps=[{name: derive, features: "
                "{a: {bins: alcohol, edges: [12, 13], quantiles: 5}}}]",
            ),
            "`quantiles` of `a` has no effect with bins with edges",
        ),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(
    cli: Any, arguments: tuple[str, ...], told: str
) -> None:
    answer = cli("train", "task=wine", *arguments)

    assert answer.code == CONFIG
    assert told in answer.err


def test_a_workflow_that_may_not_test_says_so_before_it_begins(cli: Any, here: Path) -> None:
    answer = cli("workflow", "task=wine", "test=false")

    assert answer.code == CONFIG
    assert answer.err == (
        "error: a workflow ends with one evaluation on the test set, but `test` is false\n"
        "  where: test\n  accepted: true\n"
        "  try: test=true, or workflow.until=6 to stop before\n"
    )
    assert not (here / "runs").exists()


def test_a_gap_shorter_than_a_target_looks_ahead_is_a_leak(cli: Any) -> None:
    arguments = ("task=beijing_pm25", "dataset.sample=true", "trainer.epochs=1")

    refused = cli("train", *arguments, "protocol.gap=11")
    chosen = cli("train", *arguments, "protocol=auto")

    assert refused.code == METHOD
    assert "temporal leak: a target is known 12 rows later, and `protocol.gap` is 11" in refused.err
    assert chosen.code == 0, chosen.err
    assert "12 rows left out between two sets" in chosen.out
