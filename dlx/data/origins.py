"""What a config names beside its data: the run that it starts from, vectors of words, weights.

All are found before anything else is done, and known by what they hold from then on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..config.fields import Chosen
from ..config.files import Path as Place
from ..config.load import Loaded
from ..config.schema import Config
from ..config.specs.datasets import DATASETS
from ..config.specs.features import RunFeatures
from ..config.specs.judge import Judge
from ..config.specs.layers import Embedding
from ..config.specs.pretrained import KEPT, RANDOM, Base
from ..config.starts import (
    change_bases,
    change_embeddings,
    change_feature_runs,
    change_judges,
)
from ..errors import Problem, UsageError
from ..files import is_file
from ..runs import source
from ..runs.folder import MARK, find, name_of, read_status
from ..runs.members import settle_members
from . import judges, store
from .feature_runs import find_features, locate_features
from .hashes import known_digest
from .weights import find_weights, label_of

FILE = "vectors.txt"
"""What a run that learns vectors writes them to."""


class _NoVectorsError(UsageError):
    """There are no vectors by the name that was given, though some can be learnt."""


def load(arguments: Sequence[str], config_dir: str | None = None) -> Loaded:
    """Composes and checks a config, and finds all that it names.

    Raises:
        UsageError: as `dlx.config.load.load`; or what it names is not there, or does not fit.
        MethodError: the config is right but the method forbids it.
    """
    return find_files(source.load(arguments, config_dir))


def find_files(loaded: Loaded) -> Loaded:
    """A config that names all files that it starts from for good, with their digests.

    Raises:
        UsageError: one is not there, or does not fit.
    """
    settled = replace(loaded, config=settle_members(loaded.config))
    return _find_features(_find_judges(_find_weights(_find_vectors(settled))))


def _find_weights(loaded: Loaded) -> Loaded:
    """The same for the weights of bases: a file by its whole path."""
    arguments = loaded.arguments

    def pin(path: Place, options: Base) -> Base:
        nonlocal arguments
        if loaded.config.dataset.options.sample and not options.is_file:
            return replace(options, weights=RANDOM)  # made-up data need no files
        where = loaded.tree.where((*path, "weights")) or loaded.tree.where(path)
        try:
            file, digest = find_weights(options)
        except UsageError as error:
            raise UsageError(*(_tell(one, where, "") for one in error.problems)) from None
        name = label_of(options) or str(file)
        if options.is_file:
            arguments = _name_in(arguments, "weights", options.weights, name, where)
        return replace(options, weights=name, sha256=digest)

    config = change_bases(loaded.config, pin)
    return replace(loaded, config=config, arguments=arguments)


def _find_vectors(loaded: Loaded) -> Loaded:
    """A config whose embeddings name the vectors that they start from for good, with their digest.

    Of a run that is its whole name, in the arguments too: `last` would soon be another.

    Raises:
        UsageError: there are no such vectors, or they have another length.
    """
    arguments = loaded.arguments

    def pin(path: Place, options: Embedding) -> Embedding:
        nonlocal arguments
        where, hint = loaded.tree.where((*path, "vectors")), ""
        try:
            from .readers.vectors import check_vectors  # numpy

            file = _find(loaded.config, options)
            check_vectors(file, options.dim)
        except UsageError as error:
            if isinstance(error, _NoVectorsError):
                hint = f"`dlx train task=imdb_word_vectors`, then `{'.'.join(path)}.vectors=last`"
            raise UsageError(*(_tell(one, where, hint) for one in error.problems)) from None
        name = _name_for(file, options.vectors, Path(loaded.config.run.root))
        arguments = _name_in(arguments, "vectors", options.vectors, name, loaded.tree.where(path))
        return replace(options, vectors=name, sha256=known_digest(file, options.sha256, "vectors"))

    config = change_embeddings(loaded.config, pin)
    return replace(loaded, config=config, arguments=arguments)


def _find_judges(loaded: Loaded) -> Loaded:
    """A config that names the runs by which samples are judged for good, with their digests."""
    arguments, config = loaded.arguments, loaded.config

    def pin(path: Place, options: Judge) -> Judge:
        nonlocal arguments
        where = loaded.tree.where((*path, "run")) or loaded.tree.where(path)
        try:
            found = judges.find_judge(config, options)
        except UsageError as error:
            raise UsageError(*(replace(one, where=where) for one in error.problems)) from None
        name = source.name_for(found, Path(config.run.root))
        arguments = _name_in(arguments, "judge.run", options.run, name, where)
        return replace(options, run=name, sha256=found.sha256)

    return replace(loaded, config=change_judges(config, pin), arguments=arguments)


def _find_features(loaded: Loaded) -> Loaded:
    """A config that names the runs whose networks make features for good, with their digests."""
    arguments, config = loaded.arguments, loaded.config

    def pin(path: Place, options: RunFeatures) -> RunFeatures:
        nonlocal arguments
        where = loaded.tree.where((*path, "run")) or loaded.tree.where(path)
        try:
            found = find_features(config, options)
        except UsageError as error:
            raise UsageError(*(replace(one, where=where) for one in error.problems)) from None
        name = source.name_for(found, Path(config.run.root))
        arguments = _name_step(arguments, options.run, name, where)
        return replace(options, run=name, sha256=found.sha256)

    config = change_feature_runs(config, pin)
    return replace(loaded, config=config, arguments=arguments)


def _name_step(arguments: Sequence[str], typed: str, name: str, where: str) -> tuple[str, ...]:
    """The arguments with a step's run by its whole name, within the steps that were typed."""
    named = re.compile(rf"(\brun: *){re.escape(typed)}(?=[,}} ])")
    quoted = source.quote(name).replace("\\", "\\\\")
    found = [
        named.sub(rf"\g<1>{quoted}", one) if "run_features" in one else one for one in arguments
    ]
    return (
        tuple(found)
        if tuple(found) != tuple(arguments)
        else _name_in(arguments, "run", typed, name, where)
    )


