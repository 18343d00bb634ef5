"""What TensorBoard shows of a run: event files in `tensorboard/` of the folder of each training.

    tensorboard --logdir runs

Scores stand at their epoch. The losses of single steps have another axis, so they are a run of
their own, `steps`. A resumed training tells TensorBoard to forget what it is about to train again.
"""

from __future__ import annotations

import io
import time
from collections.abc import Mapping
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..config.specs import callbacks as specs
from ..files import check_tree, is_file, make_folder, names_in, open_file, read_bytes, remove_tree
from ..running.run import Run
from ..running.stage import Stage
from ..runs.folder import MARK
from ..runs.step_losses import LOSSES
from ..training.training import Training
from .graph import write_graph
from .pictures import Cloud, choose_rows, clouds, filters, frame, input_images
from .watcher import Watcher, final_scores, settings

FOLDER = "tensorboard"
CLOUDS = "projector_config.pbtxt"


class TensorBoard(Watcher):
    """Writes event files; torch's `SummaryWriter` is imported when the first training begins."""

    def __init__(self, options: specs.TensorBoard, monitor: str, direction: str) -> None:  # noqa: ARG002
        super().__init__("tensorboard")
        self._options = options
        self._main: Any = None
        self._fine: Any = None
        self._stage: Stage | None = None
        self._losses = Path()
        self._begun = self._written = 0

    def on_stage_start(self, stage: Stage) -> None:
        """Opens the event files; those of a training that kept no checkpoint give way."""
        self._log, self._stage = stage.log, stage
        if stage.folder is None:
            return
        with self.warn_on_failure("nothing is written"):
            self._open(stage, stage.folder)
        if self._main is None or stage.training.progress.step:
            return
        if self._options.graph:
            with self.warn_on_failure("there is no graph of this model"):
                write_graph(self._main, stage.training.model, stage.fold.train)
        with self.warn_on_failure("there are no images"):
            for name, images in self._images(stage).items():
                self._main.add_images(f"inputs/{name}", frame(images), 0)
            self._write_filters(stage.training)

    def _open(self, stage: Stage, folder: Path) -> None:
        state = stage.training.progress
        place = folder / FOLDER
        if not state.step:
            with suppress(FileNotFoundError):
                remove_tree(place)
        make_folder(place)
        check_tree(place)  # torch would follow a link in it
        self._losses = folder / LOSSES
        self._begun = state.step
        self._written = state.step - state.position  # the epoch under way is written whole
        again = state.step > 0
        if any(f".{int(time.time())}." in name for name in names_in(place)):
            time.sleep(1)  # files are read in the order of their names, which tell the second
        self._main = _writer(place, state.epoch + 1 if again else None)
        if again and self._options.embeddings_every:
            with self.warn_on_failure("the projector has lost earlier epochs"):
                _keep_clouds(self._main, place, state.epoch)
        if self._options.steps:
            self._fine = _writer(place / "steps", self._written + 1 if again else None)

    def _images(self, stage: Stage) -> dict[str, Tensor]:
        if not self._options.images:
            return {}
        return input_images(stage.data.samples, choose_rows(stage, self._options.images)[1])

    def on_epoch_end(self, training: Training, scores: Mapping[str, float]) -> None:
        """Writes the scores of the epoch, and what else is due."""
        if self._main is None:
            return
        epoch, every = training.progress.epoch, self._options.histograms
        with self.warn_on_failure("scores are missing"):
            for name, value in {**training.optimizers.rates_of_epoch, **scores}.items():
                self._main.add_scalar(name, value, epoch)
            if every and epoch % every == 0:
                self._write_histograms(training)
            self._write_filters(training)
            self._write_steps()
            self._main.flush()
        every = self._options.embeddings_every
        if every and epoch % every == 0:
            self._write_clouds("", epoch)

    def _write_clouds(self, prefix: str, epoch: int) -> None:
        """Writes the rows for the projector, by the weights that the model holds."""
        assert self._stage is not None
        if self._options.embeddings:
            with self.warn_on_failure("there is nothing for the projector"):
                for cloud in clouds(self._stage, self._options.embeddings):
                    _write_cloud(self._main, cloud, f"{prefix}{cloud.name}", epoch)

    def on_fit_end(self, training: Training) -> None:  # noqa: ARG002
        """Writes the losses of an epoch that was broken off."""
        with self.warn_on_failure("scores are missing"):
            self._write_steps()

    def on_stage_end(self, stage: Stage) -> None:
        """Writes the rows for the projector, by the kept weights; closes the files of a fold."""
        if self._main is None or stage.folder is None:
            return
        state, options = stage.training.progress, stage.training.options
        done = bool(state.stop) or state.epoch >= (options.last_epoch or options.epochs)
        if done and state.step > self._begun:
            self._write_clouds("kept-" if self._options.embeddings_every else "", state.epoch)
        if not is_file(stage.folder / MARK):  # the run's own stay open for its final scores
            self._close()

    def _close(self) -> None:
        for writer in (self._main, self._fine):
            with self.warn_on_failure("scores are missing"):
                if writer is not None:
                    writer.close()
        self._main = self._fine = None

    def on_run_end(self, run: Run, state: str) -> None:
        """Writes the final scores with their baselines, and the settings that gave them."""
        self._log = run.log
        if state == "done":
            with self.warn_on_failure("final scores are missing"):
                self._main = self._main or _writer(run.folder / FOLDER)
                values = final_scores(run.facts)
                for name, value in values.items():
                    self._main.add_scalar(name, value, run.training.progress.epoch)
                reached = {n: v for n, v in values.items() if n.startswith("score/")}
                _write_settings(self._main, settings(run.loaded.plain()), reached)
        self._close()

    def _write_filters(self, training: Training) -> None:
        """The filters of the first convolution; nothing for a model without one."""
        many = self._options.images
        found = filters(training.model, many) if many else None
        if found is not None:
            self._main.add_images("filters", frame(found), training.progress.epoch)

    def _write_histograms(self, training: Training) -> None:
        """The weights, and the gradients of the epoch's last step."""
        for name, parameter in training.model.named_parameters():
            for kind, tensor in (("weights", parameter), ("gradients", parameter.grad)):
                values = None if tensor is None else tensor.detach()
                values = None if values is None else values[torch.isfinite(values)]
                if values is not None and len(values):
                    self._main.add_histogram(f"{kind}/{name}", values, training.progress.epoch)

    def _write_steps(self) -> None:
        """The losses of single steps, from the file that the recorder has just written."""
        if self._fine is None or not is_file(self._losses):
            return
        with open_file(self._losses, "rb") as stream:
            stream.seek(4 * self._written)
            losses = np.frombuffer(stream.read(), "<f4")
        for step, loss in enumerate(losses.tolist(), start=self._written + 1):
            if step % self._options.steps == 0:
                self._fine.add_scalar("train/step_loss", loss, step)
        self._written += len(losses)
        self._fine.flush()


