"""From command-line arguments to one checked config, with every mistake reported at once."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from ..errors import MethodError, Problem, UsageError
from .check import Checker
from .extras import find_missing
from .fields import to_plain
from .files import BadFile, Path, read_saved
from .keys import SHORT, every_option
from .learners import spec_of
from .paths import search_path
from .plugins import is_name, load_plugins
from .rules import find_contradictions, find_ineffective, forbidden
from .schema import (
    NO_RESULT,
    Config,
    Plain,
    rename_old_keys,
)
from .secrets import hide_in_arguments, hide_in_config
from .specs import AVERAGES, LEARNERS
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
        hidden: those of them that hold a text from the environment: never shown or saved.
    """

    config: Config
    tree: Tree
    arguments: tuple[str, ...]
    notes: tuple[str, ...]
    interpolated: dict[Path, str]
    hidden: frozenset[Path] = frozenset()

    def plain(self, resolve: bool = True) -> Plain:
        """The whole config with its defaults filled in.

        Args:
            resolve: replace ${key}; texts from the environment, and those whose key says that
                they are secret, are never shown or saved.
        """
        plain: Plain = to_plain(self.config)
        for path, written in self.interpolated.items():
            if resolve and path not in self.hidden:
                continue
            node: Any = plain
            for part in path[:-1]:
                node = node.get(part, {})
            if path[-1] in node:
                node[path[-1]] = written
        shown: Plain = hide_in_config(plain)
        return shown

    @property
    def shown(self) -> list[str]:
        """The arguments as they may be kept: values whose key says that they are secret hidden."""
        return hide_in_arguments(self.arguments)


def load(arguments: Sequence[str], config_dir: str | None = None) -> Loaded:
    """Composes and checks a config.

    Args:
        arguments: overrides in Hydra's grammar: "task=imdb", "optimizer.lr=0.01".
        config_dir: a further folder of configs, searched before dlx's own.

    Raises:
        UsageError: with every problem of command line and files, each with its place.
        MethodError: the config is right but the method forbids it.
    """
    from .compose import compose  # Hydra: 0.3 s

    composed = compose(arguments, search_path(config_dir))
    tree, found = composed.tree, composed.interpolated
    if composed.task is not None:
        task, source = composed.task
        tree.merge(Layer(source, {"task": task}))
    elif "task" not in tree.data and not composed.problems:
        composed.problems.append(
            Problem("no task is given", "command line", "task=NAME", "dlx tasks lists them")
        )
    config, problems, texts = _check(tree, composed.problems, found.unresolved, found.environment)
    if config is not None and not problems:
        problems.extend(find_missing(config, tree.where))
    told = {problem.where for problem in problems}
    problems.extend(plus for plus in composed.plus if plus.where not in told)
    if problems or config is None:
        raise UsageError(*_hide_secrets(problems, tree, found.written, found.environment))
    written = [section for section, value in tree.data.items() if value]
    if idle := find_ineffective(config, tree.where, written):
        raise UsageError(*idle)
    if refused := forbidden(config, tree.where):
        raise MethodError(*refused)
    hidden = frozenset(
        path for path in found.environment if any(text[: len(path)] == path for text in texts)
    )
    config = _restore_about(config, found.written, hidden)
    return Loaded(
        config, tree, tuple(arguments), tuple(spec_of(config).notes(config)), found.written, hidden
    )


def _restore_about(config: Config, written: dict[Path, str], hidden: Collection[Path]) -> Config:
    """What only people read is kept in many places, and never says what the environment held."""
    texts = {path[1]: written[path] for path in hidden if path[0] == "about" and len(path) == 2}
    about = dataclasses.replace(config.about, **texts)
    return dataclasses.replace(config, about=about)


def _hide_secrets(
    problems: Sequence[Problem], tree: Tree, written: dict[Path, str], secret: Collection[Path]
) -> list[Problem]:
    """Problems with what the environment held put back as it was written."""
    values = {path: tree.get(path) for path in secret}
    found = []
    for what, where, accepted, hint in map(dataclasses.astuple, problems):
        for path, value in values.items():
            if isinstance(value, str) and value:
                what, hint = (text.replace(value, written[path]) for text in (what, hint))
        found.append(Problem(what, where, accepted, hint))
    return found


def load_saved(
    file: FilePath, shown: str, plugins: Sequence[str] = (), arguments: Sequence[str] = ()
) -> Config:
    """Reads the `config.yaml` of a run folder: data only, it can name no code.

    Args:
        file: the file.
        shown: how the file is named to the user.
        plugins: packages that the user allows now; those that the file names are not imported.
        arguments: values of the shell, written over those of the file.

    Raises:
        UsageError: it cannot be read, or does not fit the schema.
    """
    try:
        values, lines = read_saved(file, shown)
    except BadFile as error:
        raise UsageError(error.problem) from None
    return load_values(values, shown, plugins, arguments, lines)


