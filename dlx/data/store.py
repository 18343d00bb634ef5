"""Where data lie on disk, and whether each file there is the official one."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shlex
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from ..config.fields import Chosen
from ..config.names import did_you_mean
from ..config.specs.datasets import DATASETS, Dataset, File
from ..config.specs.named import ACCEPTED, BROUGHT
from ..errors import Problem, UsageError
from .tree import hash_tree

State = Literal["embedded", "here", "missing", "incomplete", "wrong size", "your own"]


@dataclass(frozen=True)
class Found:
    """A file as it lies on disk: bytes, and SHA-256 in hex."""

    name: str
    size: int
    sha256: str


def data_root() -> Path:
    """The folder of all datasets: $DLX_DATA, else `dlx/data` in the user's cache. May not exist."""
    return _read_environment("DLX_DATA") or _user_cache() / "dlx" / "data"


def cache_root() -> Path:
    """The folder that dlx may write to: $DLX_CACHE, else `dlx` in the user's cache."""
    return _read_environment("DLX_CACHE") or _user_cache() / "dlx"


def _read_environment(name: str) -> Path | None:
    value = os.environ.get(name, "")
    return Path(value).expanduser().absolute() if value else None


def _user_cache() -> Path:
    try:
        home = Path.home()
    except RuntimeError:  # an unknown user, as in some containers
        what = "there is no home folder for the data"
        raise UsageError(Problem(what, hint="set DLX_DATA and DLX_CACHE to folders")) from None
    if sys.platform == "darwin":
        return home / "Library" / "Caches"
    named = os.environ.get("XDG_CACHE_HOME", "")
    return Path(named) if os.path.isabs(named) else home / ".cache"


def folder_of(name: str, dataset: Dataset) -> Path:
    """The folder of one dataset's real files.

    Raises:
        UsageError: the dataset is embedded in a package that is not installed; or is one of the
            user's own, of which it is not said where it lies.
    """
    if dataset.own and not dataset.folder:
        what = f"dataset {name} reads a folder of your own"
        raise UsageError(Problem(what, "dataset.folder", hint="dataset.folder=./FOLDER"))
    if dataset.embedded or dataset.named_files:
        return _package_folder(name, dataset)
    return data_root() / (dataset.folder or name)


def _package_folder(name: str, dataset: Dataset) -> Path:
    whose, package, below = dataset.brought_by
    spec = importlib.util.find_spec(package)  # finds it without the seconds of importing it
    if spec is None or not spec.submodule_search_locations:
        what = f"dataset {name} is embedded in {whose}, which is not installed"
        raise UsageError(Problem(what, hint=f"pip install {whose}"))
    return Path(spec.submodule_search_locations[0]) / below


def names_of(dataset: Dataset) -> tuple[str, ...]:
    """The names of a dataset's files."""
    if dataset.named_files:  # of made-up ones
        return tuple(f"{option}.png" for option in dataset.named_files)
    return dataset.embedded or tuple(f.name for f in dataset.files)


def place_of(folder: Path, dataset: Dataset, option: str) -> Path:
    """Where the file lies that an option names."""
    given = dataset.named_files[option]
    return Path(given) if os.path.isabs(given) else folder / f"{given}.jpg"


def path_of(folder: Path, file: File) -> Path:
    """Where a file lies, under whichever of its names; under its own where it does not."""
    places = [folder / name for name in (file.name, *file.also)]
    return next((place for place in places if place.exists()), places[0])


def paths_of(dataset: Dataset) -> tuple[Path, ...]:
    """Where the files of the user's own lie that a dataset names."""
    return tuple(data_root() / name for name in dataset.own_files)


def state_of(name: str, dataset: Dataset) -> State:
    """What is there of a dataset, by names and sizes alone: quick, and no proof."""
    if dataset.embedded:
        return "embedded"
    if named := dataset.named_files:
        return "embedded" if {*named.values()} <= {*BROUGHT} else "your own"
    if dataset.own and not dataset.folder:
        return "your own"
    folder = folder_of(name, dataset)
    if dataset.own:
        return "here" if folder.is_dir() or _is_own_file(dataset, folder) else "missing"
    there = [f for f in dataset.files if _is_there(path_of(folder, f), f)]
    if len(there) < len(dataset.files):
        return "incomplete" if there else "missing"
    pinned = (f for f in there if f.sha256 and f.size)
    right = (path_of(folder, f).stat().st_size == f.size for f in pinned)
    return "here" if all(right) else "wrong size"


