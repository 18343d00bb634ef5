"""The ends of a run: done, interrupted, pruned or failed; each leaves report, seal and status."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from ..config.learners import monitor_of
from ..config.specs.averages import average_after, describe_average
from ..errors import DlxError, Interrupted
from ..judging import outcome
from ..judging.facts import Facts
from ..judging.scores import Judged
from ..machine import shortage
from ..runs.files import write_json
from ..runs.seal import seal
from .callbacks import of_runs
from .run import Run
from .stage import Stage


def finish(run: Run, judged: Sequence[Judged]) -> None:
    """Writes the answer; what only shows it may fail, and is told of."""
    weights = run.stage.weights
    run.facts |= outcome.answer(run.facts, judged, weights)
    if found := run.facts["answer"]:
        trainer = run.config.trainer
        average = average_after(trainer.average, found["epoch"], trainer.epochs)
        found |= {} if average is None else {"average": average}
    run.facts |= _progress(run)
    if run.config.final or not run.several:  # else the models are those of folds, none is the run's
        if sentences := run.training.learner.tell():
            run.facts["told"] = sentences
        for one in sentences:
            run.log(one)
        with warn_on_failure(run, "not every artifact is written"):
            run.training.learner.artifacts(run.stage.artifacts, "end")
    values = {score["name"]: score["value"] for score in run.facts["scores"]}
    directions = {score["name"]: score["direction"] for score in run.facts["scores"]}
    told = {key: run.facts[key] for key in ("answer", "best_epoch")}
    _end(run, "done", run.facts, scores=values, directions=directions, **told)


def close(run: Run) -> None:
    """What follows a run that is done, and changes nothing of it."""
    found = run.facts["answer"]
    with warn_on_failure(run, "the log ends here"):
        if found and found["weights"] != "folds":
            average = describe_average(found.get("average"))
            run.log(f"weights: {found['weights']} (epoch {found['epoch']}){average}")
    _tell_end(run, "done")


def stop(run: Run) -> None:
    """What an interrupted run leaves: its curves and status."""
    facts = run.facts | _progress(run) | Facts(answer=None)
    _end(run, "interrupted", facts, epoch=run.stage.training.progress.epoch)
    _tell_end(run, "interrupted")


def prune(run: Run, reason: str) -> None:
    """What a run leaves that was given up: its curves and status."""
    facts = run.facts | Facts(answer=None)
    _end(run, "pruned", facts, reason=reason, epoch=run.stage.training.progress.epoch)
    _tell_end(run, "pruned")


def fail(run: Run, error: BaseException) -> None:
    """What a failed run leaves; the disk may be full, and the first error is the one to tell."""
    reason = str(error) or type(error).__name__
    short = {"shortage": True} if shortage(error) else {}  # the run is not to blame
    writes: tuple[Callable[[], None], ...] = (
        lambda: run.write_status("failed", reason=reason, **short),
        lambda: run.log.keep(f"failed: {reason}"),
        run.stage.checkpoints.write_best,
        lambda: _end(run, "failed", run.facts, reason=reason, **short),
        lambda: _tell_end(run, "failed"),
    )
    for write in writes:
        with suppress(DlxError):
            write()


def _end(run: Run, state: str, facts: Facts, **more: Any) -> None:
    """The last writes of a run: its report, the seal on its files, and its status."""
    write_json(run.folder / "report.json", {**facts, "state": state})
    with warn_on_failure(run, "the run's files have no checksums"):
        more["files"] = seal(run.folder)
    run.write_status(state, **more)


def _tell_end(run: Run, state: str) -> None:
    """Tells the callbacks of the last training how the run ended; none can change it any more."""
    for name, callback in run.stage.checkpoints.callbacks.items():
        with warn_on_failure(run, f"{name} failed at the end"):
            for one in of_runs([callback]):
                one.on_run_end(run, state)


@contextmanager
def warn_on_failure(run: Run | Stage, lost: str) -> Iterator[None]:
    """Turns what goes wrong within into a warning: the scores are known, and a look was counted.

    Args:
        run: it, or one of its trainings; told in its log.
        lost: what there will not be, as a sentence.

    Raises:
        Interrupted: a signal asks to stop; a resumed run does it again.
    """
    try:
        yield
    except Interrupted:
        raise
    except Exception as error:  # a full disk, a drawing, another's code
        said = str(error).strip().partition("\n")[0] or type(error).__name__
        with suppress(Exception):
            assert run.log is not None
            run.log(f"warning: {lost}: {said}")


def _progress(run: Run) -> Facts:
    state = run.stage.training.progress
    return {
        "monitor": monitor_of(run.config),
        "best_epoch": _best_epoch(run),
        "epochs": run.config.trainer.epochs,
        "steps": state.step,
        "stopped": state.stop,
        "seconds": {name: round(value, 4) for name, value in run.seconds.items()},
    }


def _best_epoch(run: Run) -> int | None:
    """The epoch that the monitored score was best at; None where it never was a number."""
    if "folds" in run.facts:
        epoch: int = run.facts["folds"][0]["epoch"]
        return epoch
    kept = run.stage.weights
    return kept["epoch"] if kept["weights"] == "best" else None
