from __future__ import annotations

import json
import math
import re
import shlex
import sqlite3
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dlx.config.load import load
from dlx.workflow.tune_step import choose, final_arguments, worse_than_validation

Words = tuple[str, ...]


def reports(here: Path) -> list[dict[str, Any]]:
    """The report of every run, oldest first."""
    return [json.loads(f.read_text()) for f in sorted(here.glob("runs/*/*/report.json"))]


def test_seven_steps_lead_to_one_test_score(cli: Any, here: Path) -> None:
    few = ("trainer.epochs=3", "workflow.trials=1", "workflow.capacity_steps=1")
    answer = cli("workflow", "task=wine", "trainer.threads=1", *few)

    assert answer.code == 0, answer.err
    assert [line for line in answer.out.splitlines() if line.startswith("step ")] == [
        "step 1: define the problem, assemble the data",
        "step 2: choose the measure of success",
        "step 3: choose the evaluation protocol",
        "step 4: prepare the data",
        "step 5: develop a model that beats a baseline",
        "step 6: scale up until it overfits",
        "step 7: regularise and tune, then test once",
    ]
    assert "fewer than 1,000, so K-fold" in answer.out
    assert "logistic regression" in answer.out
    (report,) = reports(here)
    assert report["answer"]["part"] == "test"
    assert report["answer"]["looks"] == 1
    steps = report["workflow"]["steps"]
    assert [step["state"] for step in steps] == ["done"] * 7
    assert all(step["finding"] for step in steps)
    assert report["decisions"] == len(report["workflow"]["trials"]) + len(
        report["workflow"]["ladder"]
    )
    assert report["workflow"]["final"]["config_digest"]
    assert [look[0] for look in looks(here)] == ["workflow"]


def test_a_limit_on_training_rows_is_refused_before_any_step(cli: Any, here: Path) -> None:
    answer = cli("workflow", "task=wine", "protocol=holdout", "protocol.train=20")
    assert answer.code == 2
    assert "dlx workflow trains its final model on all rows outside the test set\n" in answer.err
    assert "  accepted: no protocol.train\n  try: protocol.train=null" in answer.err
    assert not (here / "runs").exists()


def looks(here: Path) -> list[tuple[str]]:
    with sqlite3.connect(here / "runs" / "ledger.sqlite") as connection:
        return connection.execute("select verb from looks").fetchall()


def test_the_final_model_trains_on_training_and_validation_rows_together(
    done: Path, here: Path
) -> None:
    (report,) = reports(here)
    folds = report["workflow"]["steps"][2]["facts"]["folds"]
    assert report["data"]["rows"]["train"] == folds[0]["train"] + folds[0]["val"]
    known = [report["workflow"]["steps"][2]["facts"]["profile"], report["data"]["profile"]]
    assert [one["columns"][0]["feature"] for one in known] == ["alcohol", "alcohol"]
    assert known[0]["rows"] == known[1]["rows"] == folds[0]["train"]
    chosen = report["workflow"]["trials"][report["workflow"]["chosen"]]
    lines = next(here.glob("runs/*/*/metrics.jsonl")).read_text().splitlines()
    last = json.loads(lines[-1])
    assert last["epoch"] == chosen["epoch"] == report["workflow"]["final"]["epochs"]
    assert "val/loss" not in last
    for key, value in chosen["changed"].items():
        text = report["workflow"]["final"]["command"]
        assert f"{key}=" in text, (key, value)


def test_the_final_command_repeats_the_final_weights(cli: Any, done: Path, here: Path) -> None:
    (report,) = reports(here)
    command = shlex.split(report["workflow"]["final"]["command"])[1:]

    again = cli(*command, "--json")

    assert json.loads(again.out)["answer"]["value"] == report["answer"]["value"]


