"""Steps 1 to 4: the problem, the measure of success, the protocol, the prepared data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..config.schema import Config
from ..data.auto import FEW_ROWS
from ..data.columns import Dense
from ..data.samples import Samples
from ..data.targets import class_counts
from ..errors import MethodError, Problem, UsageError
from ..problem import PROBLEMS
from ..runs import ledger
from ..sources.data import cut
from .walk import Finding, Walk

IMBALANCED = 0.6
"""Share of the largest class above which accuracy alone says little (book 4.5.2)."""


def define(walk: Walk) -> Finding:
    """Step 1: what is to be predicted from what, and what the data hold (book 4.5.1)."""
    samples, targets, _ = walk.samples
    facts: dict[str, Any] = {"rows": len(samples), "inputs": _inputs(samples), "targets": {}}
    for name, target in targets.items():
        row = PROBLEMS[walk.config.targets[name].problem]
        told: dict[str, Any] = {"problem": row.title}
        if target.classes:
            every = np.arange(len(samples))
            told["classes"] = class_counts(target.values, target.classes, every)
        else:
            told["range"] = [float(target.values.min()), float(target.values.max())]
        facts["targets"][name] = told
    facts["hypotheses"] = [
        "the targets can be predicted from these inputs",
        "the data contain enough information to learn how",
    ]
    facts["stationary"] = (
        f"uncertain: rows are ordered by {samples.time}, and the future may differ from the past"
        if samples.time
        else "assumed: the data do not say when a row was recorded"
    )
    return f"{_problems(walk)}; {len(samples):,} rows; {_holes(facts['inputs'])}", facts


def _problems(walk: Walk) -> str:
    found = []
    for name, target in walk.samples[1].items():
        many = f", {len(target.classes)} classes" if len(target.classes) > 2 else ""
        found.append(f"{name}: {PROBLEMS[walk.config.targets[name].problem].title}{many}")
    return "; ".join(found)


def _inputs(samples: Samples) -> dict[str, dict[str, Any]]:
    """Kind and missing values of each input; step 3 has more, as it knows the training rows."""
    columns = {name: samples.columns[name] for name in samples.inputs}
    return {
        n: {"holds": column.holds, "missing": column.missing()} for n, column in columns.items()
    }


def _range(values: Any) -> list[float]:
    return [float(np.nanmin(values)), float(np.nanmax(values))]


def _holes(inputs: dict[str, dict[str, Any]]) -> str:
    missing = sum(told["missing"] for told in inputs.values())
    return f"{missing:,} values marked as missing" if missing else "no value marked as missing"


def measure(walk: Walk) -> Finding:
    """Step 2: one metric to judge by, and others beside it (book 4.5.2)."""
    config = walk.config
    if config.metrics:
        names, why = list(config.metrics), "as in the task"
    else:
        names, why = _metrics(walk)
    facts = {"primary": names[0], "others": names[1:], "why": why}
    typed = ",".join(f"{name}:{{}}" for name in names)
    facts["chosen"] = [] if config.metrics else [f"metrics={{{typed}}}"]
    walk.choose(facts["chosen"])
    direction = {n: c.options.direction for n, c in walk.config.metrics.items()}.get(names[0])
    facts["direction"] = "higher is better" if direction == "max" else "lower is better"
    others = f", beside it {', '.join(names[1:])}" if names[1:] else ""
    return f"{names[0]} ({facts['direction']}){others}: {why}", facts


def _metrics(walk: Walk) -> tuple[list[str], str]:
    """By the problem, and for classes by their balance."""
    name, target = next(iter(walk.samples[1].items()))
    row = PROBLEMS[walk.config.targets[name].problem]
    if row.answer != "class":
        return list(row.metrics), f"usual for {row.title}"
    counts = np.bincount(target.values.astype(np.int64), minlength=len(target.classes))
    share = counts.max() / counts.sum()
    if share > IMBALANCED:
        largest = target.classes[int(counts.argmax())]
        why = f"{share:.0%} of the rows are {largest}, so accuracy alone would be too optimistic"
        return ["f1", "precision", "recall", "accuracy"], why
    ranked = ["roc_auc"] if row.activation == "sigmoid" else []
    return ["accuracy", *ranked], f"the largest class has {share:.0%} of the rows"


def choose_protocol(walk: Walk) -> Finding:
    """Step 3: which rows train, validate and test; a leak is refused (book 4.5.3).

    The task's protocol stands where it holds enough rows out; otherwise the data decide, unless
    the protocol was typed.
    """
    why = _explain_protocol(walk)
    chosen = ["protocol=auto", *_test_cut(walk.config)] if why else []
    walk.choose(chosen)
    data = walk.data
    refuse_second_look(walk)
    split = data.split
    facts = {
        "protocol": split.name,
        "rule": split.rule,
        "why": why,
        "folds": [{"train": len(f.train), "val": len(f.validation)} for f in split.folds],
        "test": len(split.test),
        "checks": data.findings,
        "profile": data.profile,
        "chosen": chosen,
    }
    warned = [finding["text"] for finding in data.findings if finding["kind"] == "smell"]
    told = f"{why}; {split.rule}" if why else split.rule
    warnings = f"data warnings: {'; '.join(warned)}" if warned else "no data warnings"
    return f"{told}; {warnings}", facts


def _explain_protocol(walk: Walk) -> str:
    """Why the task's own protocol will not do for choosing between models; "" where it will."""
    options, name = walk.config.protocol.options, walk.config.protocol.name
    if not options.validates or name == "test_as_validation":
        return f"protocol {name} has no validation set"
    if (
        any(map(_names_protocol, walk.record.loaded.arguments))
        or name != "holdout"
        or walk.config.dataset.options.sample
    ):
        return ""
    samples, targets, _ = walk.samples
    held = len(cut(walk.config, samples, targets).split.folds[0].validation)
    if held >= FEW_ROWS:
        return ""
    return f"the task's hold-out set of {held:,} rows is too small for choosing settings"


