"""The front door of the data room: verify a dataset's files, read them, say what was read."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from ..config.fields import Chosen, to_plain
from ..config.specs.datasets import Dataset
from ..errors import Problem, RunError, UsageError
from ..files import fence, make_folder, read_bytes, read_json
from . import store
from .cache import SUMS, Cache
from .code import code_digest, is_shipped
from .columns import Column, Dense
from .fingerprints import contents_digest
from .reader import FETCH_AGAIN, Reader, check_samples
from .samples import Samples
from .scratch import scratch, sweep

_LAYOUT = 4
"""Part of the cache's key: raised whenever what is kept beside the columns changes."""
_PARTS = {"test": "official test rows", "validation": "official validation rows"}
"""The columns under which the cache keeps them; no dataset has one of such a name."""
_META = tuple(f.name for f in dataclasses.fields(Samples) if f.name not in ("columns", *_PARTS))


def read(chosen: Chosen) -> Samples:
    """Reads a chosen dataset, after verifying its files; see `dlx.data.read`."""
    reader: Reader = chosen.load()
    options: Dataset = chosen.options
    if options.sample:
        folder = sample_folder(chosen, reader)
        found = store.hash_files(folder, store.names_of(options))
    else:
        folder = store.folder_of(chosen.name, options)
        found = store.verify_files(chosen.name, options)
    key = _key(chosen, reader, found, folder)
    least = 0 if reader.decoder else None  # the columns may be small, and are costly to make
    samples = _read_cached(
        key, lambda: check_samples(_read(chosen, reader, folder), chosen.name), least
    )
    return _identify(samples, chosen, reader, found, key)


def _read_cached(key: str, make: Callable[[], Samples], least: int | None = None) -> Samples:
    """What a reader returned, from the cache where it is there, else for the next time.

    Args:
        key: names all that it depends on; "" where nothing may be kept.
        make: has the reader read.
        least: bytes below which nothing is kept; None: as usual.
    """
    if not key:
        return make()
    cache = Cache(store.cache_root() / "read")
    found = _load(cache, key)
    if found is not None:
        return found
    samples = make()
    kept: dict[str, Column] = dict(samples.columns)
    parts = {name: getattr(samples, name) for name in _PARTS}
    kept |= {_PARTS[name]: Dense(rows) for name, rows in parts.items() if rows is not None}
    cache.store(key, kept, {name: getattr(samples, name) for name in _META}, least)
    found = _load(cache, key)  # mapped from the disk, where a part is the only copy in memory
    return samples if found is None else found


def _load(cache: Cache, key: str) -> Samples | None:
    """What the cache has kept under a key."""
    entry = cache.load(key)
    if entry is None:
        return None
    columns = dict(entry.columns)
    rows: dict[str, Any] = {name: columns.pop(kept, None) for name, kept in _PARTS.items()}
    parts = {name: one if one is None else np.array(one) for name, one in rows.items()}
    return Samples(columns, **(parts | entry.meta))


def _read(chosen: Chosen, reader: Reader, folder: Path) -> Samples:
    """What the reader makes of the files."""
    try:
        return reader.read(chosen.options, folder)
    except UsageError as error:
        if is_shipped(chosen.target):
            raise
        hints = {FETCH_AGAIN: "mend the file; the same command then reads it again"}
        told = (
            dataclasses.replace(one, hint=hints.get(one.hint, one.hint)) for one in error.problems
        )
        raise UsageError(*told) from error
    except OSError as error:  # it could be hashed a moment ago
        what = f"dataset {chosen.name} cannot be read: {error.strerror or error}"
        raise UsageError(Problem(what, str(error.filename or folder))) from error


def _identify(
    samples: Samples, chosen: Chosen, reader: Reader, found: tuple[store.Found, ...], key: str
) -> Samples:
    """Samples with source, digests and key; their contents are checked where these are pinned."""
    options: Dataset = chosen.options
    contents = samples.source.get("content_sha256", "")
    if not options.sample and contents != options.content_sha256:
        folder = store.folder_of(chosen.name, options)
        raise UsageError(_other_contents(chosen.name, options, folder, contents))
    former = _digest(options, found, contents, reader.version)
    # A plugin's reader may read what it does not declare, and change without a new version; and
    # what is decoded may be other numbers by another version of the decoder.
    ours = is_shipped(chosen.target) and not reader.decoder
    digest = former if ours else _hash([former, contents_digest(samples)])
    return dataclasses.replace(
        samples,
        source=_source(chosen.name, options, found, contents),
        digest=digest,
        former_digest="" if ours else former,
        key=_hash([key, digest]) if key else "",
        sample=options.sample,
    )


