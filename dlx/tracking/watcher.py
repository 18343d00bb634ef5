"""What all callbacks that only watch share: their mistakes stop nothing, settings laid flat."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

from ..config.secrets import hide_passwords
from ..running.callbacks import RunCallback
from ..runs.log import Log

SETTINGS = (
    *("task", "seed", "final", "baseline", "dataset", "targets", "prepare", "protocol", "learner"),
    *("model", "loss", "optimizer", "schedule", "metrics", "trainer", "callbacks"),
)
"""The sections of a config that say what was trained, not where or how it is kept."""

WATCHERS = ("csv_log", "mlflow", "tensorboard")


class Watcher(RunCallback):
    """A callback whose failures are told once each, and stop nothing.

    Args:
        name: as it stands below `callbacks`.
    """

    watches_only: ClassVar[bool] = True

    def __init__(self, name: str) -> None:
        self._name = name
        self._log: Log | None = None
        self._told: set[str] = set()

    @contextmanager
    def warn_on_failure(self, lost: str) -> Iterator[None]:
        """Turns whatever goes wrong within into a warning.

        Args:
            lost: what there will not be if it fails, as a sentence.
        """
        try:
            yield
        except Exception as error:  # another's code and disk, and the training must go on
            self.warn(lost, error)

    def warn(self, lost: str, error: Exception) -> None:
        """Tells a failure, each kind once."""
        if lost not in self._told and self._log is not None:
            self._told.add(lost)
            self._log(f"warning: callbacks.{self._name}: {lost}: {reason(error)}")


def reason(error: Exception) -> str:
    """An exception in one line, without the passwords of the addresses in it."""
    said = str(error).strip().partition("\n")[0] or type(error).__name__
    return hide_passwords(said)[:300]


def settings(plain: Mapping[str, Any]) -> dict[str, bool | int | float | str]:
    """A config as dotted keys and scalars; lists as JSON.

    Args:
        plain: the config as `config.yaml` holds it, without secrets.
    """
    found: dict[str, bool | int | float | str] = {}
    for section in SETTINGS:
        if section in plain:
            _lay_flat(plain[section], section, found)
    watchers = tuple(f"callbacks.{name}." for name in WATCHERS)
    return {key: value for key, value in found.items() if not key.startswith(watchers)}


def final_scores(facts: Mapping[str, Any]) -> dict[str, float]:
    """The final scores of a run, `score/...`, and what they are to beat, `baseline/...`.

    Args:
        facts: those of `report.json`; they hold a test score only if the run has looked.
    """
    found = {f"score/{one['name']}": float(one["value"]) for one in facts["scores"]}
    for one in facts["scores"]:
        if one["baseline"] is not None:
            found[f"baseline/{one['name']}"] = float(one["baseline"]["value"])
    return found


def _lay_flat(value: Any, key: str, found: dict[str, bool | int | float | str]) -> None:
    if isinstance(value, dict):
        for name, one in value.items():
            _lay_flat(one, f"{key}.{name}", found)
    elif isinstance(value, (bool, int, float, str)):
        found[key] = value
    else:
        found[key] = json.dumps(value)
