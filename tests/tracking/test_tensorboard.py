"""Event files, read back by TensorBoard's own reader."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from google.protobuf import text_format
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2
from tensorboard.plugins.projector import projector_config_pb2
from watched import ALL, RECIPES, WINE, rows_of, trained, warnings_of

from dlx.config.load import load
from dlx.config.specs import callbacks as specs
from dlx.errors import Interrupted
from dlx.reproduce.replay import replay
from dlx.running.resume import load_resumable
from dlx.running.train import train
from dlx.testing import check_callback
from dlx.tracking import tensorboard as watched
from dlx.training.callbacks import Callback
from dlx.training.training import Training


def events(folder: Path) -> EventAccumulator:
    everything = dict.fromkeys(("scalars", "images", "histograms", "tensors"), 0)
    found = EventAccumulator(str(folder), size_guidance=everything)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorBoard reads images by a way of NumPy's that is old
        found.Reload()
    return found


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    found = events(folder)
    tags = found.Tags()["scalars"]
    return {tag: [(e.step, e.value) for e in found.Scalars(tag)] for tag in tags}


def curves(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """The scores of the epochs, without the final ones."""
    found = scalars(folder)
    return {t: v for t, v in found.items() if not t.startswith(("score/", "baseline/"))}


def expected(file: Path) -> dict[str, list[tuple[int, float]]]:
    """What a curve's file says, in the float32 of TensorBoard."""
    rows = rows_of(file)
    names = [name for name in rows[0] if name != "epoch"]
    return {n: [(row["epoch"], float(np.float32(row[n]))) for row in rows] for n in names}


def losses(run: Path) -> list[float]:
    return np.frombuffer((run / "losses.f32").read_bytes(), "<f4").tolist()


class Stop(Callback):
    """Asks to stop after a step, as a signal does."""

    def __init__(self, at: int) -> None:
        self._at = at

    def on_step_end(self, training: Training) -> None:
        training.progress.interrupted = training.progress.step >= self._at


@pytest.mark.parametrize("recipe", RECIPES)
def test_no_bit_of_the_training_depends_on_it(recipe: str) -> None:
    options = specs.TensorBoard(steps=1, embeddings=20)
    check_callback(lambda: watched.TensorBoard(options, "val/loss", "min"), *RECIPES[recipe])


def test_every_score_stands_at_its_epoch_under_its_name() -> None:
    run = trained(*WINE, "callbacks={tensorboard: {steps: 1}}").folder

    assert curves(run / "tensorboard") == expected(run / "metrics.jsonl")
    steps = scalars(run / "tensorboard" / "steps")
    assert steps == {"train/step_loss": list(enumerate(losses(run), start=1))}


def test_the_loss_of_every_so_many_steps() -> None:
    run = trained(*WINE, "callbacks={tensorboard: {steps: 4}}").folder

    wanted = [(s, v) for s, v in enumerate(losses(run), start=1) if s % 4 == 0]
    assert scalars(run / "tensorboard" / "steps")["train/step_loss"] == wanted
    none = trained(*WINE, "callbacks={tensorboard: {steps: 0}}").folder
    assert not (none / "tensorboard" / "steps").exists()


def test_final_scores_stand_beside_their_baselines_and_settings() -> None:
    run = trained(*WINE, "callbacks=tensorboard", "optimizer.lr=0.004")

    found = scalars(run.folder / "tensorboard")
    for score in run.facts["scores"]:
        assert found[f"score/{score['name']}"] == [(3, pytest.approx(score["value"]))]
        if score["baseline"]:
            value = score["baseline"]["value"]
            assert found[f"baseline/{score['name']}"] == [(3, pytest.approx(value))]
    assert "score/test/accuracy" in found
    content = events(run.folder / "tensorboard").PluginTagToContent("hparams")
    data = plugin_data_pb2.HParamsPluginData.FromString
    settings = data(content["_hparams_/session_start_info"]).session_start_info.hparams
    assert settings["optimizer.lr"].number_value == 0.004
    assert settings["model.units"].string_value == "[16]"
    assert settings["trainer.deterministic"].string_value == "true"
    assert not [key for key in settings if key.startswith(("run.", "about.", "callbacks."))]
    metrics = data(content["_hparams_/experiment"]).experiment.metric_infos
    assert "score/test/accuracy" in [metric.name.tag for metric in metrics]


