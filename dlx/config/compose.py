"""Composing a config with Hydra: search path, groups, defaults lists and override grammar.

The only module that touches Hydra. It uses Hydra's internals (the reason for the exact range of
versions in `pyproject.toml`), because `hydra.compose` stops at the first mistake, merges without
telling who wrote what, and answers a misspelt key with the advice to add `+`. Nothing here imports
or instantiates what a config names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path as FilePath
from typing import Any

import yaml
from hydra._internal.config_repository import ConfigRepository
from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra._internal.defaults_list import create_defaults_list
from hydra.core.default_element import ResultDefault
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from hydra.plugins.config_source import ConfigResult
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ..errors import Problem
from .check import SHELL
from .files import BadFile, Path, scan
from .names import listed, nearest
from .paths import GROUPS, NAME, shown
from .tree import Layer, Tree, nest

PRIMARY = "dlx"
_UNREAD = (OmegaConfBaseException, HydraException, yaml.YAMLError, ValueError, RecursionError)


@dataclass
class Composed:
    """What composing gave: the tree, the layers in order, and every problem met on the way."""

    tree: Tree = field(default_factory=Tree)
    layers: list[Layer] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    choices: dict[str, str] = field(default_factory=dict)
    interpolated: dict[Path, str] = field(default_factory=dict)


class _Repository(ConfigRepository):
    """Hydra's repository of config files; each file is scanned before Hydra reads it, once."""

    def __init__(self, folders: Sequence[FilePath]) -> None:
        # Not Hydra's registry of sources: filling it imports every Hydra plugin that is installed.
        self.sources = [FileConfigSource("dlx", f"file://{folder}") for folder in folders]
        self.lines: dict[str, tuple[FilePath, dict[Path, int]]] = {}
        self.problems: list[Problem] = []
        self._read: dict[str, ConfigResult] = {}

    def __deepcopy__(self, _: dict[int, Any]) -> _Repository:
        """Hydra copies the repository it is given; what is read there must be known here."""
        return self

    def file_of(self, config_path: str) -> FilePath | None:
        """The file that a config path such as "task/imdb" stands for."""
        for source in self.get_sources():
            if source.is_config(config_path):
                return FilePath(source.path) / f"{config_path}.yaml"
        return None

    def load_config(self, config_path: str) -> ConfigResult | None:
        if config_path not in self._read:
            file = self.file_of(config_path)
            if file is None:
                return None
            result = self._load(config_path, file)
            if config_path.startswith("task/"):
                result.header["package"] = result.header.get("package") or "_global_"
            self._read[config_path] = result
        return self._read[config_path]

    def _load(self, config_path: str, file: FilePath) -> ConfigResult:
        """Reads a file, or stands in for it, so that the others are still checked."""
        self.lines[config_path] = (file, {})
        try:
            self.lines[config_path] = (file, scan(file, shown(file)))
            result = super().load_config(config_path)
            assert result is not None
        except BadFile as error:
            self.problems.append(error.problem)
        except _UNREAD as error:
            self.problems.append(Problem(_first_line(error), shown(file)))
        else:
            return result
        empty = OmegaConf.create({})
        return ConfigResult("dlx", str(file), empty, {"package": None}, defaults_list=[])


def compose(arguments: Sequence[str], folders: Sequence[FilePath]) -> Composed:
    """Composes a config from files and command-line arguments.

    Args:
        arguments: overrides in Hydra's grammar, as in "task=imdb" or "optimizer.lr=0.01".
        folders: where config files are looked for, the first match winning.

    Returns:
        The merged tree with all problems found; it raises nothing for a user's mistake.
    """
    composed = Composed()
    repository = _Repository(folders)
    overrides = parse(arguments, composed.problems)
    groups, values = _sort(overrides, repository, composed.problems)
    composed.choices = {key: value for key, value, _ in groups}
    for layer in _file_layers(groups, repository, composed.problems):
        composed.layers.append(layer)
        composed.tree.merge(layer)
    for override in values:
        _apply(override, composed)
    composed.problems.extend(repository.problems)
    _resolve(composed)
    return composed


