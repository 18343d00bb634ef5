from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import dlx.data
from dlx.data import store
from dlx.errors import UsageError

OFFICIAL = Callable[[str], Path]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def failure(call: Callable[[], object]) -> str:
    with pytest.raises(UsageError) as caught:
        call()
    assert caught.value.exit_code == 2
    return str(caught.value)


class TestRoots:
    def test_environment_decides(self, monkeypatch, tmp_path):
        monkeypatch.setenv("DLX_DATA", str(tmp_path / "a"))
        monkeypatch.setenv("DLX_CACHE", str(tmp_path / "b"))
        assert (store.data_root(), store.cache_root()) == (tmp_path / "a", tmp_path / "b")

    def test_relative_and_home_paths_become_absolute(self, monkeypatch, tmp_path):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("HOME", "/home/someone")
        monkeypatch.setenv("DLX_DATA", "here")
        monkeypatch.setenv("DLX_CACHE", "~/there")
        assert store.data_root() == tmp_path / "here"
        assert store.cache_root() == Path("/home/someone/there")

    @pytest.mark.parametrize(
        ("platform", "xdg", "expected"),
        [
            ("linux", "", "/home/someone/.cache/dlx"),
            ("linux", "/big/cache", "/big/cache/dlx"),
            ("linux", "not/absolute", "/home/someone/.cache/dlx"),
            ("darwin", "/big/cache", "/home/someone/Library/Caches/dlx"),
        ],
    )
    def test_users_cache_without_environment(self, monkeypatch, platform, xdg, expected):
        monkeypatch.setattr(sys, "platform", platform)
        monkeypatch.setenv("HOME", "/home/someone")
        monkeypatch.setenv("XDG_CACHE_HOME", xdg)
        monkeypatch.setenv("DLX_DATA", "")
        monkeypatch.delenv("DLX_CACHE")
        assert store.cache_root() == Path(expected)
        assert store.data_root() == Path(expected) / "data"

    def test_no_home(self, monkeypatch):
        def nowhere() -> Path:
            raise RuntimeError("Could not determine home directory.")

        monkeypatch.setattr(Path, "home", nowhere)
        monkeypatch.delenv("DLX_DATA")
        assert failure(store.data_root) == (
            "there is no home folder for the data\n  try: set DLX_DATA and DLX_CACHE to folders"
        )


class TestMissing:
    def test_one_message_names_everything(self, chosen, tmp_path):
        assert failure(lambda: dlx.data.read(chosen("reuters"))) == (
            "dataset reuters: 2 of its 2 files are missing\n"
            f"  where: {tmp_path}/data/reuters\n"
            "  accepted: in that folder:\n"
            "    reuters.npz, 2,110,848 bytes, SHA-256 "
            "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916\n"
            "      https://storage.googleapis.com/tensorflow/tf-keras-datasets/reuters.npz\n"
            "    reuters_word_index.json, 550,378 bytes, SHA-256 "
            "9b56000edc4b34a32e89fd5a23b2605594682c74efcf7d8f4e2a5514b771e633\n"
            "      https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
            "reuters_word_index.json\n"
            "  try: `dlx data fetch reuters`, or download it yourself and put it there; "
            "`dataset.sample=true` uses synthetic sample data instead"
        )

    def test_a_file_without_pinned_bytes(self, chosen):
        message = failure(lambda: dlx.data.read(chosen("imdb_raw")))
        assert message.startswith("dataset imdb_raw: its file is missing\n")
        assert (
            "aclImdb_v1.tar.gz, 84,125,825 bytes, or another archive with the same contents "
            "(digest 9bc0f582a4710bd90242943c12bcbdae1ec3aeda4c4e602c4058e7730948c77e)\n"
            "      https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz\n"
        ) in message

    def test_only_the_word_index(self, official: OFFICIAL, chosen):
        (official("imdb") / "imdb_word_index.json").unlink()
        message = failure(lambda: dlx.data.read(chosen("imdb")))
        assert message.startswith("dataset imdb: 1 of its 2 files is missing\n")
        assert "imdb_word_index.json, " in message
        assert "imdb.npz" not in message

    def test_without_scikit_learn(self, monkeypatch, chosen):
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        assert failure(lambda: dlx.data.read(chosen("wine"))) == (
            "dataset wine is embedded in scikit-learn, which is not installed\n"
            "  try: pip install scikit-learn"
        )


