"""Numbers and names as a reader wants them: four digits, separators, words for the parts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ..judging.verdict import display_name
from .read import amount, get

NONE = "\N{EN DASH}"
GOAL = {"max": "higher is better", "min": "lower is better"}
PARTS = {"train": "training", "val": "validation", "test": "test"}


def number(value: object) -> str:
    """Any JSON value as text: four significant digits, thousands separators, a true minus sign."""
    if value is None:
        return NONE
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        text = f"{value:,}" if isinstance(value, int) else _decimal(value)
        return text.replace("-", "\N{MINUS SIGN}")
    if isinstance(value, dict):
        return ", ".join(f"{key}: {number(item)}" for key, item in value.items())
    return ", ".join(map(number, value)) if isinstance(value, list) else str(value)


def _decimal(value: float) -> str:
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else "infinite"
    size = abs(value)
    if size == 0:
        return "0"
    if 1e-4 <= size < 1000:
        return f"{value:#.4g}".rstrip(".")
    return f"{value:,.0f}" if 1000 <= size < 1e9 else f"{value:.3e}"


def known(value: float) -> str:
    """A number as text; a dash where it is none."""
    return number(float(value)) if math.isfinite(value) else NONE


def duration(seconds: float) -> str:
    """A time as in "0.21 s", "12.3 s", "3 min 05 s" or "2 h 05 min"."""
    if not math.isfinite(seconds):
        return number(seconds)
    if seconds < 59.95:
        return f"{seconds:.2f} s" if seconds < 1 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60:,} h {minutes % 60:02d} min"


def between(interval: tuple[float, float] | None) -> str:
    """Both ends of an interval, as in "0.8 to 0.9"; a dash where there is none."""
    return f"{number(interval[0])} to {number(interval[1])}" if interval else NONE


def baseline_told(found: Mapping[str, Any]) -> str:
    """A baseline as in "0.3889 majority"; a dash where it has no value."""
    value, name = amount(found, "value"), display_name(get(found, "name", str))
    return f"{number(value)} {name}".strip() if value is not None else NONE


def sentence(text: str) -> str:
    """The text with a full stop, and a capital letter unless a score's name begins it; "" of ""."""
    named = "/" in text.partition(" ")[0]
    return f"{text[:1] if named else text[:1].upper()}{text[1:]}." if text else ""


def tally(many: float, noun: str) -> str:
    """As in "1 epoch" and "20 epochs"."""
    return f"{number(many)} {noun}" + ("" if many == 1 else "s")


def measure(score: str) -> str:
    """What a score measures: "accuracy" of "test/accuracy", "age: mae" of "val/age/mae"."""
    return score.partition("/")[2].replace("/", ": ") or score


def part(score: str, fresh: bool = False) -> str:
    """The rows that a score is of, as in "validation set"; "" where its name does not say.

    Args:
        score: its name.
        fresh: whether no rows are held out, and episodes are played anew instead.
    """
    name = score.partition("/")[0]
    return f"{PARTS[name]} {'episodes' if fresh else 'set'}" if name in PARTS else ""


def parts(pair: str) -> str:
    """The parts in a name that a hyphen joins, as in "training and test"."""
    return " and ".join(PARTS.get(name, name) for name in pair.split("-"))


def shorten(text: str, most: int) -> str:
    """A text on one line, cut to so many characters: what a picture has room for."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def setting(changed: object) -> str:
    """Changed settings as they are typed: "model.units=[64,64] model.dropout=0.3"."""
    if not isinstance(changed, dict):
        return ""
    return " ".join(f"{key}={_format_value(value)}" for key, value in changed.items())


def defaults_or(changed: object) -> str:
    """Changed settings as they are typed; "task defaults" where nothing was changed."""
    return setting(changed) or "task defaults"


def tails(keys: Sequence[str]) -> dict[str, str]:
    """Each key by its last word, where that says which it is."""
    last = {key: key.rpartition(".")[2] for key in keys}
    many = Counter(last[key] for key in keys)
    return {key: last[key] if many[last[key]] == 1 else key for key in keys}


def _format_value(value: object) -> str:
    if isinstance(value, list):
        return f"[{','.join(map(_format_value, value))}]"
    if isinstance(value, dict):
        return f"{{{','.join(f'{k}:{_format_value(v)}' for k, v in value.items())}}}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return f"{value:.4g}" if isinstance(value, float) else str(value)
