"""The steps for a learner of a policy: an environment, its return, a small policy, larger ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..config.learners import judged_score, spec_of
from ..config.specs.environments import Environment as Options
from ..data.environments import Environment, make, require_choice
from .model_steps import climb, format_changes
from .walk import Finding, Walk

LATE = 2 / 3
"""Share of the epochs after which a best epoch tells that it is still learning."""


def define(walk: Walk) -> Finding:
    """Step 1: what acts in what, what it sees, and whether an episode can be had again."""
    made = _environment(walk)
    require_choice(made, f"learner {walk.config.learner.name}")
    sees = f"{' x '.join(map(str, made.shape)) or '1'} numbers"
    facts = {
        "environment": made.name,
        "observation": sees,
        "actions": made.actions.told,
        "steps an episode at most": made.limit,
        "solved at a return of": made.threshold,
        "hypotheses": [
            "what is observed tells enough to choose what is best to do",
            "rewards come often enough for trials to find them",
        ],
        "stationary": walk.samples[0].unsteady
        or "yes: an episode is a function of its seed and its actions",
    }
    told = f"{made.name}: chooses {made.actions.told} by {sees}; an episode has at most "
    told += f"{made.limit:,} steps"
    return told, facts


def _environment(walk: Walk) -> Environment:
    options = walk.config.dataset.options
    assert isinstance(options, Options)
    return make(options)


def measure(walk: Walk) -> Finding:
    """Step 2: the return of episodes whose seeds serve nothing else."""
    score, solved = judged_score(walk.config), _environment(walk).threshold
    why = f"of {spec_of(walk.config).tell_fresh(walk.config)}"
    others = "" if solved is None else f", beside it the share of at least {solved:g}"
    facts = {"primary": score, "others": [] if solved is None else ["val/solved"], "why": why}
    facts |= {"direction": "higher is better", "chosen": []}
    return f"{score} (higher is better){others}: {why}", facts


def scale_up(walk: Walk) -> Finding:
    """Step 6: longer and larger, until the environment is solved or more brings no more.

    Fresh episodes cannot be overfitted, so the return ends this: at the environment's threshold, or
    where a larger network that learns no more is not better than a smaller one.
    """
    goal = _environment(walk).threshold
    tried, why = climb(walk, ("solves", "no better"), lambda steps: judge_returns(steps, goal))
    best = max(tried, key=lambda one: one.get("value", -math.inf))
    told = f"{format_changes(best['changed']) or 'the task defaults'}: {best['score']} "
    told += f"{best['value']:.4g} at epoch {best['epoch']}"
    if goal is not None:
        told += f"; a return of {goal:g} solves it" + ", which none has" * (best["value"] < goal)
    if tried[-1]["verdict"] == "no better":
        told += f"; {format_changes(tried[-1]['changed'])} is no better"
    told += f"; the capacity steps ended {why}" if why else ""
    return told, {"rungs": len(tried), "ended": why, "last": _without_curves(best)}


def _without_curves(step: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in step.items() if key not in ("train", "val")}


def judge_returns(tried: Sequence[dict[str, Any]], goal: float | None) -> dict[str, str]:
    """What the last of some capacity steps tells, as `verdict` and `text`.

    It "solves" the environment, "learns" still, has "settled", or is "no better" than a smaller one
    that had settled.
    """
    last, before = tried[-1], tried[:-1]
    if "value" not in last:
        return {}  # the training failed
    value, epoch, epochs = last["value"], last["epoch"], last["epochs"]
    if goal is not None and value >= goal:
        return {"verdict": "solves", "text": f"a return of {goal:g} solves it"}
    if epoch > LATE * epochs:
        return {"verdict": "learns", "text": f"still learning at its last epoch, {epochs}"}
    settled = [one["value"] for one in before if one["verdict"] == "settled"]
    verdict = "no better" if settled and value <= max(settled) else "settled"
    return {"verdict": verdict, "text": f"no better after that, up to epoch {epochs}"}
