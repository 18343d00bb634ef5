"""Proximal policy optimisation (Schulman and others, 2017, arXiv:1707.06347)."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor

from ..config.specs.policies import Ppo as Options
from ..optimizers.named import Optimizers
from ..seeds import derive
from ..sources.batches import Batch, Part
from ..sources.draws import draw_uniform
from ..sources.environment import Choices, Copies
from ..sources.fold import FoldData
from ..sources.held import as_tensor
from ..sources.source import Source
from .actor_critic import POLICY, ActorCritic
from .meters import Meters
from .policy import ACTION, OBSERVATION, VALUE, draw_actions
from .rollouts import Numbers, Rollout, RolloutSource, advantages, collect, make_rows

ADVANTAGE, RETURN, LIKELY = "advantage", "return", "likely"


class Ppo(ActorCritic):
    """Many small steps on each rollout, none of which moves the policy far.

    A step of the run is one batch of a rollout: it moves the policy by the clipped objective
    (there, equation 7) less `entropy` times the entropy, and the value by half its squared error.
    An episode that is cut off goes on in what its last observation is worth; one that ends does
    not.
    """

    @property
    def options(self) -> Options:
        """Its section of the config."""
        found = self.rules
        assert isinstance(found, Options)
        return found

    def source(self, fold: FoldData, number: int) -> Source:  # noqa: ARG002 - it has one fold
        """What its own copies play, in batches."""
        copies, options, config = self.begin(fold), self.options, self.config
        rows = options.rollout * len(copies)
        rollouts = -(-options.steps_per_epoch // rows)
        sizes = rollouts, rows, options.passes, config.trainer.batch_size
        return RolloutSource(self, copies, *sizes, config.seed, self.device)

    @torch.no_grad()
    def play(self, copies: Copies) -> Part:
        """Plays a rollout by the policy as it is, and says what each action was worth."""
        options, many = self.options, len(copies)
        self.networks.eval()
        moments = torch.arange(copies.steps, copies.steps + options.rollout * many)
        drawn = draw_uniform(moments, derive(self.config.seed, "act", "train")).view(-1, many)
        device = self.device
        drawn = drawn.to(device)

        def act(seen: Numbers, step: int) -> Choices:
            preferred = self.prefer(as_tensor(seen, device))
            return draw_actions(preferred, drawn[step]).cpu().numpy()

        rollout = collect(copies, options.rollout, act)
        played = self._judge(rollout)
        self.take_in(as_tensor(rollout.observations, self.device).flatten(0, 1))
        self.networks.train()
        return played

    def _judge(self, rollout: Rollout) -> Part:
        """What each action of a rollout was worth, as rows."""
        options, device = self.options, self.device

        def flat(values: np.typing.NDArray[np.generic]) -> Tensor:
            return as_tensor(values, device).flatten(0, 1)

        seen, actions = self.see(flat(rollout.observations)), flat(rollout.actions)
        likely = self.weigh(seen).log_softmax(1).gather(1, actions[:, None]).squeeze(1)
        told = self.estimate(seen)
        values = told.cpu().numpy().reshape(rollout.rewards.shape)
        following = self._value_following(rollout, values)
        ends = rollout.ended, options.discount, options.advantage
        gained = flat(advantages(rollout.rewards, values, following, *ends))
        targets = {ACTION: actions, LIKELY: likely, VALUE: told, RETURN: gained + told}
        if options.normalise_advantages:
            gained = (gained - gained.mean()) / (gained.std() + 1e-8)
        return make_rows({OBSERVATION: seen}, {**targets, ADVANTAGE: gained})

    def _value_following(self, rollout: Rollout, values: Numbers) -> Numbers:
        """The value of what each action led to; 0 where nothing follows."""
        following = np.concatenate([values[1:], np.zeros_like(values[:1])])
        asked = rollout.ended & ~rollout.terminated
        asked[-1] |= ~rollout.terminated[-1]
        if asked.any():
            seen = as_tensor(rollout.following[asked], self.device)
            following[asked] = self.tell_value(seen).cpu().numpy()
        following[rollout.terminated] = 0
        return following

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The objective of the policy, then that of the value, and what is told of both."""
        policy = self._move_policy(batch)
        value = self._move_value(batch)
        return {"policy": policy["policy"], **value, **policy}

    def _move_policy(self, batch: Batch) -> dict[str, Tensor]:
        """The clipped objective, less the entropy; both beside the share that is clipped."""
        told, options = batch.targets, self.options
        seen = batch.inputs[OBSERVATION]
        assert isinstance(seen, Tensor)
        likely = self.weigh(seen).log_softmax(1)
        entropy = -(likely.exp() * likely).sum(1).mean()
        chosen = likely.gather(1, told[ACTION][:, None]).squeeze(1)
        ratio, gain = (chosen - told[LIKELY]).exp(), told[ADVANTAGE]
        near = ratio.clamp(1 - options.clip, 1 + options.clip)
        objective = -torch.minimum(ratio * gain, near * gain).mean()
        clipped = (ratio.detach() != near.detach()).float().mean()
        found = {"policy": objective - options.entropy * entropy}
        return {**found, "entropy": entropy.detach(), "clipped": clipped}

    def _move_value(self, batch: Batch) -> dict[str, Tensor]:
        """Half the mean squared error of the value."""
        told, options = batch.targets, self.options
        seen = batch.inputs[OBSERVATION]
        assert isinstance(seen, Tensor)
        value = self.estimate(seen)
        if options.clip_value is None:
            return {"value": F.mse_loss(value, told[RETURN]) / 2}
        near = told[VALUE] + (value - told[VALUE]).clamp(-options.clip_value, options.clip_value)
        far = torch.maximum((value - told[RETURN]).square(), (near - told[RETURN]).square())
        return {"value": far.mean() / 2}

    def step(self, batch: Batch, optimizers: Optimizers, meters: Meters) -> None:
        """Moves the policy, then the value; the meters are told when that is done."""
        parts = {POLICY: self._move_policy, VALUE: self._move_value}
        self.move(parts, batch, optimizers, meters)
