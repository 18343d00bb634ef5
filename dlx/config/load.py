"""From command-line arguments to one checked config, with every mistake reported at once."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

import yaml

from ..errors import Problem, UsageError
from .check import SHELL, Checker
from .fields import Chosen, options_of, to_plain
from .files import BadFile, Path, scan
from .paths import search_path
from .plugins import load_plugins
from .rules import broken_rules, notes
from .schema import Config, Plain
from .tree import Layer, Tree


@dataclass(frozen=True)
class Loaded:
    """A checked config, and how it came about.

    Attributes:
        config: the config.
        tree: what was written, by whom.
        arguments: the command-line arguments it was made from.
        notes: what is allowed but worth a word.
        interpolated: values that refer to others or to the environment, as they were written.
    """

    config: Config
    tree: Tree
    arguments: tuple[str, ...]
    notes: tuple[str, ...]
    interpolated: dict[Path, str]

    def plain(self, resolve: bool = True) -> Plain:
        """The whole config with its defaults filled in.

        Args:
            resolve: replace ${key}; what comes from the environment is never shown or saved.
        """
        plain: Plain = to_plain(self.config)
        for path, written in self.interpolated.items():
            if resolve and "oc.env" not in str(written):
                continue
            node: Any = plain
            for part in path[:-1]:
                node = node.get(part, {})
            if path[-1] in node:
                node[path[-1]] = written
        return plain


def load(arguments: Sequence[str], config_dir: str | None = None) -> Loaded:
    """Composes and checks a config.

    Args:
        arguments: overrides in Hydra's grammar: "task=imdb", "optimizer.lr=0.01".
        config_dir: a further folder of configs, searched before dlx's own.

    Raises:
        UsageError: with every problem of command line and files, each with its place.
    """
    from .compose import compose  # Hydra: 0.3 s

    composed = compose(arguments, search_path(config_dir))
    tree = composed.tree
    if "task" in composed.choices:
        tree.merge(
            Layer(f"{SHELL}task={composed.choices['task']}", {"task": composed.choices["task"]})
        )
    elif not composed.problems:
        composed.problems.append(
            Problem("no task is named", "command line", "task=NAME", "dlx tasks lists them")
        )
    config, problems = _check(tree, composed.problems)
    if problems or config is None:
        raise UsageError(*problems)
    return Loaded(config, tree, tuple(arguments), tuple(notes(config)), composed.interpolated)


def load_saved(file: FilePath, shown: str, plugins: Sequence[str] = ()) -> Config:
    """Reads the `config.yaml` of a run folder: data only, it can name no code.

    Args:
        file: the file.
        shown: how the file is named to the user.
        plugins: packages that the user allows now; those that the file names are not imported.

    Raises:
        UsageError: it cannot be read, or does not fit the schema.
    """
    try:
        lines = scan(file, shown)
    except BadFile as error:
        raise UsageError(error.problem) from None
    values = yaml.safe_load(file.read_text(encoding="utf-8"))
    if not isinstance(values, dict):
        raise UsageError(Problem("holds no config", shown, "key: value"))
    tree = Tree()
    tree.merge(Layer(shown, {**values, "plugins": list(plugins)}, lines))
    config, problems = _check(tree, [])
    if problems or config is None:
        raise UsageError(*problems)
    return config


def _check(tree: Tree, problems: list[Problem]) -> tuple[Config | None, list[Problem]]:
    """Schema first, rules across sections once that holds."""
    found = list(problems)
    found.extend(load_plugins(tree.data.get("plugins"), tree.where(("plugins",))))
    checker = Checker(tree.where, dotted_keys())
    config = checker.section(Config, tree.data, ())
    # What a file that could not be read would have filled is not reported as missing.
    found.extend(p for p in checker.problems if not (problems and p.what.endswith("is missing")))
    if config is not None and not found:
        found.extend(broken_rules(config, tree.where))
    return config, found


def dotted_keys() -> tuple[str, ...]:
    """Every key of the schema, components' options included: "optimizer.lr", "trainer.epochs"."""
    found: dict[str, None] = {}

    def visit(cls: type, prefix: str) -> None:
        for name, opt in options_of(cls).items():
            key = f"{prefix}{name}"
            found[key] = None
            if opt.hint is Chosen and opt.meta.table is not None:
                for entry in opt.meta.table.entries.values():
                    visit(entry.options, f"{key}.")
            elif dataclasses.is_dataclass(opt.hint):
                visit(opt.hint, f"{key}.")  # type: ignore[arg-type]

    visit(Config, "")
    return tuple(found)


def digest(config: Config) -> str:
    """SHA-256 of everything in a config that can change a result (not where the runs lie)."""
    plain = to_plain(config)
    for irrelevant in ("run", "about"):
        plain.pop(irrelevant)
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
