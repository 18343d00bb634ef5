"""Checkpoints: safetensors and JSON under a SHA-256 manifest, whole or not at all.

The manifest is the commit: files get names of their own, the manifest that lists them is replaced
atomically, and only then are the files of the one before deleted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from ..errors import Problem, RunError
from ..runs.files import write_bytes

MANIFEST = "manifest.json"
VERSION = 1


def save(folder: Path, weights: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
    """Writes a checkpoint; an earlier one in the folder stays valid until this one is complete.

    Args:
        folder: the checkpoint's folder, made if missing.
        weights: tensors by name.
        state: JSON-able facts: epoch, step, score.

    Raises:
        RunError: it cannot be written.
    """
    stamp = f"{int(state['step']):08d}"
    blobs = {
        f"weights-{stamp}.safetensors": save_tensors(
            {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
        ),
        f"state-{stamp}.json": json.dumps(dict(state), indent=1, sort_keys=True).encode(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, blob in blobs.items():
        write_bytes(folder / name, blob)
    files = {name: hashlib.sha256(blob).hexdigest() for name, blob in blobs.items()}
    manifest = {"version": VERSION, "files": files}
    write_bytes(folder / MANIFEST, json.dumps(manifest, indent=1, sort_keys=True).encode())
    for stale in folder.iterdir():
        if stale.name not in (MANIFEST, *blobs):
            stale.unlink()


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
        except OSError as error:
            raise RunError(_damaged(folder, f"{name} cannot be read: {error.strerror}")) from error
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
    if any("/" in name or "\\" in name or name.startswith(".") for name in files):
        raise RunError(_damaged(folder, f"{MANIFEST} names files outside the checkpoint"))
    return files


def _damaged(folder: Path, what: str) -> Problem:
    return Problem(
        f"the checkpoint {folder.name} is damaged: {what}", str(folder), hint="train again"
    )