def _is_there(path: Path, file: File) -> bool:
    return path.is_file() or (file.folder and path.is_dir())


def hash_files(folder: Path, names: Iterable[str]) -> tuple[Found, ...]:
    """Size and SHA-256 of these files.

    Raises:
        UsageError: one is missing, a folder, or not readable.
    """
    return tuple(_hash_file(folder / name) for name in names)


def _hash_file(path: Path) -> Found:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return Found(path.name, file.tell(), digest)
    except IsADirectoryError:
        what, hint = "is a folder, not a file", "move it away"
    except OSError as error:
        what, hint = f"cannot be read: {error.strerror}", "check its permissions"
    raise UsageError(Problem(f"{path.name} {what}", str(path), "a readable file", hint))


def _hash_folder(path: Path) -> Found:
    return Found(path.name, *hash_tree(path))


def verify_files(name: str, dataset: Dataset) -> tuple[Found, ...]:
    """Hashes a dataset's files, each read once, and checks them against the pinned digests.

    Returns:
        What was found, in the order of the dataset's files.

    Raises:
        UsageError: with one problem for all missing files, and one for each wrong file.
    """
    folder = folder_of(name, dataset)
    if dataset.named_files:
        _require_named(name, dataset, folder)
        paths = {option: place_of(folder, dataset, option) for option in dataset.named_files}
        return tuple(replace(_hash_file(path), name=option) for option, path in paths.items())
    if dataset.embedded:
        return hash_files(folder, dataset.embedded)
    if dataset.own_files:
        _require_files(name, dataset)
        own = map(_hash_file, paths_of(dataset))
        return tuple(replace(one, name=f"file {n}") for n, one in enumerate(own, 1))
    if dataset.own:
        _require_own(name, dataset, folder)
        if _is_own_file(dataset, folder):
            return (_hash_file(folder),)
        return (replace(_hash_folder(folder), name="all files"),)
    missing = _missing(name, dataset)
    problems = [missing_files(name, dataset, folder, missing)] if missing else []
    found: list[Found] = []
    for file in dataset.files:
        if file not in missing:
            try:
                path = path_of(folder, file)
                unpacked = file.folder and path.is_dir()
                found.append(_hash_folder(path) if unpacked else _hash_file(path))
            except UsageError as error:
                problems += error.problems
    problems += [p for f in found if (p := mismatch(name, dataset, folder, f))]
    if problems:
        raise UsageError(*problems)
    return tuple(found)


def require(every: Iterable[Chosen]) -> None:
    """Refuses datasets of which a file is missing, before hours of work with others.

    Raises:
        UsageError: with one problem for each such dataset.
    """
    problems: dict[str, Problem] = {}
    for name, options in ((one.name, one.options) for one in every):
        if options.sample or options.embedded or name in problems:
            continue
        if options.named_files:
            _require_named(name, options, folder_of(name, options))
        elif options.own_files:
            _require_files(name, options)
        elif options.own:
            _require_own(name, options, folder_of(name, options))
        elif missing := _missing(name, options):
            folder = folder_of(name, options)
            problems[name] = missing_files(name, options, folder, missing)
    if problems:
        raise UsageError(*problems.values())


def _require_named(name: str, dataset: Dataset, folder: Path) -> None:
    """Refuses files that options name and that are not there."""
    problems = []
    for option, given in dataset.named_files.items():
        path = place_of(folder, dataset, option)
        if path.is_file():
            continue
        what = f"{given} is a folder, not a file" if path.is_dir() else f"there is no file {given}"
        alike = get_close_matches(path.name, _beside(path), 1)
        near = did_you_mean(path.name, BROUGHT, "{}")
        near = near or (str(path.with_name(alike[0])) if alike else "")
        hint = f"dataset.{option}={shlex.quote(near)}" if near else ""
        problems.append(Problem(f"dataset {name}: {what}", f"dataset.{option}", ACCEPTED, hint))
    if problems:
        raise UsageError(*problems)


def _beside(path: Path) -> list[str]:
    """The names of the files in the folder of one."""
    return sorted(one.name for one in path.parent.glob("*") if one.is_file())


def _is_own_file(dataset: Dataset, place: Path) -> bool:
    return dataset.may_be_file and place.is_file()


