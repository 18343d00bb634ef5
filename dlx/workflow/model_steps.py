"""Steps 5 and 6: a small model that beats a baseline, then larger ones until one overfits."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from ..config.learners import reads
from ..config.load import Loaded
from ..config.names import plural
from ..config.schema import Config
from ..config.spaces import Value
from ..errors import MethodError, Problem, RunError
from ..judging import outcome
from ..machine import shortage
from ..search.space import as_arguments, size_key
from .attempt import Attempt, attempt
from .walk import Finding, Walk

WIDEST = 512
LONGEST = 8
"""How many times the task's epochs a capacity step may train."""


def beat_baseline(walk: Walk) -> Finding:
    """Step 5: a small model must beat every simple answer by more than chance (book 4.5.5).

    Up to three small models are tried. If none beats the trivial baseline, the hypotheses of
    step 1 are probably wrong: the answer is not in the data.
    """
    tried: list[dict[str, Any]] = []
    outputs = max((target.outputs for target in walk.samples[1].values()), default=1)
    classical = ["baseline=classical"] if reads(walk.config, "baseline") else []
    for changed in small_models(walk.config, outputs):
        plain = [*_plain_training(walk.config), *as_arguments(changed)]
        loaded = walk.load_with([*plain, *classical])
        walk.watcher.on_message(5, f"trying {format_changes(changed) or 'the task defaults'}")
        found = attempt(loaded, walk.bench, compare=True)
        compared = outcome.compare(found.judged, walk.data, found.each)
        tried.append({**capacity_step(loaded, changed, found), **compared})
        if compared["power"]["trivial"]:
            break
    last = tried[-1]
    facts = {"tried": tried, "baselines": last["baselines"], "power": last["power"]}
    told = last["power"]["text"]
    if not last["power"]["trivial"] and len(tried) > 1:
        told += (
            f"; {len(tried)} reasonable models fail, so the hypotheses of step 1 may be wrong: "
            "the answer may not be in these inputs"
        )
    size = format_changes(last["changed"]) or walk.config.model.name
    return f"{size}: {last['score']} {last['value']:.4g}; {told}", facts


def small_models(config: Config, outputs: int) -> list[dict[str, Value]]:
    """Three small models, none narrower than the answers it tells apart (book 3.5.7).

    Args:
        config: the task's config.
        outputs: the most numbers that a target needs.
    """
    width = 16
    while width < outputs:
        width *= 2
    options = config.model.options
    sizes = [[int(width * part) for part in size] for size in options.small]
    return [{f"model.{options.size}": size} for size in sizes] or [{}]


def _plain_training(config: Config) -> list[str]:
    """No regularisation yet, a constant rate, and no stop before the end: curves speak plainly."""
    keys = dict.fromkeys(("l1", "l2", "dropout", "recurrent_dropout", "end_dropout"), "0")
    keys["batch_norm"] = "false"
    options = config.model.options
    found = [f"model.{key}={value}" for key, value in keys.items() if hasattr(options, key)]
    watching = [n for n, c in config.callbacks.items() if hasattr(c.options, "monitor")]
    return [*found, *(f"~callbacks.{name}" for name in watching), "schedule=constant"]


def capacity_step(loaded: Loaded, changed: dict[str, Value], found: Attempt) -> dict[str, Any]:
    """An attempt as the report shows it."""
    curves = {name: [round(v, 6) for v in values] for name, values in found.curves().items()}
    told = outcome.curve_facts(loaded.config, found.curve).get("overfit", {})
    return {
        "changed": changed,
        "verdict": told.get("verdict"),
        "text": told.get("text", ""),
        **found.facts(),
        **curves,
    }


def scale_up(walk: Walk) -> Finding:
    """Step 6: wider, deeper, longer, until validation turns while training still improves.

    A model that is still learning gets more epochs, one that has stopped gets more weights. The
    models are bounded in number, width, epochs and time; where that ends first, it is said.
    """
    tried, why = climb(walk, ("overfits",))
    _require_verdict(tried)
    last = {key: value for key, value in tried[-1].items() if key not in ("train", "val")}
    return _describe_capacity(tried, why), {"rungs": len(tried), "ended": why, "last": last}


