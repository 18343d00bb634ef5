"""What a run keeps at the end of a training to say how far its predictions can be trusted."""

from __future__ import annotations

from collections.abc import Sequence

from ..judging.trusted import Trusted
from ..runs.artifacts import TRUST, Artifacts
from .ending import warn_on_failure
from .run import Run

CAPTION = "sorted errors and ranges, which dlx predict compares with; no row of the data"


def leave_trust(run: Run) -> Trusted | None:
    """Keeps what a training with validation rows tells, after these were evaluated.

    Returns:
        It; None where the learner predicts nothing, or no rows validate.
    """
    stage, found = run.stage, None
    if stage.fold.validation is None:
        return None
    with warn_on_failure(run, "predictions will have no intervals and no warnings"):
        found = stage.training.learner.trust(stage.weights["weights"] == "best")
        _write(run, found)
    return found


def leave_rivals(run: Run) -> None:
    """Keeps the baselines of a fold that predictions may use."""
    with warn_on_failure(run, "the fold's boosted trees are not kept"):
        run.training.learner.leave_rivals(run.stage.artifacts)


def leave_folds(run: Run, trusts: Sequence[Trusted | None]) -> Trusted | None:
    """Keeps what all folds tell, in the run folder, after the last training."""
    folds = [one for one in trusts if one is not None]
    found = None
    if not folds or len(folds) < len(trusts):
        return None
    with warn_on_failure(run, "predictions will have no intervals and no warnings"):
        final = bool(run.config.final)
        found = run.training.learner.trust_folds(folds, run.stage.fold, final)
        _write(run, found, final)
    return found


def prove_trust(run: Run, trusted: Trusted | None) -> None:
    """Notes what that is worth on the rows that were evaluated last."""
    if trusted is not None:
        with warn_on_failure(run, "no word on how far predictions can be trusted"):
            if told := run.training.learner.prove(trusted):
                run.facts["trust"] = told


def _write(run: Run, found: Trusted | None, own: bool = True) -> None:
    """Into the folder of the stage, or of the run where no stage's is that."""
    if found is not None:
        into = run.stage.artifacts if own else Artifacts(run.folder)
        into.arrays(TRUST.name, found.arrays(), title=TRUST.title, caption=CAPTION)
