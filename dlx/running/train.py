"""One run, from a checked config to a run folder with its answer."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ..config.learners import fresh_text, spec_of
from ..config.load import Loaded
from ..config.names import plural
from ..data.checks import rows_seen_elsewhere
from ..errors import Interrupted, Problem, Pruned
from ..files import remove_file
from ..interrupts import check, listen
from ..judging import folds, outcome
from ..judging.evaluation import Evaluation
from ..judging.judge import judge
from ..judging.scores import Judged
from ..judging.trusted import Trusted
from ..runs import ledger
from ..runs.lock import hold
from ..sources.device import catch_out_of_memory
from ..training.callbacks import Callback
from ..training.recorders import Recorder
from .callbacks import of_runs
from .deciding import Thresholds, settle_thresholds
from .earlier import ANEW, Before
from .ending import close, fail, finish, prune, stop, warn_on_failure
from .run import Run, Say, Trial, Within
from .staging import build_stage, final_config, is_begun, place_stage, train_stage
from .start import begin_again, begin_anew, begin_within, everything
from .trusting import leave_folds, leave_rivals, leave_trust, prove_trust


def train(
    loaded: Loaded,
    say: Say,
    watchers: Sequence[Callback] = (),
    *,
    within: Within | None = None,
    resume: Path | None = None,
    threads: dict[str, Any] | None = None,
    trial: Trial | None = None,
    before: Before = ANEW,
) -> Run:
    """Trains, validates and tests as a config says, and keeps the evidence in a run folder.

    Under K-fold each fold trains a fresh model; the test part is looked at only with `final`,
    by one more model that trains on all non-test rows for as many epochs as did the folds best.

    Args:
        loaded: the checked config.
        say: told what is being done, a line at a time.
        watchers: further callbacks, such as a progress bar; called last.
        within: what the run is a part of; None for a run of its own.
        resume: the folder of an unfinished run to go on with.
        threads: a thread count and how it was chosen, in place of `trainer.threads`.
        trial: the sweep that it is a trial of.
        before: what an earlier process computed by.

    Returns:
        The finished run; its `facts` are those of `report.json`.

    Raises:
        UsageError: the config cannot be run on these data or this machine; nothing is written.
        MethodError: the data show a leak; nothing is written.
        RunError: the run failed; its folder says so.
        Pruned: a watcher gave it up; its folder says so.
        Interrupted: it was asked to stop; `dlx resume` goes on.
    """
    with (
        catch_out_of_memory(),
        _begin_run(loaded, say, within, resume, threads, trial, before) as run,
        listen(),
    ):
        try:
            with catch_out_of_memory():
                if run.data.split.test_validates:  # its validation rows are the test rows
                    count_look(run, "validation", "")
                judged = _train_folds(run, watchers) if run.several else _train_one(run, watchers)
                finish(run, judged)
        except (Interrupted, KeyboardInterrupt):
            stop(run)
            raise Interrupted(_interruption(run)) from None
        except Pruned as error:
            prune(run, str(error))
            raise
        except BaseException as error:
            fail(run, error)
            raise
        close(run)
    return run


@contextmanager
def _begin_run(
    loaded: Loaded,
    say: Say,
    within: Within | None,
    resume: Path | None,
    threads: dict[str, Any] | None,
    trial: Trial | None,
    before: Before,
) -> Iterator[Run]:
    """A run whose folder is held against other processes, but for one within a workflow's."""
    if within is not None:
        yield begin_within(within, loaded, say)
    elif resume is not None:
        with hold(resume):
            yield begin_again(resume, loaded, say, trial)
    else:
        with begin_anew(loaded, say, threads, trial, before) as run:
            yield run


def _train_one(run: Run, watchers: Sequence[Callback]) -> list[Judged]:
    """The only training of a run lies in the run folder itself."""
    place_stage(run.stage, run.folder, run.log, resume=run.resumed)
    _fit(run, watchers)
    settle_thresholds(run)
    run.facts |= outcome.curve_facts(run.config, run.stage.recorder.history)
    return _judge_all(run)


