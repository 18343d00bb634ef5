"""`check_learner`: whether a learner keeps what the loop, a run and a report rely on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ..config.learners import LearnerSpec, ScoreSpec, spec_of
from ..config.specs import OPTIMIZERS, SCHEDULES
from ..learning.learner import Learner
from ..runs.step_losses import file_of
from ..training import snapshot
from .contract import bits, require, require_same, undisturbed, working
from .trainings import Subject, Trail, copies, left_by

SAME = "the same seed gives the same bits"
PARTS = (2, 3)


@undisturbed()
def check_learner(
    *overrides: str, learner: type[Learner] | None = None, spec: LearnerSpec | None = None
) -> None:
    """Checks every clause of the contract of learners, in trainings of two epochs of three steps.

    Args:
        overrides: a config as on the command line; wine's, on sample data, unless they say
            otherwise.
        learner: takes the place of the config's.
        spec: takes the place of the config's.

    Raises:
        BrokenContract: the first clause that it does not keep.
        UsageError: the config cannot be used.
    """
    subject = Subject.of(overrides, learner)
    spec = spec or spec_of(subject.config)
    scores, made = spec.scores(subject.config), subject.learner()
    _check_groups(made)
    start = copies(made.state().tensors)
    require_same(f"{SAME}, at the start", subject.learner().state().tensors, start)
    other = subject.changed(seed=subject.config.seed + 1).learner().state().tensors
    clause = "another seed gives other starting weights"
    require(not made.groups() or bits(other) != bits(start), clause, "the same ones")
    trail = Trail("state() holds tensors, and facts that JSON can hold", artifacts=True)
    training = subject.training(made)
    end = subject.fit(training, trail)
    _check_names([*training.step_losses])
    _check_moves(made, start)
    clause = "every epoch has the scores that the spec promises for each"
    for epoch, found in trail.epochs.items():
        lost = [name for name, score in scores.items() if score.each_epoch and name not in found]
        require(not lost, clause, f"{epoch} without {', '.join(lost)}")
    clause = f"{SAME}, whether or not artifacts are written"
    require_same(clause, subject.fit(subject.training()), end)
    _check_resumed(subject, trail, end)
    _check_evaluations(subject, made, scores)
    if "accumulate" in spec.can:
        _check_parts(subject)


def _check_groups(learner: Learner) -> None:
    groups, kept = learner.groups().values(), learner.state().tensors
    times = Counter(id(parameter) for group in groups for parameter in group)
    clause = "groups() has each parameter that requires gradients once, and nothing else"
    for name, parameter in learner.module.named_parameters():
        many = times.pop(id(parameter), 0)
        fine = many == 1 or (many == 0 and not (groups and parameter.requires_grad))
        require(fine, clause, f"{name} {many} times")
    require(not times, clause, "a tensor that no network has")
    for name in learner.module.state_dict():
        require(name in kept, "state() has every weight under its name", f"no {name}")


def _check_names(losses: Sequence[str]) -> None:
    """The losses that are kept step by step have files, all but the first named by them."""
    clause = "each loss has a name that a file of its own can have"
    with working(clause):
        files = [file_of(name) for name in losses[1:]]
    require(len({*files}) == len(files), clause, ", ".join(files))


def _check_moves(learner: Learner, start: Mapping[str, Tensor]) -> None:
    now = dict(learner.module.named_parameters())
    moved = {id(p): name for name, p in now.items() if not torch.equal(p, start[name])}
    clause = "step() moves something of every group, and nothing else"
    for group, parameters in learner.groups().items():
        its = [moved.pop(id(p), "") for p in parameters if p.requires_grad]
        require(any(its), clause, f"nothing of {group} has moved")
    require(not moved, clause, f"{', '.join(moved.values())} has moved")


def _check_resumed(subject: Subject, trail: Trail, end: Mapping[str, Any]) -> None:
    for step, states in enumerate(trail.states, start=1):
        clause = f"stopped after step {step} and resumed, it is the training that never stopped"
        training, again = subject.training(), Trail(clause, artifacts=True)
        with working(clause):
            snapshot.restore(training, {}, states)
            found = subject.fit(training, again)
        require_same(clause, found, end)
        for epoch, seen in again.epochs.items():
            require_same(f"{clause}, in {epoch} too", seen, trail.epochs[epoch])


def _check_evaluations(
    subject: Subject, learner: Learner, promised: Mapping[str, ScoreSpec]
) -> None:
    before, values = copies(learner.state().tensors), _values(subject, learner, promised)
    left_by(learner, None)
    learner.validate(subject.fold)
    clause = "validate(), evaluations() and artifacts() change no state"
    require_same(clause, learner.state().tensors, before)
    fresh = subject.learner()
    fresh.load_weights(learner.module.state_dict())
    clause = "the weights alone have the same scores, as in `dlx test`"
    require_same(clause, _values(subject, fresh, promised), values)


def _values(
    subject: Subject, learner: Learner, promised: Mapping[str, ScoreSpec]
) -> dict[str, float]:
    """The scores of the weights as they are, each beside those of what it must beat."""
    with working("every evaluation has baselines"):
        spec = spec_of(subject.config)
        rows = "val" if spec.fresh or subject.fold.validation else "test"
        found = learner.evaluations(subject.fold, spec.makes or rows)
    short = {name.partition("/")[2]: score for name, score in promised.items()}
    clause = "the spec knows every score that is evaluated, and its direction"
    for one in found:
        score = short.get(one.score.partition("/")[2])
        require(score and score.direction == one.direction, clause, f"{one.score} {one.direction}")
    first = found[0].score if found else "nothing"
    judged = [name for name, score in short.items() if score.judged]
    clause = "the score that the spec judges by is evaluated first"
    require(not judged or first.partition("/")[2] in judged, clause, first)
    return {f"{e.score} of {one.name}": one.value() for e in found for one in (e.own, *e.baselines)}


def _check_parts(subject: Subject) -> None:
    """Micro-batches move the weights as their batch does, where a step draws no numbers."""
    trainer = replace(subject.config.trainer, clip_norm=None, clip_value=None, precision="float32")
    sgd, constant = OPTIMIZERS.default("sgd", lr=0.1)(), SCHEDULES.default("constant")()
    steady = subject.changed(optimizer=sgd, schedule=constant)

    def moved(parts: int, drawn: int = 0) -> dict[str, Tensor]:
        learner, seed = steady.learner(), steady.config.seed + drawn
        learner.networks.eval()  # no dropout, and nothing learnt from a batch in passing
        one = steady.changed(trainer=replace(trainer, accumulate=parts), seed=seed)
        training = one.training(learner)
        training.step(next(training.source.epoch(0, 0)))
        return copies(dict(learner.module.named_parameters()))

    whole = moved(1)
    clause = "the micro-batches of a batch move the weights as the batch does"
    for parts in PARTS if bits(whole) == bits(moved(1, drawn=1)) else ():
        for name, found in moved(parts).items():
            close = torch.allclose(found, whole[name], rtol=1e-4, atol=1e-5)
            require(close, clause, f"{name} is another with {parts} of them")
