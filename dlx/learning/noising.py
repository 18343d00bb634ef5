"""Noise that is laid over data in steps, and taken off again: the two ways of a diffusion model."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import torch
from torch import Tensor

MOST = 0.999
"""The largest share of a step that is noise, so that data never vanish (Nichol, Dhariwal, 2021)."""

Guess = Callable[[Tensor, Tensor], Tensor]
"""Noisy rows and the step of each -> what the network answers, of the rows' shape."""


@dataclass(frozen=True)
class Noising:
    """How much of data and noise there is after each step.

    Rows are then data_share * data + noise_share * noise. The squares of both shares add up to 1
    (Ho and others, 2020, arXiv:2006.11239, equation 4).

    Attributes:
        data_share: by step, from 0 (no noise) to the last (noise alone), float32, (steps + 1,).
        noise_share: likewise.
        predicts: what a network answers: noise, velocity or data.
    """

    data_share: Tensor
    noise_share: Tensor
    predicts: str = "noise"

    @classmethod
    def of(cls, schedule: str, steps: int, predicts: str, device: torch.device) -> Self:
        """The shares of a schedule.

        Args:
            schedule: linear (Ho and others, 2020: 0.0001 to 0.02 of noise a step, where there are
                1,000) or cosine (Nichol and Dhariwal, 2021, arXiv:2102.09672, equation 17).
            steps: in how many steps data become noise.
            predicts: what a network answers.
            device: where they are to lie.
        """
        places = torch.arange(steps + 1, dtype=torch.float64) / steps
        if schedule == "linear":
            noise = torch.linspace(1e-4, 0.02, steps, dtype=torch.float64) * 1000 / steps
        else:
            kept = ((places + 0.008) / 1.008 * math.pi / 2).cos().square()
            noise = 1 - kept[1:] / kept[:-1]
        left = torch.cat([torch.ones(1).double(), (1 - noise.clamp(max=MOST)).cumprod(0)])
        kept, laid = (one.float().to(device) for one in (left.sqrt(), (1 - left).sqrt()))
        return cls(kept, laid, predicts)

    @property
    def steps(self) -> int:
        """In how many steps data become noise."""
        return len(self.data_share) - 1

    def shares(self, step: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
        """Those of data and noise at the step of each row, to be multiplied with rows."""
        sizes = (-1, *[1] * (like.dim() - 1))
        return self.data_share[step].view(sizes), self.noise_share[step].view(sizes)

    def mix(self, data: Tensor, noise: Tensor, step: Tensor) -> Tensor:
        """Noisy rows."""
        kept, laid = self.shares(step, data)
        return kept * data + laid * noise

    def aim(self, data: Tensor, noise: Tensor, step: Tensor) -> Tensor:
        """What a network should answer to the noisy rows.

        The velocity is data_share * noise - noise_share * data (Salimans and Ho, 2022,
        arXiv:2202.00512).
        """
        if self.predicts == "noise":
            return noise
        kept, laid = self.shares(step, data)
        return data if self.predicts == "data" else kept * noise - laid * data

    def noise_in(self, answer: Tensor, noisy: Tensor, step: Tensor) -> Tensor:
        """The noise that an answer means."""
        if self.predicts == "noise":
            return answer
        kept, laid = self.shares(step, noisy)
        if self.predicts == "data":
            return (noisy - kept * answer) / laid
        return kept * answer + laid * noisy

    def data_in(self, answer: Tensor, noisy: Tensor, step: Tensor) -> Tensor:
        """The data that an answer means, cut off at -1 and 1."""
        kept, laid = self.shares(step, noisy)
        if self.predicts == "noise":
            found = (noisy - laid * answer) / kept
        else:
            found = answer if self.predicts == "data" else kept * noisy - laid * answer
        return found.clamp(-1, 1)

    def remove(self, guess: Guess, noise: Tensor, jumps: int) -> Iterator[Tensor]:
        """Takes noise off in few jumps, each to an earlier step (DDIM; Song and others, 2021).

        No number is drawn on the way (arXiv:2010.02502, equation 12 with sigma 0), so what comes
        out is a function of the noise at the start. The noise of a jump is that which the data,
        cut off, leave of the noisy rows.

        Args:
            guess: the network.
            noise: where to start from, (rows, ...).
            jumps: how many; at most as many as there are steps.

        Yields:
            The rows after each jump.
        """
        places = torch.linspace(self.steps, 0, jumps + 1).round().long().tolist()
        rows = noise
        for here, there in pairwise(places):
            step = torch.full((len(rows),), here, device=rows.device)
            data = self.data_in(guess(rows, step), rows, step)
            kept, laid = self.shares(step, rows)
            left = (rows - kept * data) / laid
            rows = self.mix(data, left, torch.full_like(step, there))
            yield rows


def level_code(step: Tensor, steps: int, numbers: int) -> Tensor:
    """Sines and cosines that tell a network the step, (rows, numbers).

    Their frequencies grow from 1 to 1,000 over the whole way (after Vaswani and others, 2017).

    Args:
        step: of each row.
        steps: the last one.
        numbers: how many, an even number.
    """
    speeds = torch.logspace(0, 3, numbers // 2, device=step.device)
    angles = step[:, None] / steps * speeds * math.pi / 2
    return torch.cat([angles.sin(), angles.cos()], dim=1)
