"""A run's weights and fitted preparation, opened again from its folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..config.load import load_saved
from ..config.schema import Config
from ..data.columns import Input
from ..data.origins import forget_files
from ..data.targets import EncodedTarget
from ..errors import Problem, RunError, UsageError
from ..files import fence, is_folder, names_in
from ..learning.build import build_learner
from ..learning.learner import Learner
from ..prepare import Pipeline
from ..prepare.copies import add_copies
from ..runs import seal
from ..runs.folder import read_status
from ..runs.members import stand_alone
from ..sources.data import Data
from ..sources.device import choose_device, set_determinism
from ..sources.fold import FoldData, kept_steps, place_fold
from ..training import checkpoint
from .earlier import Earlier, read_earlier
from .start import everything


@dataclass(frozen=True)
class Kept:
    """What a run has kept.

    Attributes:
        run: its folder.
        earlier: what the folder says of it.
        config: its config.
        name: of the weights, "best" or "last".
        weights: by name.
        state: what stands beside them, as the epoch.
        device: where they are to be used.
        at: the folder of a stage below the run's that they lie in, as in "folds/0"; "": its own.
    """

    run: Path
    earlier: Earlier
    config: Config
    name: str
    weights: Mapping[str, Tensor]
    state: Mapping[str, Any]
    device: torch.device
    at: str = ""

    def pipeline(self, inputs: Sequence[str] = ()) -> Pipeline:
        """The fitted preparation.

        Args:
            inputs: names of those that the data have; where there are none, as the config has them.

        Raises:
            RunError: it is damaged, or of other inputs.
        """
        inputs = tuple(inputs or self.config.dataset.options.inputs)
        pipeline = Pipeline.load(self.run / self.at, inputs)
        _check_pipeline(pipeline, inputs, self.config, str(self.run))
        return pipeline

    def place(self, data: Data) -> FoldData:
        """The run's rows as its learner was trained on, prepared, on the device.

        Args:
            data: from the run's config; see `Earlier.check_data`.

        Raises:
            RunError: the fitted preparation is damaged, or of other inputs.
        """
        pipeline, config = self.pipeline(data.samples.inputs), self.config
        rows = everything(data) if config.final else data.split.folds[0]  # what baselines learn of
        samples, train, made_of = add_copies(
            data.samples, rows.train, config.prepare.copies, config.seed
        )
        columns = pipeline.apply(samples, kept_steps(data, made_of))
        return place_fold(pipeline, columns, data, rows, self.device, train, made_of)

    def learner(self, inputs: Mapping[str, Input], targets: Mapping[str, EncodedTarget]) -> Learner:
        """The learner with the kept weights.

        Raises:
            RunError: the weights do not fit the model of the config.
        """
        config = stand_alone(forget_files(self.config), self.run)
        learner = build_learner(config, inputs, targets, self.device)
        try:
            learner.load_weights(self.weights)
        except RuntimeError as error:
            message = "the weights do not fit the model of config.yaml"
            raise RunError(Problem(message, str(self.run), hint="train again")) from error
        return learner

    def learner_alone(self, pipeline: Pipeline) -> Learner | None:
        """The same without any row; None of a folder whose preparation does not name its inputs."""
        if not pipeline.inputs or set(pipeline.targets) != set(self.config.targets):
            return None
        none = np.zeros(0, dtype=np.float32)
        targets = {name: EncodedTarget(none, codec) for name, codec in pipeline.targets.items()}
        return self.learner(pipeline.inputs, targets)


def open_kept(run: Path, weights: str | None = None, plugins: Sequence[str] = ()) -> Kept:
    """Opens a run's weights, after its files were checked.

    The device, determinism and the number of threads are set as they were in training.

    Args:
        run: the run folder.
        weights: "best" or "last"; None takes the best where there are any.
        plugins: packages that the user allows now.

    Raises:
        UsageError: there are no such weights, or the config has changed.
        RunError: the run folder is damaged.
    """
    (kept,) = open_stages(run, ("",), weights, plugins)
    return kept


def open_every(
    run: Path,
    weights: str | None = None,
    plugins: Sequence[str] = (),
    device: str = "",
    each_fold: bool = False,
) -> tuple[Kept, ...]:
    """The same; of a run over folds without a model of its own, the weights of each fold.

    Args:
        run: the run folder.
        weights: as in `open_stages`, as are plugins and device.
        plugins: packages that the user allows now.
        device: where they are to be used.
        each_fold: whether those of the folds are asked for where there is a final model, too.

    Raises:
        UsageError: there are no folds that were asked for, or what `open_stages` raises.
        RunError: the run folder is damaged.
    """
    folds = run / "folds"
    if each_fold and not is_folder(folds):
        what = f"run {run.name} was not trained over folds"
        accepted = "a run with protocol kfold or iterated_kfold"
        raise UsageError(Problem(what, str(run), accepted, "leave out --with folds"))
    alone = not is_folder(folds) or (not each_fold and is_folder(run / "checkpoints"))
    numbers = [] if alone else sorted((n for n in names_in(folds) if n.isdecimal()), key=int)
    stages = [f"folds/{number}" for number in numbers] or [""]
    return open_stages(run, stages, weights, plugins, device)


def open_stages(
    run: Path,
    stages: Sequence[str],
    weights: str | None = None,
    plugins: Sequence[str] = (),
    device: str = "",
) -> tuple[Kept, ...]:
    """What `open_kept` opens, of some stages of a run.

    Args:
        run: the run folder.
        stages: their folders below it; "": its own.
        weights: "best" or "last"; None takes the best where there are any.
        plugins: packages that the user allows now.
        device: where they are to be used; "": as the config has it.

    Raises:
        UsageError: there are no such weights, or the config has changed.
        RunError: the run folder is damaged.
    """
    run = fence(run.resolve())  # names are read off the path
    earlier = read_earlier(run)
    config = load_saved(run / "config.yaml", f"{run.name}/config.yaml", plugins)
    earlier.check_config(config)
    seal.check(run, weights=False)  # the weights that are asked for are checked as they are read
    found = [_weights(run, stage, weights) for stage in stages]
    where = choose_device(device or config.trainer.device)
    set_determinism(config.trainer.deterministic)
    threads = earlier.environment.get("threads")
    if isinstance(threads, int) and 1 <= threads <= 1024:
        torch.set_num_threads(threads)  # another count could change the last bits
    return tuple(
        Kept(run, earlier, config, *one, where, stage)
        for stage, one in zip(stages, found, strict=True)
    )


def _weights(run: Path, at: str, asked: str | None) -> tuple[str, dict[str, Any], dict[str, Any]]:
    best = str(PurePosixPath(at, "checkpoints/best"))
    kept = is_folder(run / best) or any(n.startswith(best) for n in seal.sealed_names(run))
    name = asked or ("best" if kept else "last")
    folder = run / at / "checkpoints" / name
    if not is_folder(folder):
        status = read_status(run) or {}
        raise UsageError(
            Problem(
                f"run {run.name} has no {name} weights (it is {status.get('state', 'unknown')})",
                str(folder),
                hint="omit --weights" if asked else _no_weights(run),
            )
        )
    tensors, state = checkpoint.load(folder)
    return name, tensors["weights"], state


def _no_weights(run: Path) -> str:
    """How a run comes to weights of its own."""
    if is_folder(run / "workflow"):
        return "the workflow writes them in step 7"
    if is_folder(run / "folds"):
        return "a run over folds has a final model only with final=true"
    return "dlx train writes them"


def _check_pipeline(
    pipeline: Pipeline, inputs: tuple[str, ...], config: Config, where: str
) -> None:
    """What was learnt must be of the inputs, and hold the scales of the targets."""
    if pipeline.read != inputs:  # of a stranger's, the target could be among them
        what = f"the fitted preparation is of {', '.join(pipeline.read) or 'no input'}"
        raise RunError(Problem(what, where, ", ".join(inputs), "train again"))
    for name, target in config.targets.items():
        learnt = pipeline.targets.get(name)
        if target.scale != "none" and (learnt is None or not learnt.mean):
            what = f"the fitted preparation lacks the scale of target {name}"
            raise RunError(Problem(what, where, hint="train again"))
