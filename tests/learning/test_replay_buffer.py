"""What followed in an environment, drawn again: targets of n steps in closed form."""

from __future__ import annotations

import pytest
import torch

from dlx.learning.replay import Replay
from dlx.state import State

HALF = 0.5


def filled(
    moments: int, capacity: int, copies: int = 1, ends: dict[int, str] | None = None
) -> Replay:
    """A reward of 1, 2, 4 ... a moment; copy c's observation at moment t is 100 c + t."""
    replay = Replay(capacity, copies, (1,))
    places = 100.0 * torch.arange(copies)[:, None]
    for moment in range(moments):
        how = (ends or {}).get(moment, "")
        flag = torch.full((copies,), bool(how))
        rewards = torch.full((copies,), 2.0**moment)
        over = flag & (how == "terminated")
        acted = torch.full((copies,), moment)
        replay.add(places + moment, acted, rewards, places + moment + 1, over, flag)
    return replay


def told(replay: Replay, number: int, steps: int) -> tuple[float, float, float]:
    found = replay.take(torch.tensor([number]), steps, HALF)
    return found.returns.item(), found.discounts.item(), found.following.item()


@pytest.mark.parametrize("copies", [1, 3])
def test_rewards_of_several_steps_are_discounted(copies: int) -> None:
    replay = filled(8, 100, copies)

    assert told(replay, 2 * copies, 1) == (4, 0.5, 3)
    assert told(replay, 2 * copies, 3) == (4 + 8 / 2 + 16 / 4, 1 / 8, 5)


def test_nothing_follows_the_end_but_something_a_time_limit() -> None:
    over = filled(8, 100, ends={3: "terminated"})
    stopped = filled(8, 100, ends={3: "limit"})

    assert told(over, 3, 1) == (8, 0, 4)
    assert told(over, 2, 3) == (4 + 8 / 2, 0, 4)
    assert told(stopped, 3, 1) == (8, 0.5, 4)
    assert told(stopped, 2, 3) == (4 + 8 / 2, 1 / 4, 4)


def test_the_newest_is_looked_ahead_from_as_far_as_there_is_something() -> None:
    assert told(filled(8, 100), 7, 3) == (128, 0.5, 8)
    assert told(filled(8, 100), 6, 3) == (64 + 128 / 2, 1 / 4, 8)


def test_the_oldest_gives_way_and_is_not_what_follows_the_newest() -> None:
    replay = filled(11, 4)

    assert len(replay) == 4
    assert told(replay, 0, 1) == (2**7, 0.5, 8)
    assert told(replay, 0, 4) == (4 * 2**7, 1 / 16, 11)
    assert told(replay, 3, 4) == (2**10, 0.5, 11)


def test_a_capacity_holds_whole_moments() -> None:
    replay = filled(9, 10, 3)

    assert (replay.capacity, len(replay)) == (9, 9)
    found = replay.take(torch.arange(9), 2, HALF)
    assert found.observations[:, 0].tolist() == [6, 106, 206, 7, 107, 207, 8, 108, 208]
    assert found.following[:, 0].tolist() == [8, 108, 208, 9, 109, 209, 9, 109, 209]


def test_what_is_put_back_goes_on_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dlx.learning.replay.CHUNK", 5)
    whole, broken, fresh = filled(20, 12, 2), filled(20, 12, 2), Replay(12, 2, (1,))
    state = broken.state()
    fresh.restore(State({n: t.clone() for n, t in state.tensors.items()}, state.facts))
    more = (torch.ones(2, 1), torch.ones(2).long(), torch.ones(2), torch.ones(2, 1))
    flags = torch.zeros(2, dtype=torch.bool), torch.ones(2, dtype=torch.bool)

    for replay in (whole, fresh):
        replay.add(*more, *flags)

    one, two = (r.take(torch.arange(12), 3, HALF) for r in (whole, fresh))
    assert all(torch.equal(getattr(one, name), getattr(two, name)) for name in vars(one))


def test_only_the_chunk_that_is_written_to_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dlx.learning.replay.CHUNK", 4)
    replay = filled(20, 12)
    before = {n: t.clone() for n, t in replay.state().tensors.items()}
    row = torch.zeros(1, dtype=torch.bool)

    replay.add(torch.ones(1, 1), torch.ones(1).long(), torch.ones(1), torch.ones(1, 1), row, row)

    after = replay.state()
    moved = {n.split("/")[0] for n, t in after.tensors.items() if not torch.equal(t, before[n])}
    assert moved == {"8"}
    assert len(after.chunks) == 3


def test_of_another_size_it_is_refused() -> None:
    with pytest.raises(RuntimeError, match="not of so many copies"):
        Replay(12, 2, (1,)).restore(filled(5, 12).state())