def _train_folds(run: Run, watchers: Sequence[Callback]) -> list[Judged]:
    """Each fold in `folds/<i>/`, their mean in the run folder, and the final model if asked."""
    config, data = run.config, run.data
    many = len(data.split.folds)
    histories: list[folds.History] = []
    judged: list[Judged] = []
    trusts: list[Trusted | None] = []
    decided: list[Thresholds] = []
    for number in range(many):
        check()
        _begin_fold(run, number)
        _fit(run, watchers if many == 1 else ())
        decided.append(settle_thresholds(run))
        histories.append(run.stage.recorder.history)
        judged.append(judge("val", _evaluations(run, "val")))
        trusts.append(leave_trust(run))
        leave_rivals(run)
        if many > 1:
            run.log(outcome.fold_line(config, number, many, histories[-1]))
            for watcher in of_runs(watchers):
                watcher.on_fold_end(number, outcome.scores_so_far(config, histories))
    curve = folds.mean_curve(histories)
    _write_curve(run, curve)
    run.facts |= outcome.curve_facts(config, curve)
    run.facts |= outcome.fold_facts(config, data, histories, judged, curve)
    if many > 1:
        run.log(outcome.spread_line(config, run.facts))
    epoch = outcome.common_epoch(config, curve)
    if config.final:
        return _train_final(run, epoch, watchers, trusts, decided)
    leave_folds(run, trusts)
    return []


def _begin_fold(run: Run, number: int) -> None:
    """A fresh model and fresh preparation for a fold, in `folds/<number>/`."""
    if number:
        fold = run.shared.fold(run.config, run.data, run.data.split.folds[number], number)
        run.seconds["prepare"] += fold.seconds
        begun = run.resumed and is_begun(run.folder / "folds" / str(number))
        run.stage = build_stage(run.config, run.data, fold, number, run.before, begun)
    place_stage(run.stage, run.folder / "folds" / str(number), run.log, resume=run.resumed)


def _train_final(
    run: Run,
    epoch: int,
    watchers: Sequence[Callback],
    trusts: Sequence[Trusted | None],
    decided: Sequence[Thresholds],
) -> list[Judged]:
    """One fresh model on all non-test rows, for the epochs that validation found best."""
    config = final_config(run.config, epoch)
    data = run.data
    run.log(f"final model: {len(data.split.rest):,} rows, {plural(epoch, 'epoch')}")
    number = len(data.split.folds)
    fold = run.shared.fold(config, data, everything(data), number)
    begun = run.resumed and is_begun(run.folder)
    run.stage = build_stage(config, data, fold, number, run.before, begun)
    place_stage(run.stage, run.folder, run.log, "final.jsonl", run.resumed)
    _fit(run, watchers)
    settle_thresholds(run, decided)
    return _judge_all(run, trusts)


def _write_curve(run: Run, curve: folds.History) -> None:
    """The mean over the folds as the run's own `metrics.jsonl`."""
    file = run.folder / "metrics.jsonl"
    with suppress(FileNotFoundError):
        remove_file(file)  # a resumed run writes it again; `losses.f32` is the final model's
    recorder = Recorder(file)
    for epoch, row in enumerate(curve, start=1):
        recorder.write(epoch, None, row)


def _fit(run: Run, watchers: Sequence[Callback]) -> None:
    stage = run.stage
    try:
        train_stage(stage, watchers)
    finally:
        run.seconds["train"] = run.seconds.get("train", 0.0) + stage.seconds
    if stage.training.progress.interrupted:
        raise Interrupted(_interruption(run))
    _note_accumulation(run)
    progress = stage.training.progress
    if progress.stop:
        told = {"epoch": progress.epoch, "by": progress.stopped_by, "why": progress.stop}
        run.facts["stops"] = {**run.facts.get("stops", {}), str(stage.number): told}
        by = f" by {progress.stopped_by}" if progress.stopped_by else ""
        run.log(f"stopped after epoch {progress.epoch}{by}: {progress.stop}")


