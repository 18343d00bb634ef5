"""The schema of a whole config: every section, its options, types, ranges and defaults."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from ..problem import ProblemName
from .commands import Report, Sweep, Tune, Workflow
from .fields import Chosen, option, to_plain
from .specs import (
    AUGMENTATIONS,
    AVERAGES,
    CALLBACKS,
    DATASETS,
    LEARNERS,
    LOSSES,
    METRICS,
    MODELS,
    OPTIMIZERS,
    PROTOCOLS,
    SCHEDULES,
    STEPS,
    VIEWS,
)

SCHEMA_VERSION = 1

MAX_THREADS = 1024
"""More than any machine has cores; a library that is asked for a billion ends the process."""
Baseline = Literal["simple", "classical", "boosting"]
NO_RESULT = ("run", "about", "checkpoint", "sweep", "search", "tune")
"""Sections that no result of a single training depends on."""


@dataclass(frozen=True, kw_only=True)
class About:
    """What a task is, for people: shown by `dlx tasks` and the report."""

    title: str = option("", "what is learned, in one line")
    source: str = option("", "where the task comes from, such as a section of a book")
    time: str = option("", "how long it takes on 2 CPU cores")
    result: str = option("", "expected score")


@dataclass(frozen=True, kw_only=True)
class Target:
    """What is to be predicted, and which type of problem that is."""

    problem: ProblemName = option(help="type of problem; gives last activation, loss and metrics")
    weight: float = option(1.0, "factor of this target's loss in the sum", gt=0)
    loss: Chosen = option(LOSSES.default("auto"), "this target's loss, if not `loss`", table=LOSSES)
    positive: str = option(
        "",
        "name of the positive class of two, for precision, recall, f1 and average_precision; "
        "empty: the second class",
        example="malignant",
        newer=True,
    )
    class_weights: Literal["none", "balanced"] | dict[str, float] = option(
        "none",
        "weight of each class in the training loss (never in that of validation and test); "
        "balanced: rows / (classes * rows of the class); a class that is not named has 1; of "
        "several labels the weight of rows that have the label, balanced also of those without it",
        gt=0,
        example="{spam: 5}",
        newer=True,
    )
    sampling: Literal["none", "balanced"] | dict[str, float] = option(
        "none",
        "draws the rows of an epoch with replacement, as many as there are; balanced: as many of "
        "each class; else in these shares",
        gt=0,
        example="{spam: 1, ham: 3}",
        newer=True,
    )
    threshold: Literal["best_f1", "best_balanced_accuracy"] | float = option(
        0.5,
        "from which probability on a row is of the second of two classes, or has a label: a "
        "number, or the one by which F1 (of the positive class) or the mean share of both classes "
        "that is right is best on the validation set, of each label by itself",
        gt=0,
        lt=1,
        newer=True,
    )
    scale: Literal["none", "standardise", "log"] = option(
        "none",
        "standardise: numbers are learned less their mean, by their standard deviation, both of "
        "the training rows; log: ln(1 + number) likewise, for numbers from 0 of very different "
        "size; losses are of these numbers, metrics and predictions in the target's own unit",
        newer=True,
    )
    activation: Literal["auto", "sigmoid", "softmax", "none"] = option(
        "auto", "turns the outputs of the last layer into predictions; auto: by the problem"
    )


@dataclass(frozen=True, kw_only=True)
class Copies:
    """Copies of training rows with features removed: values missing only in the test set (4.3)."""

    share: float = option(0.0, "copies, as a share of the training rows", ge=0, le=10)
    features: tuple[str, ...] = option(
        (), "features that may be removed, one per copy; empty: any feature of the table"
    )


@dataclass(frozen=True, kw_only=True)
class Prepare:
    """Preparation of the inputs: steps in order, each fitted on training rows only."""

    steps: tuple[Chosen, ...] = option((), "preparation steps, in order", table=STEPS)
    scope: Literal["fold", "unused", "all"] = option(
        "fold",
        "rows that steps are fitted on: the fold's training rows; with those that protocol.train "
        "leaves unused as well, without their targets; or (as in the book's 3.6) all rows outside "
        "the test set, which gives a warning",
    )
    copies: Copies = option(Copies, "copies of training rows with features removed")
    augment: dict[str, tuple[Chosen, ...]] = option(
        dict,
        "what is done to the pictures of an input, in order: drawn anew for each training row in "
        "each epoch; those of validation and test stay as they are",
        table=AUGMENTATIONS,
        example="{image: [flip, {rotate: 40}]}",
    )
    views: dict[str, tuple[Chosen, ...]] = option(
        dict,
        "ways to see the pictures of an input in validation and test, where the mean of the "
        "predictions for all of them is scored; the same rows are looked at, as often as without",
        table=VIEWS,
        example="{image: [flip]}",
        newer=True,
    )


@dataclass(frozen=True, kw_only=True)
class Trainer:
    """How training runs."""

    epochs: int = option(
        20,
        "passes over the training rows; 0: evaluates the weights of from_run as they are",
        ge=0,
        aliases=("max_epochs", "num_epochs"),
    )
    last_epoch: int | None = option(
        None, "stop after this epoch; the schedule still covers all `epochs`", ge=1
    )
    steps_per_epoch: int | None = option(
        None,
        "batches an epoch, of rows drawn with replacement, for long series whose windows are much "
        "alike; null: each row once an epoch",
        ge=1,
        aliases=("limit_train_batches", "steps"),
        newer=True,
    )
    batch_size: int = option(128, "samples per optimizer step", ge=1, aliases=("bs",))
    accumulate: int | Literal["auto"] = option(
        1,
        "micro-batches per step: the same step computed in parts, to save memory; auto: twice as "
        "many wherever a GPU has too little memory, recorded and followed by resume and reproduce",
        ge=1,
    )
    eval_batch_size: int = option(
        1024,
        "samples per batch in validation and test, at most: fewer if the widest layer would take "
        "more than 1 GB; environment.json records the number",
        ge=1,
    )
    bucket: Literal["none", "length"] = option(
        "none",
        "where rows differ in length: length puts rows of about one length into each batch (sorted "
        "within 50 batches, which then come in a random order): less is filled, but single steps "
        "and the scores of epochs vary more; none: as they are drawn",
        newer=True,
    )
    monitor: str = option(
        "auto",
        "score that decides the best epoch, for example val/accuracy; auto: val/loss",
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = option(
        "auto", "where to compute; auto: CUDA, else MPS, else CPU", aliases=("accelerator",)
    )
    precision: Literal["float32", "bfloat16", "float16"] = option(
        "float32", "number type of the forward pass (mixed precision if not float32)"
    )
    clip_norm: float | None = option(None, "largest norm of the gradient; null: no limit", gt=0)
    clip_value: float | None = option(None, "largest element of the gradient; null: no limit", gt=0)
    average: Chosen = option(
        AVERAGES.default("none"),
        "average of weights over steps or epochs, validated and kept in their place",
        table=AVERAGES,
    )
    threads: int | Literal["auto"] = option(
        "auto",
        "CPU threads; auto: measures which number is fastest, and remembers it",
        ge=1,
        le=MAX_THREADS,
    )
    deterministic: bool = option(True, "use only algorithms that give the same bits every time")


@dataclass(frozen=True, kw_only=True)
class FromRun:
    """An earlier run whose weights training starts from; in short, its name alone."""

    run: str = option(
        "",
        "a run folder, `last`, or a unique part of a run's name; empty: fresh weights",
        path=True,
    )
    take: tuple[str, ...] = option(
        ("*",), "patterns of weights' names that are taken (`*` stands for anything)"
    )
    part: str = option(
        "", "part of its network to take them of, as `encoder`; empty: the whole", newer=True
    )
    sha256: str = option("", "digest of the run's weights, which dlx fills in and holds them to")


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """When checkpoints are written, to resume from; no result depends on it."""

    every_s: float = option(
        10.0, "time between checkpoints; each is written at the end of a step", unit="seconds", gt=0
    )
    every_steps: int | None = option(None, "also one every N steps; null: off", ge=1)
    every_epochs: int | None = option(None, "also one every N epochs; null: off", ge=1)
    keep: int = option(2, "how many of the latest checkpoints are kept", ge=1)
    snapshots: bool = option(
        False,
        "keeps the weights at the end of each cycle of schedule cosine, for dlx ensemble "
        "RUN --snapshots",
        newer=True,
    )


@dataclass(frozen=True, kw_only=True)
class Run:
    """Where runs are saved."""

    root: str = option("runs", "folder of the run folders", path=True)
    resume: Literal["never", "auto"] = option(
        "never", "auto: resume the newest unfinished run of this config, if there is one"
    )
    watch: bool = option(True, "false: turns off callbacks that only log, such as tensorboard")


@dataclass(frozen=True, kw_only=True)
class Config:
    """A whole experiment."""

    task: str = option(help="the task's name", example="imdb")
    about: About = option(About, "description of the task")
    seed: int = option(0, "seed of all randomness except the test split", ge=0)
    test: bool = option(True, "evaluate on the test set once, at the end")
    final: bool | Literal["only"] = option(
        False,
        "true: after validation, a new model trains on all rows outside the test set and is "
        "evaluated on it; it trains for the best number of epochs on the validation set, or for "
        "all epochs with a schedule that anneals; only: without validation, for "
        "trainer.last_epoch epochs",
    )
    baseline: Baseline = option(
        "simple",
        "simple: constant predictions; classical: a linear scikit-learn model as well; boosting: "
        "gradient-boosted trees of scikit-learn on the rows as they were read, too, which is what "
        "datasets table, yeast and scene have where nothing else is said",
    )
    dataset: Chosen = option(help="the data", table=DATASETS)
    targets: dict[str, Target] = option(
        dict, "columns to predict", example="{label: {problem: binary}}"
    )
    prepare: Prepare = option(Prepare, "preparation of the inputs")
    protocol: Chosen = option(
        PROTOCOLS.default("holdout"),
        "how rows are split into training, validation and test sets",
        table=PROTOCOLS,
    )
    learner: Chosen = option(
        LEARNERS.default("supervised"), "what one step of training means", table=LEARNERS
    )
    model: Chosen = option(MODELS.default("mlp"), "the architecture", table=MODELS)
    from_run: FromRun = option(FromRun, "an earlier run whose weights training starts from")
    loss: Chosen = option(LOSSES.default("auto"), "loss to minimise", table=LOSSES)
    optimizer: Chosen = option(OPTIMIZERS.default("rmsprop"), "the optimizer", table=OPTIMIZERS)
    schedule: Chosen = option(
        SCHEDULES.default("constant"), "how the learning rate changes", table=SCHEDULES
    )
    metrics: dict[str, Chosen] = option(
        dict,
        "metrics to compute; empty: the usual ones of the problem",
        table=METRICS,
        example="{accuracy: {}, roc_auc: {}}",
    )
    trainer: Trainer = option(Trainer, "how training runs")
    callbacks: dict[str, Chosen] = option(
        dict,
        "callbacks that watch the training",
        table=CALLBACKS,
        example="{early_stopping: {patience: 3}}",
    )
    checkpoint: Checkpoint = option(Checkpoint, "when checkpoints are written, to resume from")
    run: Run = option(Run, "where runs are saved")
    report: Report = option(Report, "what reports show of the data", newer=True)
    workflow: Workflow = option(Workflow, "how `dlx workflow` runs the seven steps")
    search: dict[str, Any] = option(
        dict,
        "search space of `dlx tune`: key -> {log|uniform|int|log_int: [low, high]} or {choice: []}",
        example="{optimizer.lr: {log: [0.0001, 0.1]}, model.units: {choice: [[16], [64]]}}",
    )
    sweep: Sweep = option(Sweep, "how `dlx train -m` runs a sweep")
    tune: Tune = option(Tune, "how `dlx tune` searches")
    plugins: tuple[str, ...] = option(
        (), "your own packages that add components; never loaded from a run folder"
    )
    schema_version: int = option(SCHEMA_VERSION, "version of this schema", ge=1, le=SCHEMA_VERSION)

    def __post_init__(self) -> None:
        posed = {name: target.problem for name, target in self.targets.items()}
        options = self.dataset.options.pose(posed)
        if options is not self.dataset.options:
            object.__setattr__(self, "dataset", replace(self.dataset, options=options))


Plain = dict[str, Any]
"""A config as dicts, lists and scalars."""


def rename_old_keys(saved: Any) -> Any:
    """A config that a run folder keeps, with what earlier versions called otherwise, or implied."""
    if not isinstance(saved, dict):
        return saved
    saved = {"learner": to_plain(LEARNERS.default("supervised")()), **saved}
    if isinstance(trainer := saved.get("trainer"), dict):
        saved["trainer"] = {"average": to_plain(AVERAGES.default("none")()), **trainer}
    flow = saved.get("workflow")
    if not isinstance(flow, dict) or "rungs" not in flow:
        return saved
    return {**saved, "workflow": {("capacity_steps" if k == "rungs" else k): flow[k] for k in flow}}
