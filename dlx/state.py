"""What a part of a training must remember to go on: tensors, and facts in JSON's types."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class State:
    """Where something stands.

    Attributes:
        tensors: by name.
        facts: in JSON's types, by name.
        chunks: names of tensors that stay as they are for long, together: a checkpoint has a file
            of each chunk, which is written once for the same contents.
    """

    tensors: Mapping[str, Tensor] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    chunks: Collection[Collection[str]] = ()


class Stateful(Protocol):
    """Whatever a checkpoint holds a part of."""

    def state(self) -> State:
        """Where it stands; asked for at a step's end."""

    def restore(self, state: State) -> None:
        """Puts it back to where `state` was taken."""


def join_states(parts: Mapping[str, State]) -> State:
    """The states of parts as one: tensors by "<part>/<name>", facts by part."""
    return State(
        {f"{part}/{name}": t for part, one in parts.items() for name, t in one.tensors.items()},
        {part: one.facts for part, one in parts.items()},
        [[f"{part}/{n}" for n in names] for part, one in parts.items() for names in one.chunks],
    )


def part_of(state: State, part: str) -> State:
    """The state of a part, out of what `join_states` made.

    Raises:
        KeyError: there is no such part.
    """
    prefix = f"{part}/"
    own = {n.removeprefix(prefix): t for n, t in state.tensors.items() if n.startswith(prefix)}
    return State(own, state.facts[part])
