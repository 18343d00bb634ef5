"""Pictures seen in several ways in validation and test: the mean is scored, and that is said."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from small import built, trained

from dlx.config.load import digest, load
from dlx.losses import activate, average
from dlx.problem import PROBLEMS
from dlx.report import build
from dlx.running.retest import look_again
from dlx.sources.views import Views

DIGITS = ("task=digits", "dataset.sample=true", "trainer.threads=1", "trainer.epochs=1")
VIEWS = "prepare.views={image: [flip, {crops: 0.75}]}"
TOLD = "mean of the predictions for 10 views of each picture (prepare.views)"


@pytest.mark.parametrize("problem", PROBLEMS)
def test_predictions_of_averaged_logits_are_the_mean_of_predictions(problem: str) -> None:
    one = PROBLEMS[problem].answer == "number" and problem != "quantile_regression"
    outputs = 1 if one or problem == "binary" else 3
    every = [
        5 * torch.randn(7, outputs, generator=torch.Generator().manual_seed(s)) for s in (1, 2)
    ]

    found = activate(problem, average(problem, every))

    wanted = torch.stack([activate(problem, one) for one in every]).mean(0)
    torch.testing.assert_close(found, wanted)


def test_pictures_are_seen_mirrored_and_in_windows() -> None:
    pictures = torch.arange(64.0).view(1, 8, 8)
    config = load([*DIGITS, VIEWS]).config
    views = Views.of(config)
    assert views is not None

    seen: list[Any] = [inputs["image"] for inputs in views({"image": pictures})]

    assert [one.shape for one in seen] == [(1, 8, 8)] * 10
    assert torch.equal(seen[5], views._ways[1][1][0](pictures.flip(-1)[None])[0])
    corners = [
        float(one[0, row, column])
        for one, row, column in zip(seen[1:5], (0, 0, 7, 7), (0, 7, 0, 7), strict=True)
    ]
    assert corners == [0, 7, 56, 63]
    assert 0 < float(seen[0].min()) < float(seen[0].max()) < 63


def test_scores_are_of_the_mean_over_views_and_training_is_not() -> None:
    *_, fold, training = built(VIEWS, base=DIGITS)
    learner: Any = training.learner
    assert fold.validation is not None
    batch = next(fold.validation.in_order(50))
    learner.model.eval()
    with torch.no_grad():
        each = [
            learner.model(inputs)["digit"].softmax(1) for inputs in learner._views(batch.inputs)
        ]
        losses, logits = learner.compute(batch)

    mean = torch.stack(each).mean(0)
    torch.testing.assert_close(logits["digit"].softmax(1), mean)
    wanted = -mean[torch.arange(len(mean)), batch.targets["digit"]].log().mean()
    torch.testing.assert_close(losses["loss"], wanted)
    learner.model.train()
    calls: list[Any] = []
    learner.model.register_forward_hook(lambda *_: calls.append(1))
    learner.compute(batch)
    assert len(calls) == 1


def test_a_run_says_so_everywhere_and_looks_once(here: Any) -> None:
    run = trained(VIEWS, base=("task=digits", "trainer.threads=1", "trainer.epochs=1"))

    report = json.loads((run.folder / "report.json").read_text())
    assert report["views"]["count"] == 10
    assert {n: told for n, told in report["meanings"].items() if told == TOLD} == {
        "val/loss": TOLD,
        "val/accuracy": TOLD,
    }
    page = build(run.folder).read_text(encoding="utf-8")
    assert f"test/loss: {TOLD}" in page
    assert "Views of validation and test pictures: predictions are means over 10 of each" in page
    tested = look_again(run.folder, None, ())
    known = {s["name"]: s["value"] for s in report["scores"]}
    assert {s["name"]: s["value"] for s in tested["scores"]}.items() <= known.items()
    assert tested["looks"] == 2


def test_without_views_a_config_is_what_it_was() -> None:
    plain = digest(load(DIGITS).config)
    assert digest(load([*DIGITS, "prepare.views={image: []}"]).config) == plain
    assert digest(load([*DIGITS, VIEWS]).config) != plain
    assert Views.of(load(DIGITS).config) is None
