"""CIFAR-10: small colour pictures of ten classes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from ...errors import Problem
from ..fields import option
from ..names import did_you_mean, join_names
from ..shapes import Sizes
from .dataset import Dataset, File

CLASSES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
"""By their numbers in the files."""


@dataclass(frozen=True, kw_only=True)
class Cifar10(Dataset):
    """Colour pictures of 32 x 32, ten classes (Krizhevsky, 2009; the binary version)."""

    inputs = ("image",)
    shapes: ClassVar[dict[str, Sizes]] = {"image": (3, 32, 32)}
    targets: ClassVar[dict[str, str]] = {"object": "multiclass"}
    rows = "50,000 + 10,000"
    terms = "none stated; cite Krizhevsky, 2009"
    files = (
        File(
            name="cifar-10-binary.tar.gz",
            sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            size=170_052_171,
            url="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        ),
    )

    classes: tuple[str, ...] = option((), "classes that are read, as in [frog]; empty: all ten")

    def check(self) -> Iterator[tuple[str, Problem]]:
        """Classes that there are not, and one that is named twice."""
        for name in self.classes:
            if name not in CLASSES:
                what, near = (
                    f"CIFAR-10 has no class `{name}`",
                    did_you_mean(name, CLASSES, "classes=[{}]"),
                )
                yield "classes", Problem(what, accepted=join_names(CLASSES), hint=near)
        if len(set(self.classes)) < len(self.classes):
            hint = f"classes=[{','.join(dict.fromkeys(self.classes))}]"
            yield "classes", Problem("a class is named twice", accepted="each once", hint=hint)
