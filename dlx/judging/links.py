"""From numbers of a target to what a model's output would be for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..problem import PROBLEMS

SURE = 20.0
"""A logit whose probability is 1 in float32."""
LEAST = 1e-6
"""The smallest count whose logarithm is taken: nothing that counts is expected to be 0."""


def to_outputs(problem: str, numbers: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The outputs of a last layer that stand for some numbers; these themselves in most problems.

    Args:
        problem: its type.
        numbers: in the unit of the target; what no answer can be is moved to the nearest that can.
    """
    row = PROBLEMS[problem]
    if row.activation == "exp":
        return np.asarray(np.log(np.maximum(numbers, LEAST)))
    if not row.bounded:
        return numbers
    edge = 1 / (1 + np.exp(SURE))
    inside = np.clip(numbers, edge, 1 - edge)
    return np.asarray(np.log(inside / (1 - inside)))