def _writer(folder: Path, purge_step: int | None = None) -> Any:
    """A `SummaryWriter`; what stands at the step or later is forgotten."""
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder), purge_step=purge_step)


def _keep_clouds(writer: Any, folder: Path, epoch: int) -> None:
    """Lets a writer know of the clouds of earlier epochs, which it would leave out of its list."""
    from google.protobuf import text_format
    from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

    if not is_file(folder / CLOUDS):
        return
    known = text_format.Parse(read_bytes(folder / CLOUDS).decode(), ProjectorConfig())
    before = [one for one in known.embeddings if int(one.tensor_path.partition("/")[0]) <= epoch]
    writer._projector_config = ProjectorConfig(embeddings=before)


def _write_cloud(writer: Any, cloud: Cloud, name: str, epoch: int) -> None:
    with redirect_stdout(io.StringIO()):  # it prints where a folder is there already
        writer.add_embedding(
            cloud.rows,
            metadata=cloud.labels,
            label_img=cloud.images,
            global_step=epoch,
            tag=name,
            metadata_header=cloud.header,
        )


def _write_settings(writer: Any, values: Mapping[str, Any], scores: Mapping[str, float]) -> None:
    """The settings beside the final scores, for TensorBoard's table of hyperparameters."""
    from torch.utils.tensorboard.summary import hparams

    shown = {k: str(v).lower() if isinstance(v, bool) else v for k, v in values.items()}
    for summary in hparams(shown, dict(scores)):  # type: ignore[no-untyped-call]
        writer.file_writer.add_summary(summary)
