"""By what generated samples are judged, an option of every learner that makes some."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..fields import option


@dataclass(frozen=True, kw_only=True)
class Judge:
    """In which space samples are compared with rows that did not train, and how many of them."""

    features: Literal["pca", "classifier"] = option(
        "pca",
        "what is compared: principal components of the numbers themselves, or of the last hidden "
        "layer of a classifier",
    )
    run: str = option(
        "",
        "the classifier: a finished run on the same data (`last`, its folder, a unique part of its "
        "name)",
        path=True,
    )
    samples: int | None = option(
        None,
        "as many samples are judged, beside as many rows; null: as many as there are rows",
        ge=16,
    )
    sha256: str = option("", "digest of its weights, which dlx fills in and holds it to")


JUDGE = "what samples are judged by"