def _require_files(name: str, dataset: Dataset) -> None:
    """Refuses files of the user's own that are not there, all of them at once."""
    problems: list[Problem] = []
    for path in paths_of(dataset):
        if path.is_file():
            continue
        what = "is a folder, not a file" if path.is_dir() else "does not exist"
        key = f"dataset.{dataset.places[0]}"
        hint = _near(dataset, path) if len(dataset.own_files) == 1 else ""
        problems.append(Problem(f"dataset {name}: {path} {what}", key, dataset.wanted, hint))
    if problems:
        raise UsageError(*problems)


def _require_own(name: str, dataset: Dataset, place: Path) -> None:
    """Refuses data of the user's own that are not there."""
    if place.is_dir() or _is_own_file(dataset, place):
        return
    what = "is a file, not a folder" if place.exists() else "does not exist"
    key, hint = f"dataset.{dataset.places[0]}", _near(dataset, place)
    raise UsageError(Problem(f"dataset {name}: {place} {what}", key, dataset.wanted, hint))


def _near(dataset: Dataset, place: Path) -> str:
    """What to type for a place that is not there: one of that name here, or a like one beside."""

    def fits(path: Path) -> bool:
        return path.is_dir() or _is_own_file(dataset, path)

    key = f"dataset.{dataset.places[0]}"
    if place.parent == data_root() and fits(Path(place.name)):
        return f"{key}=./{shlex.quote(place.name)}"
    beside = [one.name for one in place.parent.glob("*") if fits(one)]
    alike = get_close_matches(place.name, sorted(beside), 1)
    return f"{key}={shlex.quote(str(place.with_name(alike[0])))}" if alike else ""


def _missing(name: str, dataset: Dataset) -> tuple[File, ...]:
    folder = folder_of(name, dataset)
    return tuple(file for file in dataset.files if not path_of(folder, file).exists())


def missing_files(name: str, dataset: Dataset, folder: Path, files: tuple[File, ...]) -> Problem:
    """One problem that names every missing file and both ways to get it."""
    which = f"{len(files)} of its {len(dataset.files)} files" if dataset.files[1:] else "its file"
    what = f"{dataset.noun} {name}: {which} {'are' if len(files) > 1 else 'is'} missing"
    lines = [f"\n    {_describe_file(file, dataset)}" for file in files]
    by_hand = "download it yourself and put it there"
    if any(file.url for file in files):
        by_hand = f"`{fetch_command(name)}`, or {by_hand}"
    accepted = "in that folder:" + "".join(lines)
    return Problem(what, str(folder), accepted, by_hand + _suggest_sample(name))


def fetch_command(name: str) -> str:
    """What to type to download a dataset."""
    plugin = DATASETS.plugins.get(name)
    return f"dlx data fetch {name}" + (f" --plugins {plugin}" if plugin else "")


def _suggest_sample(name: str) -> str:
    entry = DATASETS.entries.get(name)
    if entry is None or Chosen(name, None, entry.target).load().write_sample is None:
        return ""
    return "; `dataset.sample=true` uses synthetic sample data instead"


def _describe_file(file: File, dataset: Dataset) -> str:
    told = f"{file.name}, {file.size:,} bytes" if file.size else file.name
    told += "".join(f", or {name}" for name in file.also)
    if file.sha256:
        told += f", SHA-256 {file.digest}"
    elif dataset.content_sha256:
        told += f", or another archive with the same contents (digest {dataset.content_sha256})"
    return f"{told}\n      {file.url}" if file.url else told


def mismatch(name: str, dataset: Dataset, folder: Path, found: Found) -> Problem | None:
    """What is wrong with a file, or None: it is truncated, too long, swapped or corrupted."""
    file = next(f for f in dataset.files if found.name in (f.name, *f.also))
    if found.sha256.startswith(file.sha256):
        return None
    twin = next((f.name for f in dataset.files if f.sha256 == found.sha256), None)
    if twin:
        what = f"contains what belongs into {twin}"
    elif not file.size:
        what = "is not the official file"
    elif found.size < file.size:
        what = f"is truncated: {found.size:,} of {file.size:,} bytes"
    elif found.size > file.size:
        what = f"is too long: {found.size:,} bytes, not {file.size:,}"
    else:
        what = "is corrupted: its size is correct, but not its contents"
    what = f"{dataset.noun} {name}: {file.name} {what}; its SHA-256 is {found.sha256}"
    accepted = f"SHA-256 {file.digest}" + (f", {file.size:,} bytes" if file.size else "")
    again = f"`{fetch_command(name)}` downloads it again"
    hint = again if file.url else "put the correct file there"
    return Problem(what, str(folder / file.name), accepted, hint)
