"""`dlx.lock`: what runs must come to again, pinned by data, config and platform.

A platform is what bits depend on: the versions, what the processor can do, the thread count. Where
an entry holds no digest for the platform at hand, it is "not comparable", which is no success;
with `statistical`, its scores must lie within the recorded intervals instead.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..config.granted import find_forbidden
from ..config.load import digest
from ..config.schema import MAX_THREADS
from ..data.origins import load
from ..errors import Problem, UsageError
from ..files import is_there, read_bytes, read_json
from ..running.earlier import Before, is_score, read_changes, read_earlier
from ..running.run import Run, Say
from ..runs import seal
from ..runs.files import write_json
from ..runs.source import quote
from ..training import checkpoint
from .compare import bits_of, stages_of
from .replay import replay

NAME = "dlx.lock"
VERSION = 1
PLATFORM = ("torch", "cpu_capability", "device", "gpu", "threads")


@dataclass(frozen=True)
class Result:
    """One entry, tried again.

    Attributes:
        name: the entry's name.
        verdict: "identical", "within its intervals", "different" or "not comparable".
        text: what was found.
        holds: whether it counts as reproduced.
    """

    name: str
    verdict: str
    text: str
    holds: bool


def pin(folder: Path, file: Path, name: str | None = None) -> str:
    """Writes a finished run into a lock file; an entry of the same config gains a platform.

    Args:
        folder: the run folder.
        file: the lock file, made if missing.
        name: the entry's name; None takes the task's.

    Returns:
        The entry's name.

    Raises:
        UsageError: the run is not finished or needs plugins, or the lock file is none.
        RunError: the run folder is damaged, or the file cannot be written.
    """
    earlier = read_earlier(folder)
    if not earlier.done:
        what = f"only a finished run can be pinned, and this one is {earlier.state}"
        raise UsageError(Problem(what, str(folder), hint=f"dlx resume {folder.name} continues"))
    if asked := find_forbidden(_arguments(earlier.status)):
        what = f"a run that needs `{asked}` cannot be pinned: a lock file may not set it"
        raise UsageError(Problem(what, str(folder), hint=_suggest_command(asked)))
    seal.check(folder)
    entries = _read(file) if is_there(file) else {}
    name = name or earlier.entry("status", "task", str)
    config = earlier.entry("status", "config_digest", str)
    before = entries.get(name, {})
    platforms = dict(before.get("platforms", {})) if before.get("config") == config else {}
    platforms[platform_of(earlier.environment)] = digests_of(folder)
    entries[name] = {
        "arguments": _arguments(earlier.status),
        "config": config,
        "data": earlier.entry("data", "digest", str),
        "parts": earlier.entry("data", "split_digest", str),
        "threads": earlier.threads["count"],
        **({"accumulate": earlier.accumulate} if earlier.accumulate else {}),
        "scores": {
            score["name"]: {"value": score["value"], "interval": score.get("interval")}
            for score in earlier.scores
        },
        "platforms": platforms,
    }
    write_json(file, {"version": VERSION, "entries": entries})
    return name


def _suggest_command(asked: str) -> str:
    """How a run is tried again that no lock file may ask for."""
    return "dlx reproduce RUN" + (" --plugins NAME" if "plugins" in asked else "")


def _arguments(status: Mapping[str, Any]) -> list[str]:
    """What was typed, without where it was kept."""
    typed = [str(one) for one in status.get("overrides", [])]
    return [one for one in typed if not one.startswith(("run.", "checkpoint."))]


def platform_of(environment: Mapping[str, Any]) -> str:
    """What bits depend on, in one line."""
    return "; ".join(f"{key} {environment.get(key)}" for key in PLATFORM if environment.get(key))


def digests_of(folder: Path) -> dict[str, str]:
    """SHA-256 of the curves and of the last weights of every stage of a run."""
    found = {}
    for stage in stages_of(folder):
        last = folder / stage / "checkpoints" / "last"
        weights = hashlib.sha256()
        for name, tensor in sorted(checkpoint.load(last)[0]["weights"].items()):
            weights.update(name.encode() + bits_of(tensor))
        found[f"{stage or 'run'} weights"] = weights.hexdigest()
        for curve in ("metrics.jsonl", "final.jsonl"):
            if is_there(folder / stage / curve):
                content = read_bytes(folder / stage / curve)
                found[f"{stage or 'run'} {curve}"] = hashlib.sha256(content).hexdigest()
    return found


def check(file: Path, statistical: bool, root: Path, say: Say) -> list[Result]:
    """Trains every entry of a lock file again.

    Args:
        file: the lock file.
        statistical: on a platform without digests, scores within their intervals will do.
        root: the folder of runs whose ledger counts the looks.
        say: told how it gets on.

    Raises:
        UsageError: the file is no lock file, or a config or dataset cannot be used.
    """
    found = []
    for name, entry in _read(file).items():
        say(f"{name}: dlx train {' '.join(entry['arguments'])}")
        found.append(_check(name, entry, statistical, root))
    return found


def _check(name: str, entry: Mapping[str, Any], statistical: bool, root: Path) -> Result:
    own = ("run.watch=false", f"run.root={quote(str(root))}")  # a replay needs no watcher installed
    loaded = load([*entry["arguments"], *own])
    if digest(loaded.config) != entry["config"]:
        return Result(name, "different", "the config has changed; dlx lock pins the new one", False)
    threads = {"count": int(entry["threads"]), "how": "asked"}
    before = Before(accumulate=read_changes(entry.get("accumulate", {})))
    with replay(loaded, root, f"{NAME}: {name}", threads=threads, before=before) as run:
        now = digests_of(run.folder)
    data = run.facts["data"]
    if entry["data"] not in (data["digest"], data.get("former_digest")):
        return Result(name, "different", "the data have changed", False)
    if data["split_digest"] != entry["parts"]:
        return Result(name, "different", "the split has changed", False)
    known = entry["platforms"].get(platform_of(run.facts["environment"]))
    if known:
        return _compare_bits(name, known, now)
    return _compare_intervals(name, entry, run, statistical)


def _compare_bits(name: str, known: Mapping[str, str], now: Mapping[str, str]) -> Result:
    off = [what for what in known if known[what] != now.get(what)]
    if off:
        return Result(name, "different", f"different: {', '.join(off)}", False)
    return Result(name, "identical", f"{len(known)} digests are the same", True)


def _compare_intervals(name: str, entry: Mapping[str, Any], run: Run, statistical: bool) -> Result:
    platform = platform_of(run.facts["environment"])
    if not statistical:
        told = f"no digests for {platform}; --statistical compares scores"
        return Result(name, "not comparable", told, False)
    now = {score["name"]: score["value"] for score in run.facts["scores"]}
    measured = {n: s for n, s in entry["scores"].items() if s["interval"]}
    if not measured:
        return Result(name, "not comparable", "no score has an interval", False)
    off = [n for n, s in measured.items() if not _is_within(now.get(n), s["interval"])]
    if off:
        return Result(name, "different", f"outside the recorded interval: {', '.join(off)}", False)
    told = f"{len(measured)} scores lie within their recorded intervals (level G)"
    return Result(name, "within its intervals", told, True)


def _is_within(value: float | None, ends: Sequence[float | None]) -> bool:
    if value is None or None in ends:
        return False
    low, high = (float(one or 0.0) for one in ends)
    return low <= value <= high


_KEYS = {"arguments", "config", "data", "parts", "threads", "scores", "platforms"}


def _read(file: Path) -> dict[str, dict[str, Any]]:
    """The entries of a lock file.

    Raises:
        UsageError: it is none.
    """
    try:
        found = read_json(file)
        entries = {str(name): dict(entry) for name, entry in found["entries"].items()}
        whole = found["version"] == VERSION and all(set(e) >= _KEYS for e in entries.values())
        typed = whole and all(map(_is_typed, entries.values()))
        for entry in entries.values():
            read_changes(entry.get("accumulate", {}))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        what = f"it is not a lock file: {getattr(error, 'strerror', None) or error}"
        raise UsageError(Problem(what, str(file), hint="dlx lock RUN makes one")) from None
    if not whole or not typed:
        raise UsageError(Problem("it is not a lock file of this version", str(file)))
    for entry in entries.values():
        if asked := find_forbidden(entry["arguments"]):
            what = f"this lock file is refused: it contains `{asked}`, which it may not set"
            raise UsageError(Problem(what, str(file), hint=_suggest_command(asked)))
    return entries


def _is_typed(entry: Mapping[str, Any]) -> bool:
    """Whether what an entry holds is of the kinds that dlx writes."""
    kinds = {"arguments": list, "scores": dict, "platforms": dict}
    if not all(isinstance(entry[key], kind) for key, kind in kinds.items()):
        return False
    if not all(isinstance(one, dict) for k in ("scores", "platforms") for one in entry[k].values()):
        return False
    texts = [*entry["arguments"], entry["config"], entry["data"], entry["parts"]]
    scores = [{**score, "name": name} for name, score in entry["scores"].items()]
    known = [digest for one in entry["platforms"].values() for digest in one.items()]
    counted = type(entry["threads"]) is int and 1 <= entry["threads"] <= MAX_THREADS
    told = [*texts, *(text for pair in known for text in pair)]
    return counted and all(map(is_score, scores)) and all(isinstance(one, str) for one in told)
