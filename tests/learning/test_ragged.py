"""A model of rows of different length, from the data to what it is judged by."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from small import REVIEWS, built, trained

from dlx.errors import UsageError
from dlx.learning.memory import require_batch
from dlx.models.sizes import RowSizes

LAYERS = "[{embedding: 4}, {conv1d: 4}, {gru: {units: 4, bidirectional: true}}]"
RAGGED = ("model=layers", f"model.layers={LAYERS}", "prepare.steps=[{name: truncate, length: 70}]")


def test_each_row_is_answered_in_its_place_as_if_it_were_alone() -> None:
    _, _, fold, training = built(*RAGGED, "trainer.eval_batch_size=7", base=REVIEWS)
    learner, samples = training.learner, fold.part("val")
    found = learner.run_over(samples, learner.meters("val"))["sentiment"]
    each = [learner.model(one.inputs)["sentiment"] for one in samples.in_order(1)]
    torch.testing.assert_close(found, torch.cat(each), rtol=1e-5, atol=1e-6)
    assert len({*fold.train.lengths.tolist()}) > 9


def test_a_run_says_what_is_filled_and_is_beaten_by_a_bag_of_words() -> None:
    run = trained(
        *RAGGED, "baseline=classical", "trainer.epochs=1", "trainer.batch_size=8", base=REVIEWS
    )
    report = json.loads((run.folder / "report.json").read_text("utf-8"))
    (told,) = report["notes"]
    assert told.startswith("training rows have ")
    assert told.endswith("% with trainer.bucket=length")
    log = (run.folder / "log.txt").read_text("utf-8")
    assert log.count(told) == 1
    assert "logistic regression" in json.dumps(report)


def test_a_batch_with_a_row_that_no_machine_holds_names_the_step_that_cuts_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config, *_ = built(base=REVIEWS)
    monkeypatch.setattr("dlx.learning.memory.free_on", lambda _: 10**9)
    config = replace(config, trainer=replace(config.trainer, batch_size=100))
    with pytest.raises(UsageError) as caught:
        require_batch(config, RowSizes(10**7, 1), 100, torch.device("cpu"), longest=100_000)
    (problem,) = caught.value.problems
    assert problem.hint == (
        "trainer.batch_size=12, or {name: truncate, length: 500} in prepare.steps: "
        "a row has 100,000 ids"
    )
