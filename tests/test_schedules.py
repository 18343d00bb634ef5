from __future__ import annotations

import json
import math

import pytest
import torch
from torch.optim import SGD, lr_scheduler

from dlx.config.specs.schedules import SCHEDULES
from dlx.errors import UsageError

PER_EPOCH, EPOCHS = 4, 6
TOTAL = PER_EPOCH * EPOCHS
SCORES = [3.0, 2.0, 2.5, 2.4, 2.3, 2.2]
CASES = [
    ("constant", {}),
    ("constant", {"warmup_epochs": 1.5}),
    ("step", {"every": 2, "gamma": 0.5}),
    ("step", {"every": 1, "gamma": 0.9, "warmup_epochs": 0.5}),
    ("inverse_time", {"decay": 0.1}),
    ("cosine", {"final": 0.1}),
    ("cosine", {"warmup_epochs": 2}),
    ("cosine", {"cycles": 3, "warmup_epochs": 1}),
    ("one_cycle", {}),
    ("one_cycle", {"rise": 0.1, "start": 0.2}),
    ("plateau", {"patience": 1, "factor": 0.5}),
    ("plateau", {"patience": 0, "factor": 0.5, "warmup_epochs": 1.25}),
    ("plateau", {"patience": 1, "factor": 0.5, "cuts": "book", "cooldown": 2, "min_delta": 0.6}),
    ("piecewise", {"from_epochs": (2, 5), "shares": (0.5, 0.0), "warmup_epochs": 0.5}),
]


def optimizer(groups: int = 2) -> SGD:
    parameters = [torch.nn.Parameter(torch.zeros(1)) for _ in range(groups)]
    return SGD([{"params": [p], "lr": 0.1 * (i + 1)} for i, p in enumerate(parameters)], lr=1.0)


def make(name: str, moved: SGD, mode: str = "min", epochs: int = EPOCHS, **options: object):
    entry = SCHEDULES.entries[name]
    attribute = entry.target.split(":")[1]
    import dlx.schedules

    factory = getattr(dlx.schedules, attribute)
    return factory(entry.options(**options), moved, PER_EPOCH, epochs, mode)


def rates(moved: SGD) -> list[float]:
    return [group["lr"] for group in moved.param_groups]


