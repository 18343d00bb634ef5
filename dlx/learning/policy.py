"""What all learners of a policy share: acting, episodes that judge, what these are held against."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from ..config.schema import Config
from ..config.specs.policies import Policy as Options
from ..data.columns import Input
from ..data.environments import Environment, make, make_copies, require_choice
from ..data.environments.base import Seen
from ..data.targets import EncodedTarget
from ..errors import Problem, UsageError
from ..judging.evaluation import Estimate, Evaluation
from ..judging.means import Mean
from ..models.summary import LayerRow, layer_table
from ..runs.artifacts import Artifacts
from ..seeds import derive
from ..sources.draws import draw_uniform
from ..sources.environment import SLOTS, Act, Choices, Copies, Episodes, episode_seed, play
from ..sources.fold import FoldData
from ..sources.held import as_tensor
from ..state import State
from .film import Film
from .learner import Learner
from .penalties import Penalty

OBSERVATION, ACTION, VALUE, SCALE = "observation", "action", "value", "scale"
TRIED = 10
"""Training episodes by which the best constant action is found."""
Others = dict[str, tuple[str, Episodes]]
"""Simpler policies: by name, of which kind they are, and the episodes that they played."""


class Policy(Learner):
    """A learner of what to do in an environment.

    What judges it are episodes whose seeds serve nothing else, played by the weights as they are.
    A subclass says what its networks are, what they prefer, and where its batches come from.

    Args:
        config: its dataset is the environment.
        networks: all that is kept as weights.
        environment: a copy of it.
    """

    def __init__(
        self, config: Config, networks: Mapping[str, nn.Module], environment: Environment
    ) -> None:
        super().__init__(config, networks)
        options = config.learner.options
        assert isinstance(options, Options)
        self.rules, self.environment = options, environment
        self.actions = environment.actions.count
        self.copies: Copies | None = None
        self._stage: list[Environment] = []
        self._curve: dict[int, tuple[float, float | None]] = {}
        self._judged: tuple[Episodes, Others] | None = None
        self._film = Film()
        own = getattr(options, VALUE, None)  # what tells the value may be a model of its own
        chosen = {VALUE: (f"learner.{VALUE}", own)} if own is not None else {}
        self._penalties = {}
        for name, network in networks.items():
            key, model = chosen.get(name, ("model", config.model))
            if name != SCALE:
                self._penalties[name] = Penalty({key: (model, network)})

    @classmethod
    def build(
        cls,
        config: Config,
        inputs: Mapping[str, Input],
        targets: Mapping[str, EncodedTarget],  # noqa: ARG003 - it has none
        device: torch.device,
        fold: int = 0,
    ) -> Self:
        """Networks with fresh weights.

        Raises:
            UsageError: the environment's actions are none that can be chosen from.
        """
        environment = make(config.dataset.options)
        require_choice(environment, f"learner {config.learner.name}")
        networks = cls.assemble(config, inputs, environment.actions.count, device, fold)
        options = config.learner.options
        if options.standardise:
            networks[SCALE] = Scale(environment.shape).to(device)
        environment.reset(0)
        if options.shaping and environment.potential() is None:
            what = f"{environment.name} has no potential that rewards could be shaped by"
            accepted = "0; or an environment with one, as MountainCar-v0"
            raise UsageError(Problem(what, "learner.shaping", accepted, "learner.shaping=0"))
        return cls(config, networks, environment)

    @classmethod
    @abstractmethod
    def assemble(
        cls,
        config: Config,
        inputs: Mapping[str, Input],
        actions: int,
        device: torch.device,
        fold: int,
    ) -> dict[str, nn.Module]:
        """The networks, with the starting weights that the seed gives.

        Args:
            config: names them.
            inputs: what they are fed.
            actions: of how many one is chosen.
            device: where they are to lie.
            fold: number of the fold.
        """

    @abstractmethod
    def prefer(self, observations: Tensor) -> Tensor:
        """A number for each action, (rows, actions): the largest is what is best to do."""

    def penalty(self, group: str) -> Tensor | None:
        """What L1 and L2 of a network's model add; None where neither is asked for."""
        return self._penalties[group]()

    def layers(self, inputs: Mapping[str, Input]) -> list[LayerRow]:
        """The layers of the networks, the policy's first."""
        return [
            replace(row, name=f"{name}.{row.name}")
            for name, network in self.networks.items()
            if name != SCALE
            for row in layer_table(network, inputs)
        ]

    def see(self, observations: Tensor) -> Tensor:
        """Observations as the networks are fed with them."""
        return self.networks[SCALE](observations) if SCALE in self.networks else observations

    def take_in(self, observations: Tensor) -> None:
        """Lets what standardises observations learn of those that were seen in training."""
        if SCALE in self.networks:
            scale = self.networks[SCALE]
            assert isinstance(scale, Scale)
            scale.learn(observations)

    def begin(self, fold: FoldData) -> Copies:
        """The copies that play training episodes, by which the learner counts steps."""
        options = self.config.dataset.options
        made = make_copies(options, options.copies, self.config.plugins)
        steady, rules = not fold.data.samples.unsteady, self.rules
        shaping = rules.shaping, rules.discount
        self.copies = Copies(made, self.config.seed, steady, *shaping)
        return self.copies

    @torch.no_grad()
    def choose(self, seen: Seen, moments: Choices, part: str) -> Choices:
        """What is done in episodes that judge: what is preferred, unless `greedy` is false."""
        preferred = self.prefer(as_tensor(seen, self.device))
        if getattr(self.rules, "greedy", True):
            return preferred.argmax(1).cpu().numpy()
        key = derive(self.config.seed, "act", part)
        drawn = draw_uniform(torch.from_numpy(moments), key)
        return draw_actions(preferred, drawn.to(self.device)).cpu().numpy()

    def validate(self, fold: FoldData) -> dict[str, float]:  # noqa: ARG002
        """The mean return of validation episodes, and of the last episodes in training."""
        played = self._play(self._by_own("val"), "val")
        own, ended = float(played.returns.mean()), self.copies.finished if self.copies else []
        recent = float(np.mean([one for one, _ in ended])) if ended else None
        if self.copies is not None:
            self._curve[self.copies.steps] = own, recent
        return {"val/return": own, "train/return": math.nan if recent is None else recent}

    def evaluations(self, fold: FoldData, part: str) -> list[Evaluation]:
        """Returns beside those of simpler policies in the same episodes; and which are solved."""
        self._film = Film()
        played = self._play(self._by_own(part), part, self._film.take)
        key = f"episodes of {part}"
        if key not in fold.learnt:
            fold.learnt[key] = self._play_others(part)
        others: Others = fold.learnt[key]
        self._judged = played, others
        found = [_judge(f"{part}/return", played, others, lambda one: one.returns)]
        threshold = self.environment.threshold
        if threshold is not None:
            solved = lambda one: (one.returns >= threshold).astype(np.float64)  # noqa: E731
            found.append(_judge(f"{part}/solved", played, others, solved))
        return found

    def _by_own(self, part: str) -> Act:
        self.networks.eval()
        return lambda seen, moments: self.choose(seen, moments, part)

    def _play(self, act: Act, part: str, watch: Callable[[Environment], None] | None = None) -> Any:
        """The episodes of "val" or "test"; of "train" a few, by which simpler policies learn."""
        rules = self.rules
        many = {"val": rules.validation_episodes, "test": rules.test_episodes}.get(part, TRIED)
        seeds = [episode_seed(self.config.seed, part, 0, number) for number in range(many)]
        return play(self._stand(many), act, seeds, watch)

    def _stand(self, episodes: int) -> list[Environment]:
        """Copies that play episodes to be judged."""
        many = min(SLOTS, episodes)
        if len(self._stage) < many:
            self._stage = make_copies(self.config.dataset.options, many, self.config.plugins)
        return self._stage[:many]

    def _play_others(self, part: str) -> Others:
        """Episodes of simpler policies; and of the best there is, where that is known."""
        key, actions = derive(self.config.seed, "random policy", part), self.actions

        def act_at_random(_: Seen, moments: Choices) -> Choices:
            drawn = draw_uniform(torch.from_numpy(moments), key)
            return (drawn * actions).long().clamp(max=actions - 1).numpy()

        def always(action: int) -> Act:
            return lambda seen, _: np.full(len(seen), action, np.int64)

        tried = [self._play(always(action), "train").returns.mean() for action in range(actions)]
        best = int(np.argmax(tried))
        found: Others = {
            "random policy": ("constant", self._play(act_at_random, part)),
            "best constant action": ("constant", self._play(always(best), part)),
        }
        if self.environment.best_action() is not None:
            stage = self._stage

            def act_best(seen: Seen, _: Choices) -> Choices:
                return np.array([one.best_action() for one in stage[: len(seen)]], np.int64)

            found["best actions"] = ("data", self._play(act_best, part))
        return found

    def artifacts(self, into: Artifacts, when: str) -> None:
        """At the end: returns over the steps of training, the episodes, and the first as a film."""
        if when != "end":
            return
        if self._curve:
            told = "mean return of validation episodes, and of the last training episodes"
            curve = sorted(self._curve.items())
            columns: dict[str, list[Any]] = {"steps": [steps for steps, _ in curve]}
            columns["validation"] = [pair[0] for _, pair in curve]
            columns["training"] = ["" if one is None else one for _, (_, one) in curve]
            into.lines("returns", columns, title="Returns while it learnt", caption=told)
        if self._judged is None:
            return
        played, others = self._judged
        columns = {
            "seed": [*played.seeds],
            "return": played.returns.tolist(),
            "steps": played.lengths.tolist(),
            **{name: one.returns.tolist() for name, (_, one) in others.items()},
        }
        told = "each by its seed, with its return and steps, and the returns of other policies"
        into.table("episodes", columns, title="Episodes", caption=told)
        told = f"the episode of seed {played.seeds[0]}: return {played.returns[0]:g} in "
        self._film.leave(into, f"{told}{played.lengths[0]:,} steps")

    def state(self) -> State:
        """The weights, and the returns of the epochs."""
        curve = [[steps, *pair] for steps, pair in sorted(self._curve.items())]
        return State(super().state().tensors, {"curve": curve})

    def restore(self, state: State) -> None:
        """Puts back what `state` gave."""
        own = self.module.state_dict()
        self.load_weights({name: one for name, one in state.tensors.items() if name in own})
        self._curve = {int(steps): (one, two) for steps, one, two in state.facts["curve"]}


