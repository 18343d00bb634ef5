"""The start of a run: a folder of its own, a workflow's, or one that an earlier process began."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..config.learners import network_name, spec_of
from ..config.load import Loaded, digest
from ..config.specs import DATASETS
from ..data.protocols import Fold
from ..files import names_in, remove_file, remove_tree, sweep_temporaries
from ..interrupts import check
from ..judging import outcome
from ..judging.classes import describe_meanings
from ..judging.facts import Facts
from ..learning.start import describe_start
from ..runs.files import write_json
from ..runs.folder import check_writable, create
from ..runs.lock import hold
from ..runs.log import Log
from ..runs.remove import sweep_below
from ..sources.data import Data
from ..sources.shared import Shared
from ..training.checkpoint import require_current
from . import evidence
from .callbacks import of_runs
from .earlier import ANEW, Before, read_earlier
from .environment import describe_level, environment
from .lineage import INHERITED, check_lineage
from .members import check_members
from .owner import is_own
from .run import Run, Say, Trial, Within, trains_several
from .stage import Stage
from .staging import build_stage, final_config, is_begun
from .threads import choose_threads

_LOGGED = ("absent class", "mended")
"""Data warnings that bear on what scores are of: averages leave a class out, rows are others."""


@contextmanager
def begin_anew(
    loaded: Loaded,
    say: Say,
    threads: dict[str, Any] | None = None,
    trial: Trial | None = None,
    before: Before = ANEW,
) -> Iterator[Run]:
    """A run in a fresh folder, held before anybody can read of it there.

    Everything that can fail for a user's mistake does so before anything is written.
    """
    config = loaded.config
    root = Path(config.run.root)
    check_writable(root)
    shared = trial.shared if trial else Shared(keep=False)
    data = shared.data(config)
    warnings = [*check_lineage(config, data), *check_members(config, data)]
    warnings += filter(None, [data.samples.unsteady])
    first = _first_stage(loaded, data, shared, threads, before)
    first.facts["stamps"] = warnings
    sweep_below(root)
    check()  # a worker whose sweep was killed begins no run that nobody waits for
    folder = create(root, config.task, digest(config))
    with ExitStack() as held:
        try:
            held.enter_context(hold(folder))
            run = _open(folder, loaded, first, say, shared)
            run.marks |= trial.marks if trial else {}
            _write_start(run)
        except BaseException:  # a run that could not even begin leaves nothing behind
            with suppress(OSError):
                remove_tree(folder)
            raise
        if trial:
            trial.begun(folder)
        yield run


def begin_within(within: Within, loaded: Loaded, say: Say) -> Run:
    """A run in a folder that is there already; what an interrupted one left gives way."""
    shared = Shared(keep=False)
    first = _first_stage(loaded, within.data, shared)
    folder = within.folder
    with suppress(FileNotFoundError):
        remove_tree(folder / "checkpoints")
    with suppress(FileNotFoundError):  # where it is there again, the workflow is over
        remove_file(folder / "report.html")
    run = _open(folder, loaded, first, say, shared)
    run.facts |= within.facts
    run.verb, run.marks = within.verb, within.marks
    _write_start(run)
    return run


def begin_again(folder: Path, loaded: Loaded, say: Say, trial: Trial | None = None) -> Run:
    """A run that an earlier process began, from its folder.

    Raises:
        UsageError: the data or the folds are no longer the same, or an earlier version of dlx
            began it.
    """
    earlier = read_earlier(folder)
    for place in (folder, *(folder / "folds" / name for name in names_in(folder / "folds"))):
        require_current(place / "checkpoints" / "last")
    sweep_temporaries(folder)  # half-written when a process was killed
    shared = trial.shared if trial else Shared(keep=False)
    data = shared.data(loaded.config)
    earlier.check_data(data)
    before = Before(earlier.eval_batch or loaded.config.trainer.eval_batch_size)
    place = folder / "folds" / "0" if trains_several(loaded.config, data) else folder
    first = _first_stage(loaded, data, shared, earlier.threads, before, is_begun(place))
    run = _open(folder, loaded, first, say, shared)
    run.marks |= {**marks_in(earlier.status), **(trial.marks if trial else {})}
    run.resumed, run.started = True, earlier.get_or("status", "started", run.started)
    # After its end it looks at the test part with other weights, which is another look.
    run.verb = "resume" if earlier.done else earlier.get_or("status", "verb", run.verb)
    run.facts["config"] = earlier.get_or("report", "config", run.facts["config"])
    if begun_from := earlier.report.get("from_run"):
        run.facts["from_run"] = begun_from
    run.facts["vectors"] = run.facts["vectors"] or earlier.get_or("report", "vectors", [])
    told: list[Any] = earlier.get_or("report", "stamps", [])
    known = [s for s in told if str(s).startswith(("resumed where", *INHERITED))]
    now = _environment(run)
    new = [
        f"resumed where {change}: the bits may differ from those of an uninterrupted run"
        for change in earlier.find_changes(now)
    ]
    if unsteady := data.samples.unsteady:
        why = "an episode cannot be played again: those under way began anew"
        new += [unsteady, f"resumed where {why}"]
    run.facts["stamps"] = list(dict.fromkeys([*known, *new]))
    run.marks["resumed"] = earlier.get_or("status", "resumed", 0) + 1
    _write_start(run, write_config=earlier.status.get("config_digest") != digest(run.config))
    if trial:
        trial.begun(folder)
    return run


def marks_in(status: Mapping[str, Any]) -> dict[str, Any]:
    """What stays in a status when a run goes on: the sweep or experiment that it is of."""
    return {
        key: status[key]
        for key in ("sweep", "trial", "best_of", "experiment", "from_run")
        if key in status
    }


@dataclass(frozen=True)
class _First:
    """The first training of a run, in memory, and what is known before it begins."""

    stage: Stage
    facts: Facts
    threads: dict[str, Any]
    before: Before


def _first_stage(
    loaded: Loaded,
    data: Data,
    shared: Shared,
    threads: dict[str, Any] | None = None,
    before: Before = ANEW,
    begun: bool = False,
) -> _First:
    config, number, rows = loaded.config, 0, data.split.folds[0]
    if config.final == "only":
        number, rows = len(data.split.folds), everything(data)
        config = final_config(config, config.trainer.last_epoch)
    fold = shared.fold(config, data, rows, number)
    if threads is None:
        threads = choose_threads(loaded.config, fold)
    else:
        torch.set_num_threads(threads["count"])
    stage = build_stage(config, data, fold, number, before, begun)
    for callback in of_runs(stage.checkpoints.callbacks.values()):
        callback.on_run_start(loaded.config)
    facts = evidence.config_facts(loaded, data, fold, stage.training)
    return _First(stage, facts, threads, before)


def _open(folder: Path, loaded: Loaded, first: _First, say: Say, shared: Shared) -> Run:
    """A run in its folder, before anything of it is written."""
    stage = first.stage
    seconds = {"read": stage.data.seconds, "prepare": stage.fold.seconds}
    log = Log(folder / "log.txt", say)
    run = Run(folder, loaded, stage.data, stage, first.facts, seconds, log, shared)
    run.threads, run.before = first.threads, first.before
    return run


def _write_start(run: Run, write_config: bool = True) -> None:
    """Writes what is known before training."""
    config, fold = run.config, run.stage.fold
    run.log(_opening(run))
    if run.stage.start:
        run.log(describe_start(run.stage.start))
        run.facts["from_run"] = run.stage.start
        run.marks["from_run"] = {key: run.stage.start[key] for key in ("run", "sha256")}
    for line in run.facts["vectors"]:
        run.log(line)
    if config.protocol.name == "auto" or getattr(config.protocol.options, "train", None):
        run.log(run.data.split.rule)
    for found in run.data.findings:
        if found["name"] in _LOGGED:
            run.log(f"data warning: {found['text']}")
    for line in evidence.remarks(config, fold):
        run.log(line)
    for line in describe_meanings(run.facts["meanings"], [*run.facts["meanings"]]):
        run.log(line)
    if write_config:
        own = not run.resumed or is_own(run.folder)
        evidence.write_config(run.folder, run.loaded, own)
    known = _environment(run)
    known["eval_batch_size"] = run.training.options.eval_batch_size
    if fold.train.elsewhere:
        known["elsewhere"] = fold.train.elsewhere
    write_json(run.folder / "environment.json", known)
    run.facts["data"] = evidence.data_facts(config, run.data)
    write_json(run.folder / "data.json", run.facts["data"])
    run.facts["contract"] = describe_level(known["contract_level"], known["contract_why"])
    run.facts |= {"environment": known, "run": run.name, "epochs": config.trainer.epochs}
    stamps = [*run.facts.get("stamps", []), *outcome.stamps(config, run.data)]
    run.facts |= {"checks": run.data.findings, "stamps": stamps}
    write_json(run.folder / "report.json", {**run.facts, "state": "running"})
    run.write_status("running")


def _environment(run: Run) -> dict[str, Any]:
    """What the numbers of a run may depend on, and what it can promise."""
    deterministic, unsteady = run.config.trainer.deterministic, run.data.samples.unsteady
    found = environment(run.stage.fold.device, run.threads, deterministic, unsteady)
    dataset = DATASETS.entries.get(run.config.dataset.name)
    needs = () if dataset is None else dataset.needs
    return found | ({"packages": {one: version(one) for one in needs}} if needs else {})


def _opening(run: Run) -> str:
    fold, split = run.stage.fold, run.data.split
    least, most = (pick(len(one.train) for one in split.folds) for pick in (min, max))
    rows = f"{len(fold.train):,} training"
    if run.several and most - least > 1:  # of several origins each has more to learn from
        rows = f"{least:,} to {most:,} training"
    if fold.validation is not None:
        rows += f", {len(fold.validation):,} validation"
    rows += f" in each of {len(split.folds)} folds" if run.several and len(split.folds) > 1 else ""
    model = run.facts["model"]
    sizes = model.get("trained") or f"{model['parameters']:,} parameters"
    threads = run.threads["count"]
    where = fold.device.type
    where += f", {threads} thread{'s' if threads > 1 else ''}" if where == "cpu" else ""
    sample = " (sample data, not a result)" if run.data.samples.sample else ""
    rows += f", {len(split.test):,} test rows" if len(split.test) else " rows, no test set"
    rows = spec_of(run.config).tell_fresh(run.config) or rows
    return f"{run.config.task}{sample}: {rows}; {network_name(run.config)} with {sizes}; {where}"


def everything(data: Data) -> Fold:
    """All non-test rows, none held out."""
    return Fold(data.split.rest, np.zeros(0, dtype=np.int64))
