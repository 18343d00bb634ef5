"""Sections on what was done: the set-up, the data, the model, the machine, how to repeat it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .blocks import Code, Facts, Section, Table, Text
from .profile import profile
from .read import Run, amount, as_number, get, mappings
from .words import NONE, PARTS, duration, number, parts

_FEW = 12  # as many classes are shown without being asked for


def setup(run: Run) -> Section:
    """The run in a few lines."""
    report = run.report
    model, data = get(report, "model", dict), get(report, "data", dict)
    problems = get(report, "problem", dict)
    size = amount(model, "parameters")
    sized = f", {number(size)} parameters" if size is not None else ""
    rows = [row for name in problems for row in _target(name, get(problems, name, dict))]
    rows += [
        ("dataset", get(data, "dataset", str)),
        ("model", get(model, "name", str) + sized if get(model, "name", str) else ""),
        ("starts from", _start(get(report, "from_run", dict))),
        ("from files", "; ".join(map(str, get(report, "vectors", list)))),
        ("trained", get(model, "trained", str)),
        ("learner", get(report, "learner", str)),
        ("optimizer", get(report, "optimizer", str)),
        ("schedule", get(report, "schedule", str)),
        ("stopped", _stops(report)),
        ("monitored score", get(report, "monitor", str)),
        ("seed", "" if amount(report, "seed") is None else str(report["seed"])),
    ]
    return Section("setup", "Set-up", [Facts("", [row for row in rows if row[1]])])


def _target(name: str, problem: Mapping[str, Any]) -> list[tuple[str, str]]:
    """A target's problem, and what its classes count beside their rows."""
    return [
        (f"target {name}", _problem(problem)),
        (f"class weights of {name}, in training", _by_class(problem, "class_weights")),
        (f"shares of {name}, as rows are drawn", _by_class(problem, "sampling")),
        (f"threshold of {name}", _thresholds(problem)),
    ]


def _by_class(problem: Mapping[str, Any], key: str) -> str:
    found = get(problem, key, dict)
    each = [f"{name} {number(amount(found, name))}" for name in found]
    return ", ".join(each) or get(problem, key, str)


def _thresholds(problem: Mapping[str, Any]) -> str:
    """From which probability on the second class is answered, or each label."""
    found, classes = get(problem, "threshold", list), get(problem, "classes", list)
    told = [number(as_number(one)) for one in found]
    names = classes if len(found) > 1 and len(classes) == len(found) else []
    each = [f"{name} {one}" for name, one in zip(names, told, strict=False)]
    return ", ".join(each or told)


def _stops(report: Mapping[str, Any]) -> str:
    """After which epoch a training was stopped, by whom and why; of each, where there are folds."""
    found, folds = get(report, "stops", dict), len(get(report, "folds", list))
    names = {str(n): f"fold {n + 1} " for n in range(folds)} if folds > 1 else {}
    told = []
    for stage in found:
        one, fold = get(found, stage, dict), names.get(stage, "final model " if folds else "")
        by = f" by {get(one, 'by', str)}" if get(one, "by", str) else ""
        why = get(one, "why", str)
        told.append(f"{fold}after epoch {number(amount(one, 'epoch'))}{by}: {why}")
    return "; ".join(told) or get(report, "stopped", str)  # which is all that older versions kept


def _start(start: Mapping[str, Any]) -> str:
    """The run that the weights are of at first."""
    if not start:
        return ""
    fresh = get(start, "fresh", list)
    rest = f", fresh: {', '.join(map(str, fresh))}" if fresh else ""
    taken = f"run {get(start, 'run', str)}: {number(amount(start, 'taken'))} weights taken{rest}"
    return f"{taken} (SHA-256 {get(start, 'sha256', str)})"


def _problem(problem: Mapping[str, Any]) -> str:
    title, loss = get(problem, "title", str), get(problem, "loss", str)
    activation = get(problem, "activation", str)
    classes = get(problem, "classes", list)
    many = f"{len(classes)} classes" if classes else ""
    last = f"last activation {activation}" if activation else ""
    of = " of standardised numbers" if get(problem, "scale", str) == "standardise" else ""
    return ", ".join(w for w in (title, many, last, f"loss {loss}{of}" if loss else "") if w)