def _names_protocol(argument: str) -> bool:
    """Whether an argument chooses how rows are held out, not only how the test part is cut."""
    key = argument.partition("=")[0]
    aside = ("protocol.test", "protocol.test_seed", "protocol.duplicates")
    return key.partition(".")[0] == "protocol" and key not in aside


def _test_cut(config: Config) -> list[str]:
    """The test part of the task stays the one it has."""
    options = config.protocol.options
    keys = ("test", "test_seed", "duplicates")
    return [f"protocol.{key}={getattr(options, key)}" for key in keys if hasattr(options, key)]


def refuse_second_look(walk: Walk) -> None:
    """Refuses to go for a test part that another workflow has looked at.

    Raises:
        UsageError: there is no test part.
        MethodError: with every earlier look.
    """
    config = walk.config
    if config.workflow.until < 7 or config.dataset.options.sample:
        return
    if not len(walk.data.split.test):
        raise UsageError(Problem("the protocol leaves no test set for step 7"))
    before = ledger.looks(Path(config.run.root), walk.data.test_rows)
    if not config.workflow.look_again:
        ledger.refuse_second(before, walk.record.name, "workflow")


def prepare_data(walk: Walk) -> Finding:
    """Step 4: every input as small, homogeneous numbers, fitted on training rows (book 4.5.4).

    Raises:
        MethodError: the preparation is to be fitted on validation rows as well.
    """
    if walk.config.prepare.scope == "all":
        what = (
            "preparation that is also fitted on validation rows leaks information about them to "
            "the model"
        )
        raise MethodError(Problem(what, "prepare.scope=all", "fold", "prepare.scope=fold"))
    fold = walk.bench.fold(0)
    steps = [f"{step.name} ({step.column})" for step in fold.pipeline.steps]
    shapes = {name: _shape(one.kind, one.shape) for name, one in fold.inputs.items()}
    facts: dict[str, Any] = {"steps": steps, "inputs": shapes, "ranges": {}}
    rows = walk.data.split.folds[0].train
    for name, column in fold.columns.items():
        table = column.take(rows).table()
        if isinstance(table, Dense):
            facts["ranges"][name] = _range(table.values)
    large = [n for n, (low, high) in facts["ranges"].items() if max(-low, high) > 100]
    warned = f"; {', '.join(large)} is far from [-1, 1]: add standardise" if large else ""
    made = ", ".join(steps) or "nothing to do"
    return f"{made}; {', '.join(f'{n}: {s}' for n, s in shapes.items())}{warned}", facts


def _shape(kind_of: str, shape: tuple[int, ...]) -> str:
    return f"{kind_of} {' x '.join(map(str, shape))}"
