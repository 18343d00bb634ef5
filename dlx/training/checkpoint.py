"""Checkpoints: safetensors and JSON under a SHA-256 manifest, whole or not at all.

The manifest is the commit: files get names of their own, the manifest that lists them is replaced
atomically, and only then are the files of the one before deleted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from ..errors import Problem, RunError
from ..runs.files import cannot_write, plain, write_bytes

MANIFEST = "manifest.json"
VERSION = 1
_ENDINGS = {"weights": "safetensors", "state": "json"}


def save(folder: Path, weights: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
    """Writes a checkpoint; an earlier one in the folder stays valid until this one is complete.

    Args:
        folder: the checkpoint's folder, made if missing.
        weights: tensors by name.
        state: JSON-able facts: epoch, step, score.

    Raises:
        RunError: it cannot be written.
    """
    on_cpu = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    contents = {"weights": save_tensors(on_cpu), "state": _json(plain(dict(state)))}
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(cannot_write(folder, error)) from error
    files = {}
    for kind, blob in contents.items():
        digest = hashlib.sha256(blob).hexdigest()
        # The digest in the name: no file of the checkpoint before, if of this step, is replaced.
        name = f"{kind}-{int(state['step']):08d}-{digest[:8]}.{_ENDINGS[kind]}"
        write_bytes(folder / name, blob)
        files[name] = digest
    write_bytes(folder / MANIFEST, _json({"version": VERSION, "files": files}))
    with suppress(OSError):  # the checkpoint is complete; the next one tries again
        for stale in folder.iterdir():
            if stale.name not in (MANIFEST, *files):
                stale.unlink()


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1, sort_keys=True, allow_nan=False).encode()


def load(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Reads a checkpoint after verifying every byte.

    Returns:
        Weights by name, and the state.

    Raises:
        RunError: a file is missing, or its hash is not the manifest's.
    """
    files = _manifest(folder)
    blobs = {}
    for name, expected in files.items():
        try:
            blob = (folder / name).read_bytes()
        except (OSError, ValueError) as error:  # ValueError: no name for a file
            reason = getattr(error, "strerror", error)
            raise RunError(_damaged(folder, f"{name!r} cannot be read: {reason}")) from error
        found = hashlib.sha256(blob).hexdigest()
        if found != expected:
            raise RunError(_damaged(folder, f"{name} has SHA-256 {found}, not {expected}"))
        blobs[name.partition("-")[0]] = blob
    try:
        return load_tensors(blobs["weights"]), json.loads(blobs["state"])
    except (KeyError, ValueError, SafetensorError) as error:
        raise RunError(_damaged(folder, f"it cannot be read: {error}")) from error


def _manifest(folder: Path) -> dict[str, str]:
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        files = {str(name): str(digest) for name, digest in manifest["files"].items()}
    except OSError as error:
        message = f"{MANIFEST} cannot be read: {error.strerror}"
        raise RunError(_damaged(folder, message)) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunError(_damaged(folder, f"{MANIFEST} is no manifest")) from error
    if manifest.get("version") != VERSION:
        raise RunError(_damaged(folder, f"{MANIFEST} is not of version {VERSION}"))
    if any("/" in name or "\\" in name or name.startswith(".") for name in files):
        raise RunError(_damaged(folder, f"{MANIFEST} names files outside the checkpoint"))
    return files


def _damaged(folder: Path, what: str) -> Problem:
    return Problem(
        f"the checkpoint {folder.name} is damaged: {what}", str(folder), hint="train again"
    )
