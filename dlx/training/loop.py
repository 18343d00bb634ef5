"""The loop: fit, epoch, step. It neither prints nor touches files; callbacks do."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from ..errors import Interrupted
from ..interrupts import stop_requested
from ..sources.fold import FoldData
from .callbacks import Callback
from .training import Training


def fit(training: Training, fold: FoldData, callbacks: Sequence[Callback] = ()) -> None:
    """Trains until the last epoch, a callback's stop, or an interruption.

    Args:
        training: what is moved; goes on from its state.
        fold: the samples.
        callbacks: called in this order after each epoch.

    Raises:
        RunError: a loss is no number; the callbacks are not told of such an epoch.
    """
    progress = training.progress
    for callback in callbacks:
        callback.on_fit_start(training)
    last = training.options.last_epoch or training.options.epochs
    while progress.epoch < last and not progress.stop and not progress.interrupted:
        scores = run_epoch(training, callbacks)
        if scores is None:
            break
        with ExitStack() as stack:
            try:
                stack.enter_context(training.averaged())
                scores |= _validate(training, fold)
            except Interrupted:  # the epoch's steps stand; a resumed run validates again
                progress.interrupted = True
                break
            _end_epoch(training, scores, callbacks)
    for callback in callbacks:
        callback.on_fit_end(training)


def _validate(training: Training, fold: FoldData) -> dict[str, float]:
    """The scores of the weights that are to be kept.

    Raises:
        Interrupted: a signal asks to stop; the epoch stays open.
        RunError: they give no numbers.
    """
    scores = training.learner.validate(fold)
    if "val/loss" in scores:
        training.require_finite("the validation loss", scores["val/loss"], training.progress.step)
    else:
        training.check_outputs()
    return scores


def _end_epoch(training: Training, scores: dict[str, float], callbacks: Sequence[Callback]) -> None:
    """Closes an epoch, and tells schedules and callbacks of its scores."""
    progress = training.progress
    progress.close_epoch()
    watched = training.schedule_monitor
    training.optimizers.finish_epoch(None if watched is None else scores[watched])
    progress.stop = progress.stop or training.learner.done()
    progress.note_stop("learner")
    for callback in callbacks:
        callback.on_epoch_end(training, scores)
        progress.note_stop(callback.key)


def run_epoch(training: Training, callbacks: Sequence[Callback] = ()) -> dict[str, float] | None:
    """One pass over what the source gives, from where the progress stands in it.

    The epoch stays open until `Progress.close_epoch`: its validation is still to come.

    Returns:
        The training scores, None where the pass was interrupted.

    Scores are those of the moving model, averaged over the epoch, with dropout on (as Keras').
    """
    progress = training.progress
    watching = [c for c in callbacks if type(c).on_step_end is not Callback.on_step_end]
    training.set_to_train()
    if not progress.position:
        training.optimizers.begin_epoch()
        training.train_meters.reset()
    for batch in training.source.epoch(progress.epoch, progress.position):
        training.step(batch)
        for callback in watching:
            callback.on_step_end(training)
            progress.note_stop(callback.key)
        if progress.interrupted or stop_requested():
            progress.interrupted = True
            return None
    training.check_loss()
    penalties = training.optimizers.penalties()
    return {**training.train_meters.scores(), **{f"train/{n}": v for n, v in penalties.items()}}
