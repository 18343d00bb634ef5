"""Rows as what the network of an earlier run makes of them."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from small import built, loaded, trained

from dlx.config.learners import spec_of
from dlx.config.specs import LEARNERS
from dlx.data.columns import Dense
from dlx.data.samples import Frame
from dlx.errors import MethodError, UsageError
from dlx.learning import run_features
from dlx.learning.learner import Learner
from dlx.prepare import Pipeline
from dlx.runs.source import find_finished, read_weights

TASK = ("task=wine", "trainer.threads=1", "trainer.epochs=1", "model.units=[8,5]")
STEP = "prepare.steps=[{{name: run_features, run: {run}{more}}}]"


def using(run: str, more: str = "") -> str:
    return STEP.format(run=run, more=more and f", {more}")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("features")
    return trained(f"run.root={root}", base=TASK).folder


@pytest.fixture
def here(source: Path, tmp_path: Path) -> Path:
    """A copy of the run, in a root of its own."""
    there = tmp_path / "runs" / "wine" / source.name
    shutil.copytree(source, there)
    shutil.copy(source.parent.parent / "ledger.sqlite", tmp_path / "runs")
    return there


def rooted(run: Path) -> tuple[str, ...]:
    return (*TASK, f"run.root={run.parent.parent}")


def test_features_are_what_the_runs_network_gives_before_its_answer(here: Path) -> None:
    _, _, first, training = built(base=TASK)
    kept = read_weights(find_finished(here.parent.parent, here.name, "", "from_run"))
    training.learner.load_weights({n: torch.from_numpy(one.copy()) for n, one in kept.items()})
    expected = training.learner.encode(first.train.batch(0, len(first.train)).inputs)

    for more, wide in (("", 5), ("layer: body.0", 8)):
        *_, fold, _ = built(using("last", more), base=rooted(here))
        found = np.asarray(fold.columns["features"].take(fold.rows.train))
        assert found.shape == (len(fold.train), wide)
        if not more:
            np.testing.assert_allclose(found, expected.numpy(), rtol=1e-5, atol=1e-6)


def test_a_row_alone_has_the_same_bits(here: Path) -> None:
    _, data, fold, _ = built(using("last"), base=rooted(here))
    every = np.asarray(fold.columns["features"].take(np.arange(len(data.samples))))

    for row in (0, 77):
        given = data.samples.columns["features"].take(np.array([row]))
        alone = fold.pipeline.apply(Frame({"features": given}))["features"]
        assert np.array_equal(np.asarray(alone)[0], every[row])


def test_the_preparation_keeps_the_network_and_needs_no_run(here: Path, tmp_path: Path) -> None:
    _, data, fold, _ = built(using("last"), base=rooted(here))
    fold.pipeline.save(tmp_path / "elsewhere")
    shutil.rmtree(here)

    found = Pipeline.load(tmp_path / "elsewhere", ()).apply(data.samples)["features"]

    rows = np.arange(len(data.samples))
    assert np.array_equal(np.asarray(found), np.asarray(fold.columns["features"].take(rows)))
    (step,) = json.loads((tmp_path / "elsewhere/prepare/pipeline.json").read_text("utf-8"))["steps"]
    assert "run" not in step["options"]
    assert step["state"]["run"] == f"wine/{here.name}"


def test_features_are_computed_once_wherever_the_run_lies(
    here: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DLX_CACHE", str(tmp_path / "cache"))
    times: list[int] = []
    compute = run_features._compute
    monkeypatch.setattr(
        run_features, "_compute", lambda *given: [times.append(1), compute(*given)][1]
    )
    built(using("last"), base=rooted(here))
    moved = here.parent.parent.with_name("moved")
    here.parent.parent.rename(moved)
    for more, many in (
        ("protocol.train=50", 1),
        ("seed=3", 1),
        (using("last", "layer: body.0"), 2),
    ):
        built(using("last"), more, base=rooted(moved / "wine" / here.name))
        assert len(times) == many


def test_a_name_is_put_in_the_place_of_last(here: Path) -> None:
    found = loaded(using("last"), base=rooted(here))

    assert found.arguments[-1] == using(f"wine/{here.name}")
    (step,) = found.config.prepare.steps
    assert step.options.run == f"wine/{here.name}"
    assert len(step.options.sha256) == 64


def refusal(*overrides: str, base: tuple[str, ...]) -> str:
    with pytest.raises(UsageError) as caught:
        built(*overrides, base=base)
    return str(caught.value)


def test_what_cannot_be_is_refused(here: Path) -> None:
    base, name = rooted(here), f"wine/{here.name}"
    where = "command line: prepare.steps=[{name: run_features"

    assert refusal("prepare.steps=[{name: run_features}]", base=base) == (
        "prepare step run_features: it names no run\n"
        f"  where: {where}}}]\n  accepted: a finished run, or last\n"
        "  try: prepare.steps.0.run=last"
    )
    before = "prepare.steps=[{name: standardise}, {name: run_features, run: last}]"
    assert refusal(before, base=base).startswith(
        "prepare step run_features stands after standardise, but takes rows as they were read\n"
    )
    assert refusal(using("last", "layer: body.9"), base=base).startswith(
        f"prepare step run_features: run {name} has no layer `body.9`\n  where: prepare.steps\n"
        "  accepted: body, body.0, body.1"
    )
    other = ("task=digits", *base[1:3], base[-1], "model={name: mlp, units: [4]}")
    assert refusal(using("last"), base=other) == (
        f"run {name} cannot give features: it reads features, not image\n"
        f"  where: {where}, run: last}}]\n  accepted: a run that reads image"
    )
    file = here / "config.yaml"
    saved = yaml.safe_load(file.read_text("utf-8"))
    gan = {k: v for k, v in saved.items() if k not in ("targets", "model", "metrics", "loss")}
    steps = {"prepare": {"steps": [{"name": "scale"}]}}
    file.write_text(yaml.safe_dump({**gan, **steps, "learner": {"name": "gan"}}))
    assert refusal(using("last"), base=base) == (
        f"run {name} cannot give features: it is of learner gan, whose network makes none of rows\n"
        f"  where: {where}, run: last}}]\n"
        "  accepted: a run of a classifier, regression, autoencoder, or of contrastive learning"
    )


def test_test_rows_that_taught_the_network_are_refused(here: Path) -> None:
    base = rooted(here)
    run = trained(using("last"), base=base)
    assert not [one for one in run.facts["stamps"] if "features of run" in one]

    with pytest.raises(MethodError) as caught:
        trained(using("last"), "protocol.test_seed=1", base=base)
    told = str(caught.value).splitlines()
    assert told[0].endswith(
        f"test rows were training rows of run wine/{run.folder.name}, whose features this one has"
    )
    assert told[1:] == [
        "  where: prepare.steps",
        "  accepted: a run that was trained on the same split, or test=false",
        "  try: test=false",
    ]
    found = trained(using("last"), "protocol.test_seed=1", "test=false", base=base)
    told_of = [one for one in found.facts["stamps"] if "no test score" in one]
    assert len(told_of) == 2  # of the run whose features these are, and of the one that it had
    assert told_of[0].startswith(f"features of run wine/{run.folder.name}, which trained on ")


def test_classes_may_be_told_only_to_cut_by() -> None:
    base = ("task=digits_vae", "trainer.threads=1")
    *_, plain, _ = built(base=base)
    *_, fold, _ = built("protocol.classes=digit", base=base)
    *_, learnt, _ = built(base=("task=digits", "trainer.threads=1"))

    assert np.array_equal(fold.rows.train, learnt.rows.train)
    assert np.array_equal(fold.data.split.test, learnt.data.split.test)
    assert not np.array_equal(plain.data.split.test, learnt.data.split.test)
    assert not fold.train.targets
    assert refusal("protocol.classes=colour", base=base) == (
        "`protocol.classes` is colour, but dataset digits has no such target\n"
        "  where: command line: protocol.classes=colour\n"
        "  accepted: classes of dataset digits: digit\n  try: protocol.classes=digit"
    )


@pytest.mark.parametrize("name", [*LEARNERS.entries])
def test_a_spec_knows_whether_its_learner_gives_features(name: str) -> None:
    config = replace(loaded().config, learner=LEARNERS.default(name)())
    code: Any = config.learner.load()
    gives = code.encode is not Learner.encode and name != "ensemble"
    assert spec_of(config).encodes == gives


def test_a_column_of_features_is_one_of_numbers(here: Path) -> None:
    *_, fold, _ = built(using("last"), base=rooted(here))
    column = fold.columns["features"]
    assert isinstance(column, Dense)
    assert column.values.dtype == np.float32
