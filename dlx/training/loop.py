"""The loop: fit, epoch, step. It neither prints nor touches files; callbacks do."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ..errors import Interrupted
from ..interrupts import asked
from ..learning.evaluate import predict_into
from ..learning.meters import Meters
from ..seeds import derive
from ..sources.batches import Part
from .callbacks import Callback
from .training import Training


def fit(
    training: Training, train: Part, validation: Part | None, callbacks: Sequence[Callback] = ()
) -> None:
    """Trains until the last epoch, a callback's stop, or an interruption.

    Args:
        training: what is moved; goes on from its state.
        train: training samples.
        validation: validation samples, None for none.
        callbacks: called in this order after each epoch.

    Raises:
        RunError: a loss is no number; the callbacks are not told of such an epoch.
    """
    state = training.state
    for callback in callbacks:
        callback.on_fit_start(training)
    last = training.options.last_epoch or training.options.epochs
    while state.epoch < last and not state.stop and not state.interrupted:
        scores = run_epoch(training, train, callbacks)
        if scores is None:
            break
        try:
            if validation is None:
                training.check_outputs(train)
            else:
                scores |= evaluate(training, validation)
                training.require_finite("the validation loss", scores["val/loss"], state.step)
        except Interrupted:  # the epoch's steps stand; a resumed run validates again
            state.interrupted = True
            break
        state.close_epoch()
        watched = training.schedule_monitor
        training.schedule.after_epoch(None if watched is None else scores[watched])
        for callback in callbacks:
            callback.on_epoch_end(training, scores)
    for callback in callbacks:
        callback.on_fit_end(training)


def run_epoch(
    training: Training, train: Part, callbacks: Sequence[Callback] = ()
) -> dict[str, float] | None:
    """One pass over the training samples in a fresh order, from where the state stands in it.

    The epoch stays open until `State.close_epoch`: its validation is still to come.

    Returns:
        The training scores, None where the pass was interrupted.

    Scores are those of the moving model, averaged over the epoch, with dropout on (as Keras').
    """
    state = training.state
    order = torch.Generator().manual_seed(
        derive(training.seed, "shuffle", training.fold, state.epoch)
    )
    watching = [c.on_step_end for c in callbacks if type(c).on_step_end is not Callback.on_step_end]
    training.model.train()
    if not state.position:
        training.lr = float(training.optimizer.param_groups[0]["lr"])
        training.train_meters.reset()
    for batch in train.shuffled(training.options.batch_size, order, state.position):
        training.step(batch)
        for on_step_end in watching:
            on_step_end(training)
        if state.interrupted or asked():
            state.interrupted = True
            return None
    training.check_loss()
    scores = training.train_meters.scores()
    penalty = training.learner.penalty()
    if penalty is not None:
        scores["train/penalty"] = float(penalty.detach())
    return scores


@torch.no_grad()
def evaluate(training: Training, part: Part, meters: Meters | None = None) -> dict[str, float]:
    """The scores of the model as it is on some samples, in order, dropout off."""
    meters = meters or training.val_meters
    predict_into(training.learner, part, training.options, meters)
    return meters.scores()
