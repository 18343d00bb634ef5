from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from small import loaded
from torch import Tensor, nn

from dlx.learning.heads import Head
from dlx.learning.supervised import Supervised
from dlx.sources.batches import Batch

CONFIG = loaded("model.l2=0").config


class TwoHeads(nn.Module):
    """A shared layer, a class and a number."""

    def __init__(self) -> None:
        super().__init__()
        source = torch.Generator().manual_seed(0)
        self.shared = nn.Linear(3, 4)
        self.kind = nn.Linear(4, 5)
        self.size = nn.Linear(4, 1)
        for parameter in self.parameters():
            parameter.data.normal_(generator=source)

    def forward(self, inputs: Mapping[str, Any]) -> dict[str, Tensor]:
        hidden = self.shared(inputs["x"]).tanh()
        return {"kind": self.kind(hidden), "size": self.size(hidden)}

    def hidden_kernels(self) -> list[Tensor]:
        return [self.shared.weight]


def squared(logits: Tensor, target: Tensor) -> Tensor:
    return F.mse_loss(logits[:, 0], target)


KIND = Head("kind", "multiclass", 5, F.cross_entropy, 1.0)
SIZE = Head("size", "regression", 1, squared, 0.25)


@pytest.fixture
def batch() -> Batch:
    source = torch.Generator().manual_seed(1)
    targets = {
        "kind": torch.randint(5, (6,), generator=source),
        "size": torch.randn(6, generator=source),
    }
    return Batch({"x": torch.randn(6, 3, generator=source)}, targets, 6)


def test_one_loss_is_taken_as_it_is(batch: Any) -> None:
    model = TwoHeads()

    losses, logits = Supervised(CONFIG, model, (KIND,)).compute(batch)

    expected = model(batch.inputs)["kind"]
    assert torch.equal(losses["loss"], F.cross_entropy(expected, batch.targets["kind"]))
    assert torch.equal(logits["kind"], expected)
    assert list(losses) == ["loss"]


def test_several_losses_are_weighed_and_added(batch: Any) -> None:
    losses, logits = Supervised(CONFIG, TwoHeads(), (KIND, SIZE)).compute(batch)

    kind = F.cross_entropy(logits["kind"], batch.targets["kind"])
    size = F.mse_loss(logits["size"][:, 0], batch.targets["size"])
    assert list(losses) == ["loss", "kind/loss", "size/loss"]
    assert [one.item() for one in losses.values()][1:] == [kind.item(), size.item()]
    assert losses["loss"].item() == pytest.approx(kind.item() + 0.25 * size.item(), rel=1e-6)


def test_gradients_are_those_of_the_weighted_sum(batch: Any) -> None:
    targets = batch.targets
    model, twin = TwoHeads(), TwoHeads()

    Supervised(CONFIG, model, (KIND, SIZE)).losses(batch)["loss"].backward()
    outputs = twin(batch.inputs)
    (
        F.cross_entropy(outputs["kind"], targets["kind"])
        + 0.25 * F.mse_loss(outputs["size"][:, 0], targets["size"])
    ).backward()

    for mine, other in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, other.grad)


@pytest.mark.parametrize(("l1", "l2"), [(0.1, 0.0), (0.0, 0.01), (0.1, 0.01)])
def test_the_penalty_is_of_the_hidden_kernels_alone(l1: float, l2: float) -> None:
    model, config = TwoHeads(), loaded(f"model.l1={l1}", f"model.l2={l2}").config

    penalty = Supervised(config, model, (KIND,)).penalty()

    kernel = model.shared.weight
    expected = l1 * kernel.abs().sum() + l2 * (kernel**2).sum()
    assert penalty is not None
    torch.testing.assert_close(penalty, expected)
    (gradient,) = torch.autograd.grad(penalty, kernel)
    torch.testing.assert_close(gradient, l1 * kernel.sign() + 2 * l2 * kernel)


def test_no_penalty_is_none() -> None:
    assert Supervised(CONFIG, TwoHeads(), (KIND,)).penalty() is None
