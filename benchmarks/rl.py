"""PPO on CartPole: dlx beside a hand-written loop, and beside stable-baselines3 where it is there.

    python benchmarks/rl.py [--rounds 5] [--epochs 1]

All play eight copies of the environment in one process and one thread, with the same networks and
the same numbers of steps, passes and rows, in turn; the figure is the median of the rounds' ratios
of processor time, which others on the machine disturb less than the clock.
The hand-written loop steps unwrapped copies in a plain Python loop, as dlx does. Validation, which
neither of the others has, is left out.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from gymnasium.envs.classic_control import CartPoleEnv
from torch import Tensor, nn

from dlx.config.load import load
from dlx.config.schema import Config
from dlx.learning.build import build_learner
from dlx.running.staging import build_training
from dlx.sources.data import read_data
from dlx.sources.fold import prepare_fold
from dlx.training.loop import run_epoch

COPIES, ROLLOUT, PASSES, ROWS, FRAMES = 8, 128, 6, 256, 8192
DISCOUNT, SHARE, CLIP, NORM, RATE, LIMIT = 0.99, 0.95, 0.2, 0.5, 0.001, 500
SAME = (
    *("task=cartpole", f"dataset.copies={COPIES}", f"learner.rollout={ROLLOUT}"),
    *(f"learner.passes={PASSES}", f"trainer.batch_size={ROWS}", "model.units=[64,64]"),
    *(f"learner.steps_per_epoch={FRAMES}", f"trainer.clip_norm={NORM}", "learner.entropy=0"),
)


def ours() -> Callable[[], None]:
    """An epoch of dlx's, without its validation."""
    config: Config = load(list(SAME)).config
    data = read_data(config)
    fold = prepare_fold(config, data, data.split.folds[0])
    learner = build_learner(config, fold.inputs, fold.targets, fold.device)
    training = build_training(config, learner, learner.source(fold, 0))

    def epoch() -> None:
        run_epoch(training)
        training.progress.close_epoch()

    return epoch


def network(outputs: int) -> nn.Sequential:
    layers = [nn.Linear(4, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, outputs)]
    return nn.Sequential(*layers)


