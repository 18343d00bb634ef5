"""Models that a learner has among its options: they start, are penalised and told by their own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from small import built, loaded

from dlx.config.fields import Chosen, import_code
from dlx.config.learners import spec_of
from dlx.config.schema import Config
from dlx.config.specs import LEARNERS, MODELS
from dlx.config.specs.models import Common
from dlx.data.columns import Input
from dlx.errors import UsageError
from dlx.learning.build import build_learner
from dlx.learning.networks import build_model
from dlx.learning.penalties import Penalty
from dlx.sources.data import read_data
from dlx.sources.fold import prepare_fold

CPU = torch.device("cpu")
VECTORS = {"code": Input("dense", (3,))}


@dataclass(frozen=True)
class Options:
    into: Chosen
    out: Chosen


def config_with(into: Chosen, out: Chosen, *overrides: str) -> Config:
    return replace(loaded(*overrides).config, learner=Chosen("two", Options(into, out), ""))


def mlp(**options: Any) -> Chosen:
    return MODELS.default("mlp", units=(4,), **options)()


def weights(config: Config, name: str) -> dict[str, torch.Tensor]:
    return dict(build_model(config, name, VECTORS, {"x": 2}, CPU).state_dict())


def test_each_starts_by_its_own_scheme_and_name() -> None:
    config = config_with(mlp(), mlp(init="orthogonal"), "model.init=he_normal")
    into, out = weights(config, "into"), weights(config, "out")
    kernel = out["body.0.weight"]

    torch.testing.assert_close(kernel.T @ kernel, torch.eye(3))
    assert into["body.0.weight"].abs().max() <= (6 / 7) ** 0.5  # Glorot's uniform
    twins = config_with(mlp(), mlp())
    assert torch.equal(into["body.0.weight"], weights(twins, "into")["body.0.weight"])
    assert not torch.equal(into["body.0.weight"], weights(twins, "out")["body.0.weight"])


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        (
            MODELS.default("convnet")(),
            "learner.KEY.name=convnet cannot take the input code: its rows are a vector of 3\n"
            "  where: learner.KEY.name\n"
            "  accepted: images (height, width) or (channels, height, width)\n"
            "  try: use learner.KEY.name=mlp, or leave out the step flatten or features",
        ),
        (
            MODELS.default("mlp", units=(), l2=0.1)(),
            "l2 is 0.1, but the model has no hidden layer to penalise\n"
            "  where: learner.KEY.l2\n"
            "  accepted: l2: 0 for a linear model\n"
            "  try: add a hidden layer, or set optimizer.weight_decay",
        ),
        (
            MODELS.default("mlp", units=(10**9, 10**9))(),
            "the model has 1,000,000,007,000,000,002 parameters: with gradients and the state of "
            "rmsprop, 12 EB\n  where: learner.KEY\n",
        ),
    ],
)
def test_what_is_wrong_with_it_is_told_under_its_key(chosen: Chosen, told: str) -> None:
    config = config_with(chosen, chosen)

    with pytest.raises(UsageError) as caught:
        build_model(config, "out", VECTORS, {"x": 2}, CPU)

    assert str(caught.value).startswith(told.replace("KEY", "out"))


def test_penalties_of_several_models_are_added() -> None:
    config = config_with(mlp(l1=0.1), mlp(l2=0.2))
    models = {
        name: (getattr(config.learner.options, name), build_model(config, name, VECTORS, {}, CPU))
        for name in ("into", "out")
    }
    (one,), (other,) = (network.hidden_kernels() for _, network in models.values())

    found = Penalty(models)()

    assert found is not None
    torch.testing.assert_close(found, 0.1 * one.abs().sum() + 0.2 * other.square().sum())
    assert Penalty({"into": (mlp(), models["into"][1])})() is None


PICTURES = ("vae", "gan", "diffusion", "autoencoder", "contrastive")
POLICIES = ("dqn", *(f"{name} learner.value={{name:mlp}}" for name in ("ppo", "reinforce")))
TASKS = (
    *("task=wine", *(f"task=digits_{name}" for name in PICTURES)),
    *(f"task=gridworld learner={name}" for name in POLICIES),
)


def test_learners_without_a_model_of_the_table_are_all_that_is_not_tried_below() -> None:
    tried = {loaded(*task.split()).config.learner.name for task in TASKS}
    for name in set(LEARNERS.entries) - tried:
        options = LEARNERS.entries[name].options()
        assert "model" not in import_code(options.spec).uses
        assert not [n for n, one in vars(options).items() if is_model(one)]


def is_model(option: object) -> bool:
    return isinstance(getattr(option, "options", None), Common)


@pytest.mark.parametrize("task", TASKS)
def test_a_spec_tells_every_model_that_its_learner_trains_as_it_is_built(task: str) -> None:
    """By a graph in place of each, which reads what it is said to be fed."""
    config = loaded(*task.split(), "dataset.sample=true").config
    options = vars(config.learner.options).items()
    chosen = {f"learner.{n}" for n, one in options if is_model(one)}
    uses = spec_of(config).models(config)
    assert {key for key in uses if key != "model"} == chosen
    graphs = []
    for key, use in uses.items():
        heads = ", ".join(f"{name}: main" for name in use.outputs)
        flat = [f"flat_{n}: {{of: [{n}], layers: [flatten]}}" for n in use.inputs]
        read = ", ".join(f"flat_{name}" for name in use.inputs)
        join = ", join: concat" * (len(flat) > 1)
        nodes = ", ".join([*flat, f"main: {{of: [{read}]{join}, layers: [{{linear: 3}}]}}"])
        graphs.append(f"{key}={{name: graph, nodes: {{{nodes}}}, heads: {{{heads}}}}}")

    *_, training = built(*graphs, base=(*task.split(), "dataset.sample=true", "trainer.threads=1"))

    weights = dict(training.learner.module.named_parameters())
    assert sum(name.endswith("nodes.main.0.weight") for name in weights) == len(uses)


@pytest.mark.parametrize("task", ["wine", "textgen", "digits_gan"])
def test_building_leaves_the_draws_of_steps_alone(task: str) -> None:
    """A judge's network is built within a step, and only by the first trial of a sweep."""
    config = loaded(f"task={task}", "dataset.sample=true", base=()).config
    fold = prepare_fold(config, (data := read_data(config)), data.split.folds[0])
    before = torch.get_rng_state()
    build_learner(config, fold.inputs, fold.targets, fold.device)
    assert torch.equal(torch.get_rng_state(), before)
