"""Sweep folders of every kind, as a sweep leaves them."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from typing import Any

UNITS: list[list[int]] = [[16], [64], [64, 64]]
COMMAND = "dlx train task=digits optimizer.lr=0.01 final=true"


def trial(number: int, point: int, changed: dict[str, Any], value: float) -> dict[str, Any]:
    """A finished training."""
    return {
        "trial": number,
        "point": point,
        "seed": number % 2,
        "changed": changed,
        "state": "done",
        "run": f"digits/run-{number}",
        "value": value,
        "values": {"val/accuracy": value, "parameters": 1000 + 100 * point},
        "epoch": 4,
        "epochs": 5,
        "seconds": 1.5,
        "parameters": 1000 + 100 * point,
        "reason": "",
        "traceback": "",
    }


def setting(number: int, trials: list[dict[str, Any]]) -> dict[str, Any]:
    """A setting of two finished trainings."""
    value = sum(one["value"] for one in trials) / len(trials)
    return {
        "point": number,
        "changed": trials[0]["changed"],
        "value": value,
        "std": 0.01,
        "interval": [value - 0.05, value + 0.05],
        "interval_of": "seeds",
        "interquartile": {"mean": value, "interval": None, "left_out": 0},
        "n": len(trials),
        "epoch": 4.5,
        "parameters": trials[0]["parameters"],
        "seconds": 1.5,
        "values": {"val/accuracy": value, "parameters": trials[0]["parameters"]},
        "trials": [one["trial"] for one in trials],
    }


def sweep(settings: int = 9) -> dict[str, Any]:
    """A search over two levers, two seeds a setting; the setting with the middle rate is best."""
    trials, points = [], []
    for point in range(settings):
        changed = {
            "optimizer.lr": 10 ** (-4 + 4 * point / settings),
            "model.units": UNITS[point % 3],
        }
        value = 0.95 - 0.05 * abs(math.log10(changed["optimizer.lr"]) + 2.1)
        pair = [trial(2 * point + seed, point, changed, value + 0.01 * seed) for seed in (0, 1)]
        trials += pair
        points.append(setting(point, pair))
    best = max(points, key=lambda one: one["value"])["point"] if points else None
    score = {"name": "val/accuracy", "direction": "max"}
    return {
        "schema_version": 1,
        "sweep": "digits-3fa91c02",
        "kind": "tune",
        "task": "digits",
        "title": "handwritten digits",
        "source": "Deep Learning with Python, 2",
        "command": "dlx tune task=digits seeds=2",
        "state": "done",
        "started": "2026-11-26T08:00:00+0000",
        "seconds": 123.4,
        "sample": False,
        "score": "val/accuracy",
        "direction": "max",
        "objectives": [score],
        "keys": ["optimizer.lr", "model.units"],
        "space": {"optimizer.lr": {"log": [0.0001, 1.0]}, "model.units": {"choice": UNITS}},
        "seeds": 2,
        "threads": 1,
        "points": points,
        "trials": trials,
        "best": {"point": best, "command": COMMAND},
        "default": 0,
        "front": [],
        "counts": {"done": len(trials), "failed": 0, "pruned": 0, "running": 0, "waiting": 0},
        "notes": ["the last epoch was the best one in 3 trials"],
    }


def failing(tree: dict[str, Any], *numbers: int, state: str = "failed") -> dict[str, Any]:
    """The same sweep with some settings that came to nothing."""
    tree = copy.deepcopy(tree)
    for one in tree["trials"]:
        if one["point"] in numbers:
            one |= {"state": state, "value": None, "values": {}}
            if state == "failed":
                one["reason"] = "the training loss is not a number"
                one["traceback"] = "Traceback (most recent call last):\n  ValueError: nan"
    for point in tree["points"]:
        if point["point"] in numbers:
            point |= {"value": None, "std": None, "interval": None, "n": 0, "values": {}}
    return tree


def several(tree: dict[str, Any], *front: int) -> dict[str, Any]:
    """The same sweep judged by its size as well."""
    small = {"name": "parameters", "direction": "min"}
    return {**tree, "objectives": [*tree["objectives"], small], "front": list(front)}


def write(folder: Path, tree: Any, runs: bool = True) -> Path:
    """Writes a sweep's folder, and a run folder for each of its trials; returns the former."""
    place = folder / "sweeps" / "one"
    place.mkdir(parents=True)
    (place / "sweep.json").write_text(json.dumps(tree), "utf-8")
    for one in tree["trials"] if runs else ():
        run = folder / one["run"]
        run.mkdir(parents=True)
        rows = [{"epoch": e, "val/accuracy": 0.9 - 0.3 / e} for e in range(1, 6)]
        (run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        base = {"answer": {"baseline": {"name": "uniform", "value": 0.1}}}
        (run / "report.json").write_text(json.dumps(base))
    return place
