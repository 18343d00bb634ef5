"""Step 7: regularise and tune on validation rows, train once more on all, look at the test once."""

from __future__ import annotations

import math
import shlex
import statistics
from collections.abc import Sequence
from typing import Any

from ..config.advice import more_reliable
from ..config.load import Loaded, digest
from ..config.names import plural
from ..config.schema import Config
from ..config.spaces import Lever
from ..config.specs.averages import is_averaged
from ..config.specs.optimizers import groups_of
from ..data.checks import has_repeats
from ..errors import MethodError, Problem, RunError
from ..machine import shortage
from ..running.run import Run, Within
from ..running.train import train
from ..search.space import as_arguments, levers, own_values
from ..search.suggest import Tried, suggest
from .attempt import Hopeless, attempt, direction_of
from .data_steps import refuse_second_look
from .model_steps import most_epochs, sizes_to_tune
from .walk import Finding, Walk

CHOSEN = ("command", "epochs", "config_digest")

TIE = 2.0
"""Standard errors by which a setting may be behind the best and still count as its equal."""

PATIENCE = 0.25
"""Share of the epochs without improvement after which a trial stops, at a constant rate."""


def tune_and_test(walk: Walk) -> Finding:
    """Step 7: settings tried on validation rows, a final model on all others, one test (4.5.7)."""
    arguments, chosen, (finding, facts) = tune(walk)
    loaded = walk.load_with(arguments)
    facts["final"]["config_digest"] = digest(loaded.config)
    _check_chosen(walk, facts["final"])
    done = _final_run(walk, loaded, finding, facts)
    found = done.facts["answer"]
    assert found is not None
    told = f"{found['score']} {found['value']:.4g} at evaluation {found['looks']} on the test set"
    typed = more_reliable(walk.config, has_repeats(walk.data.findings))
    warned = worse_than_validation(chosen, found, typed)
    facts |= {"answer": found, "warning": warned}
    power = done.facts["power"]
    parts = (power["use"], finding, told, power["text"], warned)
    return "; ".join(filter(None, parts)), facts


def worse_than_validation(chosen: dict[str, Any], found: dict[str, Any], typed: str) -> str:
    """A warning where the test is worse than validation by more than two standard errors.

    The error is that of the difference: validation's, over folds or by bootstrap, and the test's.

    Args:
        chosen: the setting, with its validation score and the error of that.
        found: the answer on the test set.
        typed: what to type for validation that is more reliable; "" where there is nothing.
    """
    sign = 1.0 if found["direction"] == "max" else -1.0
    if not chosen["error"]:
        return ""
    low, high = found["interval"] or (0.0, 0.0)
    error = math.hypot(chosen["error"], (high - low) / (2 * 1.96))
    if not sign * (chosen["value"] - found["value"]) > 2 * error:  # or a score is no number
        return ""
    advice = f"; {typed} is more reliable" if typed else ""
    return (
        f"the test score is worse than the validation score ({chosen['value']:.4g}) by more than "
        f"two standard errors: the validation set was overfitted or is too small{advice}"
    )


def _final_run(walk: Walk, loaded: Loaded, finding: str, facts: dict[str, Any]) -> Run:
    """Trains the final model into the workflow's own run folder, and looks at the test once."""
    walk.watcher.on_message(7, f"final model: {' '.join(loaded.shown)}")
    walk.outs[7] = {"finding": finding, "facts": facts}
    within = Within(
        walk.record.folder,
        walk.data,
        "workflow",
        {"workflow": walk.facts(), "decisions": facts["decisions"]},
        {"workflow_digest": walk.record.digest, **walk.record.marks},
    )

    def say(text: str) -> None:
        walk.watcher.on_message(7, text)

    return train(loaded, say, walk.watcher.callbacks, within=within)


def tune(walk: Walk) -> tuple[list[str], dict[str, Any], Finding]:
    """Tries settings on validation rows and picks one; every comparison is a decision (4.5.7).

    The first is the task's own. Settings less than two standard errors behind the best score
    cannot be told from it; among them the lowest validation loss decides, which is less noisy.

    Args:
        walk: the workflow so far.

    Returns:
        The arguments of the final training, the chosen setting, and the finding.

    Raises:
        MethodError: another workflow has looked at the test part.
        RunError: every setting failed.
    """
    refuse_second_look(walk)
    space = levers(walk.config, sizes_to_tune(walk.config, walk.record.capacity_steps.read()))
    trials = walk.record.trials.read()
    begun = walk.record.read("chosen", CHOSEN) is None  # else the final training was interrupted
    while (
        begun and len(trials) < walk.config.workflow.trials and (walk.has_time_left() or not trials)
    ):
        trials.append(_try(walk, space, trials))
        walk.record.trials.append(trials[-1])
        walk.watcher.on_message(7, f"  {_result(trials[-1])}")
    best = choose(trials, direction_of(walk.config))
    short = len(trials) < walk.config.workflow.trials and begun
    epochs = math.floor(best["epoch"] * walk.config.workflow.epochs_factor + 0.5)
    arguments = final_arguments(walk, best, epochs)
    decisions = len(trials) + len(walk.record.capacity_steps.read())
    finding = (
        f"{plural(len(trials), 'setting')} tried, {plural(decisions, 'decision')} on this "
        "validation set; chosen: "
        f"number {best['number']}, {best['score']} {best['value']:.4g}, {plural(epochs, 'epoch')}"
    )
    if short:
        minutes = walk.config.workflow.budget_minutes
        finding = f"the {minutes:g} minutes of workflow.budget_minutes were over: {finding}"
    command = shlex.join(["dlx", "train", *walk.loaded.shown, *arguments])
    final = {"command": command, "epochs": epochs}
    facts = {"decisions": decisions, "chosen_trial": best["number"], "final": final}
    return arguments, best, (finding, facts)