class ByHand:
    """PPO as it is written in one file: the same networks, a plain optimizer each."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.policy, self.value = network(2), network(1)
        self.movers = [torch.optim.Adam(n.parameters(), RATE) for n in (self.policy, self.value)]
        self.copies = [CartPoleEnv() for _ in range(COPIES)]
        starts = [one.reset(seed=place)[0] for place, one in enumerate(self.copies)]
        self.seen, self.ages = np.stack(starts), np.zeros(COPIES, np.int64)

    def epoch(self) -> None:
        """As many frames as the others play."""
        for _ in range(FRAMES // (COPIES * ROLLOUT)):
            self.move(*self.play())

    @torch.no_grad()
    def play(self) -> tuple[Tensor, ...]:
        """A rollout: what was seen and done, how likely that was, gains and returns."""
        seen = np.empty((ROLLOUT, COPIES, 4), np.float32)
        actions = torch.empty((ROLLOUT, COPIES), dtype=torch.int64)
        rewards, bonus = (np.zeros((ROLLOUT, COPIES), np.float32) for _ in range(2))
        over = np.zeros((ROLLOUT, COPIES), np.bool_)
        for step in range(ROLLOUT):
            seen[step] = self.seen
            logits = self.policy(torch.from_numpy(self.seen))
            actions[step] = torch.multinomial(logits.softmax(1), 1)[:, 0]
            for copy, action in enumerate(actions[step].tolist()):
                one = self.copies[copy]
                after, rewards[step, copy], ended, _, _ = one.step(action)
                self.ages[copy] += 1
                if not ended and self.ages[copy] >= LIMIT:
                    bonus[step, copy] = DISCOUNT * self.value(torch.from_numpy(after))
                    ended = True
                over[step, copy] = ended
                self.seen[copy] = one.reset()[0] if ended else after
                self.ages[copy] *= not ended
        rows = torch.from_numpy(seen)
        values = self.value(rows)[..., 0].numpy()
        last = self.value(torch.from_numpy(self.seen))[:, 0].numpy()
        gains, later = np.empty_like(rewards), np.zeros(COPIES, np.float32)
        for step in reversed(range(ROLLOUT)):
            coming = last if step == ROLLOUT - 1 else values[step + 1]
            miss = rewards[step] + bonus[step] + DISCOUNT * coming * ~over[step] - values[step]
            later = miss + DISCOUNT * SHARE * later * ~over[step]
            gains[step] = later
        told = self.policy(rows).log_softmax(-1).gather(-1, actions[..., None])[..., 0]
        every = rows, actions, told, torch.from_numpy(gains), torch.from_numpy(gains + values)
        return tuple(one.flatten(0, 1) for one in every)

    def move(
        self, seen: Tensor, actions: Tensor, before: Tensor, gains: Tensor, returns: Tensor
    ) -> None:
        """All passes over a rollout."""
        gains = (gains - gains.mean()) / (gains.std() + 1e-8)
        for _ in range(PASSES):
            for rows in torch.randperm(len(seen)).split(ROWS):
                likely = self.policy(seen[rows]).log_softmax(1)
                chosen = likely.gather(1, actions[rows][:, None])[:, 0]
                ratio, gain = (chosen - before[rows]).exp(), gains[rows]
                near = ratio.clamp(1 - CLIP, 1 + CLIP)
                self.take(0, self.policy, -torch.minimum(ratio * gain, near * gain).mean())
                miss = self.value(seen[rows])[:, 0] - returns[rows]
                self.take(1, self.value, miss.square().mean() / 2)

    def take(self, place: int, moved: nn.Module, loss: Tensor) -> None:
        """One step of a network."""
        self.movers[place].zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(moved.parameters(), NORM)
        self.movers[place].step()


def by_library() -> Callable[[], None] | None:
    """The same work by stable-baselines3; None where it is not installed."""
    try:
        from stable_baselines3 import PPO
        from stable_baselines3.common.env_util import make_vec_env
    except ImportError:
        return None
    copies = make_vec_env("CartPole-v1", COPIES, seed=0)
    shared: dict[str, Any] = {"n_steps": ROLLOUT, "batch_size": ROWS, "n_epochs": PASSES}
    shared |= {"gamma": DISCOUNT, "gae_lambda": SHARE, "clip_range": CLIP, "vf_coef": 0.5}
    shared |= {"learning_rate": RATE, "max_grad_norm": NORM, "ent_coef": 0.0, "device": "cpu"}
    model = PPO("MlpPolicy", copies, seed=0, **shared)
    return lambda: model.learn(FRAMES, reset_num_timesteps=False)


def timed(run: Callable[[], Any], epochs: int) -> float:
    begun = time.process_time()
    for _ in range(epochs):
        run()
    return time.process_time() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    workers: dict[str, Callable[[], Any]] = {"dlx": ours(), "hand-written": ByHand().epoch}
    if (library := by_library()) is not None:
        workers["stable-baselines3"] = library
    for run in workers.values():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in workers}
    for number in range(asked.rounds):
        order = [*workers] if number % 2 else [*workers][::-1]
        for name in order:
            seconds[name].append(timed(workers[name], asked.epochs))
    print(f"torch {torch.__version__}, 1 thread, {asked.rounds} rounds of {FRAMES:,} frames")
    print(f"{'PPO on CartPole-v1':20} {'frames/s':>10} {'dlx / it':>9} {'target':>7}")
    for name, found in seconds.items():
        frames = asked.epochs * FRAMES / statistics.median(found)
        ratio = statistics.median(a / b for a, b in zip(seconds["dlx"], found, strict=True))
        target = {"hand-written": "1.20", "stable-baselines3": "1.00"}.get(name, "")
        print(f"{name:20} {frames:10,.0f} {ratio:9.3f} {target:>7}")


if __name__ == "__main__":
    main()
