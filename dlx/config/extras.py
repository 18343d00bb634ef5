"""Extras: components whose code imports packages that dlx does not bring along."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from ..errors import Problem, UsageError
from .fields import Chosen, Component, Table, options_of
from .files import Path, Where
from .schema import Config
from .specs import TABLES

OF_COMMANDS = {
    "tables": ("pyarrow",),
    "export": ("onnx", "onnxscript", "onnxruntime"),
    "serve": ("fastapi", "uvicorn", "python_multipart"),
}
"""Extras that no component needs but a command, with their packages."""


def find_missing(config: Config, where: Where) -> list[Problem]:
    """Every component of a config whose packages are not installed; callbacks only if they run."""
    return [
        Problem(f"{told} needs the package {package}", where(path), hint=install(component))
        for path, told, component in _components(config)
        for package in component.needs
        if not is_installed(package) and (config.run.watch or path[0] != "callbacks")
    ]


def is_installed(package: str) -> bool:
    """Whether a package could be imported; a folder of its name that is no package does not count.

    It is not imported for that.
    """
    found = find_spec(package)
    return found is not None and found.origin is not None


def install(component: Component) -> str:
    """What to type for a component's packages."""
    wanted = f"'dlx[{component.extra}]'" if component.extra else " ".join(component.needs)
    return f"pip install {wanted}"


def require_extra(command: str, extra: str) -> None:
    """Refuses a command whose packages are not installed.

    Args:
        command: as it is typed.
        extra: of dlx, that brings them.

    Raises:
        UsageError: one is missing.
    """
    for package in OF_COMMANDS[extra]:
        if not is_installed(package):
            what = f"{command} needs the package {package}"
            raise UsageError(Problem(what, "", hint=f"pip install 'dlx[{extra}]'"))


def extras() -> dict[str, Component]:
    """Each extra of dlx, and a component that needs it."""
    every = (entry for table in TABLES.values() for entry in table.entries.values())
    return {entry.extra: entry for entry in every if entry.extra}


def _components(value: Any, path: Path = ()) -> Iterator[tuple[Path, str, Component]]:
    """Every component below a checked value, with its path and what to call it."""
    cls: type = type(value)
    for name, opt in options_of(cls).items():
        here = (*path, name)
        for key, part in _parts(getattr(value, name)):
            if isinstance(part, Chosen) and opt.meta.table is not None:
                yield from _walk(part, opt.meta.table, (*here, *key))
            elif dataclasses.is_dataclass(part):
                yield from _components(part, (*here, *key))


def _walk(chosen: Chosen, table: Table, path: Path) -> Iterator[tuple[Path, str, Component]]:
    told = ".".join(path) if path[-1] == chosen.name else f"{'.'.join(path)} {chosen.name}"
    if chosen.name in table.entries:
        yield path, told, table.entries[chosen.name]
    yield from _components(chosen.options, path)


def _parts(value: Any) -> list[tuple[Path, Any]]:
    """A value, or those of a mapping or list, with the rest of their path."""
    if isinstance(value, dict):
        return [((str(key),), one) for key, one in value.items()]
    if isinstance(value, tuple):
        return [((str(index),), one) for index, one in enumerate(value)]
    return [((), value)]
