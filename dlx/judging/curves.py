"""Under- or overfitting, read off the curves of a training alone (Chollet 2017, 4.4 and 4.5.6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ..errors import MethodError, Problem

Curve = npt.NDArray[np.float64]
Verdict = Literal["underfit", "fits", "overfits"]

LEAST = 3
"""Epochs that a verdict needs: fewer have no direction and no turn."""

TURN = 0.05
"""How far above its minimum, as a share of it, a validation loss ends that turned."""

IMPROVING = 0.04
"""Fall over the last quarter of the epochs, as a share of the loss, that is worth more epochs."""

STEADY = 0.1
"""The same as a share of all that was learnt, for a loss that falls little but steadily."""

NOISE = 3.0
"""How many standard errors, by the curve's own noise, a rise or a fall must exceed."""

SPIKE = 4.0
"""By how many usual steps a single epoch sticks out that is left out of sight."""

VISIBLE = 0.05
"""Share of the curve's height that a loss counts as at least: changes of one that is nearly 0,
beside what was learnt, cannot be seen in its plot."""

SAME = 0.01
"""Share of the loss by which two epochs of a plateau may differ and be as good."""

STUCK = 0.02
"""Share of its start that a training loss falls by at least, if anything was learnt."""

GAP = 0.05
"""A gap between training and validation score, both shares, that a reader of the plot notices."""

ERROR_GAP = 0.5
"""The same of errors: half of the validation error is gone in training."""

LOSS_GAP = 2 / 3
"""The same of losses, where no score was measured; they part sooner than scores do."""


@dataclass(frozen=True)
class Diagnosis:
    """What the curves of a training show.

    Attributes:
        verdict: underfit (still learning, or never began), fits (a plateau), or overfits.
        epoch: from 1; where validation turned, or reached its plateau, or was best so far.
        gap: validation loss minus training loss at the end; None where they are not of the same.
        ratio: validation loss at the end by its minimum; None where that is not above 0.
        metric_gap: how much better the training score is at the end; None without scores.
        text: the reasons, in one sentence.
    """

    verdict: Verdict
    epoch: int
    gap: float | None
    ratio: float | None
    metric_gap: float | None
    text: str

    def plain(self) -> dict[str, Any]:
        """As `report.json` holds it."""
        return asdict(self)


def diagnose(
    train_loss: Sequence[float],
    val_loss: Sequence[float],
    train_metric: Sequence[float] | None = None,
    val_metric: Sequence[float] | None = None,
    direction: str = "max",
    alike: bool = True,
) -> Diagnosis:
    """Whether a training under- or overfits, from its curves alone.

    The validation loss is read as a curve that first falls and then rises: the closest such curve
    (isotonic least squares on both sides of the best turn; Stout 2008, "Unimodal regression via
    prefix isotonic regression") stands for what a reader sees through the noise. Single epochs
    that stick out are cut first, epochs without a finite loss left out. Then, in this order:

    - overfits, it turned: it ends `TURN` above its minimum, by more than `NOISE` deviations of its
      noise, for two epochs or more, and the training loss fell meanwhile. The epoch is that of the
      minimum.
    - underfit: the training loss fell by less than `STUCK`; or both losses rose; or both fell by
      `IMPROVING` over the last quarter of the epochs. The epoch is that of the minimum so far.
    - overfits, by its gap: validation has stopped falling, and over the last quarter training is
      better by `GAP` (an error by `ERROR_GAP` of the validation error; without scores, the loss by
      `LOSS_GAP`, if validation rose by `SAME`), a gap that has grown. The epoch is where the
      plateau begins.
    - fits: a plateau. It begins at the first epoch whose loss is within `SAME`, or half of the
      noise, of the lowest level: the lowest point of a long plateau is chance.

    Args:
        train_loss: one value an epoch.
        val_loss: one value an epoch.
        train_metric: the judged score on the training rows, one value an epoch.
        val_metric: the judged score on the validation rows.
        direction: of that score, "max" or "min".
        alike: whether both losses are of the same; else the gap between them says nothing.

    Raises:
        MethodError: fewer than 3 epochs have finite losses.
    """
    train, val = np.asarray(train_loss, float), np.asarray(val_loss, float)
    epochs = np.flatnonzero(np.isfinite(train) & np.isfinite(val))
    if len(epochs) < LEAST:
        found = f"{len(epochs)} of {len(val)} epochs have finite losses"
        raise MethodError(Problem("a verdict needs 3 epochs", found, hint="trainer.epochs=20"))
    loss, train = _Valley(val[epochs]), _cut_spikes(train[epochs])
    gaps = _gaps(train_metric, val_metric, direction, epochs)
    apart = gaps.is_open() if gaps else alike and _loss_gaps(loss, train).is_open()
    verdict, index, text = (
        _find_turn(loss, train) or _find_underfit(loss, train) or _flat(loss, apart)
    )
    low, end = float(loss.values[loss.turn]), float(loss.values[-1])
    if len(epochs) < len(val):
        text += f"; {len(val) - len(epochs)} epochs without a finite loss are left out"
    return Diagnosis(
        verdict,
        int(epochs[index]) + 1,
        gap=end - float(train[-1]) if alike else None,
        ratio=end / low if low > 0 else None,
        metric_gap=None if gaps is None else float(gaps.each[-1]),
        text=text,
    )