def _try(walk: Walk, space: tuple[Lever, ...], trials: list[dict[str, Any]]) -> dict[str, Any]:
    """One setting: the task's own first, then what the search suggests."""
    number = len(trials)
    if number:
        seen = [Tried(one["changed"], one.get("value")) for one in trials]
        changed = suggest(space, seen, direction_of(walk.config), walk.config.seed)
    else:
        changed = own_values(walk.config, space)
    loaded = walk.load_with([*as_arguments(changed), *_patience(walk)])
    walk.watcher.on_message(7, f"setting {number}: {' '.join(as_arguments(changed))}")
    try:
        found = attempt(
            loaded, walk.bench, hopeless=_make_pruner(trials, direction_of(walk.config))
        )
    except RunError as error:
        if shortage(error):
            raise
        return {"number": number, "changed": changed, "state": "failed", "reason": str(error)}
    return {
        "number": number,
        "changed": changed,
        "state": "done" if len(found.each) == len(walk.bench) else "pruned",
        "each": found.each,
        **found.facts(),
    }


def _result(trial: dict[str, Any]) -> str:
    """What a setting gave, in short."""
    if trial["state"] == "failed":
        return f"failed: {trial['reason'].splitlines()[0]}"
    given_up = ", pruned" if trial["state"] == "pruned" else ""
    epoch = f"epoch {trial['epoch']} of {trial['epochs']}"
    return f"{trial['score']} {trial['value']:.4g} ({epoch}, {trial['seconds']:.1f} s{given_up})"


def _make_pruner(trials: list[dict[str, Any]], direction: str) -> Hopeless | None:
    """A setting is given up once its mean is three deviations of the best one's folds behind it."""
    sign = 1.0 if direction == "max" else -1.0
    done = [one for one in trials if one["state"] == "done" and len(one["each"]) > 1]
    if not done:
        return None
    best = max(done, key=lambda one: sign * one["value"])
    far = 3 * best["error"] * math.sqrt(len(best["each"]))

    def is_behind(each: Sequence[float]) -> bool:
        return bool(sign * (best["value"] - statistics.fmean(each)) > far)

    return is_behind


def _patience(walk: Walk) -> list[str]:
    """A trial may go on for as long as step 6 did, and stops once it has stopped improving.

    Not under a schedule, which reckons with the task's own epochs and may help to the last.
    """
    config = walk.config
    if config.schedule.name != "constant":
        return []
    longest = [f"trainer.epochs={_longest(walk)}"]
    if "early_stopping" in config.callbacks:
        return longest
    patience = max(3, round(PATIENCE * config.trainer.epochs))
    return [*longest, f"callbacks.early_stopping={{patience:{patience}}}"]


def _longest(walk: Walk) -> int:
    """The epochs that a trial may take."""
    if walk.config.schedule.name != "constant":
        return walk.config.trainer.epochs
    return most_epochs(walk.config, walk.record.capacity_steps.read())


def choose(trials: list[dict[str, Any]], direction: str) -> dict[str, Any]:
    """The setting to go on with.

    Args:
        trials: as `trials.jsonl` holds them.
        direction: "max" or "min", of their values.

    Raises:
        RunError: none has a value.
    """
    sign = 1.0 if direction == "max" else -1.0
    done = [one for one in trials if one["state"] == "done" and math.isfinite(one["value"])]
    if not done:
        hint = "optimizer.lr may be too high, or the inputs not scaled"
        raise RunError(Problem("every setting of step 7 failed", hint=hint))
    best = max(done, key=lambda one: sign * one["value"])
    within = TIE * (best["error"] or 0.0)
    equal = [one for one in done if sign * (best["value"] - one["value"]) <= within]
    return min(equal, key=lambda one: one["loss"])


def final_arguments(walk: Walk, best: dict[str, Any], epochs: int) -> list[str]:
    """What `dlx train` takes to train the final model: all non-test rows, the chosen epochs.

    Where what an epoch does depends on how many there may be, the final model stops early.
    """
    longest = _longest(walk)
    until = [f"trainer.epochs={epochs}"]
    if epochs < longest and _goes_by_epochs(walk.config):
        own = [] if longest == walk.config.trainer.epochs else [f"trainer.epochs={longest}"]
        until = [*own, f"trainer.last_epoch={epochs}"]
    chosen = as_arguments(best["changed"])
    return [*chosen, "final=only", *until, "baseline=classical"]


def _goes_by_epochs(config: Config) -> bool:
    """Whether a rate, an average or what is frozen may be other with other epochs to come."""
    later = (one.from_epoch or 1 for one in groups_of(config.optimizer).values())
    averaged = is_averaged(config.trainer.average, config.trainer.epochs)
    return config.schedule.name != "constant" or averaged or any(first != 1 for first in later)


def _check_chosen(walk: Walk, final: dict[str, Any]) -> None:
    """Keeps what was chosen; refuses a final model other than the one chosen before.

    Raises:
        MethodError: its settings or epochs are not those that an earlier command chose.
    """
    before = walk.record.read("chosen", CHOSEN)
    if before is not None and before["config_digest"] != final["config_digest"]:
        what = "the final model is not the one that step 7 chose before it was interrupted"
        where = str(walk.record.folder / "workflow" / "trials.jsonl")
        hint = "the records were changed: start again with run.root=FOLDER"
        raise MethodError(Problem(what, where, before["command"], hint))
    walk.record.write("chosen", final)