def data(run: Run) -> Section:
    """The rows of each part, the classes in them, what was done to them, where they come from."""
    found = get(run.report, "data", dict)
    protocol = get(run.report, "protocol", dict)
    name, rule = get(protocol, "name", str), get(protocol, "rule", str)
    told = not rule or rule.startswith(f"{name}:")
    title = rule or name if told else f"{name}: {rule}"
    rows, pairs = get(found, "rows", dict), get(found, "duplicates", dict)
    counts, terms = get(found, "classes", dict), get(found, "terms", str)
    sizes = [[PARTS.get(name, name), number(amount(rows, name))] for name in rows]
    equal = [[parts(pair), number(many)] for pair, many in pairs.items()]
    files = [[get(f, "name", str), get(f, "sha256", str)] for f in mappings(found, "files")]
    blocks = [
        Text([title]),
        Table("Rows of each set", ("set", "rows"), sizes, wide=False),
        Table("Equal rows in two sets", ("parts", "rows"), equal, wide=False),
        *(_class_counts(get(counts, one, dict), one if len(counts) > 1 else "") for one in counts),
        profile(get(found, "profile", dict)),
        _steps(run, "prepare", "Preparation, fitted on the training set only"),
        _inputs(get(run.report, "inputs", dict)),
        _steps(run, "augment", "Augmentation of training rows, drawn anew in each epoch"),
        _views(get(run.report, "views", dict)),
        Table("Files", ("name", "SHA-256"), files, texts=(0, 1), folded=True),
        Text([f"Terms of use: {terms}" if terms else ""]),
    ]
    return Section("data", "Data", blocks)


_KINDS = {
    "dense": "numbers",
    "steps": "numbers of each step",
    "ids": "ids in order",
    "multi_hot": "which positions are set",
}


def _inputs(inputs: Mapping[str, Any]) -> Table:
    """What a model is given of each input, and the size of a row along each axis."""
    cells = []
    for name in inputs:
        found = get(inputs, name, dict)
        sizes = [number(as_number(size)) if size else "any" for size in get(found, "shape", list)]
        kind = get(found, "kind", str)
        cells.append([name, _KINDS.get(kind, kind), " x ".join(sizes)])
    return Table("Inputs of the model", ("input", "kind", "size of a row"), cells, wide=False)


def _class_counts(parts: Mapping[str, Any], target: str) -> Table:
    """A row a class, a column a part."""
    counts = {name: get(parts, name, dict) for name in parts}
    classes = dict.fromkeys(c for of_part in counts.values() for c in of_part)
    cells = [[c, *(number(amount(counts[p], c)) for p in counts)] for c in classes]
    title = f"Rows of each class of {target}" if target else "Rows of each class"
    head = ("class", *(PARTS.get(name, name) for name in counts))
    few = len(classes) <= _FEW
    return Table(title, head, cells, wide=not few, folded=not few)


def _steps(run: Run, key: str, title: str) -> Table:
    """What was done to columns, in order."""
    return _listed(mappings(run.report, key), title)


def _views(views: Mapping[str, Any]) -> Table:
    """In which ways pictures were seen in validation and test; nothing where in one."""
    many = number(amount(views, "count"))
    title = f"Views of validation and test pictures: predictions are means over {many} of each"
    return _listed(mappings(views, "steps"), title)


def _listed(steps: Sequence[Mapping[str, Any]], title: str) -> Table:
    cells = [
        [get(step, "step", str), number(get(step, "columns", list)), get(step, "text", str) or NONE]
        for step in steps
    ]
    return Table(title, ("step", "columns", "how"), cells, texts=(0, 1, 2))


def model(run: Run) -> Section:
    """The layers with their parameters."""
    layers = mappings(get(run.report, "model", dict), "layers")
    rows = [_layer(layer) for layer in layers]
    sizes = [amount(layer, "parameters") or 0 for layer in layers]
    total = amount(get(run.report, "model", dict), "parameters")
    if layers:
        rows.append(["total", "", "", number(sum(sizes) if total is None else total), ""])
    head = ("layer", "kind", "output", "parameters", "trainable")
    table = Table("Layers", head, rows, texts=(0, 1, 2, 4), total=True)
    return Section("model", "Model", [table])


def _layer(layer: Mapping[str, Any]) -> list[str]:
    size = amount(layer, "parameters")
    trained = number(layer.get("trainable")) if size else NONE
    name, kind = get(layer, "name", str), get(layer, "kind", str)
    return [name, kind, number(layer.get("output")), number(size), trained]


def machine(run: Run) -> Section:
    """Where the time went, and what it ran on."""
    spent, around = get(run.report, "seconds", dict), get(run.report, "environment", dict)
    times = [(name, duration(float(amount(spent, name) or 0))) for name in spent]
    facts = [(name.replace("_", " "), number(around[name])) for name in around]
    blocks = [Facts("Time", times, wide=False), Facts("Environment", facts, wide=False)]
    return Section("machine", "Time and machine", blocks)


def repeat(run: Run) -> Section:
    """What to type to get the same again, and how equal it will be."""
    report = run.report
    typed = "\n".join(map(number, get(report, "overrides", list)))
    blocks = [
        Code(get(report, "command", str)),
        Text([get(report, "contract", str)]),
        Code(typed, "Changed settings"),
        Code(get(report, "config", str), "Complete configuration"),
    ]
    return Section("repeat", "Command", blocks)
