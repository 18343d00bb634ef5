"""The runs that an ensemble is made of: where their weights lie, and what it keeps of them.

An ensemble's folder stands alone: its checkpoint holds the members' weights, `members/NAME/` the
config of each, and its own preparation theirs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..config.load import load_saved
from ..config.schema import Config
from ..errors import Problem, UsageError
from ..files import is_file, is_folder, names_in, read_bytes
from .files import make_folders, write_bytes
from .folder import MARK, find, name_of, read_status
from .source import Source, find_weights

FOLDER, CONFIG = "members", "config.yaml"
_KEY = "learner.members"
_DEEPEST = 5
"""Ensembles of ensembles of ensembles."""


def members_of(config: Config) -> Mapping[str, Any]:
    """The members that a config's learner has, in the order of their names; {} of any other."""
    found: dict[str, Any] = getattr(config.learner.options, "members", {})
    return dict(sorted(found.items()))


def folder_of(config: Config, name: str) -> Path:
    """Where a member's config lies: in its run, or in what an ensemble keeps of it.

    Raises:
        UsageError: its run is gone.
    """
    member = members_of(config)[name]
    own = Path(member.run)
    if is_file(own / CONFIG) and not is_file(own / MARK):  # a copy that an ensemble keeps
        return own
    try:
        return find(Path(config.run.root), member.run)
    except UsageError as error:
        accepted = "a finished run"
        what = f"run {member.run}, a member of this ensemble, is gone"
        what = what if member.sha256 else error.problems[0].what
        raise UsageError(Problem(what, f"{_KEY}.{name}", accepted, "dlx runs")) from error


def place_of(config: Config, name: str) -> Path:
    """Where a member's fitted preparation lies: in its run, or in one of that run's folds."""
    at = members_of(config)[name].at
    folder = folder_of(config, name)
    return folder / at if at.startswith("folds/") else folder


def find_members(config: Config) -> dict[str, Source]:
    """The members' runs with their weights, by name.

    Raises:
        UsageError: one is gone, not finished, keeps no such weights, or others than are known.
    """
    return {name: _find(config, name) for name in members_of(config)}


def _find(config: Config, name: str) -> Source:
    member, folder = members_of(config)[name], folder_of(config, name)
    status, key = read_status(folder) or {}, f"{_KEY}.{name}"
    if status.get("state") != "done":
        what = f"run {name_of(folder)} is {status.get('state', 'unknown')}: it has no final weights"
        hint = f"dlx resume {folder.name}"
        raise UsageError(Problem(what, key, "a finished run", hint))
    file, sha256 = find_weights(folder, _places(folder, member.at), key)
    if member.sha256 not in ("", sha256):
        what = f"the weights of run {name_of(folder)} have changed since they were recorded"
        hint = f"found {sha256}"
        raise UsageError(Problem(what, f"{key}.sha256", f"digest {member.sha256}", hint))
    return Source(folder, file, sha256)


def _places(folder: Path, at: str) -> Iterator[Path]:
    """The folders that a member's weights may lie in."""
    if at.startswith("snapshots/"):
        yield folder / "checkpoints" / at
        return
    for name in ("best", "last"):
        yield folder / at / "checkpoints" / name


def settle_members(config: Config) -> Config:
    """A config that names its members whole, and holds them to the digests of their weights.

    Raises:
        UsageError: as of `find_members`.
    """
    found, root = find_members(config), Path(config.run.root).resolve()
    return _change(
        config,
        lambda name, one: replace(
            one,
            run=_name_for(found[name].folder, root),
            sha256=found[name].sha256,
        ),
    )


def _name_for(folder: Path, root: Path) -> str:
    """A run's name below the root where it lies there, else its path."""
    here = root == folder.resolve().parent.parent
    return name_of(folder) if here else str(folder.resolve())


def pin_members(config: Config, root: Path) -> Config:
    """A config that names its members by their paths, wherever `run.root` is.

    Args:
        config: as a run folder keeps it.
        root: the folder of that run's root, by which their names are meant.

    Raises:
        UsageError: one is gone.
    """
    here = replace(config, run=replace(config.run, root=str(root)))
    return _change(config, lambda name, one: replace(one, run=str(folder_of(here, name).resolve())))


def keep_members(config: Config, folder: Path) -> None:
    """Copies the members' configs into an ensemble's folder, those of their own members too.

    Raises:
        RunError: it cannot be written.
    """
    for name in members_of(config):
        _copy(folder_of(config, name), folder / FOLDER / name)


def _copy(run: Path, to: Path, depth: int = 0) -> None:
    make_folders(to)
    content = read_bytes(run / CONFIG)
    if not is_file(to / CONFIG) or read_bytes(to / CONFIG) != content:
        write_bytes(to / CONFIG, content)
    inner = names_in(run / FOLDER) if is_folder(run / FOLDER) and depth < _DEEPEST else ()
    for name in inner:
        _copy(run / FOLDER / name, to / FOLDER / name, depth + 1)


def stand_alone(config: Config, folder: Path) -> Config:
    """A config whose members are those that an ensemble's folder keeps; any other as it is."""
    return _change(config, lambda name, one: replace(one, run=str(folder / FOLDER / name)))


def config_of_member(config: Config, name: str) -> Config:
    """The config that a member was trained by.

    Raises:
        UsageError: it cannot be read.
    """
    folder = folder_of(config, name)
    found = load_saved(folder / CONFIG, f"{folder.name}/{CONFIG}", config.plugins)
    return stand_alone(found, folder)


def _change(config: Config, change: Any) -> Config:
    """A config with other members: `change` makes one of a name and a member."""
    if not members_of(config):
        return config
    options = config.learner.options
    members = {name: change(name, one) for name, one in options.members.items()}
    learner = replace(config.learner, options=replace(options, members=members))
    return replace(config, learner=learner)
