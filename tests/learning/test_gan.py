"""Generative adversarial networks: what a step means, what samples are judged by, what is left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from small import built, loaded, the_run, trained
from torch.nn.functional import binary_cross_entropy_with_logits

from dlx.cli.main import main
from dlx.config.learners import judged_score, monitor_of, score_names
from dlx.config.specs.learners import Gan as GanOptions
from dlx.errors import RunError, UsageError
from dlx.learning import samples
from dlx.learning.adversarial import Adversarial
from dlx.learning.gan import Gan
from dlx.running.run import Run
from dlx.runs.artifacts import list_artifacts
from dlx.testing import check_learner

DIGITS = ("task=digits_gan", "trainer.threads=1", "trainer.epochs=2")
SAMPLE = (*DIGITS, "dataset.sample=true")


def gan(*overrides: str, base: tuple[str, ...] = SAMPLE) -> tuple[Any, Gan]:
    """A fold, and fresh networks."""
    *_, fold, training = built(*overrides, base=base)
    assert isinstance(training.learner, Gan)
    return fold, training.learner


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    root = tmp_path_factory.mktemp("kept") / "runs"
    return trained("learner.shown_every=1", f"run.root={root}", base=SAMPLE)


def test_the_losses_are_the_cross_entropy_of_data_and_of_samples() -> None:
    fold, learner = gan()
    learner.networks.eval()
    batch = fold.train.batch(0, 20)
    torch.manual_seed(3)
    found = learner.losses(batch)

    torch.manual_seed(3)
    judge, maker = learner.networks["discriminator"], learner.networks["generator"]
    first, second = (maker({"noise": torch.randn(20, 16)})["made"].sigmoid() for _ in range(2))
    made, again = (judge({"image": one.view(20, 8, 8)})["real"] for one in (first, second))
    real = judge(batch.inputs)["real"]
    ones = torch.ones(20, 1)
    told = binary_cross_entropy_with_logits
    torch.testing.assert_close(found["discriminator"], told(real, ones) + told(made, 0 * ones))
    torch.testing.assert_close(found["generator"], told(again, ones))
    assert list(found) == ["discriminator", "generator"]


def test_samples_are_those_of_their_numbers_whatever_else_is_drawn() -> None:
    fold, learner = gan()
    torch.manual_seed(5)
    state = torch.get_rng_state()
    found = learner.sample(30)
    assert torch.equal(torch.get_rng_state(), state)
    _, other = gan("trainer.eval_batch_size=7", "trainer.batch_size=11")
    torch.manual_seed(6)
    torch.testing.assert_close(other.sample(40)[:30], found)
    assert (found.shape, float(found.min()) >= 0, float(found.max()) <= 1) == (
        (30, 8, 8),
        *2 * (1,),
    )
    score = learner.validate(fold)["val/frechet"]
    assert learner.evaluations(fold, "val")[0].own.value() == score
    assert learner.evaluations(fold, "test")[0].score == "test/frechet"


def test_simpler_samples_are_judged_by_the_same_rows_and_data_are_nearest() -> None:
    """Of noise, pixels alone and training rows each is nearer than the one before."""
    fold, learner = gan(base=DIGITS)
    one, precision, recall = learner.evaluations(fold, "val")
    assert (one.unit, one.paired, one.own.units) == ("sample", False, len(fold.validation))
    kinds = [(other.name, other.kind) for other in one.baselines]
    assert kinds == [
        *(("uniform noise", "noise"), ("marginals", "constant"), ("training rows", "data")),
        ("before training", "start"),
    ]
    values = [other.value() for other in one.baselines]
    assert values[0] > 2 * values[1] > 4 * values[2] > 0
    assert one.own.value() == values[3] > values[0]  # of networks that have learnt nothing
    for covered in (precision, recall):
        *simple, rows, untrained = [other.value() for other in covered.baselines]
        assert untrained == covered.own.value() < 0.01 > simple[0]
        assert simple[1] < rows > 0.7
    assert all(other.units == one.own.units for other in one.baselines)


def test_each_number_alone_keeps_what_it_is_by_itself() -> None:
    train = np.random.default_rng(0).uniform(size=(40, 3)) * [1, 10, 100]
    train[:, 1] = train[:, 0]
    (_, _, noise), (_, _, alone), (_, _, rows) = samples.simple(train, 1000, 7)
    assert noise.max() <= 1
    for place in range(3):
        assert set(alone[:, place]) == set(train[:, place])
    assert abs(np.corrcoef(alone[:, :2].T)[0, 1]) < 0.1  # what stands together is lost
    assert {tuple(row) for row in rows} <= {tuple(row) for row in train}
    assert len({tuple(row) for row in list(samples.simple(train, 40, 7))[2][2]}) == 40


def test_the_nearest_rows_of_copies_are_their_originals() -> None:
    train = np.random.default_rng(0).uniform(size=(30, 5))
    for pieces in ([train], [train[:20], train[20:]]):
        nearest, far = samples.find_nearest(train[[27, 3]], pieces)
        assert nearest.tolist() == train[[27, 3]].tolist()
        assert far.tolist() == [0, 0]
        nearest, far = samples.find_nearest(train[:9], pieces, apart=True)
        every = np.linalg.norm(train[:9, None] - train, axis=2)
        assert far == pytest.approx(np.sort(every)[:, 1])
        assert nearest.tolist() == train[np.argsort(every)[:, 1]].tolist()


def test_copies_are_nearer_than_rows_that_did_not_train() -> None:
    draw = np.random.default_rng(0)
    rows, same = draw.uniform(size=(2, 5000))
    assert samples.tell_nearer(0 * rows, rows) == 1
    assert samples.tell_nearer(rows, rows) == 0.5
    assert samples.tell_nearer(same, rows) == pytest.approx(0.5, abs=0.02)


def test_what_a_run_leaves(run: Run) -> None:
    left = [(one.kind, one.name, one.epoch) for one in list_artifacts(run.folder)]
    assert left == [
        *(("pictures", "samples", 1), ("pictures", "samples", 2), ("pictures", "samples", None)),
        *(("film", "training", None), ("pictures", "filmstrip", None), ("lines", "distance", None)),
        *(("pictures", "interpolation", None), ("pictures", "nearest", None)),
        ("table", "copies", None),
    ]
    last, end = (run.folder / f"artifacts/samples{epoch}.png" for epoch in ("-2", ""))
    assert last.read_bytes() == end.read_bytes()  # the same noise, and the last weights are kept
    report = json.loads((run.folder / "report.json").read_text())
    names = ("frechet", "precision", "recall")
    assert [score["name"] for score in report["scores"]] == [
        f"{part}/{name}" for part in ("val", "test") for name in names
    ]
    assert all(score["baseline"]["name"] != "training rows" for score in report["scores"])
    assert (report["monitor"], report["answer"]["weights"]) == (None, "last")
    assert {"losses.f32", "losses-generator.f32"} <= {one.name for one in run.folder.iterdir()}


def test_the_strip_begins_before_the_first_step_and_doubles(run: Run) -> None:
    steps = 2 * -(-115 // 64)
    (strip,) = (one for one in list_artifacts(run.folder) if one.name == "filmstrip")
    assert "after each of 0, 1, 2 steps by the weights that train" in strip.caption
    with Image.open(run.folder / strip.file) as found:
        assert found.size == (12 * 34, 4 * 34)  # steps 0, 1, 2, and the end
    _, *rows = (run.folder / "artifacts/distance.csv").read_text().splitlines()
    assert [int(row.split(",")[0]) for row in rows] == [0, steps // 2, steps]
    report = json.loads((run.folder / "report.json").read_text())
    assert {one["name"]: one["kind"] for one in report["baselines"]}["before training"] == "start"


def test_points_between_two_have_the_length_of_noise() -> None:
    ends = torch.randn(2 * samples.LINES, 100)
    first, last = ends.split(samples.LINES)
    found = samples.between(first, last).view(samples.LINES, samples.ACROSS, -1)
    torch.testing.assert_close(found[:, 0], first)
    torch.testing.assert_close(found[:, -1], last)
    lengths, bounds = found.norm(dim=2), torch.stack([first.norm(dim=1), last.norm(dim=1)])
    assert (lengths > bounds.amin(dim=0)[:, None] - 0.5).all()
    assert (lengths < bounds.amax(dim=0)[:, None] + 0.5).all()


LOGITS = torch.tensor([[-2.0], [0.5]]), torch.tensor([[1.0], [3.0]])


def losses_of(**chosen: Any) -> tuple[float, float]:
    """The discriminator's and the generator's loss of two samples and two rows."""
    both = Adversarial(GanOptions(**chosen))
    return float(both.discriminator(*LOGITS)), float(both.generator(LOGITS[0]))


def test_other_losses_are_those_of_their_papers() -> None:
    told = binary_cross_entropy_with_logits
    made, real = LOGITS
    zeros, ones = torch.zeros(2, 1), torch.ones(2, 1)
    wanted = float(told(made, zeros) + told(real, ones))
    assert losses_of()[0] == pytest.approx(wanted)
    assert losses_of(loss="mean_cross_entropy")[0] == pytest.approx(wanted / 2)
    assert losses_of(loss="hinge") == pytest.approx(((0 + 1.5) / 2 + 0, -(-2 + 0.5) / 2))
    squares = (((4 + 0.25) + (0 + 4)) / 4, (9 + 0.25) / 4)
    assert losses_of(loss="least_squares") == pytest.approx(squares)


def test_labels_are_moved_as_they_are_said_to_be() -> None:
    made, real = LOGITS
    smooth = losses_of(label_smoothing=0.1)[0]
    told, ones = binary_cross_entropy_with_logits, torch.ones(2, 1)
    wanted = told(made, 0 * ones) + told(real, 0.9 * ones)
    assert smooth == pytest.approx(float(wanted))
    torch.manual_seed(1)
    found = losses_of(labels="made", label_noise=0.05, loss="mean_cross_entropy")[0]
    torch.manual_seed(1)
    noise = [0.05 * torch.rand(2, 1) for _ in range(2)]
    book = told(-torch.cat([made, real]), torch.cat([1 + noise[0], noise[1]]))  # 1: it was made
    assert found == pytest.approx(float(book))
    torch.manual_seed(1)
    assert losses_of(label_noise=0.05)[0] != pytest.approx(2 * found)


def test_tanh_scales_what_the_discriminator_sees_and_samples_stay_as_data_are() -> None:
    fold, learner = gan("learner.output=tanh")
    _, plain = gan()
    noise = torch.randn(5, 16)
    learner.networks.eval(), plain.networks.eval()
    raw = learner.networks["generator"]({"noise": noise})["made"].view(5, 8, 8)
    torch.testing.assert_close(learner.make(noise), (2 * raw).sigmoid())
    _, book = gan("learner.output=tanh_unscaled")
    book.networks.eval()
    torch.testing.assert_close(book.make(noise), raw.tanh())
    batch = fold.train.batch(0, 9)
    torch.manual_seed(3)
    found = learner.losses(batch)["discriminator"].item()
    torch.manual_seed(3)
    judge, made = learner.networks["discriminator"], learner.generate(9)
    seen = [judge({"image": rows})["real"] for rows in (made, 2 * batch.inputs["image"] - 1)]
    assert found == pytest.approx(Adversarial(learner.options).discriminator(*seen).item())


@pytest.mark.slow
def test_a_run_of_it_is_reproduced_and_tested_again(run: Run) -> None:
    assert main(["reproduce", str(run.folder), "--json"]) == 0
    assert main(["test", str(run.folder)]) == 0


@pytest.mark.slow
def test_folds_and_a_final_model() -> None:
    three = [*SAMPLE, "protocol=kfold", "protocol.k=2", "final=true", "--quiet"]
    assert main(["train", *three, "run.root=folded"]) == 0
    found = json.loads((the_run(Path("folded")) / "report.json").read_text())
    assert found["answer"]["score"] == "test/frechet"


@pytest.mark.slow
def test_settings_are_compared_by_what_samples_are_like(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tune", *SAMPLE, "tune.trials=2", "--dry-run"]) == 0
    assert "optimizer.lr" in capsys.readouterr().out
    assert main(["train", "-m", *SAMPLE, "learner.noise=2,8"]) == 0
    assert "val/frechet" in capsys.readouterr().out


def test_it_keeps_the_contract_of_learners() -> None:
    """Of features, with an optimizer of its own and a penalty; of pictures as every task does."""
    table = ("dataset=wine", "prepare.steps=[{name: scale}]", "trainer.accumulate=2")
    own = "learner.optimizers.generator={name: sgd, lr: 0.1, momentum: 0.5}"
    check_learner(*SAMPLE, *table, own, "learner.generator.l2=0.01")
    noisy = ("learner.label_noise=0.05", "learner.labels=made", "learner.output=tanh")
    check_learner(*SAMPLE, *noisy, "trainer.average.name=ema", "trainer.clip_value=1")


def test_samples_that_are_no_numbers_are_told_of() -> None:
    with pytest.raises(RunError, match=r"is not a number|is not finite"):
        trained("optimizer={name: sgd, lr: 1e30}", base=SAMPLE)


def test_its_scores() -> None:
    config = loaded(base=SAMPLE).config
    assert judged_score(config) == "val/frechet"
    assert monitor_of(config) is None
    assert score_names(config) == dict.fromkeys(
        ("train/discriminator", "train/generator", "val/frechet"), "min"
    ) | {"val/precision": "max", "val/recall": "max"}
    assert judged_score(loaded("protocol=train_test", base=SAMPLE).config) == ""


REFUSED = {
    ("model=mlp",): (
        "learner gan does not read `model`\n  where: dlx:configs/model/mlp.yaml:2 (by model=mlp)\n"
        "  accepted: prepare, protocol, optimizer, schedule\n  try: '~model'"
    ),
    ("dataset=beijing_pm25",): (
        "learner gan learns from one input, but dataset beijing_pm25 has features, wind\n"
        "  where: command line: dataset.sample=true\n  accepted: a dataset of one input"
    ),
    ("prepare=standardise",): (
        "learner gan makes numbers from 0 to 1, but standardise makes others\n"
        "  where: dlx:configs/prepare/standardise.yaml:2 (by prepare=standardise)\n"
        "  accepted: scale\n  try: 'prepare.steps=[{name: scale}]'"
    ),
    ("learner.loss=hinge", "learner.label_noise=0.05"): (
        "`learner.label_noise` is 0.05, but loss hinge has no labels\n"
        "  where: command line: learner.label_noise=0.05\n"
        "  accepted: learner.loss: cross_entropy, mean_cross_entropy, least_squares\n"
        "  try: learner.label_noise=0"
    ),
    ("learner.generator={name: layers, output_layer: false, layers: [{linear: 64}, tanh]}",): (
        "the generator ends with tanh, but `learner.output` makes samples by sigmoid\n"
        "  where: command line: "
        "learner.generator={name: layers, output_layer: false, layers: [{linear: 64}, tanh]}\n"
        "  accepted: a generator whose last layer is no activation\n"
        "  try: leave tanh out"
    ),
    ("callbacks=early_stopping",): (
        "callbacks.early_stopping needs a score to monitor, but learner gan has none\n"
        "  where: dlx:configs/callbacks/early_stopping.yaml:2 (by callbacks=early_stopping)\n"
        "  accepted: val/frechet\n  try: callbacks.early_stopping.monitor=val/frechet"
    ),
}


@pytest.mark.parametrize(("arguments", "expected"), REFUSED.items(), ids=map(" ".join, REFUSED))
def test_what_it_cannot_do_is_refused(arguments: tuple[str, ...], expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        loaded(*arguments, base=SAMPLE)
    assert str(caught.value) == expected


def test_numbers_beyond_those_that_it_makes_are_refused() -> None:
    with pytest.raises(UsageError) as caught:
        gan("prepare.steps=[]")
    assert str(caught.value) == (
        "learner gan makes numbers from 0 to 1, but image has 0 to 16\n"
        "  where: prepare.steps\n  accepted: numbers from 0 to 1, as the step scale makes them\n"
        "  try: 'prepare.steps=[{name: scale}]', or with divide_by: 255 for bytes"
    )
    with pytest.raises(UsageError, match="learner gan makes rows of numbers, but review"):
        gan("dataset=imdb", "prepare.steps=[{name: multi_hot}]")
