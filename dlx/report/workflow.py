"""The section on the seven steps of the workflow, each with its finding and its evidence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from . import evidence_plots
from .blocks import Block, Code, Facts, Heading, Picture, Section, Table
from .evidence_plots import Line, Slice
from .levers import format_value, lever
from .profile import profile
from .read import Run, amount, as_number, finite, get, mappings
from .sweep_facts import Setting
from .words import NONE, defaults_or, duration, number, shorten

_TONE = {"done": "good", "refused": "bad", "not reached": "open"}
_ELSEWHERE = (
    *("checks", "answer", "baselines", "power", "tried", "final", "warning", "last", "rungs"),
    *("decisions", "chosen_trial", "profile"),
)
"""Facts of a step that other blocks show."""
_LONGEST = 400  # characters of a fact
PANELS = 9
"""As many levers get a panel."""


def workflow(run: Run) -> Section:
    """A part a step: what it found, what it rests on."""
    flow = get(run.report, "workflow", dict)
    blocks: list[Block] = []
    for step in mappings(flow, "steps"):
        blocks += _step(step)
        if step.get("number") == 5:
            found = mappings(get(step, "facts", dict), "tried")
            blocks.append(_sizes("Small models tried, the last one kept", found))
        if step.get("number") == 6:
            blocks += _capacity_steps(mappings(flow, "ladder"))
        if step.get("number") == 7:
            blocks += _trials(flow) + _final(flow)
    return Section("workflow", "The seven steps", blocks)


def _step(step: Mapping[str, Any]) -> list[Block]:
    state, title = get(step, "state", str), get(step, "title", str)
    name = f"{number(amount(step, 'number'))}. {title[:1].upper()}{title[1:]}"
    said = get(step, "finding", str)
    facts = get(step, "facts", dict)
    rows = [(key.replace("_", " "), _fact(facts[key])) for key in facts if key not in _ELSEWHERE]
    return [
        Heading(name, said, _TONE.get(state, "open"), state),
        Facts("", [row for row in rows if row[1]]),
        profile(get(facts, "profile", dict), folded=True),
    ]


def _fact(value: object) -> str:
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        return shorten("; ".join(map(number, value)), _LONGEST)
    return shorten(number(value), _LONGEST) if value not in (None, "", [], {}) else ""


def _sizes(title: str, found: Sequence[Mapping[str, Any]]) -> Table:
    head = ("setting", "parameters", "epochs", "score", "verdict")
    return Table(title, head, [_row(one) for one in found], texts=(0, 4))


def _capacity_steps(steps: Sequence[Mapping[str, Any]]) -> list[Block]:
    """The sizes from small to large, and their loss curves in one plot."""
    blocks: list[Block] = [_sizes("Capacity steps", steps)]
    lines = [_line(step, place) for place, step in enumerate(steps)]
    lines = [line for line in lines if any(map(math.isfinite, line.val))]
    if lines:
        told = get(steps[0], "curve", str) or "loss"
        caption = (
            f"{told.capitalize()} of each capacity step, on a scale of its own: validation solid, "
            "its best epoch ringed, training dotted."
        )
        png = evidence_plots.panels(told, lines[:PANELS])
        said = (f"{defaults_or(r.get('changed'))} {get(r, 'verdict', str)}" for r in steps)
        alt = f"{told.capitalize()} curves of {len(steps)} capacity steps: {'; '.join(said)}."
        blocks.append(Picture("ladder", png, caption, alt, broad=len(lines) > 1))
    return blocks


def _line(step: Mapping[str, Any], place: int) -> Line:
    """The curves of a capacity step; where they are of no loss, its epoch is ringed."""
    val = [finite(value) for value in get(step, "val", list)]
    epoch = int(amount(step, "epoch") or 0) if get(step, "curve", str) not in ("", "loss") else 0
    return Line(
        f"{defaults_or(step.get('changed'))}: {get(step, 'verdict', str)}",
        [finite(value) for value in get(step, "train", list)],
        val,
        place,
        epoch if 0 < epoch <= len(val) else 0,
    )


def _row(step: Mapping[str, Any]) -> list[str]:
    name, value = get(step, "score", str), amount(step, "value")
    verdict, text = get(step, "verdict", str), get(step, "text", str)
    return [
        defaults_or(step.get("changed")),
        number(amount(step, "parameters")),
        number(amount(step, "epochs")),
        f"{name} {number(value)}".strip(),
        ": ".join(filter(None, (verdict, text))) or NONE,
    ]


def _trials(flow: Mapping[str, Any]) -> list[Block]:
    """The settings tried, the best first, and what each lever did."""
    found = [Setting(trial) for trial in mappings(flow, "trials")]
    sign = -1.0 if flow.get("direction") == "max" else 1.0

    def rank(one: Setting) -> tuple[bool, float]:
        whole = one.facts.get("state") == "done" and math.isfinite(one.value)
        return not whole, sign * one.value if math.isfinite(one.value) else math.inf

    found.sort(key=rank)
    levers = list(dict.fromkeys(key for one in found for key in one.changed))
    score = next(filter(None, (get(one.facts, "score", str) for one in found)), "score")
    rows = [_trial(one, levers) for one in found]
    numbers = [one.facts.get("number") for one in found]
    chosen = numbers.index(flow["chosen"]) if flow.get("chosen") in numbers else None
    head = ("setting", score, "± standard error", "epoch", "time", "state", *levers)
    title = f"Settings tried, best {score} first" + (
        "; the chosen one is marked" * (chosen is not None)
    )
    blocks: list[Block] = [Table(title, head, rows, texts=(0, 5), marked=chosen)]
    panels = _slices(found, levers, chosen)
    if panels:
        caption = (
            f"{score} of each setting against each hyperparameter that was varied; ringed: the "
            "chosen setting."
        )
        png = evidence_plots.slices(score, panels)
        blocks.append(Picture("trials", png, caption, broad=len(panels) > 1))
    return blocks


def _trial(one: Setting, levers: Sequence[str]) -> list[str]:
    trial, changed, seconds = one.facts, one.changed, amount(one.facts, "seconds")
    error = trial.get("error", trial.get("std"))
    state = get(trial, "state", str)
    reason = get(trial, "reason", str)
    return [
        number(amount(trial, "number")),
        number(amount(trial, "value")),
        number(as_number(error)),
        number(amount(trial, "epoch")),
        duration(float(seconds)) if seconds is not None else NONE,
        f"{state}: {shorten(reason, 80)}" if reason else state or NONE,
        *(format_value(changed[key]) if key in changed else NONE for key in levers),
    ]


def _slices(found: Sequence[Setting], levers: Sequence[str], chosen: int | None) -> list[Slice]:
    """A panel for each lever with two values or more among the trials that have a score."""
    panels = []
    for name in levers:
        kept = [one for one in found if name in one.changed and math.isfinite(one.value)]
        axis = lever(name, [one.changed[name] for one in kept])
        ringed = None if chosen is None else found[chosen]
        at = kept.index(ringed) if ringed in kept else None
        if axis.varies:
            panels.append(Slice(axis, [one.value for one in kept], at))
    return panels[:PANELS]


def _final(flow: Mapping[str, Any]) -> list[Block]:
    """The setting of the final model, as typed."""
    final = get(flow, "final", dict)
    command = get(final, "command", str)
    rows = [
        (name, number(value))
        for name, key in (("epochs", "epochs"), ("digest of its config", "config_digest"))
        if isinstance(value := final.get(key), (str, int))
    ]
    return [Facts("The final model, trained on all rows outside the test set", rows), Code(command)]
