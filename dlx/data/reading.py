"""The front door of the data room: verify a dataset's files, read them, say what was read."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from ..config.fields import Chosen, to_plain
from ..config.specs.datasets import Dataset
from ..errors import Problem, RunError, UsageError
from . import store
from .cache import Cache, Entry
from .columns import AnyColumn
from .reader import Reader
from .samples import Samples


def read(chosen: Chosen) -> Samples:
    """Reads a chosen dataset, after verifying its files; see `dlx.data.read`."""
    reader: Reader = chosen.load()
    options: Dataset = chosen.options
    if options.sample:
        folder = sample_folder(chosen.name, options, reader)
        found = store.hash_files(folder, store.names_of(options))
    else:
        folder = store.folder_of(chosen.name, options)
        found = store.verified(chosen.name, options)
    cache = Cache(store.cache_root() / "read")
    key = f"{_digest(options, found, '', reader.version)}-{_LAYOUT}"
    kept = None if options.sample else cache.load(key)
    if kept is not None:
        return _from_cache(kept)
    samples = _read(chosen, reader, folder, found)
    if not options.sample:
        cache.store(key, *_for_cache(samples))
    return samples


def _read(chosen: Chosen, reader: Reader, folder: Path, found: tuple[store.Found, ...]) -> Samples:
    """Reads the files, and checks the contents where these are what is pinned."""
    options: Dataset = chosen.options
    try:
        samples = reader.read(options, folder)
    except OSError as error:  # it could be hashed a moment ago
        what = f"dataset {chosen.name} cannot be read: {error.strerror or error}"
        raise UsageError(Problem(what, str(error.filename or folder))) from error
    contents = samples.source.get("content_sha256", "")
    if not options.sample and contents != options.content_sha256:
        raise UsageError(_other_contents(chosen.name, options, folder, contents))
    return dataclasses.replace(
        samples,
        source=_source(chosen.name, options, found, contents),
        digest=_digest(options, found, contents, reader.version),
        sample=options.sample,
    )


_TEST = "official test rows"
"""The column under which the cache keeps them; no dataset has one of this name."""


_LAYOUT = 2
"""Part of the cache's key: raised whenever what is kept beside the columns changes."""
_META = (
    *("inputs", "targets", "source", "digest", "classes", "features", "words"),
    *("time", "groups", "naive", "identity"),
)


def _for_cache(samples: Samples) -> tuple[dict[str, AnyColumn], dict[str, Any]]:
    columns: dict[str, AnyColumn] = dict(samples.columns)
    if samples.test is not None:
        columns[_TEST] = samples.test
    return columns, {name: getattr(samples, name) for name in _META}


def _from_cache(entry: Entry) -> Samples:
    columns: dict[str, Any] = dict(entry.columns)
    test = columns.pop(_TEST, None)
    meta = dict(entry.meta)
    for name in ("classes", "features", "words"):
        meta[name] = {key: tuple(values) for key, values in meta[name].items()}
    meta |= {name: tuple(meta[name]) for name in ("inputs", "targets", "groups")}
    return Samples(columns, test=None if test is None else test.copy(), **meta)


def verify(chosen: Chosen) -> tuple[Problem, ...]:
    """What is wrong with a dataset's real files; nothing if they are the official ones.

    Hashes them; where only the contents are pinned, reads them too.
    """
    try:
        if chosen.options.content_sha256:
            read(chosen)
        else:
            store.verified(chosen.name, chosen.options)
    except UsageError as error:
        return error.problems
    return ()


def sample_folder(name: str, dataset: Dataset, reader: Reader) -> Path:
    """The folder of a made-up sample below the cache, written if it is not complete yet.

    Each file appears whole or not at all, and two writers write the same bytes, so runs that
    start together do no harm.

    Raises:
        RunError: the cache cannot be written.
    """
    folder = store.cache_root() / "samples" / f"{name}-{reader.version}"
    if all((folder / n).is_file() for n in store.names_of(dataset)):
        return folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".new-") as fresh:
            reader.write_sample(Path(fresh))
            for file_name in store.names_of(dataset):
                os.replace(Path(fresh) / file_name, folder / file_name)
    except OSError as error:
        what = f"the sample of dataset {name} cannot be written: {error.strerror}"
        hint = "set DLX_CACHE to a folder that you can write to"
        raise RunError(Problem(what, str(folder), hint=hint)) from error
    return folder


def _other_contents(name: str, dataset: Dataset, folder: Path, found: str) -> Problem:
    names = " and ".join(store.names_of(dataset))
    if dataset.embedded:
        hint = "pip install --force-reinstall scikit-learn"
    else:
        hint = f"`dlx data fetch {name}` downloads it again"
    return Problem(
        f"dataset {name}: {names} can be read but holds other data; content digest {found}",
        where=str(folder),
        accepted=f"content digest {dataset.content_sha256}",
        hint=hint,
    )


def _source(
    name: str, dataset: Dataset, found: tuple[store.Found, ...], contents: str
) -> dict[str, Any]:
    urls = {} if dataset.sample else {f.name: f.url for f in dataset.files}
    files = [{**dataclasses.asdict(f), "url": urls.get(f.name, "")} for f in found]
    source = {"dataset": name, "sample": dataset.sample, "terms": dataset.terms, "files": files}
    return {**source, "content_sha256": contents} if contents else source


def _digest(dataset: Dataset, found: tuple[store.Found, ...], contents: str, version: int) -> str:
    options = {k: v for k, v in to_plain(dataset).items() if k != "sample"}
    data = contents or {f.name: f.sha256 for f in found}  # the packaging does not matter
    key = {"data": data, "options": options, "reader": version}
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
