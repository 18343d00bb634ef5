"""Composing a config with Hydra: search path, groups, defaults lists and override grammar.

With `repository`, `arguments` and `ranges`, the only modules that touch Hydra, because
`hydra.compose` stops at the first mistake, merges without telling who wrote what, and answers a
misspelt key with the advice to add `+`. Nothing here imports or instantiates what a config names.
"""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from hydra._internal.defaults_list import DefaultsList, create_defaults_list
from hydra.core.default_element import ResultDefault
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import OmegaConf

from ..errors import Problem
from .arguments import (
    bracket_problem,
    deletion_problem,
    hydra_problem,
    is_plain,
    parse,
    plus_problem,
    sweep_problem,
)
from .check import SHELL
from .fields import options_of
from .files import Path
from .interpolate import Interpolated, resolve
from .keys import SHORT, every_option, implied_names
from .paths import GROUPS, find_shipped, show_path
from .repository import Repository, first_line
from .schema import Config
from .tree import Layer, Tree, nest
from .values import format_changed_items

PRIMARY = "dlx"


@dataclass
class Composed:
    """What composing gave.

    Attributes:
        tree: the merged values.
        layers: what was merged, in order.
        problems: every problem met on the way.
        task: the name of the chosen task, and where it was chosen.
        plus: for each `+key=value`, what to say of it if nothing else is wrong with it.
        interpolated: values that refer to others or to the environment.
    """

    tree: Tree = field(default_factory=lambda: Tree(implied_names(), SHORT))
    layers: list[Layer] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    task: tuple[str, str] | None = None
    plus: list[Problem] = field(default_factory=list)
    interpolated: Interpolated = field(default_factory=Interpolated)


def compose(arguments: Sequence[str], folders: Sequence[FilePath]) -> Composed:
    """Composes a config from files in some folders, the first match winning, and arguments.

    Returns:
        The merged tree with all problems found; it raises nothing for a user's mistake.
    """
    composed = Composed()
    repository = Repository(folders)
    overrides = parse(arguments, composed.problems)
    choices, values = _sort(overrides, repository, composed)
    for layer in _file_layers(choices, repository, composed):
        composed.layers.append(layer)
        composed.tree.merge(layer)
    # A component's name first, so that `optimizer.lr=0.1 optimizer.name=adam` keeps the rate.
    for override in sorted(values, key=lambda o: not _is_naming(o)):
        _apply(override, composed)
    composed.problems.extend(repository.problems)
    composed.interpolated = resolve(composed.tree, composed.problems)
    return composed


_Choices = dict[str, tuple[str, str]]  # group -> option, argument


def _sort(
    overrides: Sequence[Override], repository: Repository, composed: Composed
) -> tuple[_Choices, list[Override]]:
    """Tells choices of a group's file from values, and refuses what can be neither."""
    choices: _Choices = {}
    values: list[Override] = []
    for override in overrides:
        argument = override.input_line or ""
        group = override.key_or_group
        if problem := _override_problem(override):
            composed.problems.append(problem)
        elif (option := _option(override, repository)) is not None:
            if problem := repository.check_option(group, option, SHELL + argument):
                composed.problems.append(_as_key(problem, group, option))
            else:
                choices.pop(group, None)  # the last one counts, in its place
                choices[group] = (option, argument)
        else:
            values.append(override)
            if override.is_add() or override.is_force_add():
                composed.plus.append(plus_problem(argument))
    return choices, values


def _override_problem(override: Override) -> Problem | None:
    argument = override.input_line or ""
    if override.key_or_group == "hydra" or override.is_hydra_override():
        return hydra_problem(argument)
    if override.is_sweep_override() or not is_plain(override.value()):
        return sweep_problem(override)
    if override.key_or_group.split(".")[0] == "task" and not isinstance(_text(override), str):
        return Problem("`task` takes a name", SHELL + argument, "task=NAME", "dlx tasks lists them")
    if override.package is not None:
        return Problem("packages (@) are not supported", SHELL + argument, "key=value")
    return deletion_problem(override)