def test_no_test_score_where_nobody_looked() -> None:
    run = trained(*WINE, "callbacks=tensorboard", "test=false").folder

    assert not [name for name in scalars(run / "tensorboard") if "test/" in name]


def test_histograms_of_weights_and_gradients_when_due() -> None:
    run = trained(*WINE, "trainer.epochs=5", "callbacks={tensorboard: {histograms: 2}}")

    found = events(run.folder / "tensorboard")
    parameters = dict(run.training.model.named_parameters())
    names = {f"{kind}/{name}" for kind in ("weights", "gradients") for name in parameters}
    assert set(found.Tags()["histograms"]) == names
    for name in names:
        assert [event.step for event in found.Histograms(name)] == [2, 4]
        held = found.Histograms(name)[0].histogram_value
        assert held.num == parameters[name.partition("/")[2]].numel()
    off = trained(*WINE, "callbacks={tensorboard: {histograms: 0, graph: false}}").folder
    tags = events(off / "tensorboard").Tags()
    assert (tags["histograms"], tags["graph"]) == ([], False)


def test_the_graph_names_the_layers() -> None:
    run = trained(*RECIPES["images, convnet"], "callbacks=tensorboard").folder

    nodes = [node.name for node in events(run / "tensorboard").Graph().node]
    for layer in ("Stack[body]/Conv2d[0]", "Stack[body]/Linear[", "Linear[digit]"):
        assert any(layer in name for name in nodes), nodes


def test_images_are_the_inputs_and_the_filters() -> None:
    run = trained(*RECIPES["images, convnet"], "callbacks={tensorboard: {images: 8}}")

    found = events(run.folder / "tensorboard")
    assert found.Tags()["images"] == ["inputs/image", "filters"]
    (sheet,) = found.Images("inputs/image")
    pixels = np.asarray(Image.open(io.BytesIO(sheet.encoded_image_string)).convert("L"))
    side = 28 * 2 + 2  # twice as large, with an edge
    assert pixels.shape == (side, 8 * side)
    rows = run.data.split.folds[0].validation
    first = np.asarray(run.data.samples.columns["image"])[rows[0]]
    shown = pixels[1 : side - 1 : 2, 1 : side - 1 : 2].astype(float)
    assert np.abs(shown - first).max() <= 1.5
    frames = found.Images("filters")
    assert [frame.step for frame in frames] == [0, 1, 2]
    assert (frames[0].width, frames[0].height) == (4 * (21 * 3 + 2), 21 * 3 + 2)


def test_images_can_be_left_out() -> None:
    run = trained(*RECIPES["images, convnet"], "callbacks={tensorboard: {images: 0}}").folder

    assert events(run / "tensorboard").Tags()["images"] == []


def table(file: Path) -> list[list[str]]:
    return [line.split("\t") for line in file.read_text("utf-8").splitlines()]


def test_the_projector_has_validation_rows_with_classes_and_sprites() -> None:
    run = trained(*RECIPES["images, convnet"], ALL)

    place = run.folder / "tensorboard" / "00002" / "hidden"
    header, *labels = table(place / "metadata.tsv")
    assert header == ["digit", "row"]
    rows = [int(label[1]) for label in labels]
    assert len(rows) == 20
    assert set(rows) <= set(run.data.split.folds[0].validation.tolist())
    target = run.data.targets["digit"]
    assert [label[0] for label in labels] == [target.classes[target.values[row]] for row in rows]
    vectors = np.array(table(place / "tensors.tsv"), dtype=float)
    assert vectors.shape[0] == 20
    assert len({tuple(v) for v in vectors}) > 10
    with Image.open(place / "sprite.png") as sprite:
        assert sprite.size == (5 * 28, 5 * 28)  # 20 images in a square
    config = (run.folder / "tensorboard" / "projector_config.pbtxt").read_text()
    assert 'tensor_path: "00002/hidden/tensors.tsv"' in config


def test_the_projector_has_the_vectors_of_words() -> None:
    run = trained(*RECIPES["embedding, lstm"], ALL)

    place = run.folder / "tensorboard" / "00002" / "body-0"
    header, *labels = table(place / "metadata.tsv")
    assert header == ["word", "id"]
    words = run.data.samples.words["review"]
    assert [label[0] for label in labels] == list(words[:20])
    vectors = np.array(table(place / "tensors.tsv"), dtype=float)
    kept = run.training.model.state_dict()["body.0.weight"][:20]
    assert np.allclose(vectors, kept.numpy())