class TestWrongFiles:
    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (lambda data: data[:-100], "is truncated: {found:,} of {size:,} bytes"),
            (lambda data: data + b"!", "is too long: {found:,} bytes, not {size:,}"),
            (
                lambda data: data[:99] + bytes([data[99] ^ 1]) + data[100:],
                "is corrupted: its size is correct, but not its contents",
            ),
        ],
        ids=["truncated", "too long", "flipped bit"],
    )
    def test_are_told_apart(self, official: OFFICIAL, chosen, change, words):
        path = official("boston_housing") / "boston_housing.npz"
        size, digest = path.stat().st_size, sha256(path)
        path.write_bytes(change(path.read_bytes()))
        words = words.format(found=path.stat().st_size, size=size)
        assert failure(lambda: dlx.data.read(chosen("boston_housing"))) == (
            f"dataset boston_housing: boston_housing.npz {words}; its SHA-256 is {sha256(path)}\n"
            f"  where: {path}\n"
            f"  accepted: SHA-256 {digest}, {size:,} bytes\n"
            "  try: `dlx data fetch boston_housing` downloads it again"
        )

    def test_swapped_files(self, official: OFFICIAL, chosen):
        folder = official("mnist")
        first, second = (folder / f"{p}-labels-idx1-ubyte.gz" for p in ("train", "t10k"))
        spare = folder / "spare"
        first.rename(spare)
        second.rename(first)
        spare.rename(second)
        with pytest.raises(UsageError) as caught:
            dlx.data.read(chosen("mnist"))
        whats = [problem.what for problem in caught.value.problems]
        assert [what.split(";")[0] for what in whats] == [
            f"dataset mnist: {first.name} contains what belongs into {second.name}",
            f"dataset mnist: {second.name} contains what belongs into {first.name}",
        ]

    def test_a_folder_in_place_of_a_file(self, official: OFFICIAL, chosen):
        path = official("boston_housing") / "boston_housing.npz"
        path.unlink()
        path.mkdir()
        assert failure(lambda: dlx.data.read(chosen("boston_housing"))) == (
            f"boston_housing.npz is a folder, not a file\n  where: {path}\n"
            "  accepted: a readable file\n  try: move it away"
        )

    def test_an_unreadable_file(self, official: OFFICIAL, chosen, monkeypatch):
        path = official("boston_housing") / "boston_housing.npz"

        def refuse(*_: Any) -> None:  # chmod would not stop a test that runs as root
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "open", refuse)
        assert failure(lambda: dlx.data.read(chosen("boston_housing"))) == (
            f"boston_housing.npz cannot be read: Permission denied\n  where: {path}\n"
            "  accepted: a readable file\n  try: check its permissions"
        )

    def test_every_problem_at_once(self, official: OFFICIAL, chosen):
        folder = official("mnist")
        (folder / "train-images-idx3-ubyte.gz").unlink()
        (folder / "t10k-images-idx3-ubyte.gz").write_bytes(b"")
        (folder / "t10k-labels-idx1-ubyte.gz").unlink()
        (folder / "t10k-labels-idx1-ubyte.gz").mkdir()
        message = failure(lambda: dlx.data.read(chosen("mnist")))
        assert "1 of its 4 files is missing" in message
        assert "t10k-images-idx3-ubyte.gz is truncated: 0 of" in message
        assert "t10k-labels-idx1-ubyte.gz is a folder" in message
        assert "train-labels" not in message


def test_reading_writes_nothing_below_the_data_folder(official: OFFICIAL, chosen, tmp_path):
    folder = official("imdb")
    folder.chmod(0o555)
    folder.parent.chmod(0o555)
    before = sorted(folder.parent.rglob("*"))
    assert len(dlx.data.read(chosen("imdb"))) == 200
    assert sorted(folder.parent.rglob("*")) == before
    assert not (tmp_path / "cache").exists()
    folder.parent.chmod(0o755)
    folder.chmod(0o755)


def test_state_looks_at_names_and_sizes(official: OFFICIAL, chosen):
    def state(name: str) -> str:
        return store.state_of(name, chosen(name).options)

    assert (state("digits"), state("imdb")) == ("embedded", "missing")
    folder = official("imdb")
    assert state("imdb") == "here"
    (folder / "imdb.npz").write_bytes(b"short")
    assert state("imdb") == "wrong size"
    (folder / "imdb.npz").unlink()
    assert state("imdb") == "incomplete"


def test_files_may_lie_in_a_folder_of_another_name(
    official: OFFICIAL, chosen, monkeypatch, tmp_path
):
    folder = official("boston_housing")
    pick = chosen("boston_housing")
    monkeypatch.setattr(type(pick.options), "folder", "houses", raising=False)

    assert store.state_of("boston_housing", pick.options) == "missing"
    with pytest.raises(UsageError, match="dlx data fetch boston_housing") as caught:
        store.verify_files("boston_housing", pick.options)
    assert caught.value.problems[0].where == str(tmp_path / "data" / "houses")
    folder.rename(tmp_path / "data" / "houses")
    assert store.state_of("boston_housing", pick.options) == "here"
    assert len(dlx.data.read(pick)) > 0


def test_a_file_may_lie_there_under_another_name(chosen, tmp_path):
    pick = chosen("jena_climate")
    folder = tmp_path / "data" / "jena_climate"
    folder.mkdir(parents=True)
    assert "or jena_climate_2009_2016.csv\n" in failure(lambda: dlx.data.read(pick))
    assert store.state_of("jena_climate", pick.options) == "missing"
    pick.load().write_sample(folder)

    packed = dlx.data.read(pick)
    as_zip = folder / "jena_climate_2009_2016.csv.zip"
    as_zip.unlink()
    (folder / "jena_climate_2024_mpi_roof_15cols.csv").rename(as_zip.with_suffix(""))
    plain = dlx.data.read(pick)

    assert store.state_of("jena_climate", pick.options) == "here"
    assert [f["name"] for f in packed.source["files"]] == [as_zip.name]
    assert [f["name"] for f in plain.source["files"]] == [as_zip.stem]
    assert len(plain) == len(packed)
