"""Made-up pictures for smoke tests: stripes across or upright, of some width and colour."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

LISTED = "labels.csv"
"""Beside the pictures, each with its class, labels and a number."""
_MANY = (("train", 24), ("validation", 6), ("test", 10))
_SIDE = 32


def make_stripes(random: np.random.RandomState, upright: bool) -> tuple[bytes, float]:
    """A JPEG of stripes with noise, and the width of their waves."""
    from PIL import Image

    width = random.uniform(0.4, 0.8)
    waves = np.sin(np.arange(_SIDE) * width + random.uniform(0, 6))
    stripes = waves[None, :] if upright else waves[:, None]
    shades = 128 + 80 * stripes[..., None] * random.uniform(0.4, 1, 3)
    noisy = shades + random.normal(0, 20, (_SIDE, _SIDE, 3))
    file = io.BytesIO()
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=90)
    return file.getvalue(), width


def write_sample(folder: Path) -> None:
    """Pictures of two classes below folders of parts, and a file that lists them."""
    random = np.random.RandomState(0)
    lines = ["path,part,class,labels,number"]
    for part, many in _MANY:
        for label in ("across", "upright"):
            (folder / part / label).mkdir(parents=True)
            for number in range(many):
                data, width = make_stripes(random, label == "upright")
                name = f"{part}/{label}/{number}.jpg"
                (folder / name).write_bytes(data)
                labels = "|".join([label, *(["fine"] if width > 0.6 else [])])
                lines.append(f"{name},{part},{label},{labels},{width:.4f}")
    (folder / LISTED).write_text("\n".join(lines) + "\n", encoding="utf-8")