def locate_files(config: Config, root: Path | None = None) -> Config:
    """A config that names the vectors, and the runs that judge samples, by where they lie.

    Vectors are as they were found; a run that judges is looked into when it is asked to.

    Args:
        config: the config.
        root: the folder below which it names runs; None: its own `run.root`.

    Raises:
        UsageError: a file is gone, or holds something else than it did.
    """

    def locate(_: Place, options: Embedding) -> Embedding:
        file = _find(config, options, root)
        digest = known_digest(file, options.sha256, "vectors")
        return replace(options, vectors=str(file), sha256=digest)

    root = root or Path(config.run.root)
    found = judges.locate_judges(change_embeddings(config, locate), root)
    return locate_features(found, root)


def vector_runs(config: Config) -> list[Path]:
    """The folders of the runs whose vectors embeddings start from."""
    found: list[Path] = []

    def note(_: Place, options: Embedding) -> Embedding:
        file = _find(config, options)
        if _is_of_run(file):
            found.append(file.parent)
        return options

    change_embeddings(config, note)
    return list(dict.fromkeys(found))


def forget_files(config: Config) -> Config:
    """A config for a model that gets all its weights from elsewhere."""
    config = change_embeddings(config, lambda _, options: replace(options, vectors="", sha256=""))
    model = change_bases(config, lambda _, options: replace(options, sha256=KEPT)).model
    return replace(config, model=model)  # what prepares the data is no part of the model


def _find(config: Config, options: Embedding, root: Path | None = None) -> Path:
    """The file of the vectors that an embedding names.

    Raises:
        UsageError: there is none.
    """
    name = options.vectors
    entry = DATASETS.entries.get(name)
    if entry is not None and getattr(entry.options, "kind", "") == "vectors":
        sample = bool(config.dataset.options.sample)
        return _find_in_dataset(Chosen(name, entry.options(sample=sample), entry.target))
    if is_file(Path(name)):
        return Path(name).resolve()
    root = Path(config.run.root) if root is None else root
    try:
        folder = find(root, name)
    except UsageError as error:
        what = f"there is no file, dataset or run `{name}` with vectors of words"
        if "matches" in str(error):
            raise
        accepted = (
            "a file in the text format of GloVe or word2vec, glove, or a run that learnt some"
        )
        raise _NoVectorsError(Problem(what, "", accepted)) from None
    if is_file(folder / FILE) and (read_status(folder) or {}).get("state") == "done":
        return folder / FILE
    what = f"run {name_of(folder)} has no vectors of words, or is not finished"
    raise _NoVectorsError(Problem(what, "", "a finished run that learnt some"))


def _find_in_dataset(chosen: Chosen) -> Path:
    (name,) = store.names_of(chosen.options)
    if chosen.options.sample:
        from .reading import sample_folder  # numpy

        return sample_folder(chosen, chosen.load()) / name
    folder = store.folder_of(chosen.name, chosen.options)
    if not is_file(folder / name):
        raise _NoVectorsError(
            store.missing_files(chosen.name, chosen.options, folder, chosen.options.files)
        )
    return folder / name


def _tell(problem: Problem, where: str, hint: str) -> Problem:
    """A problem with vectors, told of where they are named, with a further hint."""
    hints = "; or ".join(filter(None, (problem.hint, hint)))
    return replace(problem, where=problem.where or where, hint=hints)


def _name_for(file: Path, typed: str, root: Path) -> str:
    """How a config names vectors for good: a dataset, the whole name of a run, else a path."""
    if typed in DATASETS.entries:
        return typed
    if not _is_of_run(file):
        return str(file)
    folder = file.parent.resolve()
    return name_of(folder) if folder.parent.parent == root.resolve() else str(folder)


def _is_of_run(file: Path) -> bool:
    return file.name == FILE and is_file(file.parent / MARK)


def _name_in(
    arguments: Sequence[str], option: str, typed: str, name: str, where: str
) -> tuple[str, ...]:
    """The arguments with vectors, weights or runs by their whole name in place of what was typed.

    Raises:
        UsageError: `last` stands where it cannot be replaced.
    """
    found = []
    for argument in arguments:
        key, sign, value = argument.partition("=")
        named = f".{key}".endswith(f".{option}") and value == typed
        found.append(f"{key}{sign}{source.quote(name)}" if named else argument)
    if typed == "last" and tuple(found) == tuple(arguments):
        what = f"`{option}` is last, which will soon be another run"
        raise UsageError(Problem(what, where, "the name of a run", name))
    return tuple(found)
