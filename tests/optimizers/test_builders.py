from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from dlx.config.specs.optimizers import OPTIMIZERS
from dlx.errors import UsageError
from dlx.optimizers import step_of

ONE_GRADIENT = [n for n, e in OPTIMIZERS.entries.items() if not getattr(e.options, "recomputes", 0)]
"""Optimizers that move once for each gradient; the others have tests of their own."""


def make(name: str, parameters: list[nn.Parameter], **options: object) -> torch.optim.Optimizer:
    entry = OPTIMIZERS.entries[name]
    module, attribute = entry.target.split(":")
    assert module == "dlx.optimizers"
    import dlx.optimizers

    return getattr(dlx.optimizers, attribute)(entry.options(**options), iter(parameters))


def trained(name: str, steps: int = 5, **options: object) -> list[Tensor]:
    """A weight before and after each step on a bowl, in double precision."""
    weight = nn.Parameter(torch.tensor([3.0, -2.0, 0.5], dtype=torch.float64))
    optimizer = make(name, [weight], **options)
    path = [weight.detach().clone()]
    for _ in range(steps):
        optimizer.zero_grad()
        (weight**2 * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
        optimizer.step()
        path.append(weight.detach().clone())
    return path


def gradient(weight: Tensor) -> Tensor:
    return 2 * weight * torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)


def test_rmsprop_is_its_formula():
    w = trained("rmsprop", 0)[0]
    square = torch.zeros_like(w)
    path = [w]
    for _ in range(5):
        g = gradient(w)
        square = 0.8 * square + 0.2 * g**2
        w = w - 0.01 * g / (square.sqrt() + 1e-3)
        path.append(w)
    got = trained("rmsprop", lr=0.01, rho=0.8, eps=1e-3)
    torch.testing.assert_close(got, path)


def test_rmsprop_keeps_momentum():
    w = trained("rmsprop", 0)[0]
    square, speed = torch.zeros_like(w), torch.zeros_like(w)
    path = [w]
    for _ in range(5):
        g = gradient(w) + 0.1 * w
        square = 0.9 * square + 0.1 * g**2
        speed = 0.5 * speed + g / (square.sqrt() + 1e-7)
        w = w - 0.001 * speed
        path.append(w)
    torch.testing.assert_close(trained("rmsprop", momentum=0.5, weight_decay=0.1), path)


@pytest.mark.parametrize("nesterov", [False, True])
def test_sgd_is_its_formula(nesterov):
    w = trained("sgd", 0)[0]
    speed = torch.zeros_like(w)
    path = [w]
    for _ in range(5):
        g = gradient(w) + 0.1 * w
        speed = 0.9 * speed + g
        w = w - 0.05 * (g + 0.9 * speed if nesterov else speed)
        path.append(w)
    got = trained("sgd", lr=0.05, momentum=0.9, nesterov=nesterov, weight_decay=0.1)
    torch.testing.assert_close(got, path)


def test_plain_sgd_follows_the_gradient():
    w = trained("sgd", 0)[0]
    torch.testing.assert_close(trained("sgd", 1)[1], w - 0.01 * gradient(w))


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_adam_is_its_formula_and_decays_as_it_says(name):
    w = trained(name, 0)[0]
    mean, square = torch.zeros_like(w), torch.zeros_like(w)
    path = [w]
    for t in range(1, 6):
        g = gradient(w) + (0.1 * w if name == "adam" else 0)
        mean = 0.8 * mean + 0.2 * g
        square = 0.95 * square + 0.05 * g**2
        kept = w * (1 - 0.01 * 0.1) if name == "adamw" else w
        w = kept - 0.01 * (mean / (1 - 0.8**t)) / ((square / (1 - 0.95**t)).sqrt() + 1e-3)
        path.append(w)
    options = {"lr": 0.01, "beta1": 0.8, "beta2": 0.95, "eps": 1e-3, "weight_decay": 0.1}
    torch.testing.assert_close(trained(name, **options), path)


def test_adagrad_is_its_formula():
    w = trained("adagrad", 0)[0]
    square = torch.zeros_like(w)
    path = [w]
    for _ in range(5):
        g = gradient(w) + 0.1 * w
        square = square + g**2
        w = w - 0.1 * g / (square.sqrt() + 1e-3)
        path.append(w)
    torch.testing.assert_close(trained("adagrad", lr=0.1, eps=1e-3, weight_decay=0.1), path)


def test_nadam_is_torchs_with_its_options_handed_over():
    weight = nn.Parameter(torch.tensor([3.0, -2.0, 0.5], dtype=torch.float64))
    oracle = torch.optim.NAdam([weight], lr=0.01, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.1)
    for _ in range(5):
        weight.grad = gradient(weight.detach())
        oracle.step()
    options = {"lr": 0.01, "beta1": 0.8, "beta2": 0.95, "eps": 1e-3, "weight_decay": 0.1}
    torch.testing.assert_close(trained("nadam", **options)[-1], weight.detach())


@pytest.mark.parametrize("name", ONE_GRADIENT)
def test_every_optimizer_lowers_the_loss_and_repeats_its_bits(name):
    first, again = trained(name, 20), trained(name, 20)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert first[-1].abs().sum() < first[0].abs().sum()


@pytest.mark.parametrize("name", ONE_GRADIENT)
def test_a_saved_optimizer_goes_on_with_the_same_bits(name):
    options = {"momentum": 0.9} if name in ("sgd", "rmsprop") else {}

    def step(weight: nn.Parameter, optimizer: torch.optim.Optimizer) -> None:
        weight.grad = torch.full((4,), 0.5) + weight.detach()
        optimizer.step()

    weight = nn.Parameter(torch.arange(4.0))
    optimizer = make(name, [weight], **options)
    for _ in range(3):
        step(weight, optimizer)
    twin = nn.Parameter(weight.detach().clone())
    resumed = make(name, [twin], **options)
    resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for _ in range(3):
        step(weight, optimizer)
        step(twin, resumed)
    assert torch.equal(weight, twin)


def test_nesterov_without_momentum_is_refused():
    with pytest.raises(UsageError) as caught:
        make("sgd", [nn.Parameter(torch.zeros(2))], nesterov=True)
    assert str(caught.value) == (
        "nesterov is true, but momentum is 0: Nesterov momentum needs momentum\n"
        "  where: optimizer.nesterov\n"
        "  accepted: nesterov: true with momentum > 0\n"
        "  try: optimizer.momentum=0.9"
    )


def test_one_kernel_does_the_step_only_where_every_parameter_is_on_the_cpu():
    here, elsewhere = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(2, device="meta"))
    assert make("adam", [here]).defaults["fused"] is True
    assert make("adam", [here, elsewhere]).defaults["fused"] is None


@pytest.mark.parametrize("name", ONE_GRADIENT)
def test_the_bare_step_moves_weights_as_torchs_own(name):
    bare, plain = (nn.Parameter(torch.arange(4.0)) for _ in range(2))
    ours, theirs = make(name, [bare]), make(name, [plain])
    step = step_of(ours)
    for _ in range(3):
        bare.grad, plain.grad = 0.5 + bare.detach(), 0.5 + plain.detach()
        step()
        theirs.step()
    assert torch.equal(bare, plain)
    assert bare.requires_grad


def test_another_optimizers_step_is_left_as_it_is():
    class Mine(torch.optim.SGD):
        def step(self, closure=None):
            return "mine"

    assert step_of(Mine([nn.Parameter(torch.zeros(2))]))() == "mine"