def parse(arguments: Sequence[str], problems: list[Problem]) -> list[Override]:
    """Reads arguments in Hydra's override grammar, noting those that are not in it."""
    parser = OverridesParser.create()
    overrides = []
    for argument in arguments:
        if "=" not in argument and not argument.startswith("~"):
            problems.append(_not_an_override(argument))
            continue
        try:
            overrides.extend(parser.parse_overrides([argument]))
        except HydraException as error:
            problems.append(
                Problem(
                    f"cannot read the argument: {_grammar_message(error)}",
                    SHELL + argument,
                    "key=value, as in optimizer.lr=0.01 or model.units=[64,64]",
                )
            )
    return overrides


def _not_an_override(argument: str) -> Problem:
    return Problem(
        f"`{argument}` is no key=value", SHELL + argument, "key=value", f"task={argument}"
    )


def _grammar_message(error: Exception) -> str:
    text = _first_line(error)
    return re.sub(r"^.*?(mismatched|extraneous|no viable|missing|token)", r"\1", text)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


_Choice = tuple[str, str, str]  # group, option, argument


def _sort(
    overrides: Sequence[Override], repository: _Repository, problems: list[Problem]
) -> tuple[list[_Choice], list[Override]]:
    """Tells choices of a group's file from values, and refuses what can be neither."""
    groups: list[_Choice] = []
    values: list[Override] = []
    for override in overrides:
        argument = override.input_line or ""
        key, value = override.key_or_group, override.value()
        if key == "hydra" or override.is_hydra_override():
            problems.append(_hydra_refused(argument))
        elif override.is_sweep_override():
            problems.append(_sweep_refused(argument))
        elif override.package is not None:
            problems.append(Problem("packages (@) are not read here", SHELL + argument))
        elif "." not in key and repository.group_exists(key) and isinstance(value, str):
            if problem := _check_option(key, value, argument, repository):
                problems.append(problem)
            else:
                groups = [g for g in groups if g[0] != key] + [(key, value, argument)]
        elif override.is_add() or override.is_force_add():
            plain = argument.lstrip("+")
            problems.append(
                Problem(
                    f"`+` adds nothing here: `{key}` is a key of the schema or of no use",
                    SHELL + argument,
                    "key=value",
                    plain,
                )
            )
        else:
            values.append(override)
    return groups, values


def _hydra_refused(argument: str) -> Problem:
    return Problem(
        "hydra.* settings are refused: they can load and run code",
        SHELL + argument,
        "dlx's own keys; run.root for the output folder, -m for a sweep",
    )


def _sweep_refused(argument: str) -> Problem:
    key, _, value = argument.partition("=")
    return Problem(
        "several values for one key",
        SHELL + argument,
        "one value; a list in brackets; or -m to run each value",
        f"dlx train -m ... {argument}   or   {key}=[{value}]",
    )


def _check_option(
    group: str, option: str, argument: str, repository: _Repository
) -> Problem | None:
    known = repository.get_group_options(group)
    if NAME.fullmatch(option) and repository.config_exists(f"{group}/{option}"):
        return None
    near = nearest(option, known)
    return Problem(
        f"there is no {group} `{option}`",
        SHELL + argument,
        listed(known),
        f"{group}={near}" if near else "",
    )


def _file_layers(
    groups: Sequence[_Choice], repository: _Repository, problems: list[Problem]
) -> Iterator[Layer]:
    """The config files in the order in which they are merged.

    What the shell chose is written after everything that files say, as if typed last.
    """
    lines = [f"{'' if group in GROUPS else '+'}{group}={option}" for group, option, _ in groups]
    try:
        overrides = OverridesParser.create().parse_overrides(lines)
        defaults = create_defaults_list(
            repository, PRIMARY, overrides, prepend_hydra=False, skip_missing=True
        ).defaults
    except HydraException as error:
        problems.append(Problem(_first_line(error), "defaults list"))
        return
    late = {f"{group}/{option}" for group, option, _ in groups if group != "task"}
    first, last = _split_late(defaults, late)
    for default in [*first, *last]:
        if default.config_path is not None:
            yield _layer(default.config_path, default.package or "", repository)


