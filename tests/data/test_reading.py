from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import dlx.data
from dlx.config.specs.datasets import DATASETS
from dlx.data import reading
from dlx.data.columns import Sequence
from dlx.errors import RunError, UsageError

NAMES = [
    name
    for name, entry in DATASETS.entries.items()
    if entry.options.kind != "vectors" and (entry.options.files or entry.options.embedded)
]
"""A sample stands in for files: what has none is its own sample."""


@pytest.mark.parametrize("name", NAMES)
class TestEverySample:
    def test_is_read_by_the_real_reader(self, name, chosen, tmp_path):
        pick = chosen(name, sample=True)
        samples = dlx.data.read(pick)
        assert samples.sample
        assert samples.source["sample"]
        assert 40 <= len(samples) <= 5000
        assert (samples.inputs, samples.targets) == (
            pick.options.inputs,
            tuple(pick.options.targets),
        )
        forecasts = (*samples.naive.values(), *samples.seasons.values())
        naive = {name for found in forecasts for name in found.values()}
        roles = {samples.time, samples.identity, samples.names, samples.looks}
        others = {*roles, *samples.groups, *naive} - {""}
        assert set(samples.columns) == {*samples.inputs, *samples.targets, *others}
        assert all(len(column) == len(samples) for column in samples.columns.values())
        assert not (tmp_path / "data").exists()

    def test_is_the_same_each_time(self, name, chosen, tmp_path):
        load = chosen(name).load()
        for folder in (tmp_path / "1", tmp_path / "2"):
            folder.mkdir()
            load.write_sample(folder)
        first, second = ({p.name: p.read_bytes() for p in (tmp_path / d).iterdir()} for d in "12")
        assert first == second

    def test_targets_are_what_their_problem_asks(self, name, chosen):
        pick = chosen(name, sample=True)
        samples = dlx.data.read(pick)
        for target, problem in pick.options.targets.items():
            column = samples.columns[target].values
            if problem == "regression":
                assert column.dtype == np.float32
                assert target not in samples.classes
            elif problem == "multilabel":
                assert column.dtype == np.float32
                assert column.shape == (len(samples), len(samples.classes[target]))
                assert set(np.unique(column)) == {0, 1}
            else:
                assert column.dtype == np.int64
                training = np.delete(column, [] if samples.test is None else samples.test)
                counts = np.bincount(training, minlength=len(samples.classes[target]))
                assert len(counts) == len(samples.classes[target])
                assert counts.min() >= 2  # or no stratified hold-out could be cut

    def test_names_fit_the_columns(self, name, chosen):
        samples = dlx.data.read(chosen(name, sample=True))
        for column, names in samples.features.items():
            assert samples.columns[column].describe().shape[-1] == len(names)
        for column, words in samples.words.items():
            ragged = samples.columns[column]
            assert isinstance(ragged, Sequence)
            assert ragged.values.dtype.kind in "iu"
            assert 0 < ragged.values.min() <= ragged.values.max() < len(words)


def test_sample_is_written_once_and_again_when_a_file_is_gone(chosen, tmp_path):
    digest = dlx.data.read(chosen("imdb", sample=True)).digest
    folder = tmp_path / "cache" / "samples" / "imdb-2"
    times = {p.name: p.stat().st_mtime_ns for p in folder.iterdir()}
    assert sorted(times) == ["imdb.npz", "imdb_word_index.json"]
    dlx.data.read(chosen("imdb", sample=True))
    assert {p.name: p.stat().st_mtime_ns for p in folder.iterdir()} == times
    (folder / "imdb.npz").unlink()
    assert dlx.data.read(chosen("imdb", sample=True)).digest == digest


