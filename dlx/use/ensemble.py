"""Finished runs as one ensemble: the config of a run whose learner averages what they predict."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..config.fields import to_plain
from ..config.learners import spec_of
from ..config.load import Loaded, load_saved, load_values, wrap_config
from ..config.names import join_names
from ..config.schema import Config
from ..errors import Problem, UsageError
from ..files import is_folder, names_in
from ..runs.folder import find, name_of, read_status
from ..runs.members import settle_members

_TAKEN = ("seed", "dataset", "targets", "protocol", "loss", "metrics", "baseline", "test")
"""Sections of the first member that judge the ensemble too."""
_COMPUTE = ("device", "threads", "deterministic", "eval_batch_size")
"""What of its trainer says how the members compute."""
_UNFIT = {"scale": "none", "class_weights": "none", "sampling": "none"}
"""How a target was learned; an ensemble answers in its own unit."""


def compose_ensemble(
    runs: Sequence[str],
    root: Path,
    *,
    weights: str = "mean",
    parts: str = "",
    classical: Sequence[str] = (),
    changes: Sequence[str] = (),
    plugins: Sequence[str] = (),
) -> Loaded:
    """The config of an ensemble of runs.

    Args:
        runs: as a user names them.
        root: the folder of the runs.
        weights: how to find what each member counts.
        parts: "folds" or "snapshots": the members are those of one run each; "" for the runs.
        classical: models that join, fitted to the training rows of the first.
        changes: `key=value` that the shell changes of the whole.
        plugins: packages that the user allows now.

    Raises:
        UsageError: there are too few, one is named twice or not finished, or the whole makes no
            config.
    """
    folders = [find(root, one) for one in runs]
    _require_several(folders, bool(parts or classical))
    configs = [_config_of(folder, plugins) for folder in folders]
    members: dict[str, dict[str, str]] = {}
    for folder, name in zip(folders, _name_members(configs), strict=True):
        members |= _members_in(folder, name, parts)
    learner: dict[str, Any] = {"name": "ensemble", "weights": weights, "members": members}
    if classical:
        own = {"classical": list(dict.fromkeys(classical)), "inputs_of": next(iter(members))}
        learner |= own
    values = _merge(configs[0], learner, root, final=_is_final(folders, configs, parts))
    config = load_values(values, "the ensemble", plugins, changes)
    return wrap_config(settle_members(config), list(changes))


def _require_several(folders: Sequence[Path], more: bool) -> None:
    """Whether there are runs enough, each once.

    Raises:
        UsageError: there are not.
    """
    many = Counter(folder.resolve() for folder in folders)
    if twice := [folder for folder, times in many.items() if times > 1]:
        what = f"run {name_of(twice[0])} is named {many[twice[0]]} times"
        raise UsageError(Problem(what, "command line", "each run once"))
    if len(folders) < 2 and not more:
        what = f"an ensemble needs two runs or more, and only {name_of(folders[0])} is named"
        one = f"dlx ensemble {folders[0].name}"
        hint = f"{one} --folds" if is_folder(folders[0] / "folds") else f"{one} RUN"
        raise UsageError(Problem(what, "command line", "RUN RUN ...", hint))


def _config_of(folder: Path, plugins: Sequence[str]) -> Config:
    """The config of a finished run that predicts.

    Raises:
        UsageError: it is not finished, or predicts nothing.
    """
    status = read_status(folder) or {}
    if status.get("state") != "done":
        what = f"run {name_of(folder)} is {status.get('state', 'unknown')}: it has no final weights"
        hint = f"dlx resume {folder.name}"
        raise UsageError(Problem(what, "command line", "finished runs", hint))
    config = load_saved(folder / "config.yaml", f"{folder.name}/config.yaml", plugins)
    if "predict" not in spec_of(config).can:
        what = f"run {name_of(folder)} has learner {config.learner.name}, which predicts nothing"
        raise UsageError(Problem(f"{what} of rows", "command line", "runs of learner supervised"))
    return config


def _name_members(configs: Sequence[Config]) -> list[str]:
    """A short name for each: its task, numbered where several have the same."""
    names = [re.sub("[^A-Za-z0-9_]", "_", config.task)[:50] for config in configs]
    many, seen, found = Counter(names), Counter[str](), []
    for name in names:
        seen[name] += 1
        found.append(f"{name}_{seen[name]}" if many[name] > 1 else name)
    return found


def _members_in(folder: Path, name: str, parts: str) -> dict[str, dict[str, str]]:
    """The members that a run gives: itself, or those of its folds or snapshots.

    Raises:
        UsageError: it has no such, or folds alone.
    """
    told = name_of(folder)
    if parts:
        place = folder / ("folds" if parts == "folds" else "checkpoints/snapshots")
        found = (
            sorted((n for n in names_in(place) if n.isdecimal()), key=int)
            if is_folder(place)
            else []
        )
        if not found:
            hint = "dlx train ... protocol=kfold" if parts == "folds" else _KEEP
            what = f"run {told} has no {parts}"
            raise UsageError(Problem(what, "command line", f"a run with {parts}", hint))
        short = "fold" if parts == "folds" else "epoch"
        return {f"{name}_{short}_{n}": {"run": str(folder), "at": f"{parts}/{n}"} for n in found}
    if is_folder(folder / "folds") and not is_folder(folder / "checkpoints"):
        what = f"run {told} has models of its folds only, none of its own"
        hint = f"dlx ensemble {folder.name} --folds"
        raise UsageError(Problem(what, "command line", "a run with weights of its own", hint))
    return {name: {"run": str(folder)}}


_KEEP = "dlx train ... schedule=cosine schedule.cycles=5 checkpoint.snapshots=true"


def _is_final(folders: Sequence[Path], configs: Sequence[Config], parts: str) -> bool:
    """Whether no validation rows are left, as all members trained on them.

    Raises:
        UsageError: only some did.
    """
    if parts == "folds":
        return True
    final = [bool(config.final) for config in configs]
    if any(final) and not all(final):
        odd, even = final.index(True), final.index(False)
        what = f"run {name_of(folders[odd])} was trained on the validation rows of "
        accepted = "runs that all have final=true, or none"
        raise UsageError(Problem(what + f"run {name_of(folders[even])}", "command line", accepted))
    return final[0]


def _merge(
    first: Config,
    learner: Mapping[str, Any],
    root: Path,
    *,
    final: bool,
) -> dict[str, Any]:
    """The plain values of the config: what judges the first member, and the members."""
    plain = to_plain(first)
    values = {key: plain[key] for key in _TAKEN if key in plain}
    values["targets"] = {name: {**one, **_UNFIT} for name, one in plain["targets"].items()}
    names = [*learner["members"], *learner.get("classical", ())]
    title = f"an ensemble of {join_names(names)}"
    return {
        **values,
        "task": f"{first.dataset.name}_ensemble",
        "about": {"title": title if len(title) < 90 else f"an ensemble of {len(names)} models"},
        "learner": dict(learner),
        "trainer": {
            **{key: plain["trainer"][key] for key in _COMPUTE},
            "epochs": 1,
            "batch_size": 1,
        },
        "final": "only" if final else False,
        "run": {"root": str(root)},
    }
