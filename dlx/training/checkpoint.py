"""Checkpoints: safetensors and JSON under a SHA-256 manifest, whole or not at all.

The manifest is the commit: files are named by their contents, the manifest that lists them gets
its name at once, and only then is what no kept manifest lists deleted. A folder holds one or more
checkpoints; the newest is the one of the latest step, then epoch.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from ..errors import Problem, RunError, UsageError
from ..files import names_in, parse_json, read_bytes, remove_file, sha256_of
from ..runs.files import make_folders, plain, write_bytes

VERSION = 4
READABLE = (2, VERSION)
"""Versions whose weights can be read; a training goes on from the latest alone. No two are one
turned bit apart, as 2 and 3 are."""

Tensors = dict[str, Tensor]

_MANIFEST = re.compile(r"manifest-\d{9}-\d{6}\.json")
_FILE = re.compile(r"([a-z]+)-[0-9a-f]{16}\.(safetensors|json)")
_STATE = "state"


def save(
    folder: Path,
    tensors: Mapping[str, Mapping[str, Tensor]],
    state: Mapping[str, Any],
    keep: int = 1,
) -> None:
    """Writes a checkpoint; earlier ones in the folder stay valid until this one is complete.

    Args:
        folder: the checkpoints' folder, made if missing.
        tensors: tensors by kind ("weights", "optimizer", ...) and name; those of "chunk.0",
            "chunk.1" ... are read as those of one kind, "chunk".
        state: JSON-able facts, `step` and `epoch` among them.
        keep: checkpoints that stay, this one included.

    Raises:
        RunError: it cannot be written; the earlier ones are as they were.
    """
    facts = _json(plain(dict(state)))
    make_folders(folder)
    files = {}
    for kind, blob, ending in chain(_blobs(tensors), [(_STATE, facts, "json")]):
        digest = hashlib.sha256(blob).hexdigest()
        name = f"{kind}-{digest[:16]}.{ending}"
        if not _has_digest(folder / name, digest):  # best weights stay the same for many epochs
            write_bytes(folder / name, blob)
        files[name] = digest
    manifest = f"manifest-{int(state['step']):09d}-{int(state['epoch']):06d}.json"
    write_bytes(folder / manifest, _json({"version": VERSION, "files": files}))
    with suppress(OSError):  # the checkpoint is complete; the next one tries again
        _sweep(folder, keep)


def _blobs(tensors: Mapping[str, Mapping[str, Tensor]]) -> Iterator[tuple[str, bytes, str]]:
    """What a file of each kind has, one after the other, as all of them are large together."""
    for kind, values in tensors.items():
        yield kind.partition(".")[0], _pack(values), "safetensors"


def _pack(values: Mapping[str, Tensor]) -> bytes:
    tensors: dict[str, Tensor] = {}
    places = set()
    for name, one in values.items():
        tensor = one.detach().cpu().contiguous()
        tied = tensor.data_ptr() in places  # one weight under two names: the format wants two
        tensors[name] = tensor.clone() if tied else tensor
        places.add(tensor.data_ptr())
    return save_tensors(tensors)


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1, sort_keys=True, allow_nan=False).encode()


def _has_digest(file: Path, digest: str) -> bool:
    try:
        return sha256_of(file) == digest
    except OSError:
        return False


def _sweep(folder: Path, keep: int) -> None:
    """Deletes old checkpoints, and what a killed process left half written."""
    manifests = _manifests(folder)
    needed = {file.name for file in manifests[:keep]}
    for file in manifests[:keep]:
        with suppress(RunError):
            needed |= set(_read_manifest(file))
    for name in names_in(folder):
        if name not in needed:
            remove_file(folder / name)


def _manifests(folder: Path) -> list[Path]:
    """The manifests of a folder, newest first."""
    return [folder / n for n in reversed(names_in(folder)) if _MANIFEST.fullmatch(n)]


def has_checkpoint(folder: Path) -> bool:
    """Whether a folder holds a checkpoint, sound or not."""
    return bool(_manifests(folder))


def require_current(folder: Path) -> None:
    """A training goes on only from what this version of dlx has written.

    Raises:
        UsageError: an earlier one has.
    """
    for manifest in _manifests(folder):
        with suppress(OSError, ValueError, KeyError, TypeError):  # damage is told when it is read
            if parse_json(read_bytes(manifest))["version"] < VERSION:
                what = "the checkpoint was written by an earlier version of dlx: its weights can"
                what += " be used, but this version cannot continue its training"
                raise UsageError(Problem(what, str(folder), hint="train again"))


def load(folder: Path) -> tuple[dict[str, Tensors], dict[str, Any]]:
    """Reads the newest checkpoint after verifying every byte.

    Returns:
        Tensors by kind and name, and the state.

    Raises:
        RunError: there is none, a file is missing, or its hash is not the manifest's.
    """
    manifests = _manifests(folder)
    if not manifests:
        raise RunError(_damage(folder, "it has no manifest"))
    return _read(manifests[0])


def recover(folder: Path) -> tuple[dict[str, Tensors], dict[str, Any], list[Problem]]:
    """Reads the newest checkpoint that is sound, and takes damaged newer ones out of the way.

    Returns:
        Tensors by kind and name, the state, and what is wrong with each newer one.

    Raises:
        RunError: none is sound; with what is wrong with each. Nothing is changed.
    """
    problems: list[Problem] = []
    damaged: list[Path] = []
    for manifest in _manifests(folder):
        try:
            tensors, state = _read(manifest)
        except RunError as error:
            problems.extend(error.problems)
            damaged.append(manifest)
            continue
        for newer in damaged:  # else it would be kept, and this one be swept away
            with suppress(OSError):
                remove_file(newer)
        return tensors, state, problems
    raise RunError(*(problems or [_damage(folder, "it has no manifest")]))


def _read(manifest: Path) -> tuple[dict[str, Tensors], dict[str, Any]]:
    blobs: dict[str, list[bytes]] = {}
    folder = manifest.parent
    for name, expected in _read_manifest(manifest).items():
        try:
            found = sha256_of(folder / name)  # what is not ours is not held in memory
            blob = read_bytes(folder / name, None) if found == expected else b""
        except OSError as error:
            what = f"{name} cannot be read: {error.strerror}"
            raise RunError(_damage(folder, what, manifest)) from error
        if found != expected:
            what = f"{name} has SHA-256 {found}, not {expected}"
            raise RunError(_damage(folder, what, manifest))
        blobs.setdefault(name.partition("-")[0], []).append(blob)
    try:
        (facts,) = blobs.pop(_STATE)
        return {kind: _unpack(parts) for kind, parts in blobs.items()}, parse_json(facts)
    except (KeyError, ValueError, SafetensorError) as error:
        raise RunError(_damage(folder, f"it cannot be read: {error}", manifest)) from error


def _unpack(blobs: list[bytes]) -> Tensors:
    return {name: one for blob in blobs for name, one in load_tensors(blob).items()}


def _read_manifest(manifest: Path) -> dict[str, str]:
    """Hash by file name, as a manifest has them."""
    folder = manifest.parent
    try:
        blob = read_bytes(manifest)
        found = parse_json(blob)
        files = {str(name): str(digest) for name, digest in found["files"].items()}
        version = found["version"]
    except OSError as error:
        what = f"{manifest.name} cannot be read: {error.strerror}"
        raise RunError(_damage(folder, what, manifest)) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunError(_damage(folder, f"{manifest.name} is not a manifest", manifest)) from error
    if version not in READABLE:
        what = f"{manifest.name} is of version {version}, which this dlx does not know"
        raise RunError(_damage(folder, what, manifest))
    if not all(map(_FILE.fullmatch, files)):
        what = f"{manifest.name} names files outside the checkpoint"
        raise RunError(_damage(folder, what, manifest))
    if blob != _json({"version": version, "files": files}):  # so that every bit counts
        raise RunError(
            _damage(folder, (f"{manifest.name} has changed since it was written"), manifest)
        )
    return files


def _damage(folder: Path, what: str, manifest: Path | None = None) -> Problem:
    step = f" of step {int(manifest.name.split('-')[1])}" if manifest else ""
    return Problem(
        f"the checkpoint {folder.name}{step} is damaged: {what}", str(folder), hint="train again"
    )
