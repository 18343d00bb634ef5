"""Small drawings of environments whose own need pygame: the same bytes everywhere."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
_WIDE, _HIGH = 200, 120
_PAPER, _LINE, _BODY, _MARK = "#f5f5f5", "#46505f", "#285abe", "#c85a46"


def _paper() -> tuple[Any, Any]:
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", (_WIDE, _HIGH), _PAPER)
    return picture, ImageDraw.Draw(picture)


def _pixels(picture: Any) -> Pixels:
    return np.ascontiguousarray(np.moveaxis(np.asarray(picture), 2, 0))


def draw_cart_pole(made: Any) -> Pixels:
    """A cart on its track, and the pole on it."""
    place, _, angle, _ = (float(x) for x in made.state)
    picture, pen = _paper()
    x, y = _WIDE / 2 + place / 2.4 * (_WIDE / 2 - 16), 90.0
    pen.line((0, y + 9, _WIDE, y + 9), fill=_LINE)
    pen.rectangle((x - 16, y - 6, x + 16, y + 6), fill=_BODY)
    tip = (x + 70 * math.sin(angle), y - 6 - 70 * math.cos(angle))
    pen.line((x, y - 6, *tip), fill=_MARK, width=5)
    return _pixels(picture)


def draw_acrobot(made: Any) -> Pixels:
    """Two links that hang from a joint, and the height that the lower end is to reach."""
    first, second = (float(x) for x in made.state[:2])
    picture, pen = _paper()
    x, y, long = _WIDE / 2, _HIGH / 2, 28.0
    pen.line((0, y - long, _WIDE, y - long), fill=_MARK)
    middle = (x + long * math.sin(first), y + long * math.cos(first))
    both = first + second
    end = (middle[0] + long * math.sin(both), middle[1] + long * math.cos(both))
    pen.line((x, y, *middle), fill=_LINE, width=5)
    pen.line((*middle, *end), fill=_BODY, width=5)
    return _pixels(picture)


def draw_mountain_car(made: Any) -> Pixels:
    """A car between two hills, and the flag on the right one."""
    place = float(made.state[0])
    low, high = float(made.min_position), float(made.max_position)

    def at(x: float) -> tuple[float, float]:
        return (x - low) / (high - low) * _WIDE, _HIGH - 12 - 40 * (1 + math.sin(3 * x))

    picture, pen = _paper()
    hill = [at(low + (high - low) * step / 60) for step in range(61)]
    pen.line(hill, fill=_LINE, width=2)
    x, y = at(float(made.goal_position))
    pen.line((x, y, x, y - 18), fill=_MARK, width=3)
    x, y = at(place)
    pen.ellipse((x - 7, y - 14, x + 7, y), fill=_BODY)
    return _pixels(picture)


DRAWINGS: dict[str, Callable[[Any], Pixels]] = {
    "CartPole": draw_cart_pole,
    "Acrobot": draw_acrobot,
    "MountainCar": draw_mountain_car,
}
