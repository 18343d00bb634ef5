"""Whether a model beats simpler answers, and the sentence that says so.

The trivial baseline is the hardest of the constant answers and naive forecasts; a linear model is
no trivial one. A model that does not beat a simpler one significantly is not worth its weights: a
tie goes to the simpler (Chollet 2017, 4.5.5). Boosted trees are no simpler than a network: they are
told of where they are ahead, by however little, or beaten significantly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Listed = Sequence[Mapping[str, Any]]
"""Baselines as `report.json` holds them, see `entry`."""

DATA = "data"
"""The kind of what is no rival: data themselves, which tell how good a score can be."""
MEMBER = "member"
"""The kind of what an ensemble is made of: compared with it, but no simpler answer."""
BOOSTING = "boosting"
"""The kind of boosted trees."""
MODELS = ("classical", BOOSTING)
"""Kinds of models without a network."""
_NARROWLY = "ahead, though not significantly at 95 %"
CHANCE = {"shuffled": "labels shuffled", "uniform": "all classes equally likely"}
"""Baselines that guess at random, as `report.json` calls them -> how each guesses."""
LOST = "does not beat the trivial baseline"
OPEN = "not known whether it beats the trivial baseline"
WON = "beats the trivial baseline"


def display_name(name: str, whole: bool = False) -> str:
    """A baseline's name for people: whatever guesses at random is chance.

    Args:
        name: as `report.json` has it.
        whole: with how it guesses, where several kinds of it stand side by side.
    """
    if name not in CHANCE:
        return name
    return f"chance ({CHANCE[name]})" if whole else "chance"


@dataclass(frozen=True)
class Verdict:
    """What a model is worth beside the simpler answers that were computed.

    Attributes:
        text: a few words.
        trivial: whether it beats every constant answer and naive forecast; None where unknown.
        beats: whether it beats every answer, the linear model and boosted trees that are ahead
            included; None where unknown.
        use: the model to use in its place, and why; "" where there is none.
    """

    text: str
    trivial: bool | None
    beats: bool | None
    use: str = ""


def entry(
    score: str,
    name: str,
    kind: str,
    value: float,
    difference: float,
    interval: tuple[float, float] | None,
) -> dict[str, Any]:
    """One baseline as `report.json` holds it; a tie is not beaten.

    Args:
        score: name of what both are measured by.
        name: of the baseline.
        kind: as of an `Estimate`.
        value: its score.
        difference: by how much the model is better.
        interval: 95 % interval of the difference; None where unknown.
    """
    beaten = None if interval is None else interval[0] > 0
    beaten = False if difference <= 0 else beaten
    return {
        "name": name,
        "kind": kind,
        "score": score,
        "value": value,
        "difference": difference,
        "interval": interval,
        "beaten": None if kind == DATA else beaten,
    }


def verdict_of(listed: Listed) -> Verdict:
    """Judges a model by what it was compared with; entries of an old or edited file may lack keys.

    Args:
        listed: the baselines, as from `entry`.
    """
    listed = [one for one in listed if one.get("kind") not in (DATA, MEMBER) and _counts(one)]
    simple = [one for one in listed if one.get("kind") not in MODELS]
    linear = [one for one in listed if one.get("kind") in MODELS]
    trivial = _beats_all(simple)
    beats = _beats_all(listed) if simple else None
    text = {True: WON, False: LOST, None: OPEN}[trivial]
    ahead = [one for one in linear if one.get("beaten") is False and trivial is not False]
    ahead += [one for one in linear if _leads(one) and trivial is False]
    ahead.sort(key=_rank)
    beaten = [str(one["name"]) for one in linear if one.get("beaten") and one.get("name")]
    unknown = [one for one in linear if one.get("beaten") is None]
    if ahead:
        text += f"; {ahead[0].get('name')} is {_describe_lead(ahead[0])}"
    elif unknown and trivial:
        text += f"; not known whether it beats {unknown[0].get('name')}"
    elif beaten and trivial:
        text = f"{', '.join([text, *beaten[:-1]])} and {beaten[-1]}"
    return Verdict(text, trivial, beats, _use(listed))


def _beats_all(listed: Listed) -> bool | None:
    """Whether all are; None where there are none, or one may be."""
    found = [one.get("beaten") for one in listed]
    if any(beaten is False for beaten in found):
        return False
    return True if found and all(beaten is True for beaten in found) else None


def _counts(one: Mapping[str, Any]) -> bool:
    """Whether a baseline has a say: boosted trees only where they are ahead, or surely beaten."""
    return one.get("kind") != BOOSTING or _difference(one) < 0 or one.get("beaten") is True


def _rank(one: Mapping[str, Any]) -> float:
    """The smaller, the farther ahead of the model; last where that is not known."""
    value = _difference(one)
    return math.inf if math.isnan(value) else value


def _difference(one: Mapping[str, Any]) -> float:
    value = one.get("difference")
    return float(value) if isinstance(value, (int, float)) else math.nan


def _leads(one: Mapping[str, Any]) -> bool:
    """Whether a baseline is ahead of the model by more than chance."""
    interval = one.get("interval")
    high = interval[1] if isinstance(interval, (list, tuple)) and len(interval) == 2 else None
    return _difference(one) < 0 and (not isinstance(high, (int, float)) or high < 0)


def _describe_lead(one: Mapping[str, Any]) -> str:
    if _leads(one):
        return "better"
    return _NARROWLY if one.get("kind") == BOOSTING else "as good"


def _use(listed: Listed) -> str:
    """What to use in the model's place: the best of the simpler models that it does not beat."""
    models = [one for one in listed if one.get("kind") in (*MODELS, "naive")]
    models = [one for one in models if one.get("beaten") is False and one.get("name")]
    known = [one for one in models if not math.isnan(_difference(one))]
    if not known:
        return ""
    best = min(known, key=_difference)
    if best.get("kind") == BOOSTING:
        return f"use {best['name']}: it is {_describe_lead(best)}"
    return f"use {best['name']}: it is simpler and {_describe_lead(best)}"