def _split_late(
    defaults: Sequence[ResultDefault], late: set[str]
) -> tuple[list[ResultDefault], list[ResultDefault]]:
    first, last = [], []
    belongs = set(late)
    for default in defaults:
        if default.config_path in belongs or default.parent in belongs:
            belongs.add(str(default.config_path))
            last.append(default)
        else:
            first.append(default)
    return first, last


def _layer(config_path: str, package: str, repository: _Repository) -> Layer:
    result = repository.load_config(config_path)
    assert result is not None
    values = OmegaConf.to_container(result.config, resolve=False)
    prefix = tuple(package.split(".")) if package else ()
    file, lines = repository.lines[config_path]
    mapping = values if isinstance(values, dict) else {}
    return Layer(
        shown(file), nest(prefix, mapping), {(*prefix, *path): n for path, n in lines.items()}
    )


def _apply(override: Override, composed: Composed) -> None:
    """Writes one value of the shell into the tree; `~key` takes one out."""
    path = tuple(override.key_or_group.split("."))
    source = SHELL + (override.input_line or "")
    value = override.value()
    if override.is_delete():
        parent = composed.tree.get(path[:-1])
        if not isinstance(parent, dict) or path[-1] not in parent:
            problem = Problem(f"there is no `{'.'.join(path)}` to take out", source)
            composed.problems.append(problem)
            return
        del parent[path[-1]]
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
        changed[index] = _replaced(items[index], rest, value)
        path, value = head, changed
    layer = Layer(source, nest(path, value))
    composed.layers.append(layer)
    composed.tree.merge(layer)


def _list_item(tree: Tree, path: Path) -> tuple[list[Any], int, Path] | None:
    """The list, index and rest of a path such as prepare.steps.0.size."""
    for end in range(1, len(path)):
        node = tree.get(path[:end])
        if isinstance(node, list) and path[end].isdigit():
            return node, int(path[end]), path[end + 1 :]
    return None


def _replaced(item: Any, rest: Path, value: Any) -> Any:
    if not rest:
        return value
    inner = dict(item) if isinstance(item, dict) else {}
    inner[rest[0]] = _replaced(inner.get(rest[0]), rest[1:], value)
    return inner


def _resolve(composed: Composed) -> None:
    """Replaces ${key} and ${oc.env:NAME} by what they refer to."""
    tree = composed.tree
    marked = [p for p, ws in tree.writers.items() if ws and "${" in str(ws[-1].value)]
    if not marked:
        return
    config = OmegaConf.create(tree.data)
    for path in marked:
        if tree.get(path) is None:
            continue
        try:
            value = OmegaConf.select(config, ".".join(path), throw_on_missing=True)
            plain = (
                OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
            )
        except OmegaConfBaseException as error:
            composed.problems.append(
                Problem(f"`{'.'.join(path)}`: {_first_line(error)}", tree.where(path))
            )
            continue
        composed.interpolated[path] = tree.writers[path][-1].value
        parent = tree.get(path[:-1])
        if isinstance(parent, dict):
            parent[path[-1]] = plain


def expand_sweep(
    arguments: Sequence[str], folders: Sequence[FilePath]
) -> tuple[list[list[str]], list[Problem]]:
    """All combinations of the arguments' values, for `-m`: the last argument varies fastest.

    Understands Hydra's `a,b`, `choice()`, `range()` and `glob()` over a group's files.

    Args:
        arguments: overrides in Hydra's grammar.
        folders: where config files are looked for, for `glob()`.

    Returns:
        One list of arguments a trial, and the problems met.
    """
    problems: list[Problem] = []
    dimensions: list[list[str]] = []
    repository = _Repository(folders)
    for override in parse(arguments, problems):
        override.config_loader = repository  # type: ignore[assignment] # only lists groups
        if not override.is_sweep_override():
            dimensions.append([override.input_line or ""])
        elif override.is_interval_sweep():
            problems.append(
                Problem(
                    "interval() has no end of values",
                    SHELL + str(override.input_line),
                    "values, choice(...) or range(...)",
                )
            )
        else:
            key = override.get_key_element()
            dimensions.append([f"{key}={v}" for v in override.sweep_string_iterator()])
    return [list(combination) for combination in product(*dimensions)], problems
