"""A user's own components: packages that the user names, in their own config or on the shell.

A plugin is a Python package with a mapping `DLX_COMPONENTS = {kind: {name: Component(...)}}`.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import is_dataclass
from typing import Any

from ..errors import Problem, UsageError
from .fields import Component, Table, article, import_code
from .learners import LearnerSpec
from .names import join_names
from .specs import TABLES
from .specs.datasets import Dataset
from .specs.learners import Learner
from .specs.model import Common
from .specs.prepare import OnColumns
from .specs.protocols import Protocol
from .specs.schedules import Schedule

DIRECTIONS = ("max", "min")

_SHAPE = "DLX_COMPONENTS = {kind: {name: Component(...)}}"


def load_plugins(names: Any, where: str) -> list[Problem]:
    """Imports the plugins and adds their components to the tables.

    Args:
        names: the `plugins` of a config, unchecked; a text is tried as well, so that the schema,
            which wants a list, does not advise one that cannot be loaded.
        where: the place where they are named.

    Returns:
        A problem for each plugin that cannot be used.
    """
    names = [names] if isinstance(names, str) else names
    if not isinstance(names, list):
        return []
    found = (_load(name, where) for name in names if isinstance(name, str))
    return [problem for problem in found if problem is not None]


def require_plugins(names: list[str]) -> None:
    """Imports the plugins that `--plugins` names.

    Raises:
        UsageError: one cannot be used.
    """
    if problems := load_plugins(names, "command line: --plugins"):
        raise UsageError(*problems)


def is_name(name: Any) -> bool:
    """Whether it can be the name of a package."""
    return isinstance(name, str) and all(map(str.isidentifier, name.split(".")))


def _load(name: str, where: str) -> Problem | None:
    if not is_name(name):
        return Problem(f"plugin `{name}` is not a package name", where, "a name, as in my_package")
    if name.endswith(".py"):
        what, hint = f"plugin `{name}` is named as a file", f"did you mean {name[:-3]}?"
        return Problem(what, where, "the name that Python imports, as in my_package", hint)
    try:
        components = importlib.import_module(name).DLX_COMPONENTS
    except ImportError as error:
        hint = "install it, or add its folder to PYTHONPATH"
        return Problem(f"plugin {name} cannot be imported: {error}", where, hint=hint)
    except AttributeError:
        return Problem(f"plugin {name} has no DLX_COMPONENTS", where, _SHAPE)
    except Exception as error:  # whatever a user's code may raise
        said = f"{type(error).__name__}: {error}"
        return Problem(f"plugin {name} cannot be imported: {said}", where)
    try:
        _register(components, name)
    except ValueError as error:
        return Problem(f"plugin {name}: {error}", where, _SHAPE)
    return None


def _register(components: Any, plugin: str) -> None:
    """Adds components to the tables, all or none."""
    added = list(_read(components))
    for table, name, component in added:
        table.entries[name] = component
        table.plugins[name] = plugin


def _read(components: Any) -> Iterator[tuple[Table, str, Component]]:
    if not isinstance(components, dict):
        raise ValueError("DLX_COMPONENTS is not a mapping")
    for kind, entries in components.items():
        if kind not in TABLES:
            raise ValueError(f"`{kind}` is not a kind of component; kinds: {join_names(TABLES)}")
        if not isinstance(entries, dict):
            raise ValueError(f"DLX_COMPONENTS[{kind!r}] is not a mapping")
        for name, component in entries.items():
            if not isinstance(component, Component):
                raise ValueError(f"{kind} `{name}` is not a Component")
            _check_facts(kind, str(name), component.options)
            known = TABLES[kind].entries.get(name)
            if known is not None and known != component:
                raise ValueError(f"there is {article(kind)} `{name}` already")
            yield TABLES[kind], str(name), component


BASES: dict[str, type] = {
    "dataset": Dataset,
    "learner": Learner,
    "model": Common,
    "prepare step": OnColumns,
    "protocol": Protocol,
    "schedule": Schedule,
}
"""What the options of a kind of component are made from, as dlx reads further facts there."""


_FACTS = {"dataset": ("inputs", "targets"), "metric": ("problems",)}


def _check_facts(kind: str, name: str, options: type) -> None:
    """What dlx knows of a component before its code is imported.

    Raises:
        ValueError: something is not there, or is of another kind.
    """
    if not is_dataclass(options):
        raise ValueError(f"{kind} `{name}`: its options are no dataclass")
    base = BASES.get(kind, object)
    if not issubclass(options, base):
        what = f"its options are not a {base.__module__}.{base.__qualname__}"
        raise ValueError(f"{kind} `{name}`: {what}")
    if kind == "metric" and getattr(options, "direction", "") not in DIRECTIONS:
        raise ValueError(f"metric `{name}` has no `direction`: {join_names(DIRECTIONS)}")
    for fact in _FACTS.get(kind, ()):
        if not hasattr(options, fact):
            raise ValueError(f"{kind} `{name}` has no `{fact}`")
    if kind == "learner":
        _check_spec(name, getattr(options, "spec", ""))


def _check_spec(name: str, spec: str) -> None:
    try:
        found = import_code(spec)
    except Exception as error:  # whatever a user's code may raise
        what = f"its spec `{spec}` cannot be imported: {error}"
        raise ValueError(f"learner `{name}`: {what}") from None
    if not (isinstance(found, type) and issubclass(found, LearnerSpec)):
        raise ValueError(f"learner `{name}`: its spec `{spec}` is no LearnerSpec")
