"""Deep Q-learning (Mnih and others, 2015), with the double estimate (van Hasselt, 2016)."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from ..config.schema import Config
from ..config.specs.dqn import Dqn as Options
from ..data.columns import Input
from ..data.environments import Environment
from ..errors import Problem, UsageError
from ..optimizers.named import Optimizers
from ..seeds import derive
from ..sources.batches import Batch
from ..sources.draws import Stream
from ..sources.environment import Choices, Copies
from ..sources.fold import FoldData
from ..sources.held import as_tensor
from ..sources.source import Source
from ..state import State
from .memory import free_on
from .meters import Meters
from .networks import build_named
from .policy import ACTION, OBSERVATION, VALUE, Policy
from .replay import DISCOUNT, FOLLOWING, RETURN, Replay, ReplaySource

TARGET = "target"


class Dqn(Policy):
    """One network tells what each action is worth; what it is held against is told by an older one.

    A step of the run is one batch of transitions that were played before. An episode that is cut
    off goes on in what its last observation is worth; one that ends does not. The older network,
    `target`, is no weight to be kept: it is part of what a checkpoint needs to go on.
    """

    def __init__(
        self, config: Config, networks: Mapping[str, nn.Module], environment: Environment
    ) -> None:
        super().__init__(config, networks, environment)
        self.target = copy.deepcopy(self.networks[VALUE]).requires_grad_(False).eval()
        self._moves = 0
        seed = config.seed
        self._whether, self._which = (Stream(derive(seed, one)) for one in ("explore", "act"))

    @classmethod
    def assemble(
        cls,
        config: Config,
        inputs: Mapping[str, Input],
        actions: int,
        device: torch.device,
        fold: int,
    ) -> dict[str, nn.Module]:
        """The network by `model`."""
        return {VALUE: build_named(config, VALUE, inputs, {ACTION: actions}, device, fold)}

    @property
    def options(self) -> Options:
        """Its section of the config."""
        found = self.rules
        assert isinstance(found, Options)
        return found

    def source(self, fold: FoldData, number: int) -> Source:  # noqa: ARG002 - it has one fold
        """What its own copies have played, drawn again.

        Raises:
            UsageError: it does not fit into the free memory.
        """
        copies, options, config = self.begin(fold), self.options, self.config
        require_room(options.buffer, self.environment.shape, self.device)
        replay = Replay(options.buffer, len(copies), self.environment.shape, self.device)
        rounds = -(-options.steps_per_epoch // (options.play * len(copies)))
        ahead = options.look_ahead, options.discount
        sizes = rounds, options.draws, config.trainer.batch_size
        return ReplaySource(self, copies, replay, *sizes, ahead, config.seed)

    @torch.no_grad()
    def explore(self, copies: Copies, replay: Replay) -> None:
        """Plays on, at first so many steps at random; later some actions are drawn at random."""
        moments = self.options.play
        if not len(replay):
            moments += -(-self.options.warm_up // len(copies))
        self.networks.eval()
        for _ in range(moments):
            seen = as_tensor(copies.observations, torch.device("cpu"))
            actions = self._act(seen, copies.steps)
            moved = copies.step(actions)
            told = actions, moved.rewards, moved.following, moved.terminated, moved.ended
            replay.add(seen, *map(torch.from_numpy, told))
            self.take_in(seen.to(self.device))
        self.networks.train()

    def _act(self, seen: Tensor, steps: int) -> Choices:
        """An action for each copy: the best one, or one drawn at random."""
        many, options = len(seen), self.options
        at_random = self._whether.take(steps, many) < explored(options, steps)
        drawn = (self._which.take(steps, many) * self.actions).astype(np.int64)
        if at_random.all():
            return drawn
        best = self.prefer(seen.to(self.device)).argmax(1).cpu().numpy()
        return np.where(at_random, drawn, best)

    def prefer(self, observations: Tensor) -> Tensor:
        """What each action is worth."""
        return self._tell(self.networks[VALUE], observations)

    def _tell(self, network: nn.Module, observations: Tensor) -> Tensor:
        found: Tensor = network({OBSERVATION: self.see(observations)})[ACTION]
        return found.float()

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Huber's error of what was done, and what that is worth on average."""
        told = batch.targets
        seen = batch.inputs[OBSERVATION]
        assert isinstance(seen, Tensor)
        with torch.no_grad():
            following = told[FOLLOWING]
            older = self._tell(self.target, following)
            chooser = self.prefer(following) if self.options.double else older
            wanted = targets_of(told[RETURN], told[DISCOUNT], older, chooser)
        worth = self.prefer(seen).gather(1, told[ACTION][:, None]).squeeze(1)
        return {"loss": F.smooth_l1_loss(worth, wanted), "value": worth.detach().mean()}

    def step(self, batch: Batch, optimizers: Optimizers, meters: Meters) -> None:
        """Moves the network; from time to time the older one follows it."""
        told: list[tuple[Batch, dict[str, Tensor]]] = []

        def closure(micro: Batch) -> dict[str, Tensor]:
            losses = self.losses(micro)
            if not optimizers.again:
                told.append((micro, losses))
            return losses

        optimizers.step(VALUE, batch, closure)
        for micro, losses in told:
            meters.update(micro, losses, {})
        self._moves += 1
        if self._moves % self.options.follow_every == 0:
            self.follow(self.options.follow_share)

    @torch.no_grad()
    def follow(self, share: float) -> None:
        """The older network goes a share of the way to the one that moves; 1: all of it."""
        own = self.networks[VALUE].state_dict()
        for name, one in self.target.state_dict().items():
            if share < 1 and one.is_floating_point():
                one.lerp_(own[name], share)
            else:
                one.copy_(own[name])

    def load_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Takes weights that were kept; the older network is the same then."""
        super().load_weights(weights)
        self.follow(1.0)

    def state(self) -> State:
        """The weights, those of the older network, and how often they moved."""
        known = super().state()
        older = {f"{TARGET}/{name}": one for name, one in self.target.state_dict().items()}
        return State({**known.tensors, **older}, {**known.facts, "moves": self._moves})

    def restore(self, state: State) -> None:
        """Puts back what `state` gave."""
        super().restore(state)
        names = self.target.state_dict()
        self.target.load_state_dict({name: state.tensors[f"{TARGET}/{name}"] for name in names})
        self._moves = state.facts["moves"]


def explored(options: Options, steps: int) -> float:
    """The share of actions that are drawn at random, after so many steps of all copies."""
    done = steps - options.warm_up
    if done < 0:
        return 1.0
    share = min(1.0, done / options.explore_steps)
    return options.explore_from + share * (options.explore_to - options.explore_from)


def targets_of(returns: Tensor, discounts: Tensor, older: Tensor, chooser: Tensor) -> Tensor:
    """What actions are held against (van Hasselt and others, 2016, equation 4).

    Args:
        returns: of the steps that were looked ahead, (rows,).
        discounts: of what is to come behind them, 0 where nothing is, (rows,).
        older: what actions are worth there by the older network, (rows, actions).
        chooser: what they are worth by the network that chooses among them.
    """
    best = chooser.argmax(1, keepdim=True)
    return returns + discounts * older.gather(1, best).squeeze(1)


def require_room(buffer: int, shape: tuple[int, ...], device: torch.device) -> None:
    """Refuses more transitions than fit into the free memory.

    Raises:
        UsageError: with what they take and what is free.
    """
    row = 2 * 4 * int(np.prod(shape)) + 8 + 4 + 2
    free = free_on(device)
    if free is not None and row * buffer > free:
        told = f"{buffer:,} transitions of {row:,} bytes take {row * buffer / 2**30:.1f} GiB, but "
        most = int(free // (2 * row))
        what, accepted = f"{told}{free / 2**30:.1f} GiB are free", "fewer transitions"
        raise UsageError(Problem(what, "learner.buffer", accepted, f"learner.buffer={most}"))