class _Valley:
    """A validation loss, and the closest curve that falls and then rises.

    Attributes:
        values: the loss without spikes.
        fit: the closest curve.
        level: its minimum.
        turn: index of the minimum; of a flat bottom, where the loss is lowest.
        noise: standard deviation of the loss about the fit, in the second half.
        height: of the fit from the second epoch on.
        scale: what a change is a share of.
    """

    def __init__(self, raw: Curve) -> None:
        self.values = _cut_spikes(raw)
        errors = _fit_falling(self.values)[0]
        errors[:-1] += _fit_falling(self.values[::-1])[0][::-1][1:]
        best = int(errors.argmin()) + 1
        left, right = (
            _fit_falling(self.values[:best])[1],
            _fit_falling(self.values[best:][::-1])[1][::-1],
        )
        self.fit = np.concatenate([left, right])
        self.level = float(self.fit.min())
        bottom = np.flatnonzero(self.fit <= self.level)
        smooth = _running_mean(self.values, len(raw) // 20)
        self.turn = int(bottom[smooth[bottom].argmin()])
        self.noise = _noise(self.values[len(raw) // 2 :], self.fit[len(raw) // 2 :])
        self.height = float(np.ptp(self.fit[1:]))
        self.scale = max(self.level, VISIBLE * self.height) if self.level > 0 else self.height

    def middle(self, start: int, stop: int) -> float:
        """The median loss of some epochs, as far as there are any."""
        return float(np.median(self.values[max(0, start) : stop]))

    def is_significant(self, change: float, least: float, width: int) -> bool:
        """Whether a change between two levels over `width` epochs is large enough, and no noise."""
        return bool(change > max(least, NOISE * self.noise * np.sqrt(2 / width)))

    def plateau(self) -> int:
        """Index of the first epoch whose loss is as low as it gets, within noise."""
        half = len(self.values) // 20
        low = self.middle(self.turn - half, self.turn + half + 1)
        near = self.fit <= low + max(SAME * self.scale, self.noise / 2)
        return int(np.argmax(near)) if near.any() else self.turn


def _noise(values: Curve, fit: Curve) -> float:
    """Standard deviation of a curve's noise: the larger of two estimates.

    About an isotonic fit each step takes 1.5 degrees of freedom (Meyer and Woodroofe 2000, "On
    the degrees of freedom in shape-restricted regression"); a third of them is left at least, as
    a curve that mostly rises has many steps and little noise. Second differences know of no fit,
    but take a turn for noise where there are but few.
    """
    steps = 1 + np.count_nonzero(np.diff(fit))
    free = max(len(values) / 3, len(values) - 1.5 * steps)
    about = float(np.sqrt(np.square(values - fit).sum() / free))
    if len(values) < 5:
        return about
    return max(about, float(np.median(np.abs(np.diff(values, 2))) / (0.6745 * np.sqrt(6))))


def _fit_falling(values: Curve) -> tuple[Curve, Curve]:
    """Isotonic least squares, falling (pool adjacent violators).

    Returns:
        Squared error of the fit of every prefix, and the fit of the whole.
    """
    blocks: list[tuple[float, int, float]] = []  # mean, size, squared error about the mean
    errors, total = [], 0.0
    for value in values:
        mean, size, error = float(value), 1, 0.0
        while blocks and blocks[-1][0] <= mean:
            other, many, known = blocks.pop()
            total -= known
            error += known + (mean - other) ** 2 * size * many / (size + many)
            mean = (mean * size + other * many) / (size + many)
            size += many
        blocks.append((mean, size, error))
        total += error
        errors.append(total)
    sizes = np.array([block[1] for block in blocks], dtype=np.intp)
    return np.array(errors), np.repeat([block[0] for block in blocks], sizes)


def _cut_spikes(values: Curve) -> Curve:
    """Cuts single epochs that stick out of both neighbours by far more than the usual step."""
    inner = np.median([values[:-2], values[1:-1], values[2:]], axis=0)
    usual = float(np.median(np.abs(np.diff(values))))
    found = values.copy()
    found[1:-1] = np.where(np.abs(values[1:-1] - inner) > SPIKE * usual, inner, values[1:-1])
    return found


def _running_mean(values: Curve, width: int) -> Curve:
    """The mean over `width` neighbours, an odd number, fewer at the ends."""
    half = width // 2
    return np.array([values[max(0, i - half) : i + half + 1].mean() for i in range(len(values))])


def _late_median(values: Curve) -> float:
    """The median over the last quarter of the epochs."""
    return float(np.median(values[-max(1, len(values) // 4) :]))


@dataclass(frozen=True)
class _Gaps:
    """How much better training is than validation.

    Attributes:
        each: at every epoch.
        notable: from which gap on a reader notices.
    """

    each: Curve
    notable: float

    def is_open(self) -> bool:
        """Whether the gap is notable at the end, and more so than at the start."""
        start = float(self.each[: max(1, len(self.each) // 10)].mean())
        return _late_median(self.each) > max(self.notable, start + self.notable / 2)


def _gaps(
    train: Sequence[float] | None,
    val: Sequence[float] | None,
    direction: str,
    epochs: npt.NDArray[np.intp],
) -> _Gaps | None:
    """The gaps of the scores; None where there are none, or not at every epoch."""
    if train is None or val is None:
        return None
    mine, theirs = np.asarray(train, float)[epochs], np.asarray(val, float)[epochs]
    if not np.isfinite(mine - theirs).all():
        return None
    if direction == "max":
        return _Gaps(mine - theirs, GAP)
    return _Gaps(theirs - mine, ERROR_GAP * abs(_late_median(theirs)))


def _loss_gaps(loss: _Valley, train: Curve) -> _Gaps:
    """The gaps of the losses: a reader without scores notices them where validation rose a bit."""
    rose = loss.is_significant(float(loss.fit[-1]) - loss.level, SAME * loss.scale, 1)
    return _Gaps(loss.values - train, LOSS_GAP * abs(_late_median(loss.values)) if rose else np.inf)


_Found = tuple[Verdict, int, str]


def _find_turn(loss: _Valley, train: Curve) -> _Found | None:
    """Whether the validation loss turned; overfitting if the training loss fell meanwhile."""
    end, turn = len(train), loss.turn
    width = max(1, (end - 1 - turn) // 3)
    rise = loss.middle(end - width, end) - loss.middle(turn - width // 2, turn + width // 2 + 1)
    stays = loss.fit[-2] - loss.level > (loss.fit[-1] - loss.level) / 4 and turn < end - 2
    if not (stays and loss.is_significant(rise, TURN * loss.scale, width)):
        return None
    if train[-1] >= train[turn]:
        return "underfit", turn, f"both losses rose after epoch {turn + 1}"
    text = f"validation loss rose after epoch {turn + 1}"
    if loss.level > 0:
        text += f" and ended {loss.values[-1] / loss.values[turn]:.2f} times its minimum"
    return "overfits", turn, text


def _find_underfit(loss: _Valley, train: Curve) -> _Found | None:
    """Whether the training never began to learn, or still learns at the end."""
    if train[0] - train.min() <= STUCK * abs(train[0]):
        return "underfit", loss.turn, "training loss hardly fell"
    end, quarter, width = len(train), max(1, len(train) // 4), max(1, len(train) // 10)
    before = end - quarter
    fall = loss.middle(before - width, before) - loss.middle(end - width, end)
    least = min(IMPROVING * loss.scale, STEADY * loss.height)
    if not (loss.is_significant(fall, least, width) and train[-1] < train[before - 1]):
        return None
    when = "in the last epoch" if quarter == 1 else f"over the last {quarter} epochs"
    return "underfit", loss.turn, f"both losses still fell {when}"


def _flat(loss: _Valley, apart: bool) -> _Found:
    """A plateau of the validation loss, and whether training goes on without it."""
    start = loss.plateau()
    if not apart:
        return "fits", start, f"validation loss reached its plateau at epoch {start + 1}"
    text = f"validation loss stopped improving at epoch {start + 1}, while training went on"
    return "overfits", start, text
