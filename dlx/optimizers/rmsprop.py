"""RMSprop as TensorFlow has it: epsilon under the root."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, optim


class RootedRMSprop(optim.RMSprop):
    """RMSprop that moves weights by lr * g / sqrt(v + eps), v the running mean of g * g.

    torch's adds eps to the root instead, which bounds no step: where gradients have become small, a
    batch that the model gets wrong moves each weight by up to lr / sqrt(1 - rho). Under the root
    gradients below sqrt(eps) move less. Source: `ApplyRMSProp` of TensorFlow, and Keras from
    version 3 on.
    """

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # noqa: ARG002
        """Moves the weights once; all that have a gradient."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._move(weight, group)

    def _move(self, weight: Tensor, group: dict[str, Any]) -> None:
        gradient, kept = weight.grad, self.state[weight]
        assert gradient is not None
        if not kept:
            kept["square_avg"] = torch.zeros_like(weight)
            if group["momentum"] > 0:
                kept["momentum_buffer"] = torch.zeros_like(weight)
        if group["weight_decay"]:
            gradient = gradient.add(weight, alpha=group["weight_decay"])
        mean = kept["square_avg"]
        mean.mul_(group["alpha"]).addcmul_(gradient, gradient, value=1 - group["alpha"])
        root = mean.add(group["eps"]).sqrt_()
        if group["momentum"] > 0:
            moved = kept["momentum_buffer"].mul_(group["momentum"]).addcdiv_(gradient, root)
            weight.add_(moved, alpha=-group["lr"])
        else:
            weight.addcdiv_(gradient, root, value=-group["lr"])
