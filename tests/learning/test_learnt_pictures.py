"""What a model of pictures must beat: bounds that are bounds, of models that are what they say."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from sklearn.decomposition import PCA
from torch import Tensor
from torch.distributions import Bernoulli, Normal, kl_divergence

from dlx.learning.pictures import MeanPicture, Pca, cross_entropy, fit_pca, kl, simple_models
from dlx.sources.batches import Part
from dlx.sources.held import HeldDense

SOURCE = torch.Generator().manual_seed(0)


def draw(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=SOURCE, dtype=torch.float64)


def grey(rows: int, pixels: int) -> Tensor:
    """Pixels from 0 to 1 that depend on each other."""
    return (draw(rows, 3) @ draw(3, pixels) + draw(rows, pixels) / 4).sigmoid()


def look_at(batch: Any) -> tuple[Tensor, Tensor]:
    rows = batch.inputs["x"]
    return rows, torch.ones(len(rows), 2, dtype=torch.float64)


def models_of(pixels: Tensor, batch_size: int = 1000) -> dict[str, Any]:
    part = Part({"x": HeldDense(pixels)}, {}, torch.arange(len(pixels)))
    return {one.name: one for one in simple_models(part, look_at, 0, batch_size)}


def test_the_divergence_is_that_of_torch() -> None:
    mean, log_variance = draw(20, 3), draw(20, 3)
    own = Normal(mean, (log_variance / 2).exp())

    expected = kl_divergence(own, Normal(torch.zeros(3), torch.ones(3))).sum(dim=1)
    torch.testing.assert_close(kl(mean, log_variance), expected)
    assert torch.equal(kl(torch.zeros(1, 3), torch.zeros(1, 3)), torch.zeros(1))


def test_the_cross_entropy_of_ones_and_zeros_is_their_improbability() -> None:
    logits, pixels = draw(20, 5), (draw(20, 5) > 0).double()

    expected = -Bernoulli(logits=logits).log_prob(pixels).sum(dim=1)
    torch.testing.assert_close(cross_entropy(logits, pixels), expected)


def test_no_constant_is_better_in_training_than_the_mean_picture() -> None:
    pixels = grey(200, 6)
    own = models_of(pixels)["mean picture"]

    for _ in range(20):
        other = MeanPicture(own.logits + 0.2 * draw(6))
        assert own.bound(pixels, pixels).mean() < other.bound(pixels, pixels).mean()
    torch.testing.assert_close(own.rebuild(pixels)[0], pixels.mean(dim=0), atol=0.01, rtol=0)


def test_nothing_takes_less_than_the_pixels_themselves() -> None:
    pixels = torch.cat([grey(20, 6), (grey(5, 6) > 0.5).double()])
    models = models_of(pixels)
    least = models.pop("pixels").bound(pixels, pixels)

    assert least[-5:].abs().max() < 1e-9
    for one in models.values():
        assert (one.bound(pixels, draw(25, 2)) > least).all()


@pytest.mark.parametrize("pixels", [grey(60, 8), grey(7, 30), torch.zeros(5, 4).double()])
def test_models_do_not_depend_on_how_rows_are_looked_at(pixels: Tensor) -> None:
    whole, parts = models_of(pixels), models_of(pixels, 2)

    for name, one in whole.items():
        found, drawn = one.bound(pixels, draw(len(pixels), 2)), parts[name]
        assert found.isfinite().all()
        torch.testing.assert_close(one.rebuild(pixels), drawn.rebuild(pixels))


@pytest.mark.parametrize(("rows", "pixels"), [(60, 8), (7, 30)])
def test_its_components_are_those_of_scikit_learn(rows: int, pixels: int) -> None:
    given = grey(rows, pixels)
    oracle = PCA(2).fit(given.numpy())

    expected = oracle.inverse_transform(oracle.transform(given.numpy()))
    found = models_of(given)["PCA"].rebuild(given)
    torch.testing.assert_close(found, torch.from_numpy(expected))


@pytest.mark.parametrize("numbers", [1, 2, 6, 40])
def test_a_linear_model_is_no_worse_in_training_than_the_mean_picture(numbers: int) -> None:
    pixels = grey(300, 6)
    constant, drawn = models_of(pixels)["mean picture"], draw(300, numbers)

    linear = fit_pca(pixels, drawn, constant.logits)

    gain = constant.bound(pixels, drawn).mean() - linear.bound(pixels, drawn).mean()
    assert gain > -0.05  # by one draw a row


def test_its_bound_is_one_on_the_likelihood() -> None:
    """On that of ones and zeros, which an integral over its only number gives."""
    pixels = (grey(300, 6) > 0.5).double()
    constant = models_of(pixels)["mean picture"]
    linear = fit_pca(pixels, draw(300, 1), constant.logits)
    assert isinstance(linear, Pca)

    seen = pixels[:20]
    bounds = torch.stack([linear.bound(seen, draw(20, 1)) for _ in range(400)])
    places = torch.linspace(-8, 8, 2001, dtype=torch.float64)
    logits = linear.weights[0] + places[:, None] * linear.weights[1]
    given = Bernoulli(logits=logits[:, None]).log_prob(seen).sum(dim=2)
    density = Normal(0.0, 1.0).log_prob(places)[:, None] + math.log(16 / 2000)
    surprise = -torch.logsumexp(given + density, dim=0)

    certain = 5 * bounds.std(dim=0) / 400**0.5
    assert (bounds.mean(dim=0) > surprise - certain).all()
    assert surprise.mean() < constant.bound(seen, seen).mean()
