"""A user's own components: packages that the user names, in their own config or on the shell.

A plugin is a Python package with a mapping `DLX_COMPONENTS = {kind: {name: Component(...)}}`.
"""

from __future__ import annotations

import importlib
from typing import Any

from ..errors import Problem
from .fields import Component
from .names import listed
from .specs import TABLES


def load_plugins(names: Any, where: str) -> list[Problem]:
    """Imports the plugins and adds their components to the tables.

    Args:
        names: the `plugins` of a config, unchecked; anything but a list is left to the schema.
        where: the place where they are named.

    Returns:
        A problem for each plugin that cannot be used.
    """
    if not isinstance(names, list):
        return []
    problems = []
    for name in names:
        try:
            components = importlib.import_module(str(name)).DLX_COMPONENTS
            _register(components)
        except ImportError as error:
            problems.append(Problem(f"plugin {name} cannot be imported: {error}", where))
        except AttributeError:
            problems.append(
                Problem(f"plugin {name} has no DLX_COMPONENTS", where, "{kind: {name: Component}}")
            )
        except (TypeError, ValueError) as error:
            problems.append(Problem(f"plugin {name}: {error}", where))
    return problems


def _register(components: dict[str, dict[str, Component]]) -> None:
    for kind, entries in components.items():
        if kind not in TABLES:
            raise ValueError(f"`{kind}` is no kind of component; kinds: {listed(TABLES)}")
        for name, component in entries.items():
            known = TABLES[kind].entries.get(name)
            if known is not None and known != component:
                raise ValueError(f"there is a {kind} `{name}` already")
            TABLES[kind].entries[name] = component