def _judge(
    score: str, played: Episodes, others: Others, measure: Callable[[Episodes], Any]
) -> Evaluation:
    """A score of episodes, beside those that other policies have in the same."""

    def estimate(name: str, kind: Any, one: Episodes) -> Estimate:
        return Mean(name, kind, measure(one))

    beside = tuple(estimate(name, kind, one) for name, (kind, one) in others.items())
    return Evaluation(score, "max", "episode", estimate("model", "model", played), beside)


def draw_actions(preferred: Tensor, drawn: Tensor) -> Tensor:
    """An action of each row by its probability.

    Args:
        preferred: logits, (rows, actions).
        drawn: a number from 0 up to 1 each, (rows,).
    """
    ends = preferred.softmax(1).cumsum(1)
    return (drawn[:, None] >= ends).sum(1).clamp(max=preferred.shape[1] - 1)


class Scale(nn.Module):
    """Standardises observations by the mean and deviation of those seen so far.

    Both are those of all observations (Chan and others, 1979), so that how they came in blocks
    matters to the last digits only.

    Args:
        shape: of an observation.
    """

    count: Tensor
    mean: Tensor
    squares: Tensor

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.register_buffer("count", torch.zeros((), dtype=torch.float64))
        self.register_buffer("mean", torch.zeros(shape, dtype=torch.float64))
        self.register_buffer("squares", torch.zeros(shape, dtype=torch.float64))

    def forward(self, observations: Tensor) -> Tensor:
        """Gives at most 10 deviations."""
        spread = (self.squares / self.count.clamp(min=1)).sqrt().clamp(min=1e-4).float()
        if not self.count:
            return observations
        return ((observations - self.mean.float()) / spread).clamp(-10, 10)

    @torch.no_grad()
    def learn(self, observations: Tensor) -> None:
        """Takes in some observations, (rows, ...)."""
        rows = observations.double()
        many, mean = rows.shape[0], rows.mean(0)
        away, total = mean - self.mean, self.count + rows.shape[0]
        self.squares += (rows - mean).square().sum(0) + away.square() * self.count * many / total
        self.mean += away * many / total
        self.count += many
