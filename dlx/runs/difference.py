"""In what two runs differ: config, environment and data, from their folders alone."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import Problem, RunError, UsageError
from ..files import is_there, read_json
from .files import list_in, mapping
from .folder import read_status

NOT_SET = "(not set)"

ASIDE = ("about", "run", "sweep", "search", "tune")
"""Sections of a config that say where a run lies and what it was a part of."""
_FACTS = (
    *("dlx", "python", "torch", "numpy", "platform", "cpu", "cores", "cpu_capability", "device"),
    *("gpu", "threads", "deterministic", "commit", "byte_order"),
)
_FOLLOWS = {
    "threads": ("trainer.threads", "trainer.device"),
    "device": ("trainer.device",),
    "gpu": ("trainer.device",),
    "deterministic": ("trainer.deterministic",),
}
"""Facts of the environment, and the config keys that they follow from."""
_CUT = ("protocol", "seed", "final")
"""What the rows of the parts follow from, beside the data."""
_READ = ("task", "dataset", "targets")
"""What the data follow from, beside their files."""
_OTHER_FILES = ("dataset.name", "dataset.sample")


class _Missing:
    """In place of a value where a run has none."""


_NONE = _Missing()


@dataclass(frozen=True)
class Difference:
    """One thing in which two runs differ.

    Attributes:
        kind: "config", "environment" or "data".
        key: its name, dotted.
        first: as the first run has it.
        second: as the second run has it.
        within: options that only one of the two components has, by side.
    """

    kind: str
    key: str
    first: Any
    second: Any
    within: tuple[Mapping[str, Any], Mapping[str, Any]] = field(default_factory=lambda: ({}, {}))

    def line(self) -> str:
        """As in "optimizer.lr: 0.001 -> 0.01"."""
        sides = zip((self.first, self.second), self.within, strict=True)
        first, second = (_format_side(value, options, self.kind) for value, options in sides)
        return f"{self.key}: {first} -> {second}"

    def plain(self) -> dict[str, Any]:
        """For scripts; null stands also for what is not set."""
        found: dict[str, Any] = {"kind": self.kind, "key": self.key}
        for side, value, options in zip(
            ("first", "second"), (self.first, self.second), self.within, strict=True
        ):
            found[side] = None if value is _NONE else value
            if any(self.within):
                found[f"{side}_options"] = dict(options)
        return found


def differences(first: Path, second: Path) -> list[Difference]:
    """Everything in which two runs differ that does not merely follow from something else.

    Not told are times, names and places of runs; the number of threads where the config asks for
    another one; and the digest of data or parts where a config key or a file's hash says why.

    Raises:
        UsageError: a run has not come so far as to write them down.
        RunError: a file is damaged.
    """
    config = _walk(_config(first), _config(second), "")
    keys = [one.key for one in config]
    machine, data = "environment.json", "data.json"
    environment = _environment(_json(first, machine), _json(second, machine), keys)
    return [*config, *environment, *_data(_json(first, data), _json(second, data), keys)]


def _walk(first: Mapping[str, Any], second: Mapping[str, Any], above: str) -> list[Difference]:
    """Two trees: a line a key, but what belongs to one component of two stands beside its name."""
    found: list[Difference] = []
    another = bool(above) and _another_component(first, second)
    for key in dict.fromkeys((*first, *second)):
        one, two = first.get(key, _NONE), second.get(key, _NONE)
        if isinstance(one, dict) and isinstance(two, dict):
            found += _walk(one, two, f"{above}{key}.")
        elif another and key == "name":
            found.append(_component(first, second, above))
        elif not _is_same(one, two) and not (another and _NONE in (one, two)):
            found.append(Difference("config", f"{above}{key}", one, two))
    return found


def _another_component(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    names = first.get("name"), second.get("name")
    return all(isinstance(name, str) for name in names) and names[0] != names[1]


def _component(first: Mapping[str, Any], second: Mapping[str, Any], above: str) -> Difference:
    mine = {key: value for key, value in first.items() if key not in second}
    theirs = {key: value for key, value in second.items() if key not in first}
    names = (first["name"], second["name"])
    return Difference("config", f"{above}name", *names, (mine, theirs))


def _environment(
    first: Mapping[str, Any], second: Mapping[str, Any], keys: Sequence[str]
) -> list[Difference]:
    return [
        Difference("environment", f"environment.{fact}", first.get(fact), second.get(fact))
        for fact in _FACTS
        if not _is_same(first.get(fact), second.get(fact))
        and not any(cause in keys for cause in _FOLLOWS.get(fact, ()))
    ]


def _data(
    first: Mapping[str, Any], second: Mapping[str, Any], keys: Sequence[str]
) -> list[Difference]:
    """Files whose bytes differ; the digests only where nothing above says why they do."""
    other_data = any(key.partition(".")[0] in _READ for key in keys)
    other_files = any(key in _OTHER_FILES for key in keys)
    hashes = [_hashes(one) for one in (first, second)]
    found = []
    for name in dict.fromkeys((*hashes[0], *hashes[1])):
        one, two = (each.get(name, _NONE) for each in hashes)
        if one != two and not (other_files or (other_data and _NONE in (one, two))):
            found.append(Difference("data", f"data.files.{name}", one, two))
    digests = first.get("digest"), second.get("digest")
    if digests[0] != digests[1] and not other_data and not found:
        found.append(Difference("data", "data.digest", *digests))
    parts = first.get("split_digest"), second.get("split_digest")
    explained = found or other_data or any(key.partition(".")[0] in _CUT for key in keys)
    if parts[0] != parts[1] and not explained:
        found.append(Difference("data", "data.split_digest", *parts))
    return found


def _hashes(data: Mapping[str, Any]) -> dict[str, Any]:
    """The SHA-256 of each file of the data."""
    files = (one for one in list_in(data, "files") if isinstance(one, dict))
    return {str(one.get("name")): one.get("sha256") for one in files}


def _is_same(one: Any, two: Any) -> bool:
    """Equal, and of one kind: true is not 1, but 1 is 1.0; nan is itself."""
    if isinstance(one, bool) or isinstance(two, bool):
        return one is two
    if isinstance(one, float) and isinstance(two, float) and math.isnan(one):
        return math.isnan(two)
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(map(_is_same, one, two))
    if isinstance(one, dict) and isinstance(two, dict):
        return one.keys() == two.keys() and all(_is_same(one[key], two[key]) for key in one)
    return bool(one == two)


def _format_side(value: Any, options: Mapping[str, Any], kind: str) -> str:
    text = _text(value)
    if kind == "data" and isinstance(value, str):
        text = text[:12]
    inside = ", ".join(f"{key}={_text(one)}" for key, one in options.items())
    return f"{text} ({inside})" if inside else text


def _text(value: Any) -> str:
    """A value as it would be typed."""
    if value is _NONE:
        return NOT_SET
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_text(one)}' for key, one in value.items())}}}"
    if isinstance(value, str):
        plain = value.isprintable() and value == value.strip() and value
        return value if plain else json.dumps(value)
    return json.dumps(value)


def _config(folder: Path) -> dict[str, Any]:
    """The config of a run, without the sections that set nothing in its training."""
    from ..config.files import BadFile, read_saved
    from ..config.schema import rename_old_keys

    file = folder / "config.yaml"
    if not is_there(file):
        _refuse_depth(folder, file.name)
    try:
        values, _ = read_saved(file, f"{folder.name}/{file.name}")
    except BadFile as error:
        raise RunError(error.problem) from None
    tree = mapping(rename_old_keys(values))
    return {key: value for key, value in tree.items() if key not in ASIDE}


def _json(folder: Path, name: str) -> dict[str, Any]:
    file = folder / name
    if not is_there(file):
        _refuse_depth(folder, name)
    try:
        found = read_json(file)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise RunError(Problem(f"{name} cannot be read: {reason}", str(folder))) from error
    if not isinstance(found, dict):
        raise RunError(Problem(f"{name} is not a record", str(folder)))
    return found


def _refuse_depth(folder: Path, name: str) -> None:
    state = (read_status(folder) or {}).get("state", "unknown")
    what = f"the run has no {name} to compare (it is {state})"
    raise UsageError(Problem(what, str(folder), "a run that has started to train"))
