"""Sections on what was done: the set-up, the data, the model, the machine, how to repeat it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .blocks import Block, Code, Facts, Section, Table, Text
from .profile import profile
from .read import Run, amount, get, mappings
from .words import NONE, PARTS, duration, number

_FEW = 12  # as many classes are shown without being asked for


def setup(run: Run) -> Section | None:
    """The run in a few lines."""
    report = run.report
    model, data = get(report, "model", dict), get(report, "data", dict)
    problems = get(report, "problem", dict)
    size = amount(model, "parameters")
    sized = f", {number(size)} parameters" if size is not None else ""
    rows = [(f"target {name}", _problem(get(problems, name, dict))) for name in problems]
    rows += [
        ("dataset", get(data, "dataset", str)),
        ("model", get(model, "name", str) + sized if get(model, "name", str) else ""),
        ("optimizer", get(report, "optimizer", str)),
        ("stopped", get(report, "stopped", str)),
        ("monitored score", get(report, "monitor", str)),
        ("seed", "" if amount(report, "seed") is None else number(report["seed"])),
    ]
    rows = [(name, value) for name, value in rows if value]
    return Section("setup", "Set-up", [Facts("", rows)]) if rows else None


def _problem(problem: Mapping[str, Any]) -> str:
    title, loss = get(problem, "title", str), get(problem, "loss", str)
    activation = get(problem, "activation", str)
    classes = get(problem, "classes", list)
    many = f"{len(classes)} classes" if classes else ""
    last = f"last activation {activation}" if activation else ""
    return ", ".join(w for w in (title, many, last, f"loss {loss}" if loss else "") if w)


def data(run: Run) -> Section | None:
    """The rows of each part, the classes in them, what was done to them, where they come from."""
    found = get(run.report, "data", dict)
    protocol = get(run.report, "protocol", dict)
    name, rule = get(protocol, "name", str), get(protocol, "rule", str)
    told = not rule or rule.startswith(f"{name}:")
    title = rule or name if told else f"{name}: {rule}"
    blocks: list[Block] = [Text([title])] if title else []
    blocks += _parts(get(found, "rows", dict))
    blocks += _duplicates(get(found, "duplicates", dict))
    counts = get(found, "classes", dict)
    for target in counts:
        blocks += _class_counts(get(counts, target, dict), target if len(counts) > 1 else "")
    blocks += profile(get(found, "profile", dict))
    blocks += _prepare(run) + _files(found)
    return Section("data", "Data", blocks) if blocks else None


def _parts(rows: Mapping[str, Any]) -> list[Block]:
    cells = [[PARTS.get(name, name), number(amount(rows, name))] for name in rows]
    return [Table("Rows of each set", ("set", "rows"), cells, wide=False)] if cells else []


def _duplicates(pairs: Mapping[str, Any]) -> list[Block]:
    cells = [
        [" and ".join(PARTS.get(name, name) for name in pair.split("-")), number(many)]
        for pair, many in pairs.items()
    ]
    title = "Equal rows in two sets"
    return [Table(title, ("parts", "rows"), cells, wide=False)] if cells else []


def _class_counts(parts: Mapping[str, Any], target: str) -> list[Block]:
    """A row a class, a column a part."""
    counts = {name: get(parts, name, dict) for name in parts}
    classes = dict.fromkeys(c for of_part in counts.values() for c in of_part)
    cells = [[c, *(number(amount(counts[p], c)) for p in counts)] for c in classes]
    title = f"Rows of each class of {target}" if target else "Rows of each class"
    head = ("class", *(PARTS.get(name, name) for name in counts))
    few = len(classes) <= _FEW
    return [Table(title, head, cells, wide=not few, folded=not few)] if cells else []


def _prepare(run: Run) -> list[Block]:
    cells = [
        [
            get(step, "step", str),
            number(get(step, "columns", list)),
            get(step, "text", str) or NONE,
        ]
        for step in mappings(run.report, "prepare")
    ]
    title = "Preparation, fitted on the training set only"
    head = ("step", "columns", "how")
    return [Table(title, head, cells, texts=(0, 1, 2))] if cells else []


def _files(found: Mapping[str, Any]) -> list[Block]:
    cells = [[get(f, "name", str), get(f, "sha256", str)] for f in mappings(found, "files")]
    table = Table("Files", ("name", "SHA-256"), cells, texts=(0, 1), folded=True)
    terms = get(found, "terms", str)
    blocks: list[Block] = [table] if cells else []
    return [*blocks, Text([f"Terms of use: {terms}"])] if terms else blocks


def model(run: Run) -> Section | None:
    """The layers with their parameters."""
    layers = mappings(get(run.report, "model", dict), "layers")
    rows = [_layer(layer) for layer in layers]
    sizes = [amount(layer, "parameters") or 0 for layer in layers]
    total = amount(get(run.report, "model", dict), "parameters")
    rows.append(["total", "", "", number(sum(sizes) if total is None else total), ""])
    head = ("layer", "kind", "output", "parameters", "trainable")
    table = Table("Layers", head, rows, texts=(0, 1, 2, 4), total=True)
    return Section("model", "Model", [table]) if layers else None


def _layer(layer: Mapping[str, Any]) -> list[str]:
    size = amount(layer, "parameters")
    trained = number(layer.get("trainable")) if size else NONE
    name, kind = get(layer, "name", str), get(layer, "kind", str)
    return [name, kind, number(layer.get("output")), number(size), trained]


def machine(run: Run) -> Section | None:
    """Where the time went, and what it ran on."""
    spent, around = get(run.report, "seconds", dict), get(run.report, "environment", dict)
    times = [(name, duration(float(amount(spent, name) or 0))) for name in spent]
    facts = [(name.replace("_", " "), number(around[name])) for name in around]
    titled = (("Time", times), ("Environment", facts))
    blocks = [Facts(title, rows, wide=False) for title, rows in titled if rows]
    return Section("machine", "Time and machine", blocks) if blocks else None


def repeat(run: Run) -> Section | None:
    """What to type to get the same again, and how equal it will be."""
    report = run.report
    command, contract = get(report, "command", str), get(report, "contract", str)
    config, overrides = get(report, "config", str), get(report, "overrides", list)
    blocks: list[Block] = [Code(command)] if command else []
    if contract:
        blocks.append(Text([contract]))
    if overrides:
        blocks.append(Code("\n".join(map(number, overrides)), "Changed settings"))
    if config:
        blocks.append(Code(config, "Complete configuration"))
    return Section("repeat", "Command", blocks) if blocks else None
