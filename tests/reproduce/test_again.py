"""`dlx reproduce RUN`: the same bits, or where they first differ."""

from __future__ import annotations

import json
import shutil
import sqlite3
import struct
from pathlib import Path
from typing import Any

import pytest

from dlx.reproduce.compare import differences
from dlx.runs.artifacts import Artifacts
from dlx.runs.seal import seal_again


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_an_untouched_run_comes_out_the_same(cli: Any, run: Path) -> None:
    before = {p: p.read_bytes() for p in run.rglob("*") if p.is_file()}

    answer = cli("reproduce", "last")

    assert answer.code == 0, answer.err
    name = f"wine/{run.name}"
    told = f"identical: every loss, score and weight of {name} is the same to the bit\n"
    assert answer.out.endswith(told)
    assert {p: p.read_bytes() for p in run.rglob("*") if p.is_file()} == before


def test_folds_and_the_final_model_too(cli: Any) -> None:
    arguments = ("task=wine", "protocol={name: kfold, k: 3}", "final=true", "trainer.epochs=2")
    assert cli("train", *arguments, "trainer.threads=1").code == 0

    assert cli("reproduce", "last").code == 0


def test_an_edited_config_is_told_with_the_first_step_and_tensor(cli: Any, run: Path) -> None:
    edit(run / "config.yaml", "lr: 0.002\n", "lr: 0.0021\n")

    answer = cli("reproduce", "last", "--json")

    assert answer.code == 3
    found = json.loads(answer.out)
    assert found["identical"] is found["holds"] is False
    step, score, tensor = found["differences"][:3]
    # The first step's loss is that of the starting weights, which no rate has moved yet.
    assert (step["what"], step["where"]) == ("step", "step 2")
    assert step["text"].startswith("the loss of step 2 is ")
    assert (score["what"], score["where"]) == ("score", "epoch 1, train/loss")
    assert tensor["what"] == "tensor"
    assert "differs by up to" in tensor["text"]
    assert found["changed"] == [
        "config.yaml has changed since the run ended",
        "config.yaml has changed since the training",
    ]


def test_another_seed_differs_from_the_first_step(cli: Any, run: Path) -> None:
    edit(run / "config.yaml", "seed: 0\n", "seed: 1\n")

    answer = cli("reproduce", "last")

    assert answer.code == 3
    assert "not reproduced:\n  the loss of step 1 is " in answer.out


def test_predictions_of_an_earlier_version_are_the_same(run: Path, tmp_path: Path) -> None:
    """It put an apostrophe before numbers too, and left out what has been added since."""
    other = tmp_path / "again"
    shutil.copytree(run, other)
    (run / "predictions.csv").write_text("row,true,predicted\n0,'-1,1\n")
    (other / "predictions.csv").write_text("row,true,predicted,probabilities\n0,-1,1,0.5\n")
    assert differences(run, other) == []
    for text in ("row,true,predicted\n0,-1,2\n", "row,true\n0,-1\n", "row,true,predicted\n", ""):
        (other / "predictions.csv").write_text(text)
        assert [one.what for one in differences(run, other)] == ["predictions"]


def test_every_listed_file_is_compared_of_either_run(run: Path, tmp_path: Path) -> None:
    other = tmp_path / "again"
    shutil.copytree(run, other)
    for folder, text in ((run, "to be"), (other, "or not")):
        Artifacts(folder).texts("poem", {"": text})
    told = [(one.what, one.text) for one in differences(run, other)]
    assert told == [("poem", "artifacts/poem.json differs")]

    poem = run / "artifacts" / "poem.json"
    poem.unlink()
    poem.symlink_to(other / "artifacts" / "poem.json")
    assert [one.text for one in differences(run, other)] == ["artifacts/poem.json differs"]

    Artifacts(run).texts("poem", {"": "or not"})
    Artifacts(other).texts("more", {"": "text"}, epoch=2)
    assert differences(run, other) == []  # a later version leaves more
    for folder in (run, other):
        Artifacts(folder).texts("more", {"": "text"}, epoch=1)
    told = [(one.what, one.text) for one in differences(run, other)]
    assert told == [("more", "artifacts/more-2.json is missing in the run")]