def listed(folder: Path) -> list[str]:
    """The clouds that the projector is told of, by TensorBoard's own reader."""
    config = projector_config_pb2.ProjectorConfig()
    text_format.Parse((folder / "projector_config.pbtxt").read_text("utf-8"), config)
    for one in config.embeddings:
        assert (folder / one.tensor_path).is_file()
        assert (folder / one.metadata_path).is_file()
    return [one.tensor_name for one in config.embeddings]


def test_the_projector_may_have_every_epoch_once() -> None:
    """As in the book; a run that was broken off and resumed knows the epochs before."""
    every = "callbacks={tensorboard: {embeddings: 20, embeddings_every: 1, graph: false}}"
    arguments = (*RECIPES["embedding, lstm"], every)
    arguments += ("trainer.threads=1", "trainer.batch_size=16", "trainer.epochs=3")
    with pytest.raises(Interrupted):
        train(load(arguments), lambda _: None, [Stop(13)])
    (run,) = Path("runs/imdb").iterdir()
    done = train(load_resumable(run), lambda _: None, resume=run)

    names = [f"{name}:0000{epoch}" for epoch in (1, 2, 3) for name in ("hidden", "body-0")]
    assert listed(run / "tensorboard") == [*names, "kept-hidden:00003", "kept-body-0:00003"]
    vectors = [
        np.array(table(run / "tensorboard" / f"0000{epoch}" / "body-0" / "tensors.tsv"), float)
        for epoch in (1, 2, 3)
    ]
    assert not np.allclose(vectors[0], vectors[1])
    labels = table(run / "tensorboard" / "00001" / "body-0" / "metadata.tsv")
    assert [one[0] for one in labels[1:]] == list(done.data.samples.words["review"][:20])
    assert warnings_of(run) == []


def test_every_fold_has_files_of_its_own() -> None:
    run = trained(*WINE, "protocol={name: kfold, k: 3}", "final=true", ALL).folder

    for number in range(3):
        fold = run / "folds" / str(number)
        assert curves(fold / "tensorboard") == expected(fold / "metrics.jsonl")
    assert curves(run / "tensorboard") == expected(run / "final.jsonl")
    assert "score/test/accuracy" in scalars(run / "tensorboard")
    assert warnings_of(run) == []


def test_folds_alone_leave_their_mean_in_the_run_folder() -> None:
    run = trained(*WINE, "protocol={name: kfold, k: 2}", "callbacks=tensorboard")

    found = scalars(run.folder / "tensorboard")
    score = run.facts["scores"][0]
    assert found[f"score/{score['name']}"] == [(3, pytest.approx(score["value"]))]


@pytest.mark.parametrize("at", [3, 12, 15, 20])
def test_a_resumed_run_has_each_epoch_and_step_once(at: int) -> None:
    arguments = (*WINE, "callbacks={tensorboard: {steps: 1}}", "trainer.threads=1")
    with pytest.raises(Interrupted):
        train(load([*arguments, "trainer.batch_size=4"]), lambda _: None, [Stop(at)])
    (run,) = Path("runs/wine").iterdir()
    train(load_resumable(run), lambda _: None, resume=run)

    assert len(losses(run)) > at
    assert curves(run / "tensorboard") == expected(run / "metrics.jsonl")
    steps = scalars(run / "tensorboard" / "steps")["train/step_loss"]
    assert steps == list(enumerate(losses(run), start=1))
    found = events(run / "tensorboard")
    assert set(Counter(e.step for e in found.Histograms("weights/body.0.weight")).values()) == {1}
    assert warnings_of(run) == []


@pytest.mark.slow
def test_after_a_kill_nothing_stands_twice_or_is_missing() -> None:
    """The killed process has written more epochs than its last checkpoint knows."""
    arguments = ["callbacks={tensorboard: {steps: 1}}", "trainer.batch_size=4", "trainer.threads=1"]
    code = (
        "import os\nfrom test_tensorboard import *\n"
        "Stop.on_step_end = lambda _, training: training.progress.step < 20 or os._exit(9)\n"
        f"train(load({[*WINE, *arguments, 'checkpoint.every_steps=7']}), lambda _: None, [Stop(0)])"
    )
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    found = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path})
    assert found.returncode == 9
    (run,) = Path("runs/wine").iterdir()
    assert len(curves(run / "tensorboard")["train/loss"]) == 1
    train(load_resumable(run), lambda _: None, resume=run)

    assert curves(run / "tensorboard") == expected(run / "metrics.jsonl")
    steps = scalars(run / "tensorboard" / "steps")["train/step_loss"]
    assert steps == list(enumerate(losses(run), start=1))


