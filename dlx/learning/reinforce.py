"""REINFORCE with a baseline (Williams, 1992; Sutton and Barto, 2018, 13.4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor

from ..config.specs.policies import Reinforce as Options
from ..optimizers.named import Optimizers
from ..seeds import derive
from ..sources.batches import Batch, Part
from ..sources.draws import Stream
from ..sources.environment import Choices, Copies
from ..sources.fold import FoldData
from ..sources.held import as_tensor
from ..sources.source import Source
from ..state import State, part_of
from .actor_critic import POLICY, ActorCritic
from .meters import Meters
from .policy import ACTION, OBSERVATION, VALUE, draw_actions
from .rollouts import Numbers, make_rows

GAIN, RETURN = "gain", "return"


@dataclass
class Episode:
    """A whole episode as it was played.

    Attributes:
        seen: before each action.
        actions: what was done.
        rewards: for it.
        last: the last observation, where the episode was cut off; None where nothing follows.
    """

    seen: list[Numbers] = field(default_factory=list)
    actions: list[int] = field(default_factory=list)
    rewards: list[float] = field(default_factory=list)
    last: Numbers | None = None


class Reinforce(ActorCritic):
    """What whole episodes brought, less what was expected, moves the policy once.

    A step of the run is of whole episodes, all played by the same policy. The value, which says
    what was expected, is moved by the same rows in batches, after the policy. An episode that is
    cut off goes on in what its last observation is worth. The discount of an action's own moment is
    left out, as is usual.
    """

    @property
    def options(self) -> Options:
        """Its section of the config."""
        found = self.rules
        assert isinstance(found, Options)
        return found

    def source(self, fold: FoldData, number: int) -> Source:  # noqa: ARG002 - it has one fold
        """Whole episodes that its own copies play."""
        copies = self.begin(fold)
        self._drawn = Stream(derive(self.config.seed, "act", "train"))
        return EpisodeSource(self, copies, self.options.steps_per_epoch, self.device)

    @torch.no_grad()
    def play(self, copies: Copies) -> Part:
        """Plays whole episodes by the policy as it is, and says what each action gained."""
        self.networks.eval()

        def act(seen: Numbers) -> Choices:
            preferred = self.prefer(as_tensor(seen, self.device))
            drawn = torch.from_numpy(self._drawn.take(copies.steps, len(seen)))
            return draw_actions(preferred, drawn.to(self.device)).cpu().numpy()

        played = [one for _ in range(self.options.episodes) for one in play_whole(copies, act)]
        rows = self._judge(played)
        self.networks.train()
        return rows

    def _judge(self, played: list[Episode]) -> Part:
        """What each action gained over what was expected, as rows."""
        options = self.options
        cut = [place for place, one in enumerate(played) if one.last is not None]
        following = np.zeros(len(played), np.float32)
        if cut:
            last = np.stack([one.last for one in played if one.last is not None])
            following[cut] = self.tell_value(as_tensor(last, self.device)).cpu().numpy()
        returns = np.concatenate(
            [
                discounted(one.rewards, float(end), options.discount)
                for one, end in zip(played, following, strict=True)
            ]
        )
        observations = np.stack([row for one in played for row in one.seen])
        actions = torch.tensor([action for one in played for action in one.actions])
        seen, wanted = as_tensor(observations, self.device), as_tensor(returns, self.device)
        played_with = self.see(seen)  # as the policy was fed that acted
        gains = wanted - self.estimate(played_with)
        self.take_in(seen)
        if options.normalise_gains:
            gains = (gains - gains.mean()) / (gains.std(correction=0) + 1e-8)
        targets = {ACTION: actions.to(self.device), RETURN: wanted, GAIN: gains}
        return make_rows({OBSERVATION: played_with}, targets)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The objective of the policy, then that of the value, and what is told of both."""
        policy = self._move_policy(batch)
        return {"policy": policy["policy"], **self._move_value(batch), **policy}

    def _move_policy(self, batch: Batch) -> dict[str, Tensor]:
        """Less the gain of what was done by its log-probability, and less the entropy."""
        seen = batch.inputs[OBSERVATION]
        assert isinstance(seen, Tensor)
        likely = self.weigh(seen).log_softmax(1)
        entropy = -(likely.exp() * likely).sum(1).mean()
        chosen = likely.gather(1, batch.targets[ACTION][:, None]).squeeze(1)
        objective = -(chosen * batch.targets[GAIN]).mean()
        return {"policy": objective - self.options.entropy * entropy, "entropy": entropy.detach()}

    def _move_value(self, batch: Batch) -> dict[str, Tensor]:
        """Half the mean squared error of the value."""
        seen = batch.inputs[OBSERVATION]
        assert isinstance(seen, Tensor)
        return {"value": F.mse_loss(self.estimate(seen), batch.targets[RETURN]) / 2}

    def step(self, batch: Batch, optimizers: Optimizers, meters: Meters) -> None:
        """Moves the policy once, then the value by one batch after the other."""
        self.move({POLICY: self._move_policy}, batch, optimizers, meters)
        for piece in batch.split(-(-batch.rows // self.config.trainer.batch_size)):
            self.move({VALUE: self._move_value}, piece, optimizers, meters)


def play_whole(copies: Copies, act: Callable[[Numbers], Choices]) -> list[Episode]:
    """An episode of each copy, from its beginning to its end.

    Args:
        copies: each at the beginning of an episode.
        act: the observations of those that still play -> an action for each.
    """
    played = [Episode() for _ in range(len(copies))]
    playing = [*range(len(copies))]
    while playing:
        seen = copies.observations[playing]
        actions = act(seen)
        moved = copies.step(actions, playing)
        for place, copy in enumerate(playing):
            one = played[copy]
            one.seen.append(seen[place])
            one.actions.append(int(actions[place]))
            one.rewards.append(float(moved.rewards[place]))
            if moved.truncated[place]:
                one.last = moved.following[place]
        playing = [copy for place, copy in enumerate(playing) if not moved.ended[place]]
    return played


def discounted(rewards: list[float], end: float, discount: float) -> npt.NDArray[np.float32]:
    """What each action of an episode was followed by: its own reward and all later ones.

    Args:
        rewards: of the actions.
        end: what is to come behind the last.
        discount: of a reward one step later.
    """
    found, later = np.empty(len(rewards), np.float32), float(end)
    for place in range(len(rewards) - 1, -1, -1):
        later = rewards[place] + discount * later
        found[place] = later
    return found


class Player(Protocol):
    """A learner that plays whole episodes."""

    def play(self, copies: Copies) -> Part:
        """Plays, and says what each action gained."""

    def see(self, observations: Tensor) -> Tensor:
        """Observations as the networks are fed with them."""


class EpisodeSource:
    """A batch of whole episodes a step, until an epoch has had so many steps of the environment.

    Args:
        learner: plays.
        copies: of the environment, each at the beginning of an episode.
        enough: steps of all copies after which no further episode of an epoch begins.
        device: where rows lie.
    """

    def __init__(self, learner: Player, copies: Copies, enough: int, device: torch.device) -> None:
        self.steps = -(-enough // len(copies))  # at most, as each episode may have one step only
        self._learner, self._copies, self._enough = learner, copies, enough
        self._device, self._begun = device, 0

    def epoch(self, number: int, skip: int = 0) -> Iterator[Batch]:  # noqa: ARG002
        """The batches that are left of an epoch."""
        if not skip:
            self._begun = self._copies.steps
        while self._copies.steps - self._begun < self._enough:
            rows = self._learner.play(self._copies)
            yield rows.batch(0, len(rows))

    def probe(self) -> Batch:
        """What the copies see now, of which nothing came yet: nobody plays for it."""
        seen = as_tensor(self._copies.observations, self._device)
        nothing = seen.new_zeros(len(seen))
        targets = {ACTION: nothing.long(), RETURN: nothing, GAIN: nothing}
        return make_rows({OBSERVATION: self._learner.see(seen)}, targets).batch(0, len(seen))

    def state(self) -> State:
        """The copies, and when the epoch began."""
        known = self._copies.state()
        tensors = {f"copies/{name}": one for name, one in known.tensors.items()}
        return State(tensors, {"copies": known.facts, "begun": self._begun})

    def restore(self, state: State) -> None:
        """Puts back what `state` gave."""
        self._copies.restore(part_of(state, "copies"))
        self._begun = state.facts["begun"]