def test_how_a_version_breaks_lines_is_no_difference(run: Path, tmp_path: Path) -> None:
    other = tmp_path / "again"
    shutil.copytree(run, other)
    file = other / "prepare" / "pipeline.json"
    file.write_text(json.dumps(json.loads(file.read_text()), separators=(",", ":")))
    assert file.read_bytes() != (run / "prepare" / "pipeline.json").read_bytes()
    assert differences(run, other) == []
    file.write_text(file.read_text()[:-1])
    assert [one.text for one in differences(run, other)] == ["prepare/pipeline.json differs"]


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (lambda run: flip(run / "losses.f32", 8), "the loss of step 3"),
        (lambda run: edit(run / "metrics.jsonl", "0x1.", "0x1.f"), "train/loss of epoch 1"),
        (
            lambda run: edit(run / "prepare" / "pipeline.json", "5.0", "6.0"),
            "prepare/pipeline.json differs",
        ),
        (lambda run: edit(run / "predictions.csv", "0.6", "0.8"), "predictions.csv differs"),
        (lambda run: edit(run / "errors.json", "[", "[[]"), "errors.json differs"),
    ],
    ids=["losses", "scores", "preparation", "predictions", "worst errors"],
)
def test_each_kind_of_evidence_counts(cli: Any, run: Path, damage: Any, what: str) -> None:
    damage(run)

    answer = cli("reproduce", "last")

    assert answer.code == 3
    assert what in answer.out


def flip(file: Path, at: int) -> None:
    content = bytearray(file.read_bytes())
    content[at] ^= 1
    file.write_bytes(content)


def test_what_is_not_as_it_was_is_told(cli: Any, run: Path) -> None:
    environment = json.loads((run / "environment.json").read_text())
    environment |= {"torch": "1.0", "cpu": "abacus"}
    (run / "environment.json").write_text(json.dumps(environment))
    edit(run / "config.yaml", "seed: 0\n", "seed: 1\n")

    answer = cli("reproduce", "last")

    assert answer.code == 3
    assert "not 1.0; cpu is" in answer.out
    assert "level G of reproducibility" in answer.out


class TestTolerance:
    def test_scores_within_it_will_do(self, cli: Any, run: Path) -> None:
        flip(run / "losses.f32", 4)
        report = json.loads((run / "report.json").read_text())
        for score in report["scores"]:
            score["value"] *= 1.001
        (run / "report.json").write_text(json.dumps(report))
        seal_again(run)

        assert cli("reproduce", "last").code == 3
        assert cli("reproduce", "last", "--tolerance", "0.0001").code == 3
        answer = cli("reproduce", "last", "--tolerance", "0.01")

        assert answer.code == 0
        assert "within the tolerance, not identical:\n  the loss of step 2" in answer.out

    def test_it_is_a_share(self, cli: Any, run: Path) -> None:
        for wrong in ("0", "1", "-0.1", "x"):
            answer = cli("reproduce", "last", "--tolerance", wrong)
            assert answer.code == 2


def test_only_a_finished_run_can_be_tried_again(cli: Any, run: Path) -> None:
    status = json.loads((run / "status.json").read_text())
    (run / "status.json").write_text(json.dumps({**status, "state": "interrupted"}))

    answer = cli("reproduce", "last")

    assert answer.code == 2
    assert answer.err == (
        "error: only a finished run can be reproduced, and this one is interrupted\n"
        f"  where: {run}\n  try: dlx resume {run.name} continues\n"
    )


def test_a_run_without_its_losses_is_damaged(cli: Any, run: Path) -> None:
    (run / "losses.f32").unlink()

    answer = cli("reproduce", "last")

    assert answer.code == 1
    assert "losses.f32 cannot be read" in answer.err


def test_a_replayed_look_is_in_the_ledger_as_one(cli: Any, here: Path) -> None:
    assert cli("train", "task=wine", "trainer.epochs=1").code == 0
    assert cli("reproduce", "last").code == 0

    with sqlite3.connect(here / "runs" / "ledger.sqlite") as ledger:
        verbs = [verb for (verb,) in ledger.execute("select verb from looks order by id")]
    ledger.close()
    assert verbs == ["train", "reproduce"]


def test_an_option_that_would_do_nothing_is_refused(cli: Any, run: Path) -> None:
    answer = cli("reproduce", "last", "--seeds", "2")

    assert answer.code == 2
    assert "--seeds does nothing here" in answer.err


def test_losses_are_those_of_the_steps(run: Path) -> None:
    content = (run / "losses.f32").read_bytes()
    losses = struct.unpack(f"<{len(content) // 4}f", content)
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]

    assert len(losses) == rows[-1]["step"]
    assert min(losses) <= rows[0]["train/loss"] <= max(losses)
