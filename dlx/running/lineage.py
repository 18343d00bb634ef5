"""Where starting weights come from, and whether they have seen rows that judge this run."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

from ..config.learners import reads
from ..config.load import load_saved
from ..config.schema import Config
from ..data.carry_out import cut_rows
from ..data.columns import Rows
from ..data.feature_runs import KEY, feature_runs
from ..data.fingerprints import row_hashes
from ..data.judges import judge_runs
from ..data.origins import vector_runs
from ..data.protocols import Split
from ..errors import DlxError, MethodError, Problem, UsageError
from ..runs.folder import name_of
from ..runs.source import Source, find_source
from ..sources.data import Data, read_data, split_digest
from .earlier import read_earlier

PREFIX = "started from run"
JUDGED = "judged by run"
MEMBER = "member"
FEATURES = "features of run"
INHERITED = (PREFIX, JUDGED, MEMBER, FEATURES)
"""What warnings begin with that tell of other runs; they hold whenever a run is scored."""
INVALID = "no test score of this run is valid"
_LONGEST = 20
_USES = {
    PREFIX: ("from which this one starts", "from_run"),
    FEATURES: ("whose features this one has", KEY),
}
"""What a run has of an earlier one, and the key that names that."""


def check_lineage(config: Config, data: Data) -> list[str]:
    """Compares the rows that starting weights were learnt from with those that judge this run.

    Args:
        config: names the run that it starts from, which may have started from another.
        data: its dataset, cut.

    Returns:
        Warnings: of weights that were learnt for other numbers, of validation rows that were
        training rows, of rows that taught vectors of words, and of what cannot be compared.

    Raises:
        MethodError: test rows were training rows of one of the runs.
        UsageError: the run that it starts from is gone.
    """
    if not reads(config, "protocol"):
        return []  # no row judges it
    warnings: list[str] = []
    line = [config]
    for depth, (source, its) in enumerate(_ancestors(config, warnings)):
        line.append(its)
        if not depth and (other := list(_read_otherwise(config, its))):
            told = f"with another {' and '.join(other)}: its weights were learnt for other numbers"
            warnings.append(f"{PREFIX} {source.name}, {told}")
        warnings += _compare_run(config, data, source, its, PREFIX)
    for source, its in [one for each in line for one in _features(each, warnings)]:
        line.append(its)
        warnings += _compare_run(config, data, source, its, FEATURES)
    for folder in _find_vectors(line, warnings):
        warnings += _compare_vectors(config, data, folder)
    for folder in judge_runs(config):
        warnings += _compare_judge(config, data, folder)
    return warnings


def _compare_run(
    config: Config, data: Data, source: Source, its: Config, prefix: str
) -> Iterator[str]:
    """What an earlier run has seen of the rows that judge this one."""
    if its.dataset.name != config.dataset.name:
        told = f"on dataset {its.dataset.name}: whether it has seen rows of the validation or"
        told += f" test set of {config.dataset.name} is not known"
        yield f"{prefix} {source.name}, {told}"
        return
    try:
        seen, chose = _rows_seen(source.folder, its, data)
    except DlxError as error:
        yield _tell_unknown(source.name, error, prefix)
        return
    yield from _compare(config, data, source, its, (seen, chose), prefix)


def _tell_unknown(name: str, error: DlxError, prefix: str = PREFIX) -> str:
    reason = str(error).partition("\n")[0]
    return f"{prefix} {name}, whose rows cannot be compared: {reason}"


def _ancestors(config: Config, warnings: list[str]) -> Iterator[tuple[Source, Config]]:
    """The run that a config starts from, the one that it started from, and so on."""
    for step in range(_LONGEST):
        if not config.from_run.run:
            return
        try:
            source = find_source(config)
        except DlxError as error:
            if not step:
                raise
            warnings.append(f"{PREFIX} {config.from_run.run}: {str(error).partition(chr(10))[0]}")
            return
        config = _config_of(source, config)
        yield source, config


def _config_of(source: Source, config: Config) -> Config:
    """The config of an earlier run, whose folder may have moved."""
    file, root = source.folder / "config.yaml", str(source.folder.parent.parent)
    found = load_saved(file, f"{source.folder.name}/config.yaml", config.plugins)
    return replace(found, run=replace(found.run, root=root))


def _features(
    config: Config, warnings: list[str], depth: int = 0
) -> Iterator[tuple[Source, Config]]:
    """The runs whose networks make features of a config's rows, and whatever these come from."""
    try:
        found = [(one, _config_of(one, config)) for one in feature_runs(config)]
    except DlxError as error:
        warnings.append(f"{FEATURES} that is gone: {str(error).partition(chr(10))[0]}")
        return
    for source, its in found if depth < _LONGEST else ():
        line = [(source, its), *_ancestors(its, warnings)]
        yield from line
        for _, one in line:
            yield from _features(one, warnings, depth + 1)


def _find_vectors(line: Sequence[Config], warnings: list[str]) -> list[Path]:
    """The runs of the vectors that a run or one of those before it starts from, each once."""
    found: dict[Path, None] = {}
    for config in line:
        try:
            found |= dict.fromkeys(vector_runs(config))
        except DlxError as error:
            reason = str(error).partition("\n")[0]
            warnings.append(f"{PREFIX} with vectors whose rows cannot be compared: {reason}")
    return [*found]