def power_of(listed: Sequence[dict[str, Any]], how: str) -> dict[str, Any]:
    """The verdict as `report.json` holds it, under `power`.

    Args:
        listed: the baselines, as from `entry`.
        how: by which method they were compared.
    """
    found = verdict_of(listed)
    simple = [one for one in listed if one["kind"] not in (*MODELS, DATA, MEMBER)]
    hardest = [min(simple, key=_difficulty)] if simple else []
    texts = [_describe(one) for one in (*hardest, *(o for o in listed if o["kind"] in MODELS))]
    texts += [_describe_data(one) for one in listed if one["kind"] == DATA]
    text = f"{found.text}: {'; '.join(texts)} ({how})" if texts else how
    known = {"trivial": found.trivial, "beats": found.beats, "use": found.use}
    return {"verdict": found.text, "text": text, **known, **_beside_members(listed)}


def _beside_members(listed: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Whether an ensemble beats its best member, the best on the same rows; {} of no ensemble."""
    members = [one for one in listed if one["kind"] == MEMBER]
    if not members:
        return {}
    best = min(members, key=lambda one: float(one["difference"]))
    known = {True: "yes", False: "no"}.get(best["beaten"], "not known")
    return {"members": f"beats its best member significantly: {known}; {_describe(best)}"}


def _difficulty(one: Mapping[str, Any]) -> tuple[bool, float]:
    """How hard a simple answer is to beat: of those that are not beaten, the lead over it."""
    return one["beaten"] is True, one["difference"]


def _describe_data(one: Mapping[str, Any]) -> str:
    return f"{one['name']} themselves have {one['value']:.4g}, which need not be beaten"


def _describe(one: Mapping[str, Any]) -> str:
    """A comparison in words: "test/mae is 0.9 better than median (3.1), ..."."""
    difference, interval = one["difference"], one["interval"]
    side = "better" if difference > 0 else "worse" if difference < 0 else "no better"
    amount = f"{abs(difference):.3g} " if difference else ""
    text = f"{one['score']} is {amount}{side} than {display_name(one['name'])} ({one['value']:.4g})"
    if interval is None:
        return f"{text}, uncertainty unknown" if difference > 0 else text
    if interval[0] == interval[1]:  # nothing is uncertain
        return text
    return f"{text}, 95 % interval of the difference {interval[0]:.3g} to {interval[1]:.3g}"
