"""Weights out of files that others made: the one place where torch reads a file of its own format.

What is read is what has been hashed, and nothing in it is run: tensors are all that is let in.
"""

from __future__ import annotations

import hashlib
import io
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as load_tensors
from torch import Tensor

from ..config.names import join_names
from ..errors import Problem, UsageError
from ..files import read_bytes

_OLD_NAMES = (  # of files that torchvision renames as it reads them, and of our own encoder
    (re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12])\."), r"\1\2."),
    (re.compile(r"^class_token$"), "encoder.class_token"),
)
_COUNT = ".num_batches_tracked"  # which older files lack, and nothing here depends on
_SHOWN = 3


def read_weights(file: Path, sha256: str) -> dict[str, Tensor]:
    """The tensors in a file of weights, by the names that torchvision has for them today.

    Args:
        file: safetensors, or what `torch.save` made of a state dict.
        sha256: the digest that it was checked by.

    Raises:
        UsageError: it has changed since, or is not such a file.
    """
    content = read_bytes(file, None)
    if hashlib.sha256(content).hexdigest() != sha256:
        raise UsageError(Problem(f"{file.name} has changed while it was read", str(file)))
    try:
        found = _parse(content, file.suffix == ".safetensors")
    except Exception as error:  # torch lets out whatever a damaged file leads it to
        what = f"{file.name} holds no weights: {str(error).partition(chr(10))[0]}"
        raise UsageError(Problem(what, str(file), _ACCEPTED)) from error
    for old, new in _OLD_NAMES:
        found = {old.sub(new, name): one for name, one in found.items()}
    return found


_ACCEPTED = "tensors by name: a file of safetensors, or a state dict by torch.save"


def _parse(content: bytes, safe: bool) -> dict[str, Tensor]:
    """The tensors by name.

    Raises:
        Exception: there is something else; of any kind.
    """
    if safe:
        return dict(load_tensors(content))
    with warnings.catch_warnings(action="ignore"):  # of unusual pickles
        found: Any = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    if not isinstance(found, dict) or not all(isinstance(v, Tensor) for v in found.values()):
        raise TypeError("it is no state dict")
    return found


def take_weights(own: Mapping[str, Tensor], found: Mapping[str, Tensor], file: Path) -> None:
    """Copies weights into the tensors of a network.

    Args:
        own: of the network without its classifier, by name; changed in place.
        found: of the file; what belongs to a classifier, or lies behind a cut, may be among them.
        file: for messages.

    Raises:
        UsageError: some are missing, or have another shape.
    """
    missing = [name for name in own if name not in found and not name.endswith(_COUNT)]
    shared = [name for name in own if name in found]
    other = [name for name in shared if own[name].shape != found[name].shape]
    if missing or other:
        raise UsageError(_misfit(missing, other, own, found, file))
    with torch.no_grad():
        for name in shared:
            own[name].copy_(found[name])


def _misfit(
    missing: list[str],
    other: list[str],
    own: Mapping[str, Tensor],
    found: Mapping[str, Tensor],
    file: Path,
) -> Problem:
    """What does not fit: the file is of another network, or was cut."""
    told = []
    if missing:
        told.append(f"{len(missing)} of {len(own)} tensors are missing ({_list(missing)})")
    if other:
        each = [f"{n} is {_size(found[n])}, not {_size(own[n])}" for n in other]
        told.append(f"{len(other)} have other shapes ({_list(each)})")
    what = f"{file.name} holds the weights of another network: {'; '.join(told)}"
    strange = [name for name in found if name not in own]
    hint = f"the file has {_list(strange)}" if missing and strange else ""
    return Problem(what, str(file), "every tensor before the classifier", hint)


def _list(names: list[str]) -> str:
    return join_names(names[:_SHOWN]) + (", ..." if names[_SHOWN:] else "")


def _size(values: Tensor) -> str:
    return " x ".join(map(str, values.shape)) or "one number"
