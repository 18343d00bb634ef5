"""An episode as it was played, in few pictures."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..data.environments import Environment
from ..runs.artifacts import Artifacts

FRAMES = 100
"""Pictures, at most: of a longer episode every second, then every fourth, and so on."""
_MS = 50


class Film:
    """Pictures of an episode, step by step."""

    def __init__(self) -> None:
        self._frames: list[npt.NDArray[np.uint8]] = []
        self._every, self._step = 1, 0

    def take(self, environment: Environment) -> None:
        """Takes a picture of how an environment stands after a step."""
        self._step += 1
        if self._step % self._every:
            return
        drawn = environment.draw()
        if drawn is not None:
            self._frames.append(drawn)
        if len(self._frames) >= 2 * FRAMES:
            self._frames, self._every = self._frames[1::2], 2 * self._every

    def leave(self, into: Artifacts, caption: str) -> None:
        """Keeps the film, if there is anything to see."""
        if len(self._frames) < 2:
            return
        step = -(-len(self._frames) // FRAMES)
        frames = self._frames[::step]
        told = f"{caption}, every {step * self._every} shown" if step * self._every > 1 else caption
        into.film("episode", np.stack(frames), _MS, title="An episode", caption=told)
