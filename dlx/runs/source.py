"""The run that another one starts from: where it lies, and the weights that it keeps."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..config import load as config_load
from ..config.load import Loaded
from ..config.schema import Config
from ..errors import Problem, RunError, UsageError
from ..files import is_folder, names_in, read_bytes, read_json
from .folder import find, name_of, read_status

Weights = dict[str, Any]
"""Arrays by name."""
_MANIFEST = re.compile(r"manifest-\d{9}-\d{6}\.json")
_WEIGHTS = re.compile(r"weights-[0-9a-f]{16}\.safetensors")
_BARE = re.compile(r"[\w./-]+")


@dataclass(frozen=True)
class Source:
    """A finished run with the weights that it keeps.

    Attributes:
        folder: the run folder.
        file: its kept weights: the best ones where there are any.
        sha256: their digest, as the run has recorded it.
    """

    folder: Path
    file: Path
    sha256: str

    @property
    def name(self) -> str:
        """Its name below its root."""
        return name_of(self.folder)


def load(arguments: Sequence[str], config_dir: str | None = None) -> Loaded:
    """Composes and checks a config, and finds the run that it starts from, if any.

    The config and the arguments that are handed on name that run itself, whatever was typed
    (`last` would soon be another), and the config has the digest of its weights.

    Raises:
        UsageError: as `dlx.config.load.load`; or there is no such run, or it keeps no weights.
        MethodError: the config is right but the method forbids it.
    """
    loaded = config_load.load(arguments, config_dir)
    config = loaded.config
    if not config.from_run.run:
        return loaded
    try:
        source = find_source(config)
    except UsageError as error:
        where = loaded.tree.where(("from_run",))
        raise UsageError(*(replace(one, where=where) for one in error.problems)) from None
    name = name_for(source, Path(config.run.root))
    return replace(
        loaded,
        config=replace(config, from_run=replace(config.from_run, run=name, sha256=source.sha256)),
        arguments=_name_in(loaded.arguments, name),
    )


def name_for(source: Source, root: Path) -> str:
    """Its name below the root where it lies there, else its path."""
    here = root.resolve() == source.folder.resolve().parent.parent
    return source.name if here else str(source.folder.resolve())


def _name_in(arguments: Sequence[str], name: str) -> tuple[str, ...]:
    """The arguments with a run by its whole name in the place of what was typed."""
    keys = {"from_run", "from_run.run"}
    values = {a: a.partition("=")[2] for a in arguments if a.partition("=")[0].lstrip("+") in keys}
    if name in values.values():
        return tuple(arguments)
    kept = [a for a in arguments if a not in values or values[a].startswith("{")]
    return (*kept, f"from_run.run={quote(name)}")


def quote(text: str) -> str:
    """A text as the value of an argument, whatever it holds."""
    return text if _BARE.fullmatch(text) else "'" + text.replace("'", "\\'") + "'"


def pin_source(config: Config, root: Path) -> Config:
    """A config that names the run that it starts from by its path, wherever `run.root` is.

    Args:
        config: as a run folder keeps it.
        root: the folder of that run's root, by which the name is meant.

    Raises:
        UsageError: there is no such run any more.
    """
    if not config.from_run.run:
        return config
    try:
        folder = find(root, config.from_run.run).resolve()
    except UsageError as error:
        what = f"run {config.from_run.run}, from which this one started, is gone"
        raise UsageError(Problem(what, str(root), "it, where it was", "train again")) from error
    return replace(config, from_run=replace(config.from_run, run=str(folder)))


def find_source(config: Config) -> Source:
    """The run that a config starts from.

    Raises:
        UsageError: there is none, it is not finished, keeps no weights, or others than are known.
    """
    source = config.from_run
    return find_finished(Path(config.run.root), source.run, source.sha256, "from_run")


def find_finished(root: Path, name: str, known: str, key: str) -> Source:
    """A finished run with the weights that it keeps.

    Args:
        root: the folder of runs.
        name: of the run, as a user means it.
        known: the digest of its weights; "" where it is not known yet.
        key: of the config, which names it.

    Raises:
        UsageError: there is none, it is not finished, keeps no weights, or others than are known.
    """
    folder = find(root, name)
    status = read_status(folder) or {}
    if status.get("state") != "done":
        what = f"run {name_of(folder)} is {status.get('state', 'unknown')}: it has no final weights"
        hint = f"dlx resume {folder.name} continues it"
        raise UsageError(Problem(what, f"{key}.run", "a finished run", hint))
    places = (folder / "checkpoints" / name for name in ("best", "last"))
    file, sha256 = find_weights(folder, places, f"{key}.run")
    if known and known != sha256:
        what = f"the weights of run {name_of(folder)} have changed since they were recorded"
        raise UsageError(Problem(what, f"{key}.sha256", f"digest {known}", f"found {sha256}"))
    return Source(folder, file, sha256)


def find_weights(
    folder: Path, places: Iterable[Path], key: str = "from_run.run"
) -> tuple[Path, str]:
    """The file of a run's kept weights, and its digest as the newest manifest has it.

    Args:
        folder: the run folder.
        places: where they may lie, the first that has any counts.
        key: of the config, which names the run.

    Raises:
        UsageError: there are none.
    """
    for place in places:
        manifests = [name for name in names_in(place) if _MANIFEST.fullmatch(name)]
        if manifests:
            files = _files_in(place / max(manifests))
            for name in files:
                if _WEIGHTS.fullmatch(name):
                    return place / name, str(files[name])
    what = f"run {name_of(folder)} keeps no weights of its own"
    folds = is_folder(folder / "folds")
    hint = "a run over folds has a final model only with final=true" if folds else ""
    raise UsageError(Problem(what, key, "a run with weights", hint))


def _files_in(manifest: Path) -> dict[str, Any]:
    try:
        files = read_json(manifest)["files"]
        return dict(files)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            Problem(f"{manifest.name} cannot be read", str(manifest.parent))
        ) from error


def read_weights(source: Source) -> Weights:
    """The kept weights by name, after every byte was verified.

    Raises:
        RunError: they are damaged.
    """
    from safetensors import SafetensorError  # with NumPy: 0.1 s
    from safetensors.numpy import load as load_arrays

    try:
        content = read_bytes(source.file, None)
        if hashlib.sha256(content).hexdigest() == source.sha256:
            return dict(sorted(load_arrays(content).items()))  # they come in no order
        reason = "they are not those that the run recorded"
    except (OSError, ValueError, SafetensorError) as error:
        reason = str(error)
    what = f"the weights of run {source.name} are damaged: {reason}"
    raise RunError(Problem(what, str(source.folder), hint="start from another run"))
