"""Testing again: the weights and the fitted preparation of a run folder, on its test part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from ..config.learners import score_meanings
from ..config.load import load_saved
from ..config.schema import Config
from ..config.specs.averages import average_after
from ..data.origins import forget_vectors
from ..errors import Problem, RunError, UsageError
from ..files import fence, is_folder
from ..judging.judge import judge
from ..judging.scores import Judged
from ..learning.build import build_learner
from ..learning.memory import set_eval_batch
from ..prepare import Pipeline
from ..prepare.copies import add_copies
from ..runs import ledger, seal
from ..runs.folder import read_status, write_status
from ..sources.data import Data, read_data
from ..sources.device import choose_device, set_determinism
from ..sources.fold import FoldData, place_fold
from ..training import checkpoint
from .earlier import Earlier, read_earlier
from .lineage import PREFIX
from .start import everything


def look_again(
    run: Path, weights: str | None = None, plugins: Sequence[str] = ()
) -> dict[str, Any]:
    """Looks at the test part with a run's weights.

    Args:
        run: the run folder.
        weights: "best" or "last"; None takes the best where there are any.
        plugins: packages that the user allows now.

    Returns:
        Run, weights, whether the data are made up, scores beside their baselines, how often the
        test set has been evaluated, and warnings.

    Raises:
        UsageError: the run has no test part, or its data are no longer the same.
        RunError: the run folder is damaged.
    """
    run = fence(run.resolve())  # the names below are read off the path
    earlier = read_earlier(run)
    config = load_saved(run / "config.yaml", f"{run.name}/config.yaml", plugins)
    earlier.check_config(config)
    seal.check(run, weights=False)  # the weights that are asked for are checked as they are read
    name, (tensors, state) = _weights(run, weights)
    data = read_data(config)
    _check_data(earlier, data)
    fold = _restore(config, earlier, data)
    learner = build_learner(forget_vectors(config), fold.inputs, fold.targets, fold.device)
    try:
        learner.load_weights(tensors)
    except RuntimeError as error:
        message = "the weights do not fit the model of config.yaml"
        raise RunError(Problem(message, str(run), hint="train again")) from error
    batch = earlier.eval_batch or config.trainer.eval_batch_size
    learner.config = set_eval_batch(config, batch)
    looks, warnings = _count(data, run)
    judged = judge("test", learner.evaluate(fold, "test"))
    _keep(run, judged)
    return {
        "run": f"{run.parent.name}/{run.name}",
        "weights": {"name": name, "epoch": state.get("epoch"), **_average(config, state)},
        "sample": data.samples.sample,
        "scores": [score.plain() for score in judged.scores],
        "power": judged.facts["power"],
        "meanings": score_meanings(config),
        **looks,
        "warnings": [*warnings, *_inherited(earlier), *_describe_unchecked(run)],
    }


def _average(config: Config, state: Mapping[str, Any]) -> dict[str, str]:
    """Which average the weights are, where the config names one."""
    trainer = config.trainer
    found = average_after(trainer.average, state["epoch"], trainer.epochs)
    return {} if found is None else {"average": found}


def _inherited(earlier: Earlier) -> list[str]:
    """What the run that it started from has seen of rows that judge it."""
    stamps: list[Any] = earlier.get_or("report", "stamps", [])
    return [str(stamp) for stamp in stamps if str(stamp).startswith(PREFIX)]


def _describe_unchecked(run: Path) -> list[str]:
    return [] if seal.is_sealed(run) else [seal.UNSEALED]


def _weights(run: Path, asked: str | None) -> tuple[str, tuple[dict[str, Any], dict[str, Any]]]:
    best = "checkpoints/best"
    kept = is_folder(run / best) or any(n.startswith(best) for n in seal.sealed_names(run))
    name = asked or ("best" if kept else "last")
    folder = run / "checkpoints" / name
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
    return name, (tensors["weights"], state)


def _no_weights(run: Path) -> str:
    """How a run comes to weights of its own."""
    if is_folder(run / "workflow"):
        return "the workflow writes them in step 7"
    if is_folder(run / "folds"):
        return "a run over folds has a final model only with final=true"
    return "dlx train writes them"


def _check_data(earlier: Earlier, data: Data) -> None:
    """The data must be those that the run was trained on, cut as they were."""
    earlier.check_data(data)
    if not len(data.split.test):
        raise UsageError(Problem("this run's protocol has no test set", str(earlier.folder)))


def _restore(config: Config, earlier: Earlier, data: Data) -> FoldData:
    device = choose_device(config.trainer.device)
    set_determinism(config.trainer.deterministic)
    threads = earlier.environment.get("threads")
    if isinstance(threads, int) and 1 <= threads <= 1024:
        torch.set_num_threads(threads)  # another count could change the score's last bits
    inputs = tuple(data.samples.inputs)
    pipeline = Pipeline.load(earlier.folder, inputs)
    _check_pipeline(pipeline, inputs, config, str(earlier.folder))
    rows = everything(data) if config.final else data.split.folds[0]  # what baselines learn from
    samples, train, made_of = add_copies(
        data.samples, rows.train, config.prepare.copies, config.seed
    )
    columns = pipeline.apply(samples)
    return place_fold(pipeline, columns, data, rows, device, train, made_of)


def _check_pipeline(
    pipeline: Pipeline, inputs: tuple[str, ...], config: Config, where: str
) -> None:
    """What was learnt must be of the inputs, and hold the scales of the targets."""
    if tuple(pipeline.raw) != inputs:  # of a stranger's, the target could be among them
        what = f"the fitted preparation is of {', '.join(pipeline.raw) or 'no input'}"
        raise RunError(Problem(what, where, ", ".join(inputs), "train again"))
    for name, target in config.targets.items():
        learnt = pipeline.targets.get(name)
        if target.scale != "none" and (learnt is None or not learnt.mean):
            what = f"the fitted preparation lacks the scale of target {name}"
            raise RunError(Problem(what, where, hint="train again"))


def _keep(run: Path, judged: Judged) -> None:
    """Adds the scores to the status, where listings find them; those of training stay."""
    status = read_status(run) or {}
    known, ends = status.get("scores") or {}, status.get("directions") or {}
    new = [score for score in judged.scores if score.name not in known]
    if status and new:
        scores = {**known, **{score.name: score.value for score in new}}
        directions = {**ends, **{score.name: score.direction for score in new}}
        write_status(run, {**status, "scores": scores, "directions": directions})


def _count(data: Data, run: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Counts the look where the run lies, and what is to be told of it."""
    if data.samples.sample:
        return {"looks": 1}, ()
    name, root = f"{run.parent.name}/{run.name}", run.parent.parent
    before = ledger.record(root, data.test_rows, name, "test", folder=run)
    rows = {"seen": before.seen, "rows": before.rows}
    return {"looks": before.times + 1, "looks_rows": rows}, before.warnings