def _note_accumulation(run: Run) -> None:
    """Keeps where memory ran out in the steps of a stage, for those who try the run again."""
    accumulation = run.training.accumulation
    if not accumulation.auto:
        return
    changes = {str(run.stage.number): [list(change) for change in accumulation.changes]}
    run.facts["accumulate"] = run.facts.get("accumulate", {}) | changes
    for step, parts in accumulation.changes:
        run.log(f"memory ran out in step {step}: from there on in {parts} micro-batches")


def _interruption(run: Run) -> Problem:
    state = run.stage.training.progress
    goes_on = f"dlx resume {run.folder} continues"
    if run.verb == "workflow":
        goes_on = "the same dlx workflow command continues"
    told = f"interrupted after epoch {state.epoch}, step {state.step}"
    return Problem(told, str(run.folder), hint=goes_on)


def _judge_all(run: Run, trusts: Sequence[Trusted | None] = ()) -> list[Judged]:
    """Scores on validation, on the test part, which is looked at once, and of what was made."""
    begun = time.perf_counter()
    judged = []
    fresh = spec_of(run.config).fresh
    if fresh or run.stage.fold.validation is not None:
        judged.append(judge("val", _evaluations(run, "val")))
    trusted = leave_folds(run, trusts) if trusts else leave_trust(run)
    if run.config.test and (fresh or len(run.data.split.test)):
        count_look(run, run.verb, f"step {run.stage.kept_step}")
        evaluations = _evaluations(run, "test")
        judged.append(judge("test", evaluations))
        with warn_on_failure(run, "no score without the rows that occur elsewhere too"):
            _score_unseen(run, evaluations[0])
    prove_trust(run, trusted)
    if made := spec_of(run.config).makes:
        judged.append(judge(made, _evaluations(run, made)))
    run.seconds["test"] = time.perf_counter() - begun
    return judged


def _evaluations(run: Run, part: str) -> list[Evaluation]:
    """Of the kept weights, which are run over "val" or "test" once, or of what they made."""
    return run.training.learner.evaluate(run.stage.fold, part)


def _score_unseen(run: Run, evaluation: Evaluation) -> None:
    """Notes the test score without the rows whose inputs also stand outside the test part."""
    split = run.data.split
    seen = rows_seen_elsewhere(split, run.data.input_hashes)
    kept = np.flatnonzero(~np.isin(split.test, seen))
    if evaluation.unit != "row" or not len(seen) or not len(kept):
        return
    many = "1 test row has" if len(seen) == 1 else f"{len(seen):,} test rows have"
    run.facts["notes"].append(
        f"{many} the same inputs as a row outside the test set; without them {evaluation.score} "
        f"is {evaluation.own.value(kept):.4g}"
    )


def count_look(run: Run, verb: str, weights: str) -> None:
    """Writes a look at the test rows into the ledger and the run folder, and into the facts.

    Args:
        run: the run.
        verb: what looks.
        weights: which weights it looks with; with the same ones it looks once.

    Raises:
        MethodError: a second workflow look that was not asked for.
        RunError: the ledger is damaged, or cannot be written.
    """
    if fresh := fresh_text(run.config):  # the ledger knows rows
        run.facts["fresh"] = fresh
        return
    if run.data.samples.sample:
        run.facts["looks"] = 1
        return
    before = ledger.record(
        Path(run.config.run.root),
        run.data.test_rows,
        run.name,
        verb,
        weights=weights,
        once=verb == "workflow" and not run.config.workflow.look_again,
        folder=run.folder,
    )
    run.facts |= {
        "looks": before.times + 1,
        "looks_before": [asdict(look) for look in before.looks],
        "looks_rows": {"seen": before.seen, "rows": before.rows},
    }
    for warning in before.warnings:
        run.log(f"warning: {warning}")
    run.facts["stamps"] += before.warnings
    if any(look.verb == verb == "workflow" and look.run != run.name for look in before.looks):
        run.facts["stamps"].append(
            "not the first evaluation of a workflow on this test set (look_again)"
        )
