"""Testing again: the weights and the fitted preparation of a run folder, on its test part."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..config.learners import fresh_text, score_meanings, spec_of
from ..config.schema import Config
from ..config.specs.averages import average_after
from ..errors import Problem, UsageError
from ..judging.judge import judge
from ..judging.scores import Judged
from ..learning.memory import set_eval_batch
from ..runs import ledger, seal
from ..runs.folder import read_status, write_status
from ..sources.data import Data, read_data
from .earlier import Earlier
from .kept import Kept, open_kept
from .lineage import INHERITED


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
        test set has been evaluated (or what was made anew in its place), and warnings.

    Raises:
        UsageError: the run has no test part, or its data are no longer the same.
        RunError: the run folder is damaged.
    """
    kept = open_kept(run, weights, plugins)
    run, earlier, config = kept.run, kept.earlier, kept.config
    data = read_data(config)
    _check_data(earlier, data, config)
    fold = kept.place(data)
    learner = kept.learner(fold.inputs, fold.targets)
    batch = earlier.eval_batch or config.trainer.eval_batch_size
    learner.config = set_eval_batch(config, batch)
    looks, warnings = _count(config, data, run)
    judged = judge("test", learner.evaluate(fold, "test"))
    _keep(run, judged)
    return {
        "run": f"{run.parent.name}/{run.name}",
        "weights": {"name": kept.name, "epoch": kept.state.get("epoch"), **_average(kept)},
        "sample": data.samples.sample,
        "scores": [score.plain() for score in judged.scores],
        "power": judged.facts["power"],
        "meanings": score_meanings(config),
        **looks,
        "warnings": [*warnings, *_inherited(earlier), *_describe_unchecked(run)],
    }


def _average(kept: Kept) -> dict[str, str]:
    """Which average the weights are, where the config names one."""
    trainer = kept.config.trainer
    found = average_after(trainer.average, kept.state["epoch"], trainer.epochs)
    return {} if found is None else {"average": found}


def _inherited(earlier: Earlier) -> list[str]:
    """What other runs that it is made of, or judged by, have seen of rows that judge it."""
    stamps: list[Any] = earlier.get_or("report", "stamps", [])
    return [str(stamp) for stamp in stamps if str(stamp).startswith(INHERITED)]


def _describe_unchecked(run: Path) -> list[str]:
    return [] if seal.is_sealed(run) else [seal.UNSEALED]


def _check_data(earlier: Earlier, data: Data, config: Config) -> None:
    """The data must be those that the run was trained on, cut as they were."""
    earlier.check_data(data)
    if not len(data.split.test) and not spec_of(config).fresh:
        what = "this run's protocol has no test set"
        if makes := spec_of(config).makes:
            what = f"learner {config.learner.name} has no test set: the {makes} it made is judged"
        raise UsageError(Problem(what, str(earlier.folder)))


def _keep(run: Path, judged: Judged) -> None:
    """Adds the scores to the status, where listings find them; those of training stay."""
    status = read_status(run) or {}
    known, ends = status.get("scores") or {}, status.get("directions") or {}
    new = [score for score in judged.scores if score.name not in known]
    if status and new:
        scores = {**known, **{score.name: score.value for score in new}}
        directions = {**ends, **{score.name: score.direction for score in new}}
        write_status(run, {**status, "scores": scores, "directions": directions})


def _count(config: Config, data: Data, run: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Counts the look where the run lies, and what is to be told of it."""
    if fresh := fresh_text(config):  # the ledger knows rows
        return {"fresh": fresh}, ()
    if data.samples.sample:
        return {"looks": 1}, ()
    name, root = f"{run.parent.name}/{run.name}", run.parent.parent
    before = ledger.record(root, data.test_rows, name, "test", folder=run)
    rows = {"seen": before.seen, "rows": before.rows}
    return {"looks": before.times + 1, "looks_rows": rows}, before.warnings
