"""`dlx experiments run`: a set of experiments trained, and laid over the book's figures."""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..config.load import Loaded, digest
from ..config.names import plural
from ..data.origins import load
from ..data.store import require
from ..errors import Problem, UsageError
from ..experiments import Experiment, find, find_matching
from ..runs import listing
from ..runs.folder import name_of
from .console import say, say_json, show_table
from .experiments_time import duration, seconds_of

FOLDER = "experiments"


@dataclass(frozen=True)
class Training:
    """One experiment under one seed.

    Attributes:
        experiment: what is trained.
        seed: the seed.
        loaded: its config.
        done: the run folder, where it has been trained to its end.
        seconds: about how long it takes; 0 where that is unknown.
    """

    experiment: Experiment
    seed: int
    loaded: Loaded
    done: Path | None
    seconds: float


def run(args: argparse.Namespace) -> int:
    """Lists what is to be trained and about how long it takes, trains it, and makes the page."""
    words = args.words[1:]
    if not words:
        hint = "dlx experiments run 'ch4.*'"
        raise UsageError(Problem("no experiment is named", "command line", "PART...", hint))
    every = [find(name) for name in find_matching(words)]
    root = Path(args.root)
    planned = _plan_trainings(every, args.seeds, root)
    if not args.dry_run:
        require(one.loaded.config.dataset for one in planned if one.done is None)
    if not args.json:
        _announce(planned)
    page = None
    if not args.dry_run:
        folders = _train(planned, args.json)
        from ..report.experiments import build_experiments

        page = build_experiments(root / FOLDER / _slug(words), every, folders)
    if args.json:
        say_json({"trainings": [*map(_plain, planned)], "report": str(page) if page else None})
    elif page:
        say(f"report: {page}")
    return 0


def _plan_trainings(every: Sequence[Experiment], seeds: int | None, root: Path) -> list[Training]:
    """Every training, and the run that already did it: by its config, whatever was typed."""
    done = {
        status.get("config_digest"): (folder, status)
        for folder, status in listing.by_folder(root).items()
        if status.get("state") == "done"
    }
    found = []
    for one in every:
        for seed in one.seeds[:seeds]:
            elsewhere = [f"run.root={root}"] if root != Path("runs") else []
            more = [f"seed={seed}", *elsewhere, "run.resume=auto"]
            loaded = load([*one.arguments(), *more])
            folder, status = done.get(digest(loaded.config), (None, {}))
            took = status.get("seconds")
            about = took if isinstance(took, (int, float)) else seconds_of(one)
            found.append(Training(one, seed, loaded, folder, about))
    return found


def _announce(planned: Sequence[Training]) -> None:
    rows = [
        [one.experiment.name, str(one.seed), "done" if one.done else duration(one.seconds)]
        for one in planned
    ]
    show_table(("experiment", "seed", "about"), rows, right=("about",))
    left = [one for one in planned if not one.done]
    if not left:
        say("everything is already trained")
        return
    total = duration(sum(one.seconds for one in left))
    say(
        f"{plural(len(left), 'training')} left, about {total}; after Ctrl-C the same command "
        "continues"
    )


def _train(planned: Sequence[Training], quiet: bool) -> dict[str, list[Path]]:
    """The run folders of each experiment; those that lack are trained, one after the other."""
    from .train import train

    folders: dict[str, list[Path]] = {}
    left = sum(one.done is None for one in planned)
    begun, made = time.monotonic(), 0
    for one in planned:
        folder = one.done
        if folder is None:
            made += 1
            if not quiet:
                say(f"[{made}/{left}] {one.experiment.name} seed={one.seed}")
            marks = {"experiment": one.experiment.name}
            folder = train(one.loaded, quiet=True, marks=marks).folder
        folders.setdefault(one.experiment.name, []).append(folder)
    if made and not quiet:
        say(f"{plural(made, 'training')} in {duration(time.monotonic() - begun)}")
    return folders


def _slug(words: Sequence[str]) -> str:
    """A folder's name for a set, as in "ch4" for "ch4.*"."""
    found = re.sub(r"[^A-Za-z0-9_]+", "-", "-".join(words)).strip("-")
    return found[:60] or "all"


def _plain(one: Training) -> dict[str, Any]:
    return {
        "experiment": one.experiment.name,
        "seed": one.seed,
        "done": one.done is not None,
        "run": name_of(one.done) if one.done else None,
        "seconds": round(one.seconds, 1),
    }