def test_what_a_training_without_checkpoint_has_left_gives_way() -> None:
    with pytest.raises(Interrupted):
        train(load([*WINE, ALL, "trainer.threads=1"]), lambda _: None, [Stop(9)])
    (run,) = Path("runs/wine").iterdir()
    shutil.rmtree(run / "checkpoints")
    train(load_resumable(run), lambda _: None, resume=run)

    assert curves(run / "tensorboard") == expected(run / "metrics.jsonl")
    assert len(list((run / "tensorboard").glob("events.*"))) == 1


def test_a_run_that_goes_on_for_more_epochs() -> None:
    run = trained(*WINE, ALL).folder
    train(load_resumable(run, ["trainer.epochs=5"]), lambda _: None, resume=run)

    assert curves(run / "tensorboard") == expected(run / "metrics.jsonl")
    assert [step for step, _ in scalars(run / "tensorboard")["score/test/accuracy"]] == [3, 5]


def test_a_run_can_go_on_without_it() -> None:
    with pytest.raises(Interrupted):
        train(load([*WINE, ALL, "trainer.threads=1"]), lambda _: None, [Stop(3)])
    (run,) = Path("runs/wine").iterdir()
    before = {p: p.read_bytes() for p in (run / "tensorboard").rglob("*") if p.is_file()}
    train(load_resumable(run, ["run.watch=false"]), lambda _: None, resume=run)

    assert {p: p.read_bytes() for p in (run / "tensorboard").rglob("*") if p.is_file()} == before


def test_a_replay_is_not_watched(cli: Any) -> None:
    run = trained(*WINE, ALL)

    with replay(run.loaded, Path("runs"), run.name) as again:
        assert not (again.folder / "tensorboard").exists()
        assert (again.folder / "losses.f32").read_bytes() == (
            run.folder / "losses.f32"
        ).read_bytes()
    found = cli("reproduce", "last")
    assert (found.code, found.err) == (0, "")


@pytest.mark.slow
def test_a_workflow_shows_its_final_model(cli: Any) -> None:
    small = ("trainer.epochs=3", "workflow.trials=1", "workflow.capacity_steps=1")
    assert cli("workflow", *WINE[:2], *small, "callbacks=tensorboard").code == 0

    (run,) = Path("runs/wine").iterdir()
    assert "score/test/accuracy" in scalars(run / "tensorboard")


def test_a_disk_that_fails_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(watched, "_writer", fail)
    run = trained(*WINE, ALL)

    said = "[Errno 28] No space left on device"
    assert warnings_of(run.folder) == [
        f"warning: callbacks.tensorboard: nothing is written: {said}",
        f"warning: callbacks.tensorboard: final scores are missing: {said}",
    ]


def test_a_model_that_cannot_be_traced_has_no_graph(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("Only tensors can be traced\nand more")

    monkeypatch.setattr(torch.jit, "trace", fail)
    run = trained(*WINE, ALL).folder

    assert warnings_of(run) == [
        "warning: callbacks.tensorboard: there is no graph of this model: "
        "Only tensors can be traced"
    ]
    assert capsys.readouterr().out == ""
    assert curves(run / "tensorboard") == expected(run / "metrics.jsonl")


def test_a_loss_that_is_no_number_still_closes_the_files(cli: Any) -> None:
    found = cli("train", *WINE, "optimizer={name: sgd, lr: 1e30}", ALL, "trainer.threads=1")

    assert found.code == 1
    (run,) = Path("runs/wine").iterdir()
    assert warnings_of(run) == []
    assert events(run / "tensorboard").Tags()["graph"] is True


@pytest.mark.slow
def test_nothing_of_it_is_imported_unless_asked() -> None:
    code = (
        "import sys\nfrom dlx.cli.main import main\n"
        f"main(['train', {', '.join(map(repr, WINE))}, '--quiet'])\n"
        "print([n for n in sys.modules if n.startswith(('tensorboard', 'mlflow'))])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.splitlines()[-1] == "[]"