@pytest.mark.parametrize("damage", ["cut", "zeroed", "gone", "added"])
def test_a_damaged_sample_is_made_again(damage, chosen, tmp_path):
    digest = dlx.data.read(chosen("imdb", sample=True)).digest
    for file in (tmp_path / "cache" / "samples").rglob("*.*"):
        whole = file.read_bytes()
        half = whole[: len(whole) // 2]
        broken = {"cut": half, "zeroed": half.ljust(len(whole), b"\0"), "added": whole + b"{"}
        file.unlink() if damage == "gone" else file.write_bytes(broken[damage])
        assert dlx.data.read(chosen("imdb", sample=True)).digest == digest
        assert file.read_bytes() == whole


def test_what_writers_of_samples_left_is_swept(chosen, tmp_path):
    root = tmp_path / "cache" / "samples"
    for left in (root / ".tmp-dead", root / "wine-1" / ".new-dead"):
        left.mkdir(parents=True)
    dlx.data.read(chosen("wine", sample=True))
    assert sorted(p.name for p in root.rglob("*")) == ["wine-1", "wine-1.json", "wine_data.csv"]


def test_samples_may_be_written_at_the_same_time(chosen):
    with ThreadPoolExecutor(8) as pool:
        picks = [chosen("mnist", sample=True) for _ in range(8)]
        digests = {samples.digest for samples in pool.map(dlx.data.read, picks)}
    assert len(digests) == 1


def test_a_cache_that_cannot_be_written(chosen, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DLX_CACHE", str(tmp_path / "file"))
    with pytest.raises(RunError) as caught:
        dlx.data.read(chosen("wine", sample=True))
    assert str(caught.value) == (
        "the sample of dataset wine cannot be written: Not a directory\n"
        f"  where: {tmp_path}/file/samples/wine-1\n"
        "  try: set DLX_CACHE to a folder with write permission"
    )


class TestDigest:
    def test_follows_the_options_that_change_the_data(self, chosen):
        def digest(**options: int) -> str:
            return dlx.data.read(chosen("imdb", sample=True, **options)).digest

        assert digest() == digest(num_words=10_000) != digest(num_words=50)

    def test_follows_the_files(self, official: Callable[[str], Path], chosen):
        folder = official("boston_housing")
        as_real = dlx.data.read(chosen("boston_housing"))
        assert as_real.digest == dlx.data.read(chosen("boston_housing", sample=True)).digest
        assert (as_real.sample, as_real.source["sample"]) == (False, False)
        assert as_real.source["files"][0]["name"] == "boston_housing.npz"
        assert as_real.source["files"][0]["size"] == (folder / "boston_housing.npz").stat().st_size
        assert as_real.source["files"][0]["url"] == "https://example.org/boston_housing.npz"

    def test_follows_the_readers_version(self, chosen, monkeypatch):
        from dlx.data.readers import mnist

        before = dlx.data.read(chosen("mnist", sample=True)).digest
        newer = dataclasses.replace(mnist.mnist, version=2)
        monkeypatch.setattr(mnist, "mnist", newer)
        assert dlx.data.read(chosen("mnist", sample=True)).digest != before


def test_other_contents_are_refused(chosen, monkeypatch):
    pick = chosen("wine")
    pinned = pick.options.content_sha256
    monkeypatch.setattr(type(pick.options), "content_sha256", "0" * 64)
    with pytest.raises(UsageError) as caught:
        dlx.data.read(pick)
    problem = caught.value.problems[0]
    assert problem.what == (
        "dataset wine: wine_data.csv can be read but contains different data; content digest "
        f"{pinned}"
    )
    assert problem.accepted == f"content digest {'0' * 64}"
    assert problem.hint == "pip install --force-reinstall scikit-learn"


def test_verify_finds_what_is_wrong(official: Callable[[str], Path], chosen):
    path = official("boston_housing") / "boston_housing.npz"
    assert reading.verify(chosen("boston_housing")) == ()
    assert reading.verify(chosen("digits")) == ()
    path.write_bytes(b"")
    (problem,) = reading.verify(chosen("boston_housing"))
    assert "is truncated: 0 of" in problem.what


def test_a_file_that_vanishes_while_it_is_read(
    official: Callable[[str], Path], chosen, monkeypatch
):
    from dlx.data.readers import keras

    def vanish(options: object, folder: Path) -> None:
        (folder / "imdb.npz").unlink()
        (folder / "imdb.npz").open()

    official("imdb")
    broken = dataclasses.replace(keras.imdb, read=vanish)
    monkeypatch.setattr(keras, "imdb", broken)
    with pytest.raises(UsageError, match="dataset imdb cannot be read: No such file or directory"):
        dlx.data.read(chosen("imdb"))


def test_imports_neither_torch_nor_scikit_learn():
    code = """
import sys, dlx.data
assert "numpy" not in sys.modules, "importing the package is to be cheap"
from dlx.config.specs.datasets import DATASETS
for name, entry in DATASETS.entries.items():
    if name not in ("glove", "series", "table"):  # which have no sample
        dlx.data.read(DATASETS.default(name, sample=True)())
dlx.data.read(DATASETS.default("digits")())
assert not {"torch", "sklearn", "urllib.request"} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