def _as_key(problem: Problem, group: str, option: str) -> Problem:
    """For `metrics=accuracy`, where a component has the name that no file has."""
    table = options_of(Config)[group].meta.table if group in ("metrics", "callbacks") else None
    known = table is not None and option in table.entries
    return dataclasses.replace(problem, hint=f"{group}.{option}={{}}") if known else problem


def _option(override: Override, repository: Repository) -> str | None:
    """The file that an argument chooses of a group; None where it writes a value."""
    group, value = override.key_or_group, override.value()
    if override.is_delete() or "." in group or not repository.group_exists(group):
        return None
    if isinstance(value, str):
        return value
    # A user's own group, such as seed/, hides no key.
    return _text(override) if group in GROUPS else None


def _text(override: Override) -> str | None:
    """A value that may name a file, such as 3 for 3.yaml; None for lists, mappings and null."""
    value = override.value()
    if "." in override.key_or_group or not isinstance(value, (str, int, float)):
        return None
    return value if isinstance(value, str) else override.get_value_element_as_str()


def _file_layers(choices: _Choices, repository: Repository, composed: Composed) -> Iterator[Layer]:
    """The config files in the order in which they are merged.

    What the shell chose is written after everything that files say, as if typed last.
    """
    late = {g: choice for g, choice in choices.items() if g in GROUPS and g != "task"}
    try:
        early = _defaults({g: c for g, c in choices.items() if g not in late}, repository)
        every = _defaults(choices, repository) if late else early
    except (HydraException, ValueError, RecursionError) as error:
        composed.problems.append(_defaults_problem(error, repository))
        return
    overriding = repository.overriding()
    composed.task = _task(every, choices, overriding, repository)
    typed = {
        f"{group}/{option}": arg for group, (option, arg) in choices.items() if group != "task"
    }
    ordered = _move_overrides(
        [d for part in _split(early.defaults, typed) for d in part], overriding
    )
    ordered += _split(every.defaults, {f"{g}/{option}" for g, (option, _) in late.items()})[1]
    for default in ordered:
        if default.config_path is not None:
            yield _layer(default, repository, typed.get(default.config_path, ""))


def _task(
    found: DefaultsList, choices: _Choices, overriding: dict[str, str], repository: Repository
) -> tuple[str, str] | None:
    """The chosen task, and where: on the shell, or in a file of a group of the user's own."""
    task = found.overrides.known_choices.get("task")
    if task is None:
        return None
    file = overriding.get(f"task/{task}")
    if "task" in choices or file is None:
        return task, f"{SHELL}task={task}"
    return task, show_path(repository.lines[file][0])


def _defaults(choices: _Choices, repository: Repository) -> DefaultsList:
    parser = OverridesParser.create()
    overrides = parser.parse_overrides([f"{'' if g in GROUPS else '+'}{g}=x" for g in choices])
    for override, (option, _) in zip(overrides, choices.values(), strict=True):
        override._value = option  # not by way of the grammar, to which 3 is a number
    return create_defaults_list(
        repository, PRIMARY, overrides, prepend_hydra=False, skip_missing=True
    )


def _defaults_problem(error: Exception, repository: Repository) -> Problem:
    """What Hydra found wrong; it does not say where, so the user's files that it read are named."""
    own = find_shipped("configs")
    files = [file for file, _ in repository.lines.values() if not file.is_relative_to(own)]
    where = ", ".join(map(show_path, files)) or "defaults list"
    if again := re.match(r"(?:.*: )?Multiple values for (\w+)\.", first_line(error)):
        hint = f"- override /{again[1]}: ..."
        return Problem(f"a defaults list chooses {again[1]} once more", where, hint=hint)
    if isinstance(error, RecursionError):
        return Problem("a defaults list refers back to its own file", where)
    return Problem(f"defaults list: {first_line(error)}", where)


def _split(
    defaults: Sequence[ResultDefault], belongs: Collection[str]
) -> tuple[list[ResultDefault], list[ResultDefault]]:
    """The defaults that do not belong to some config paths, and those that do."""
    others, own = [], []
    belongs = set(belongs)
    for default in defaults:
        if default.config_path in belongs or default.parent in belongs:
            belongs.add(str(default.config_path))
            own.append(default)
        else:
            others.append(default)
    return others, own