class TestRefusals:
    def test_a_second_workflow_is_refused_with_the_earlier_looks(
        self, cli: Any, done: Path, here: Path, short: Words
    ) -> None:
        (first,) = reports(here)

        again = cli("workflow", *short, "seed=1")

        assert again.code == 4
        assert "a workflow has evaluated on these test rows before" in again.err
        assert f"dlx workflow  {first['run']}" in again.err
        assert "workflow.look_again=true" in again.err
        assert len(list(here.glob("runs/*/*"))) == 1, "a refused workflow leaves nothing behind"

    def test_look_again_proceeds_and_stamps_the_report(
        self, cli: Any, done: Path, here: Path, short: Words
    ) -> None:
        again = cli("workflow", *short, "workflow.look_again=true")

        assert again.code == 0, again.err
        assert "warning: not the first evaluation of a workflow on this test set" in again.out
        report = reports(here)[-1]
        assert report["answer"]["looks"] == 2
        assert [look["verb"] for look in report["looks_before"]] == ["workflow"]

    def test_a_copied_or_differently_seeded_run_is_the_same_test_part(
        self, cli: Any, done: Path, short: Words
    ) -> None:
        assert cli("workflow", *short, "protocol.validation=0.3").code == 4

    def test_curves_too_short_for_a_verdict(self, cli: Any, short: Words) -> None:
        answer = cli("workflow", *short, "trainer.epochs=2", "workflow.capacity_steps=1")

        assert answer.code == 4
        assert "step 7 needs a verdict from step 6" in answer.err
        assert "trainer.epochs=3 or more" in answer.err

    @pytest.mark.parametrize("verb", ["train", "workflow"])
    @pytest.mark.parametrize(
        ("score", "reason"),
        [
            ("train/loss", "a training score may not choose the epoch"),
            ("test/accuracy", "choosing by the test score is tuning on the test set"),
        ],
    )
    def test_the_epoch_is_picked_on_validation_rows(
        self, cli: Any, here: Path, verb: str, score: str, reason: str
    ) -> None:
        keys = ["trainer.monitor="]
        if score != "train/loss":  # by which a training may end, as no epoch is chosen by it
            keys.append("callbacks.early_stopping.monitor=")
        for key in keys:
            answer = cli(verb, "task=wine", f"{key}{score}")

            assert answer.code == 4
            assert f"`{key[:-1]}` is {score}: {reason}" in answer.err
        assert not (here / "runs").exists()

    def test_a_sweep_that_wants_to_look_at_the_test_part(self, cli: Any, here: Path) -> None:
        answer = cli("train", "-m", "task=wine", "optimizer.lr=0.1,0.01", "test=true")

        assert answer.code == 4
        assert "a sweep never uses the test set" in answer.err
        assert not (here / "runs").exists()

    def test_a_final_model_other_than_the_one_chosen(
        self, cli: Any, here: Path, short: Words
    ) -> None:
        cli("workflow", *short, "workflow.until=6")
        folder = next(here.glob("runs/*/*/workflow"))
        tried = trial(0, 0.9, 0.3) | {"changed": {"optimizer.lr": 0.01}, "epoch": 3}
        (folder / "trials.jsonl").write_text(json.dumps(tried | {"score": "val/accuracy"}) + "\n")
        chosen = {"command": "dlx train task=wine", "epochs": 3, "config_digest": "0" * 64}
        (folder / "chosen.json").write_text(json.dumps(chosen))

        answer = cli("workflow", *short)

        assert answer.code == 4
        assert "the final model is not the one that step 7 chose" in answer.err
        assert not (here / "runs" / "ledger.sqlite").exists()

    def test_equal_rows_in_two_parts_that_dlx_drew(
        self, cli: Any, here: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        package = here / "twins"
        package.mkdir()
        (package / "__init__.py").write_text(TWINS)
        monkeypatch.syspath_prepend(str(here))
        arguments = ("plugins=[twins]", "task=wine", "dataset={name: twins}", "trainer.epochs=1")

        refused = cli("train", *arguments)
        kept = cli("train", *arguments, "protocol.duplicates=together")

        assert refused.code == 4, refused.err
        assert re.search(
            r"leak: \d+ validation rows have the same inputs as a training row", refused.err
        )
        assert "protocol.duplicates=together keeps equal rows together" in refused.err
        assert kept.code == 0, kept.err


TWINS = """
from dataclasses import dataclass
from typing import ClassVar
import numpy as np
from dlx.config.fields import Component
from dlx.config.specs.datasets import Dataset
from dlx.data.reader import Reader
from dlx.data.samples import Samples

@dataclass(frozen=True, kw_only=True)
class Twins(Dataset):
    \"\"\"Every row twice.\"\"\"
    inputs = ("features",)
    targets: ClassVar[dict[str, str]] = {"cultivar": "multiclass"}
    rows = "120"
    terms = "made up"

def read(options, folder):
    random = np.random.default_rng(0)
    features = np.repeat(random.normal(size=(60, 4)), 2, axis=0).astype(np.float32)
    return Samples(
        columns={"features": features, "cultivar": np.repeat(np.arange(60) % 3, 2)},
        inputs=("features",), targets=("cultivar",), test=None, source={}, digest="",
    )

reader = Reader(read, lambda folder: None)
DLX_COMPONENTS = {"dataset": {"twins": Component(Twins, "twins:reader")}}
"""


class TestGoingOn:
    def test_stopped_and_continued_is_as_never_stopped(
        self, cli: Any, here: Path, whole: Path, short: Words
    ) -> None:
        first = cli("workflow", *short, "workflow.until=3")
        assert first.code == 0, first.err
        assert "the same command without workflow.until continues from here" in first.out
        for verb in ("resume", "test", "reproduce", "lock"):
            early = cli(verb, "last")
            assert early.code == 2, verb
            assert "this workflow is paused, and has no final model yet" in early.err, verb
            assert "try: the same dlx workflow command continues it" in early.err, verb
        cli("workflow", *short, "workflow.until=5")
        begun = {f.name: f.stat().st_mtime_ns for f in here.glob("runs/*/*/workflow/[1-5].json")}
        assert len(begun) == 5

        last = cli("workflow", *short)

        assert last.code == 0, last.err
        assert last.out.count("done before: ") == 5
        after = {f.name: f.stat().st_mtime_ns for f in here.glob("runs/*/*/workflow/[1-5].json")}
        assert after == begun
        (parted,), (at_once,) = reports(here), reports(whole)
        assert parted["answer"] == at_once["answer"]
        for one, other in zip(
            parted["workflow"]["trials"], at_once["workflow"]["trials"], strict=True
        ):
            assert one["changed"] == other["changed"]
            assert one["value"] == other["value"]

    def test_a_step_whose_evidence_is_gone_is_done_again_and_all_after_it(
        self, cli: Any, here: Path, short: Words
    ) -> None:
        cli("workflow", *short, "workflow.until=4")
        next(here.glob("runs/*/*/workflow/2.json")).unlink()

        answer = cli("workflow", *short, "workflow.until=4")

        assert answer.code == 0
        assert answer.out.count("done before: ") == 1

    def test_json_is_for_scripts(self, whole: Path) -> None:
        found = json.loads((whole / "answer.json").read_text())

        assert found["answer"]["score"] == "test/accuracy"
        assert len(found["steps"]) == 7
        assert found["power"]["beats"] is found["answer"]["beats"]
        assert "the trivial baseline" in found["power"]["verdict"]


def trial(number: int, value: float, loss: float, state: str = "done") -> dict[str, Any]:
    return {"number": number, "value": value, "loss": loss, "error": 0.01, "state": state}


def test_within_two_standard_errors_the_lowest_loss_decides() -> None:
    trials = [trial(0, 0.90, 0.5), trial(1, 0.885, 0.3), trial(2, 0.87, 0.1)]

    assert choose(trials, "max")["number"] == 1
    assert choose([trial(0, 2.0, 9.0), trial(1, 2.5, 1.0)], "min")["number"] == 0
    assert choose([trial(0, 0.99, 0.1, "pruned"), trial(1, 0.5, 1.0)], "max")["number"] == 1


@pytest.mark.parametrize(
    ("value", "error", "test", "interval", "direction", "warned"),
    [
        (0.95, 0.01, 0.94, None, "max", False),
        (0.95, 0.01, 0.92, None, "max", True),
        (0.95, 0.01, 0.92, (0.89, 0.95), "max", False),  # the test is no surer than validation
        (2.0, 0.1, 2.1, None, "min", False),
        (2.0, 0.1, 2.3, (2.29, 2.31), "min", True),
        (2.0, None, 9.0, None, "min", False),
        (2.0, 0.1, math.nan, None, "min", False),
    ],
)
def test_a_test_clearly_worse_than_validation_is_told(
    value: float,
    error: float | None,
    test: float,
    interval: tuple[float, float] | None,
    direction: str,
    warned: bool,
) -> None:
    told = worse_than_validation(
        {"value": value, "error": error},
        {"value": test, "direction": direction, "interval": interval},
        "protocol.k=8",
    )

    assert bool(told) == warned
    assert told.endswith("or is too small; protocol.k=8 is more reliable") == warned


@pytest.mark.parametrize(
    "asked",
    [
        "plugins=[evil]",
        "+plugins=[evil]",
        "run.root=/x",
        "callbacks=tracked",
        "about.title=${seed}",
        r"about={title: $\{oc.env\:HOME\}}",
        "callbacks.mlflow.tracking_uri=http://elsewhere",
    ],
)
def test_evidence_cannot_ask_for_code_places_or_secrets(
    cli: Any, here: Path, short: Words, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    """A run folder that a stranger put among the runs is gone on with by the same command."""
    (here / "evil.py").write_text("open('canary', 'w')")
    monkeypatch.syspath_prepend(here)
    assert cli("workflow", *short, "workflow.until=2").code == 0
    (file,) = here.glob("runs/*/*/workflow/2.json")
    evidence = json.loads(file.read_text())
    evidence["facts"]["chosen"] = [asked]
    evidence.pop("sum")  # a stranger can make one; an older version wrote none
    file.write_text(json.dumps(evidence))

    answer = cli("workflow", *short, "workflow.until=2")

    assert answer.code == 2
    assert (f"the records of this workflow contain `{asked}`, which they may not set") in answer.err
    assert not (here / "canary").exists()


@pytest.mark.parametrize(
    ("asked", "epochs", "last"),
    [
        ((), 5, None),
        (("schedule=cosine",), 30, 5),
        (("trainer.average.name=swa",), 60, 5),
        (("trainer.average={name: ema, from_epoch: 20}",), 60, 5),
        (("optimizer.groups={body.*: {from_epoch: 20}}",), 60, 5),
        (("optimizer.groups={body.*: {lr: 0.1}}",), 5, None),
    ],
)
def test_the_final_model_trains_as_the_chosen_setting_did_up_to_its_best_epoch(
    asked: tuple[str, ...], epochs: int, last: int | None
) -> None:
    """Also where that is before the epoch in which weights are averaged or freed."""
    task = ("task=wine", "trainer.epochs=30", *asked)
    steps = SimpleNamespace(read=lambda: [{"changed": {"trainer.epochs": 60}}])
    walk: Any = SimpleNamespace(
        config=load(task).config, record=SimpleNamespace(capacity_steps=steps)
    )

    final = load([*task, *final_arguments(walk, {"changed": {}}, 5)]).config

    assert (final.trainer.epochs, final.trainer.last_epoch) == (epochs, last)
