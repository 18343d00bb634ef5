"""Tables whose rows bear several labels at once, as Mulan's collection has them."""

from __future__ import annotations

from typing import ClassVar

from ..shapes import Sizes
from .dataset import Dataset, File


class Yeast(Dataset):
    """Genes of yeast, 103 measurements, which of 14 functions each has (Elisseeff, Weston 2001)."""

    inputs = ("features",)
    shapes: ClassVar[dict[str, Sizes]] = {"features": (103,)}
    targets: ClassVar[dict[str, str]] = {"functions": "multilabel"}
    rows = "2,417"
    folder = "multilabel"
    baseline = "boosting"
    terms = "academic use; cite Elisseeff and Weston, NIPS 2001"
    files = (
        File(
            name="yeast.arff",
            sha256="55c07a3b6ff885ae338fb6987a1d57f55572b29809922c2822c4885c61230dd7",
            size=2_416_688,
        ),
        File(
            name="yeast.xml",
            sha256="c3056cc26444b5158b1588d1b73bec9c45429e10f0957ad085903423cb81f247",
            size=526,
        ),
    )


class Scene(Dataset):
    """Photographs as 294 numbers of their colours, which of 6 scenes each shows (Boutell, 2004)."""

    inputs = ("features",)
    shapes: ClassVar[dict[str, Sizes]] = {"features": (294,)}
    targets: ClassVar[dict[str, str]] = {"scenes": "multilabel"}
    rows = "1,211 + 1,196"
    folder = "multilabel"
    baseline = "boosting"
    terms = "academic use; cite Boutell et al., Pattern Recognition 2004"
    files = (
        File(
            name="scene-train.arff",
            sha256="b53ba93bdf412de922e3960389bcee24744fa3e872ce610511fc1d750888b64d",
            size=3_127_968,
        ),
        File(
            name="scene-test.arff",
            sha256="ea38d20296b3ff7e220f477a3b802a9bcb2d768881fe6ee163efbc97ea527a42",
            size=3_090_742,
        ),
        File(
            name="scene.xml",
            sha256="55d8b247b949ad5c52e5a73d8c6775ec6e5469ce9682465b45b333b68ee4bcc5",
            size=285,
        ),
    )
