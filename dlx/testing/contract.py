"""What a harness says of a component that breaks its contract, and how it compares to the bit."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import is_dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..runs.files import plain


class BrokenContract(AssertionError):
    """A component does not keep a clause of its contract: says which one, and what was found."""

    def __init__(self, clause: str, found: object) -> None:
        super().__init__(f"broken: {clause}\n  found: {found}")


def require(kept: object, clause: str, found: object) -> None:
    """Raises `BrokenContract` where a clause is not kept."""
    if not kept:
        raise BrokenContract(clause, found)


def require_same(clause: str, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Raises `BrokenContract` where two are not the same to the bit; tells what differs first."""
    for name in {**wanted, **found}:
        same = name in found and name in wanted and bits(found[name]) == bits(wanted[name])
        require(same, clause, f"{name} differs")


def bits(value: Any) -> Any:
    """A value down to types and bits: NaN equals itself, and 0.0 is not -0.0."""
    if isinstance(value, Tensor):
        exact = value.float() if value.dtype is torch.bfloat16 else value
        return str(value.dtype), bits(exact.detach().cpu().numpy())
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if is_dataclass(value):
        value = vars(value)
    if isinstance(value, Mapping):
        return {name: bits(one) for name, one in value.items()}
    return [bits(one) for one in value] if isinstance(value, (list, tuple)) else repr(value)


def through_json(clause: str, value: Any) -> Any:
    """A value as it comes back from a file; raises `BrokenContract` where JSON cannot hold it."""
    with working(clause):
        return json.loads(json.dumps(plain(value), allow_nan=False))


@contextmanager
def working(clause: str) -> Iterator[None]:
    """Within it, whatever is raised breaks a clause."""
    try:
        yield
    except BrokenContract:
        raise
    except Exception as error:
        raise BrokenContract(clause, f"{type(error).__name__}: {error}") from error


@contextmanager
def undisturbed() -> Iterator[None]:
    """Within it one thread computes; torch's settings and generator come back as they were."""
    threads, mode = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng([]):
            yield
    finally:
        torch.set_num_threads(threads)
        torch.set_deterministic_debug_mode(mode)
