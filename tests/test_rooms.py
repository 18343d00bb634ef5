"""Imports run one way: between modules, and between the rooms of `docs/design.md`."""

from __future__ import annotations

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

import dlx

HOUSE = Path(dlx.__file__).parent
ORDER = (
    *(
        "version",
        "errors",
        "names",
        "printable",
        "seeds",
        "machine",
        "state",
        "problem",
        "interrupts",
        "progress",
    ),
    *("files", "config", "experiments", "runs", "data", "prepare"),
    *("models", "losses", "metrics", "schedules", "optimizers"),
    *("sources", "judging", "learning", "training", "running", "tracking"),
    *("search", "reproduce", "explain", "use", "beginning", "workflow", "report"),
    *("testing", "cli", "api"),
)
"""The rooms from the ground up: none imports one that stands behind it."""


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name."""
    found = {}
    for file in sorted(HOUSE.rglob("*.py")):
        parts = file.relative_to(HOUSE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def imports(name: str, file: Path, known: dict[str, Path]) -> set[str]:
    """The modules that one imports: for types only, or inside a function, as well."""
    package = name.split(".") if file.name == "__init__.py" else name.split(".")[:-1]
    found = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            found |= {f"{base}.{one.name}" for one in node.names} | {base}
    return {one for one in found if one in known and one != name and one != "dlx"}


def graph() -> dict[str, set[str]]:
    """Each module with what it imports."""
    known = modules()
    return {name: imports(name, file, known) for name, file in known.items()}


def room(module: str) -> str:
    """The room that a module belongs to."""
    return module.split(".")[1]


def test_no_modules_import_each_other() -> None:
    packages = {name for name, file in modules().items() if file.name == "__init__.py"}
    inner = {name: found - packages for name, found in graph().items()}

    assert len(tuple(TopologicalSorter(inner).static_order())) > 200


def test_rooms_import_downward_only() -> None:
    upward = [
        f"{name} imports {other}"
        for name, found in graph().items()
        for other in found
        if name not in ("dlx", "dlx.__main__")
        and room(name) != room(other)
        and ORDER.index(room(name)) < ORDER.index(room(other))
    ]

    assert not upward


def test_every_room_has_a_place() -> None:
    there = {room(name) for name in modules() if name not in ("dlx", "dlx.__main__")}

    assert there <= set(ORDER)


def test_decisions_of_the_design_are_numbered_one_after_another() -> None:
    text = (HOUSE.parent / "docs" / "design.md").read_text("utf-8")
    numbers = [int(found) for found in re.findall(r"^(\d+)\. \*\*", text, re.MULTILINE)]

    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) > 60