def _compare_vectors(config: Config, data: Data, folder: Path) -> Iterator[str]:
    """Which rows that judge this run have taught the vectors of another."""
    try:
        for part, taught, many in _taught_by(config, data, folder):
            told = f"whose vectors were learnt from {taught:,} of the {many:,} {part} rows"
            end = f"without their targets: {part} scores may be too optimistic"
            yield f"{PREFIX} {name_of(folder)}, {told}, {end}"
    except DlxError as error:
        yield _tell_unknown(name_of(folder), error)


def _compare_judge(config: Config, data: Data, folder: Path) -> Iterator[str]:
    """Which rows that samples are compared with have taught the network that compares them."""
    name = name_of(folder)
    try:
        for part, taught, many in _taught_by(config, data, folder):
            told = f"which was trained on {taught:,} of the {many:,} {part} rows"
            yield f"{JUDGED} {name}, {told}: it may see more in them than in samples"
    except DlxError as error:
        reason = str(error).partition("\n")[0]
        yield f"{JUDGED} {name}, whose rows cannot be compared: {reason}"


def _taught_by(config: Config, data: Data, folder: Path) -> Iterator[tuple[str, int, int]]:
    """Sets that judge this run with the number of rows that taught another run, and of all rows.

    Raises:
        DlxError: its rows cannot be told.
    """
    its = load_saved(folder / "config.yaml", f"{folder.name}/config.yaml", config.plugins)
    if its.dataset.name != config.dataset.name:
        return
    seen, _ = _rows_seen(folder, its, data)
    held = [fold.validation for fold in data.split.folds]
    parts = {"validation": np.unique(np.concatenate(held)), "test": data.split.test}
    for part, rows in parts.items():
        known = row_hashes(data.samples, data.input_hashes, rows)
        if taught := sum(row in seen for row in known):
            yield part, taught, len(rows)


def _read_otherwise(config: Config, its: Config) -> Iterator[str]:
    """What gives numbers that the starting weights read or answer another meaning here."""
    if config.dataset.name == its.dataset.name and config.prepare.steps != its.prepare.steps:
        yield "prepare.steps"
    for name, target in config.targets.items():
        taken = any(fnmatchcase(f"heads.{name}.weight", one) for one in config.from_run.take)
        if taken and name in its.targets and target.scale != its.targets[name].scale:
            yield f"targets.{name}.scale"


def _rows_seen(folder: Path, its: Config, data: Data) -> tuple[set[bytes], set[bytes]]:
    """The rows that a run trained on, and those that chose its epoch, by what they hold."""
    earlier = read_earlier(folder)
    if data.samples.is_known_as(earlier.data.get("digest")):
        theirs = replace(data, split=cut_rows(its, data.samples))
    else:
        theirs = read_data(its)
        earlier.check_data(theirs)
    if split_digest(theirs) != earlier.data.get("split_digest"):
        raise UsageError(Problem("its split is not what it was"))
    folds = theirs.split.folds
    trained = [theirs.split.rest] if its.final else [fold.train for fold in folds]
    chose = [fold.validation for fold in folds if len(fold.validation)]
    return _hashes(theirs, trained), _hashes(theirs, chose)


def _hashes(data: Data, parts: Collection[Rows]) -> set[bytes]:
    rows = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *parts]))
    return set(row_hashes(data.samples, data.input_hashes, rows))


def _hint(config: Config, its: Config) -> str:
    """How another run's test rows can be this one's: it had no classes to cut by."""
    classes = next(iter(config.targets), "")
    theirs: str = getattr(its.protocol.options, "classes", "")
    if its.targets or theirs or not classes:
        return "test=false"
    return (
        f"`dlx train task={its.task} protocol.classes={classes}` has this test set; or test=false"
    )


def _compare(
    config: Config,
    data: Data,
    source: Source,
    its: Config,
    theirs: tuple[set[bytes], set[bytes]],
    prefix: str,
) -> list[str]:
    (seen, chose), (use, key) = theirs, _USES[prefix]
    split: Split = data.split
    test = row_hashes(data.samples, data.input_hashes, split.test)
    folds = () if config.final == "only" else split.folds  # whose model no row validates
    held = np.unique(np.concatenate([split.test[:0], *(fold.validation for fold in folds)]))
    validation = row_hashes(data.samples, data.input_hashes, held)
    found = []
    if leaked := sum(row in seen for row in test):
        many = f"{leaked:,} of the {len(test):,} test rows"
        if config.test:
            what = f"{many} were training rows of run {source.name}, {use}"
            accepted = "a run that was trained on the same split, or test=false"
            raise MethodError(Problem(what, key, accepted, _hint(config, its)))
        told = f"{prefix} {source.name}, which trained on {many}"
        found.append(f"{told}: {INVALID}")
    if leaked := sum(row in seen for row in validation):
        told = f"trained on {leaked:,} of the {len(held):,} validation rows"
        found.append(f"{prefix} {source.name}, which {told}: validation scores are too optimistic")
    if leaked := sum(row in chose for row in test):
        told = f"chose its epoch by {leaked:,} of the {len(test):,} test rows"
        found.append(f"{prefix} {source.name}, which {told}: test scores are too optimistic")
    return found
