"""What a drawing of networks shows: boxes and what flows between them. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["input", "layer", "join", "output"]


@dataclass(frozen=True)
class Box:
    """What stands at one place.

    Attributes:
        kind: what it is drawn as.
        title: the node or input that it begins; "" within a node.
        lines: the layers that act here, one after another.
        shape: of what it gives for a sample; () where that is one number or not known.
        shared: whether its weights are those of an earlier box.
    """

    kind: Kind
    title: str
    lines: tuple[str, ...]
    shape: tuple[int, ...]
    shared: bool = False


@dataclass(frozen=True)
class Diagram:
    """Boxes by name in the order in which they act, and what each of them reads."""

    boxes: dict[str, Box] = field(default_factory=dict)
    reads: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def add(self, name: str, box: Box, reads: tuple[str, ...] = ()) -> str:
        """Adds a box; returns its name."""
        self.boxes[name], self.reads[name] = box, reads
        return name

    def merge(self, other: Diagram, prefix: str) -> None:
        """Adds another diagram, whose boxes are named after a network."""
        for name, box in other.boxes.items():
            title = f"{prefix}{box.title}" if box.title else ""
            box = Box(box.kind, title, box.lines, box.shape, box.shared)
            self.add(prefix + name, box, tuple(prefix + one for one in other.reads[name]))


def chain(layers: Mapping[str, tuple[str, tuple[int, ...]]]) -> Diagram:
    """Layers of which nothing but their order is known: (kind, shape) by name."""
    found, before = Diagram(), ""
    for name, (kind, shape) in layers.items():
        box = Box("layer", name, (kind,), shape)
        before = found.add(name, box, (before,) if before else ())
    return found
