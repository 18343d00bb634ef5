from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from small import built, loaded, rows_of, trained

from dlx.errors import RunError, UsageError
from dlx.running import threads


def never() -> Callable[[], None]:
    raise AssertionError("nothing is to be timed")


class Clock:
    """A clock that steps and looks at it move on: what is measured depends on no machine."""

    now = 0.0

    def perf_counter(self) -> float:
        Clock.now += 0.001
        return self.now


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.setattr(Clock, "now", 0.0)
    found = Clock()
    monkeypatch.setattr(threads, "time", found)
    return found


def step_taking(milliseconds: dict[int, float]) -> Callable[[], Callable[[], None]]:
    """A step whose time depends on the number of threads."""

    def step() -> None:
        Clock.now += milliseconds[torch.get_num_threads()] / 1000

    return lambda: step


@pytest.fixture(autouse=True)
def four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "cores", lambda: 4)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Less patience, where it is not what is tested."""
    monkeypatch.setattr(threads, "BUDGET_S", 0.2)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_count_that_is_asked_for_is_taken(tmp_path: Path, count: int) -> None:
    found = threads.choose(count, "work", never, tmp_path)

    assert found == {"count": count, "how": "asked"}
    assert torch.get_num_threads() == count
    assert list(tmp_path.rglob("*.json")) == []


def test_one_core_needs_no_timing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "cores", lambda: 1)

    assert threads.choose("auto", "work", never, tmp_path) == {"count": 1, "how": "one core"}


@pytest.mark.parametrize(
    ("milliseconds", "best"),
    [
        ({1: 2, 2: 6, 4: 12}, 1),
        ({1: 8, 2: 2, 4: 5}, 2),
        ({1: 8, 2: 4, 4: 1}, 4),
        ({1: 4, 2: 4, 4: 4}, 1),
    ],
)
def test_the_fastest_count_is_measured_and_a_tie_goes_to_fewer(
    tmp_path: Path, milliseconds: dict[int, float], best: int
) -> None:
    found = threads.choose("auto", "work", step_taking(milliseconds), tmp_path)

    assert (found["count"], found["how"]) == (best, "measured")
    assert torch.get_num_threads() == best
    assert list(found["seconds_per_step"]) == ["1", "2", "4"]
    for count, seconds in found["seconds_per_step"].items():
        assert seconds >= milliseconds[int(count)] / 1000 - 1e-9


def test_measuring_takes_no_more_than_a_second(tmp_path: Path, clock: Clock) -> None:
    threads.choose("auto", "work", step_taking({1: 50, 2: 50, 4: 50}), tmp_path)

    assert 0 < clock.now < 2


@pytest.mark.parametrize(("all_cores", "best"), [(500, 1), (100, 4)])
def test_slow_steps_are_timed_once_on_one_core_and_once_on_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, all_cores: float, best: int
) -> None:
    monkeypatch.setattr(threads, "SLOW_STEP_S", 0.03)
    calls: list[int] = []
    step = step_taking({1: 50, 4: all_cores / 10})()

    def counted() -> None:
        calls.append(torch.get_num_threads())
        step()

    found = threads.choose("auto", "work", lambda: counted, tmp_path)

    assert (found["count"], found["how"]) == (best, "slow steps")
    assert torch.get_num_threads() == best
    assert calls == [1, 4]
    assert list(found["seconds_per_step"]) == ["1", "4"]
    assert threads.choose("auto", "work", never, tmp_path)["count"] == best


def test_what_was_remembered_of_slow_steps_without_a_timing_is_measured_again(
    tmp_path: Path, hurried: None
) -> None:
    threads.choose("auto", "work", step_taking({1: 8, 2: 2, 4: 8}), tmp_path)
    (file,) = tmp_path.rglob("*.json")
    file.write_text(json.dumps({"count": 1, "how": "slow steps"}))

    assert threads.choose("auto", "work", step_taking({1: 8, 2: 2, 4: 8}), tmp_path)["count"] == 2


def test_an_answer_is_remembered_for_this_work_only(tmp_path: Path, hurried: None) -> None:
    quick_with_two = step_taking({1: 8, 2: 2, 4: 8})
    threads.choose("auto", ["mlp", 128], quick_with_two, tmp_path)
    torch.set_num_threads(1)

    assert threads.choose("auto", ["mlp", 128], never, tmp_path) == {
        "count": 2,
        "how": "remembered",
    }
    assert torch.get_num_threads() == 2
    with pytest.raises(AssertionError, match="nothing is to be timed"):
        threads.choose("auto", ["mlp", 64], never, tmp_path)


def test_what_another_learner_does_is_other_work() -> None:
    config, _, fold, _ = built()
    other = replace(config, learner=replace(config.learner, name="other"))
    assert threads._workload(other, fold) != threads._workload(config, fold)


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{", b"[]", b"null", b"\xff", b"\0\0\0", b"[" * 100_000),
        *(b'{"count": "2"}', b'{"count": 0}', b'{"count": 64}', b'{"count": true}'),
    ],
)
def test_a_memory_without_sense_is_measured_again(
    tmp_path: Path, content: bytes, hurried: None
) -> None:
    step = step_taking({1: 1, 2: 4, 4: 4})
    threads.choose("auto", "work", step, tmp_path)
    (file,) = tmp_path.rglob("*.json")
    file.write_bytes(content)

    assert threads.choose("auto", "work", step, tmp_path)["how"] == "measured"
    assert json.loads(file.read_text())["count"] == 1


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path, hurried: None) -> None:
    (tmp_path / "threads").touch()

    found = threads.choose("auto", "work", step_taking({1: 1, 2: 4, 4: 4}), tmp_path)

    assert found["how"] == "measured"


def test_counts_are_doubled_up_to_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {}
    for cores in (1, 2, 3, 4, 6, 8, 12):
        monkeypatch.setattr(threads, "cores", lambda cores=cores: cores)
        found[cores] = threads.candidates()

    assert found == {
        1: [1],
        2: [1, 2],
        3: [1, 2, 3],
        4: [1, 2, 4],
        6: [1, 2, 4, 6],
        8: [1, 2, 4, 8],
        12: [1, 2, 4, 8, 12],
    }


def test_timing_does_not_change_a_training_by_a_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its throwaway model draws nothing that the real one would have drawn."""
    monkeypatch.setattr(threads, "candidates", lambda: [1])
    asked = trained("model.dropout=0.3")
    timed = trained("model.dropout=0.3", "trainer.threads=auto")

    assert timed.threads["how"] == "measured"
    assert timed.threads["count"] == 1
    assert rows_of(timed.folder) == rows_of(asked.folder)


def test_the_count_is_recorded() -> None:
    run = trained("trainer.threads=2")

    known = json.loads((run.folder / "environment.json").read_text())
    assert known["threads"] == 2
    assert known["threads_chosen"] == {"count": 2, "how": "asked"}


def test_a_count_below_one_is_refused() -> None:
    with pytest.raises(UsageError, match=r"`trainer\.threads` is 0"):
        loaded("trainer.threads=0")


@pytest.mark.slow
def test_a_loss_that_explodes_in_the_timing_is_the_runs_to_tell() -> None:
    with pytest.raises(RunError, match="the training loss is not a number"):
        trained("optimizer.lr=1e30", "trainer.threads=auto")

    assert list(Path("runs").glob("wine/*/status.json"))