def load_values(
    values: Any,
    shown: str,
    plugins: Sequence[str] = (),
    arguments: Sequence[str] = (),
    lines: dict[Path, int] | None = None,
) -> Config:
    """A config of plain values, as a `config.yaml` holds them; see `load_saved`.

    Args:
        values: by section.
        shown: how the user knows where they are from.
        plugins: packages that the user allows now.
        arguments: values of the shell, written over them.
        lines: where each path was written, where that is known.

    Raises:
        UsageError: they do not fit the schema.
    """
    tree = Tree(short=SHORT)
    tree.merge(
        Layer(shown, {**rename_old_keys(values or {}), "plugins": list(plugins)}, lines or {})
    )
    found: list[Problem] = []
    if arguments:
        from .compose import lay_over

        found = lay_over(tree, arguments)
    config, problems, _ = _check(tree, found)
    if problems or config is None:
        raise UsageError(*problems, *tell_plugins(values, plugins, shown))
    return config


def tell_plugins(values: Any, plugins: Sequence[str], shown: str) -> list[Problem]:
    """What a run has used of the user's own that is not allowed now.

    Probably that is why its config cannot be read; or its environment is not found, as a plugin
    may only register one.

    Args:
        values: by section, as a `config.yaml` holds them.
        plugins: packages that the user allows now.
        shown: how the file is named to the user.
    """
    named = values.get("plugins") if isinstance(values, dict) else None
    listed = named if isinstance(named, list) else []
    lacking = [name for name in listed if is_name(name) and name not in plugins]
    if not lacking:
        return []
    what = f"this run used {', '.join(lacking)}: plugins, which a run folder cannot load by itself"
    hint = f"add `--plugins {' '.join(lacking)}`; to dlx resume `plugins=[{','.join(lacking)}]`"
    return [Problem(what, shown, hint=hint)]


def wrap_config(config: Config, arguments: Sequence[str]) -> Loaded:
    """A config that was read whole, as if it had been composed from these arguments."""
    return Loaded(config, Tree(), tuple(arguments), tuple(spec_of(config).notes(config)), {})


def _check(
    tree: Tree,
    problems: Sequence[Problem],
    unresolved: Collection[Path] = (),
    environment: Collection[Path] = (),
) -> tuple[Config | None, list[Problem], set[Path]]:
    """Schema first, rules across sections once that holds; also the paths of all free texts."""
    found = list(problems)
    refused = load_plugins(tree.data.get("plugins"), tree.where(("plugins",)))
    found.extend(refused)
    checker = Checker(tree.where, every_option(), environment)
    config = checker.section(Config, tree.data, ())
    for path, problem in checker.noted:
        # What a file that could not be read would have filled is not reported as missing.
        missing = problems and problem.what.endswith("is missing")
        told = any(path[: len(known)] == known for known in unresolved)
        # A hint at a list of plugins that cannot be loaded would be refused in turn.
        if not missing and not told and not (refused and path == ("plugins",)):
            found.append(problem)
    if config is not None and "baseline" not in tree.data:
        config = dataclasses.replace(config, baseline=config.dataset.options.baseline)
    if config is not None and not found:
        found.extend(find_contradictions(config, tree.where))
    return config, found, checker.texts


def digest(config: Config) -> str:
    """SHA-256 of everything in a config that can change a result (not where the runs lie)."""
    plain = to_plain(config, newer=False)
    for irrelevant in NO_RESULT:
        plain.pop(irrelevant)
    plain["prepare"]["augment"] = {k: v for k, v in plain["prepare"]["augment"].items() if v}
    if not plain["prepare"]["augment"]:
        del plain["prepare"]["augment"]
    if not any(plain["prepare"].get("views", {}).values()):
        plain["prepare"].pop("views", None)
    if config.learner == LEARNERS.default("supervised")():
        del plain["learner"]
    own = plain.get("learner", {}).get("optimizers") or {}
    for optimizer in (plain["optimizer"], *filter(None, own.values())):
        _write_groups(optimizer)
    if config.trainer.average == AVERAGES.default("none")():
        del plain["trainer"]["average"]
    source = plain.pop("from_run")
    if source["run"]:  # weights are what counts, wherever they lie
        plain["from_run"] = {**source, "run": "" if source["sha256"] else source["run"]}
    _forget_places(plain)
    plain["workflow"]["rungs"] = plain["workflow"].pop("capacity_steps")  # as for earlier runs
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _forget_places(value: Any) -> None:
    """Of vectors, weights and runs that are read, what they are counts, wherever they lie."""
    if isinstance(value, dict):
        if value.get("vectors") and value.get("sha256"):
            value["vectors"] = ""
        if value.get("run") and value.get("sha256"):
            value["run"] = ""
        if "network" in value and "/" in str(value.get("weights")) and value.get("sha256"):
            value["weights"] = ""
        value = list(value.values())
    for one in value if isinstance(value, list) else ():
        _forget_places(one)


def _write_groups(optimizer: Plain) -> None:
    """An optimizer's groups in their order, which counts; none are left out, as once they were."""
    if groups := optimizer.pop("groups", None):
        optimizer["groups"] = list(groups.items()) if isinstance(groups, dict) else groups