def climb(
    walk: Walk,
    ends: Collection[str],
    judge: Callable[[Sequence[dict[str, Any]]], dict[str, str]] = lambda _: {},
) -> tuple[list[dict[str, Any]], str]:
    """Tries models, each larger or trained longer, until one has a verdict that ends it.

    Args:
        walk: the workflow so far.
        ends: the verdicts that end it.
        judge: gives `verdict` and `text` of the last of some steps, where curves of a loss do not.

    Returns:
        The steps, and why they ended without such a verdict ("").
    """
    config = walk.config
    tried = walk.record.capacity_steps.read()
    if not tried:
        first = walk.outs[5]["facts"]["tried"][-1]
        tried = [{"rung": 0, **{k: v for k, v in first.items() if k not in _COMPARED}}]
        tried[0] |= judge(tried)
        walk.record.capacity_steps.append(tried[0])
    why = ""
    while tried[-1]["verdict"] not in ends and not why:
        changed = next_capacity_step(config, tried[-1])
        if len(tried) >= config.workflow.capacity_steps:
            why = f"after {plural(len(tried), 'capacity step')} (workflow.capacity_steps)"
        elif changed is None:
            why = "at the largest model and number of epochs that it may try"
        elif not walk.has_time_left():
            why = f"after {config.workflow.budget_minutes:g} minutes (workflow.budget_minutes)"
        else:
            tried.append(_climb(walk, len(tried), changed))
            tried[-1] |= judge(tried)
            walk.record.capacity_steps.append(tried[-1])
    return tried, why


_COMPARED = ("baselines", "power")


def _climb(walk: Walk, number: int, changed: dict[str, Value]) -> dict[str, Any]:
    loaded = walk.load_with([*_plain_training(walk.config), *as_arguments(changed)])
    walk.watcher.on_message(6, f"capacity step {number}: {format_changes(changed)}")
    try:
        return {"rung": number, **capacity_step(loaded, changed, attempt(loaded, walk.bench))}
    except RunError as error:  # too large a model may diverge; another is tried then
        if shortage(error):
            raise
        return {"rung": number, "changed": changed, "verdict": "failed", "text": str(error)}


def next_capacity_step(config: Config, last: dict[str, Any]) -> dict[str, Value] | None:
    """What to enlarge where a model does not overfit; None where nothing may grow further."""
    changed = dict(last["changed"])
    epochs = int(changed.get("trainer.epochs", config.trainer.epochs))
    if last["verdict"] in ("underfit", "learns") and 2 * epochs <= LONGEST * config.trainer.epochs:
        return {**changed, "trainer.epochs": 2 * epochs}
    key = size_key(config)
    if key is None:
        longer = {**changed, "trainer.epochs": 2 * epochs}
        return longer if 2 * epochs <= LONGEST * config.trainer.epochs else None
    sizes = list(changed[key])
    if len(sizes) < 2:
        return {**changed, key: [sizes[-1]] * 2}
    wider = [4 * size for size in sizes]
    return {**changed, key: wider} if max(wider) <= WIDEST else None


def _require_verdict(tried: Sequence[dict[str, Any]]) -> None:
    """Refuses to go on to step 7 without a verdict on the curves.

    Raises:
        MethodError: no capacity step has one: fewer than 3 epochs.
    """
    if not any(one["verdict"] in ("underfit", "fits", "overfits") for one in tried):
        what = "step 7 needs a verdict from step 6, but curves of fewer than 3 epochs give none"
        raise MethodError(Problem(what, "", "trainer.epochs=3 or more", "trainer.epochs=20"))


def _describe_capacity(tried: Sequence[dict[str, Any]], why: str) -> str:
    last = tried[-1]
    size = format_changes(last["changed"]) or "the task defaults"
    if why:
        return (
            f"no model overfits: the capacity steps ended {why}; the last, {size}, "
            f"{last['verdict']}"
        )
    return f"capacity step {len(tried) - 1}, {size}, overfits: {last['text']}"


def format_changes(changed: dict[str, Value]) -> str:
    """The values in which an attempt differs from the task, as typed."""
    return " ".join(as_arguments(changed))


def most_epochs(config: Config, tried: Sequence[dict[str, Any]]) -> int:
    """The most epochs that a capacity step was given: what step 7's settings may need too."""
    given = [one["changed"].get("trainer.epochs", 0) for one in tried]
    return max([config.trainer.epochs, *map(int, given)])


def sizes_to_tune(config: Config, tried: Sequence[dict[str, Any]]) -> list[list[int]]:
    """The last size tried and twice that, for step 7: what overfits is what to regularise."""
    key = size_key(config)
    last = tried[-1]["changed"].get(key) if tried else None
    return [last, [2 * size for size in last]] if last else []