def advance(schedule, step: int) -> None:
    """What the loop does after its step number `step`, counted from 0."""
    schedule.after_step()
    if (step + 1) % PER_EPOCH == 0:
        schedule.after_epoch(SCORES[step // PER_EPOCH])


def path(name: str, **options: object) -> list[float]:
    """The first group's rate at each step, relative to its own."""
    moved = optimizer()
    schedule = make(name, moved, **options)
    found = []
    for step in range(TOTAL):
        found.append(rates(moved)[0] / 0.1)
        assert rates(moved)[1] == pytest.approx(2 * rates(moved)[0])
        advance(schedule, step)
    return found


def torchs(scheduler_of) -> list[float]:
    """The rates of a scheduler of torch, relative, at each step."""
    moved = optimizer(1)
    scheduler = scheduler_of(moved)
    found = []
    for _ in range(TOTAL):
        found.append(rates(moved)[0] / 0.1)
        moved.step()
        scheduler.step()
    return found


def test_constant_is_free_and_leaves_the_rate_alone():
    assert path("constant") == [1.0] * TOTAL
    schedule = make("constant", optimizer())
    assert not schedule.per_step
    assert schedule.state_dict() == {}


def test_a_warm_up_rises_from_a_hundredth_as_torchs():
    expected = torchs(lambda o: lr_scheduler.LinearLR(o, start_factor=0.01, total_iters=6))
    found = path("constant", warmup_epochs=1.5)
    assert found == pytest.approx(expected)
    assert found[0] == pytest.approx(0.01)
    assert found[6:] == [1.0] * (TOTAL - 6)


def test_step_is_torchs():
    expected = torchs(lambda o: lr_scheduler.StepLR(o, 2 * PER_EPOCH, 0.5))
    assert path("step", every=2, gamma=0.5) == pytest.approx(expected)


def test_inverse_time_is_the_decay_that_keras_had():
    found = path("inverse_time", decay=0.1)
    assert found == pytest.approx([found[0] / (1 + 0.1 * step) for step in range(len(found))])


def test_cosine_is_torchs():
    expected = torchs(lambda o: lr_scheduler.CosineAnnealingLR(o, TOTAL, 0.1 * 0.1))
    assert path("cosine", final=0.1) == pytest.approx(expected)


def test_cycles_of_a_cosine_are_torchs_warm_restarts():
    moved = optimizer()
    torchs = lr_scheduler.CosineAnnealingWarmRestarts(moved, TOTAL // 3, eta_min=0.01)
    expected = []
    for _ in range(TOTAL):
        expected.append(rates(moved)[0] / 0.1)
        moved.step()
        torchs.step()
    found = path("cosine", cycles=3, final=0.1)

    assert found[:TOTAL] == pytest.approx(expected)
    assert found[TOTAL:] in ([], [pytest.approx(0.1)])
    warm = path("cosine", cycles=3, final=0.1, warmup_epochs=1)
    assert warm[TOTAL // 3 :] == found[TOTAL // 3 :]


def test_cosine_begins_where_the_warm_up_ends():
    found = path("cosine", warmup_epochs=2)
    assert found[:8] == pytest.approx([0.01 + 0.99 * s / 8 for s in range(8)])
    assert found[8:] == pytest.approx([(1 + math.cos(math.pi * s / 16)) / 2 for s in range(16)])


def test_step_counts_its_epochs_from_the_start_of_training():
    found = path("step", every=1, gamma=0.9, warmup_epochs=0.5)
    assert found[:2] == pytest.approx([0.01, 0.01 + 0.99 / 2])
    assert found[2:] == pytest.approx([0.9 ** (s // PER_EPOCH) for s in range(2, TOTAL)])


@pytest.mark.parametrize(("rise", "start", "final"), [(0.3, 0.04, 1e-4), (0.5, 0.2, 0.01)])
def test_one_cycle_is_torchs(rise, start, final):
    def scheduler(moved):
        return lr_scheduler.OneCycleLR(
            moved,
            0.1,
            TOTAL,
            pct_start=rise,
            div_factor=1 / start,
            final_div_factor=1 / final,
            cycle_momentum=False,
        )

    found = path("one_cycle", rise=rise, start=start, final=final)
    assert found == pytest.approx(torchs(scheduler))
    assert found[0] == pytest.approx(start)
    assert found[-1] == pytest.approx(start * final)


@pytest.mark.parametrize("rise", [0.01, 1 / TOTAL, 0.99])
def test_one_cycle_stands_a_rise_of_less_than_a_step(rise):
    found = path("one_cycle", rise=rise)
    assert all(0 < rate <= 1 for rate in found)
    assert found[-1] == pytest.approx(0.04 * 1e-4, rel=1e-3) or rise == 0.99


def test_one_cycle_ends_at_its_last_rate_and_stays_there():
    moved = optimizer()
    schedule = make("one_cycle", moved)
    for step in range(TOTAL + 3):
        schedule.after_step()
        if step >= TOTAL - 2:
            assert rates(moved)[0] == pytest.approx(0.1 * 0.04 * 1e-4)


@pytest.mark.parametrize("mode", ["min", "max"])
def test_plateau_is_torchs_with_absolute_changes(mode):
    scores = [1.0, 1.05, 0.9, 0.9, 0.9, 0.5, 0.45, 0.44, 2.0, 1.0, 1.0, 1.0]
    moved, oracle = optimizer(), optimizer()
    options = {"patience": 1, "factor": 0.5, "min_delta": 0.1, "min_lr": 0.02}
    schedule = make("plateau", moved, mode, **options)
    theirs = lr_scheduler.ReduceLROnPlateau(
        oracle, mode, 0.5, 1, threshold=0.1, threshold_mode="abs", min_lr=0.02
    )
    seen = set()
    for score in scores:
        schedule.after_epoch(score)
        theirs.step(score)
        assert rates(moved) == rates(oracle)
        seen.add(rates(moved)[0])
    assert len(seen) > 1


LOSSES = [3.0, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("options", "keras", "book"),
    [
        ({"patience": 2}, [4, 6, 8, 11, 13], [5, 7, 12]),
        ({"patience": 2, "cooldown": 2}, [4, 7, 11], [5, 12]),
        ({"patience": 1}, [3, 4, 5, 6, 7, 8, 10, 11, 12, 13], [4, 5, 6, 7, 8, 11, 12, 13]),
        ({"patience": 0}, [3, 4, 5, 6, 7, 8, 10, 11, 12, 13], [3, 4, 5, 6, 7, 8, 10, 11, 12, 13]),
    ],
)
def test_plateau_cuts_as_both_kerases_do(options, keras, book):
    """After which epochs Keras 3.15.1, and Keras 2.0.8, were seen to cut with these losses."""
    for cuts, expected in (("at_patience", keras), ("book", book)):
        moved, found = optimizer(), []
        schedule = make("plateau", moved, factor=0.5, min_delta=0, cuts=cuts, **options)
        for epoch, loss in enumerate(LOSSES, start=1):
            before = rates(moved)
            schedule.after_epoch(loss)
            found += [epoch] if rates(moved) < before else []
        assert found == expected


@pytest.mark.parametrize("cooldown", [1, 3])
def test_cooldown_is_torchs(cooldown):
    moved, oracle = optimizer(), optimizer()
    schedule = make("plateau", moved, patience=1, factor=0.5, min_delta=0, cooldown=cooldown)
    theirs = lr_scheduler.ReduceLROnPlateau(
        oracle, "min", 0.5, 1, threshold=0, threshold_mode="abs", cooldown=cooldown, eps=0
    )
    for loss in LOSSES:
        schedule.after_epoch(loss)
        theirs.step(loss)
        assert rates(moved) == rates(oracle)
    assert rates(moved)[0] < 0.1


def test_pieces_begin_with_their_epochs():
    found = path("piecewise", from_epochs=(2, 4), shares=(0.5, 0.1))
    assert found[::PER_EPOCH] == pytest.approx([1, 0.5, 0.5, 0.1, 0.1, 0.1])
    assert path("piecewise", from_epochs=(1,), shares=(0.25,)) == [0.25] * TOTAL


def test_plateau_cuts_a_tiny_rate_too():
    moved = SGD([torch.nn.Parameter(torch.zeros(1))], lr=1e-9)
    schedule = make("plateau", moved, patience=0, factor=0.5)
    for score in (1.0, 1.0):
        schedule.after_epoch(score)
    assert moved.param_groups[0]["lr"] == 5e-10


def test_plateau_hears_no_score_of_the_warm_up():
    moved = optimizer()
    schedule = make("plateau", moved, patience=0, factor=0.5, warmup_epochs=2)
    found = []
    for epoch, score in enumerate([1.0, 5.0, 6.0, 7.0]):
        for _ in range(PER_EPOCH):
            schedule.after_step()
        schedule.after_epoch(score)
        found.append(rates(moved)[0])
        assert schedule.per_step, epoch
    assert found == pytest.approx([0.1 * (0.01 + 0.99 / 2), 0.1, 0.05, 0.025])


def test_a_score_that_is_no_number_counts_as_no_improvement():
    moved = optimizer()
    schedule = make("plateau", moved, patience=0, factor=0.5)
    schedule.after_epoch(1.0)
    schedule.after_epoch(math.nan)
    assert rates(moved)[0] == 0.05


@pytest.mark.parametrize(("name", "options"), CASES)
@pytest.mark.parametrize("weights_first", [True, False])
def test_stopped_at_any_step_it_goes_on_as_if_never_stopped(name, options, weights_first):
    moved = optimizer()
    schedule = make(name, moved, **options)
    whole, saved = [], []
    for step in range(TOTAL):
        saved.append((json.dumps(schedule.state_dict(), allow_nan=False), moved.state_dict()))
        whole.append(rates(moved))
        advance(schedule, step)
    for start, (state, weights) in enumerate(saved):
        resumed = optimizer()
        if weights_first:
            resumed.load_state_dict(weights)
        again = make(name, resumed, **options)
        if not weights_first:
            resumed.load_state_dict(weights)
        again.load_state_dict(json.loads(state))
        for step in range(start, TOTAL):
            assert rates(resumed) == whole[step]
            advance(again, step)


@pytest.mark.parametrize("name", SCHEDULES.entries)
def test_training_with_a_schedule_emits_no_warning(name, recwarn):
    moved = optimizer()
    schedule = make(name, moved)
    for step in range(TOTAL):
        moved.step()
        advance(schedule, step)
    assert not recwarn.list


@pytest.mark.parametrize("name", [n for n in SCHEDULES.entries if n != "one_cycle"])
def test_a_warm_up_as_long_as_training_is_refused(name):
    with pytest.raises(UsageError) as caught:
        make(name, optimizer(), epochs=5, warmup_epochs=5)
    assert str(caught.value) == (
        "the warm-up takes 5 epochs, and training ends after 5\n"
        "  where: schedule.warmup_epochs\n"
        "  accepted: a number below 5\n"
        "  try: schedule.warmup_epochs=0.5, or more trainer.epochs"
    )


def test_a_single_step_can_be_trained_with_every_schedule():
    for name in SCHEDULES.entries:
        entry = SCHEDULES.entries[name]
        moved = optimizer()
        import dlx.schedules

        schedule = getattr(dlx.schedules, name)(entry.options(), moved, 1, 1, "min")
        advance(schedule, PER_EPOCH - 1)
        assert all(0 <= rate <= 0.2 for rate in rates(moved))
