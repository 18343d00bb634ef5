"""Sections that no single training depends on: the seven steps, sweeps, searches, reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .fields import Chosen, option
from .specs import LAUNCHERS


@dataclass(frozen=True, kw_only=True)
class Workflow:
    """How `dlx workflow` runs the seven steps (book, chapter 4)."""

    until: int = option(7, "last step to run; the same command continues later", ge=1, le=7)
    capacity_steps: int = option(
        5, "most models that step 6 tries, each larger or trained longer", ge=1, aliases=("rungs",)
    )
    trials: int = option(20, "settings that step 7 tries", ge=1)
    budget_minutes: float = option(
        10.0, "time after which steps 6 and 7 start no further training", unit="minutes", gt=0
    )
    epochs_factor: float = option(
        1.0,
        "epochs of the final model, as a multiple of the chosen number (second edition: 1.2)",
        ge=1,
        le=2,
    )
    look_again: bool = option(
        False, "evaluate on a test set that a workflow was evaluated on before; gives a warning"
    )


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """How `dlx train -m` runs the combinations of values; no trial's result depends on it."""

    seeds: int = option(
        1, "trainings of each setting, with `seed` and the numbers after it", ge=1, le=1000
    )
    where: str = option(
        "",
        "runs only the settings for which this condition is true",
        example="optimizer.lr < 0.1 or model.units[0] > 16",
    )
    jobs: int | Literal["auto"] = option(
        1, "trials at the same time; auto: one per GPU, else one", ge=1, aliases=("n_jobs",)
    )
    retries: int = option(
        0, "how often a crashed trial is tried again; one refused for its config is not", ge=0
    )
    fail_fast: bool = option(False, "stop at the first trial that fails")
    name: str = option(
        "", "the sweep's folder in `<run.root>/sweeps`; empty: task and digest of the command"
    )
    launcher: Chosen = option(LAUNCHERS.default("workers"), "where trials run", table=LAUNCHERS)


@dataclass(frozen=True, kw_only=True)
class Tune:
    """How `dlx tune` searches the space that `search` defines; it never uses the test set."""

    trials: int = option(
        30, "settings to try in total, over all processes that share the study", ge=1
    )
    sampler: Literal["tpe", "random", "grid", "cmaes"] = option(
        "tpe", "how the next setting is chosen (Bergstra and others, 2011; Hansen, 2016)"
    )
    pruner: Literal["none", "median", "hyperband"] = option(
        "none", "prunes trials whose validation score is worse than others' (Li and others, 2018)"
    )
    startup: int = option(8, "settings drawn at random before tpe uses the results so far", ge=1)
    warmup: int = option(3, "epochs (folds, where there are several) before any is pruned", ge=1)
    objectives: tuple[str, ...] = option(
        (), "what to optimise: scores, `parameters`, `seconds`; empty: the main score"
    )
    storage: str = option(
        "journal",
        "where the study is kept: journal (a file in its folder), or a URL of SQLite or PostgreSQL "
        "that several machines share",
        example="postgresql://me@host/studies",
        path=True,
    )
    budget_minutes: float | None = option(
        None, "time after which no further trial starts; null: no limit", unit="minutes", gt=0
    )
    name: str = option("", "the study's name; empty: task and digest of what is searched")


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a run folder and its report show of the data."""

    rows: bool = option(
        True,
        "show rows of the data: worst errors as they were read, reconstructions, usual values; "
        "false: their numbers, answers and sums over them alone (callbacks are not held to it)",
        newer=True,
    )