def _move_overrides(
    defaults: Sequence[ResultDefault], overriding: dict[str, str]
) -> list[ResultDefault]:
    """What a file chose by `override`, moved to just before that file.

    Hydra leaves it at the group's own place, before the task: a task's values would hide it.
    """
    ordered = list(defaults)
    for choice, file in overriding.items():
        others, own = _split(ordered, {choice})
        at = next((i for i, d in enumerate(others) if d.config_path == file), None)
        if at is not None:
            ordered = [*others[:at], *own, *others[at:]]
    return ordered


def _layer(default: ResultDefault, repository: Repository, argument: str) -> Layer:
    config_path, package = str(default.config_path), default.package or ""
    result = repository.load_config(config_path)
    assert result is not None
    values = OmegaConf.to_container(result.config, resolve=False)
    prefix = tuple(package.split(".")) if package else ()
    file, lines = repository.lines[config_path]
    mapping = values if isinstance(values, dict) else {}
    placed = {(*prefix, *path): line for path, line in lines.items()}
    return Layer(show_path(file), nest(prefix, mapping), placed, argument)


def _apply(override: Override, composed: Composed) -> None:
    """Writes one value of the shell into the tree; `~key` takes one out."""
    path = tuple(override.key_or_group.split("."))
    source = SHELL + (override.input_line or "")
    value = override.value()
    if override.is_delete():
        if not composed.tree.remove(path, source):
            what = f"there is no `{'.'.join(path)}` to remove"
            composed.problems.append(Problem(what, source))
        return
    if "[" in (override.input_line or "").partition("=")[0]:
        hint = _suggest_item(composed.tree, path, override)
        composed.problems.append(bracket_problem(override.input_line or "", hint))
        return
    at_list = _list_item(composed.tree, path)
    if at_list is not None:
        items, index, rest = at_list
        if index >= len(items):
            what = f"`{'.'.join(path)}`: the list has {len(items)} items, counted from 0"
            composed.problems.append(Problem(what, source))
            return
        head = path[: len(path) - len(rest) - 1]
        changed = list(items)
        changed[index] = _replace_value(items[index], rest, value)
        path, value = head, changed
    layer = Layer(source, nest(path, value))
    composed.layers.append(layer)
    composed.tree.merge(layer)


def lay_over(tree: Tree, arguments: Sequence[str]) -> list[Problem]:
    """Writes values of the shell over a config that is whole already; returns what is wrong."""
    composed = Composed(tree=tree)
    for override in parse(arguments, composed.problems):
        if problem := _override_problem(override):
            composed.problems.append(problem)
        else:
            _apply(override, composed)
    return composed.problems


def _is_naming(override: Override) -> bool:
    parts = override.key_or_group.split(".")
    return parts[-1] == "name" and not override.is_delete() and not any(map(str.isdecimal, parts))


def _suggest_item(tree: Tree, path: Path, override: Override) -> str:
    """What to type for `model.units[0]=8`: the item alone, or a list that no file has written."""
    *head, number = path
    known = tree.get(tuple(head))
    if isinstance(known, list) and int(number) < len(known):
        written = (override.input_line or "").partition("=")[2]
        return shlex.quote(f"{'.'.join(path)}={written}")
    if isinstance(override.value(), (dict, list)):
        return f"dlx help {'.'.join(head)}"
    option = every_option().get(".".join(head))
    items = tuple(known) if isinstance(known, list) else option and option.default
    changed = format_changed_items(items, {number: override.value()})
    return shlex.quote(f"{'.'.join(head)}={changed}")


def _list_item(tree: Tree, path: Path) -> tuple[list[Any], int, Path] | None:
    """The list, index and rest of a path such as prepare.steps.0.size."""
    for end in range(1, len(path)):
        node = tree.get(path[:end])
        if isinstance(node, list) and path[end].isdecimal():
            return node, int(path[end]), path[end + 1 :]
    return None


def _replace_value(item: Any, rest: Path, value: Any) -> Any:
    if not rest:
        return value
    inner = dict(item) if isinstance(item, dict) else {}
    if rest == ("name",) and inner.get("name") != value:
        return {"name": value}  # options belong to their component's name
    inner[rest[0]] = _replace_value(inner.get(rest[0]), rest[1:], value)
    return inner