def _key(chosen: Chosen, reader: Reader, found: tuple[store.Found, ...], folder: Path) -> str:
    """What the cache knows a dataset by; "" where it cannot tell what is read, or how.

    Pictures may stay in their files, so that of these it matters where they lie.
    """
    code = code_digest(chosen.target)
    if chosen.options.sample or not found or not code:
        return ""
    decoder = [version(reader.decoder), str(folder)] if reader.decoder else []
    read = [chosen.name, chosen.target, code, reader.version, *decoder, to_plain(chosen.options)]
    roles = [chosen.options.inputs, list(chosen.options.targets.items())]
    return _hash([_LAYOUT, *read, *roles, [dataclasses.asdict(f) for f in found]])


def _hash(facts: Any) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def verify(chosen: Chosen) -> tuple[Problem, ...]:
    """What is wrong with a dataset's real files; nothing if they are the official ones.

    Hashes them; where only the contents are pinned, reads them too.
    """
    try:
        if chosen.options.content_sha256:
            read(chosen)
        else:
            store.verify_files(chosen.name, chosen.options)
    except UsageError as error:
        return error.problems
    return ()


def sample_folder(chosen: Chosen, reader: Reader) -> Path:
    """The folder of a made-up sample below the cache, written if it does not exist as it was.

    Each file appears whole or not at all, and two writers write the same bytes, so runs that
    start together do no harm.

    Raises:
        UsageError: the reader writes no sample.
        RunError: the cache cannot be written.
    """
    if reader.write_sample is None:
        what = f"dataset {chosen.name} has no synthetic sample: its reader has no write_sample"
        raise UsageError(Problem(what, "dataset.sample", "false", "dataset.sample=false"))
    root = fence(store.cache_root() / "samples")
    code = "" if is_shipped(chosen.target) else f"-{code_digest(chosen.target)[:12]}"
    folder = root / f"{chosen.name}-{reader.version}{code}"
    there = all((folder / name).is_file() for name in store.names_of(chosen.options))
    if there and _is_whole(folder):
        return folder
    try:
        with scratch(root) as fresh:
            reader.write_sample(fresh)
            _move(fresh, folder)
    except OSError as error:
        what = f"the sample of dataset {chosen.name} cannot be written: {error.strerror}"
        hint = "set DLX_CACHE to a folder with write permission"
        raise RunError(Problem(what, str(folder), hint=hint)) from error
    return folder


def _is_whole(folder: Path) -> bool:
    """Whether a sample is as it was written, by the digests beside it."""
    try:
        digests = read_json(_sums(folder))
        return bool(digests) and digests == _digests(folder, digests)
    except (OSError, ValueError, TypeError):
        return False


def _move(fresh: Path, folder: Path) -> None:
    """Gives a sample's files their place, then writes their digests beside them."""
    names = sorted(str(f.relative_to(fresh)) for f in fresh.rglob("*") if f.is_file())
    digests = json.dumps(_digests(fresh, names))
    for name in names:
        make_folder((folder / name).parent)
        os.replace(fresh / name, folder / name)
    sweep(folder)
    (fresh / SUMS).write_text(digests, encoding="utf-8")
    os.replace(fresh / SUMS, _sums(folder))


def _sums(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.json")


def _digests(folder: Path, names: Iterable[str]) -> dict[str, str]:
    return {n: hashlib.sha256(read_bytes(folder / n)).hexdigest() for n in names}


def _other_contents(name: str, dataset: Dataset, folder: Path, found: str) -> Problem:
    names = " and ".join(store.names_of(dataset))
    if dataset.embedded:
        hint = "pip install --force-reinstall scikit-learn"
    else:
        hint = f"`{store.fetch_command(name)}` downloads it again"
    what = f"{names} can be read but contains different data; content digest {found}"
    accepted = f"content digest {dataset.content_sha256}"
    return Problem(f"dataset {name}: {what}", str(folder), accepted, hint)


def _source(
    name: str, dataset: Dataset, found: tuple[store.Found, ...], contents: str
) -> dict[str, Any]:
    urls = {} if dataset.sample else {n: f.url for f in dataset.files for n in (f.name, *f.also)}
    files = [{**dataclasses.asdict(f), "url": urls.get(f.name, "")} for f in found]
    source = {"dataset": name, "sample": dataset.sample, "terms": dataset.terms, "files": files}
    return {**source, "content_sha256": contents} if contents else source


def _digest(dataset: Dataset, found: tuple[store.Found, ...], contents: str, version: int) -> str:
    own = (*(dataset.places if dataset.own else ()), *dataset.named_files)
    left = ("sample", *own)  # where it lies does not matter
    options = {k: v for k, v in to_plain(dataset, newer=False).items() if k not in left}
    data = contents or {f.name: f.sha256 for f in found}  # the packaging does not matter
    return _hash({"data": data, "options": options, "reader": version})
