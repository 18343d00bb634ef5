"""Hydra's view of the folders of configs: files are scanned first, read once, mistakes noted.

With `compose`, the only module that touches Hydra. It uses Hydra's internals (the reason for the
exact range of versions in `pyproject.toml`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path as FilePath
from typing import Any

import yaml
from hydra import version
from hydra._internal.config_repository import ConfigRepository
from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra.core.default_element import ConfigDefault, GroupDefault, InputDefault
from hydra.core.object_type import ObjectType
from hydra.errors import HydraException
from hydra.plugins.config_source import ConfigResult
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ..errors import Problem
from .fields import Chosen, options_of
from .files import BadFile, Path, scan
from .names import components, did_you_mean, find_nearest, join_names
from .paths import GROUPS, group_files, is_name, show_path, unusable_file
from .schema import Config

version.setbase("1.3")  # else Hydra warns, or falls back to the ways of version 1.1
_UNREAD = (OmegaConfBaseException, HydraException, yaml.YAMLError, ValueError, RecursionError)


class Repository(ConfigRepository):
    """The config files below some folders, the first match winning.

    Attributes:
        lines: config path, as in "task/imdb" -> its file, and the line of each key.
        problems: what is wrong with the files that were read.
    """

    def __init__(self, folders: Sequence[FilePath]) -> None:
        # Not Hydra's registry of sources: filling it imports every Hydra plugin that is installed.
        self.sources = [FileConfigSource("dlx", f"file://{folder}") for folder in folders]
        self.lines: dict[str, tuple[FilePath, dict[Path, int]]] = {}
        self.problems: list[Problem] = []
        self._folders = folders
        self._read: dict[str, ConfigResult] = {}

    def __deepcopy__(self, _: dict[int, Any]) -> Repository:
        """Hydra copies the repository it is given; what is read there must be known here."""
        return self

    def load_config(self, config_path: str) -> ConfigResult | None:
        """Reads a config file, once; None where there is none."""
        if config_path not in self._read:
            file = self._file_of(config_path)
            if file is None:
                return None
            result = self._load(config_path, file)
            if config_path.startswith("task/"):
                result.header["package"] = result.header.get("package") or "_global_"
            self._read[config_path] = result
        return self._read[config_path]

    def names(self, group: str) -> list[str]:
        """The names by which configs of a group can be chosen."""
        every = {name for folder in self._folders for name in group_files(folder, group)}
        return sorted(filter(is_name, every))

    def get_group_options(
        self, group_name: str, results_filter: ObjectType | None = ObjectType.CONFIG
    ) -> list[str]:
        """What Hydra knows of a group, for its `glob()`: only what can be chosen."""
        return list(filter(is_name, super().get_group_options(group_name, results_filter)))

    def overriding(self) -> dict[str, str]:
        """What files chose with `override /group: option` -> the file that did."""
        return {
            f"{_group(default, path)}/{default.value}": path
            for path, result in self._read.items()
            for default in result.defaults_list or []
            if isinstance(default, GroupDefault) and default.override
        }

    def check_option(self, group: str, option: str, where: str) -> Problem | None:
        """What is wrong with an option of a group; None where it is a file that can be read."""
        if is_name(option) and self.config_exists(f"{group}/{option}".lstrip("/")):
            return None
        for folder in self._folders:
            if problem := unusable_file(folder, group, option):
                return replace(problem, where=where)
        known = self.names(group)
        hint = did_you_mean(option, known, f"{group}={{}}")
        typed = _suggest_plugin(group, option)
        accepted = components(known, typed) if typed else join_names(known)
        return Problem(f"there is no {group or 'config'} `{option}`", where, accepted, hint)

    def _file_of(self, config_path: str) -> FilePath | None:
        for source in self.get_sources():
            if source.is_config(config_path):
                return FilePath(source.path) / f"{config_path}.yaml"
        return None

    def _load(self, config_path: str, file: FilePath) -> ConfigResult:
        """Reads a file, or stands in for it, so that the others are still checked."""
        self.lines[config_path] = (file, {})
        try:
            self.lines[config_path] = (file, scan(file, show_path(file)))
            result = super().load_config(config_path)
            assert result is not None
        except BadFile as error:
            self.problems.append(error.problem)
        except _UNREAD as error:
            self.problems.append(Problem(first_line(error), show_path(file)))
        else:
            result.defaults_list = list(self._usable(config_path, result.defaults_list or []))
            return result
        empty = OmegaConf.create({})
        return ConfigResult("dlx", str(file), empty, {"package": None}, defaults_list=[])

    def _usable(self, config_path: str, defaults: list[InputDefault]) -> Iterator[InputDefault]:
        """The items of a defaults list that name something; Hydra would stop at the first other."""
        file, lines = self.lines[config_path]
        for index, default in enumerate(defaults):
            line = lines.get(("defaults", str(index)))
            problem = self._check_default(default, config_path, f"{show_path(file)}:{line}")
            if problem is None:
                yield default
            else:
                self.problems.append(problem)

    def _check_default(self, default: InputDefault, path: str, where: str) -> Problem | None:
        group = _group(default, path)
        if default.is_self() or (default.is_optional() and is_name(group)):
            return None
        if group.partition("/")[0] == "hydra":
            return Problem("hydra.* settings are refused: they can load and run code", where)
        if isinstance(default, ConfigDefault):
            return self.check_option(group, str(default.get_name()), where)
        if not is_name(group) or not self.group_exists(group):
            inner = group.rpartition("/")[2]  # forgetting the slash is Hydra's classic trap
            near = inner if self.group_exists(inner) else find_nearest(group, GROUPS)
            hint = f"did you mean /{near}?" if near else ""
            return Problem(f"there is no group `{group}`", where, join_names(GROUPS), hint)
        assert isinstance(default, GroupDefault)
        names = default.value if isinstance(default.value, list) else [default.value]
        problems = (self.check_option(group, name, where) for name in names if name is not None)
        return next((problem for problem in problems if problem), None)


def _group(default: InputDefault, config_path: str) -> str:
    """The group that an item of a defaults list stands for; without a slash, below the file's."""
    base = config_path.rpartition("/")[0]
    if isinstance(default, GroupDefault):
        name = default.group or ""
    else:
        assert isinstance(default, ConfigDefault)
        name = (default.path or "").rpartition("/")[0]
        if not name:
            return "" if (default.path or "").startswith("/") else base
    if name.startswith("/"):
        return name[1:]
    return f"{base}/{name}" if base else name


def first_line(error: Exception) -> str:
    """The first line of an error's message, or its type where it has none."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def _suggest_plugin(group: str, option: str) -> str:
    """What chooses a component of a plugin, which has no file; "" where none can be meant."""
    opt = options_of(Config).get(group)
    if opt is None or opt.meta.table is None or not option.isidentifier():
        return ""
    return f"{group}.name={option}" if opt.hint is Chosen else f"{group}.{option}={{}}"
