"""A dataset from the cache is the one that the reader returned, to the byte; and no other's."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

import dlx.data
from dlx.config.fields import Chosen
from dlx.config.specs.datasets import DATASETS, Dataset, File
from dlx.data import cache as cache_module
from dlx.data import reading
from dlx.data.columns import Column
from dlx.data.reader import Reader
from dlx.data.readers import mnist
from dlx.data.samples import Samples

NAMES = [
    name
    for name, entry in DATASETS.entries.items()
    if entry.options.kind != "vectors" and (entry.options.files or entry.options.embedded)
]
"""What has no file is made sooner than it is looked for."""


@pytest.fixture(autouse=True)
def everything_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "SMALL_BYTES", 0)


def bits(value: Any) -> Any:
    """A field of samples down to types and bytes; a mapped array is an array like another."""
    if isinstance(value, Column):
        return type(value), bits(value.arrays()), bits(value.meta())
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, dict):
        return [(name, bits(held)) for name, held in value.items()]
    if isinstance(value, (tuple, list)):
        return type(value), [bits(v) for v in value]
    return type(value), value


def everything(samples: Samples) -> dict[str, Any]:
    return {f.name: bits(getattr(samples, f.name)) for f in fields(samples)}


def cold_and_warm(pick: Chosen, monkeypatch: pytest.MonkeyPatch) -> tuple[Samples, Samples]:
    """A dataset read, and then from the cache alone."""
    cold = dlx.data.read(pick)
    module, _, attribute = pick.target.partition(":")
    never = replace(pick.load(), read=lambda *_: pytest.fail("it was read again"))
    monkeypatch.setattr(import_module(module), attribute, never)
    return cold, dlx.data.read(pick)


@pytest.mark.parametrize("name", NAMES)
def test_every_field_comes_back(
    name: str,
    official: Callable[[str], Path],
    chosen: Callable[..., Chosen],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not chosen(name).options.embedded:  # their real files are here
        official(name)

    cold, warm = cold_and_warm(chosen(name), monkeypatch)

    assert everything(cold) == everything(warm)
    held = [one for column in cold.columns.values() for one in vars(column).values()]
    arrays = [one for one in held if isinstance(one, np.ndarray)]
    assert all(isinstance(one, np.memmap) for one in arrays), "a copy is held in memory"
    for column, sizes in chosen(name).options.shapes.items():  # what the spec says is what is read
        assert cold.columns[column].describe().shape == sizes


def test_another_version_of_a_decoder_reads_again_and_its_contents_count(
    official: Callable[[str], Path], chosen: Callable[..., Chosen], monkeypatch: pytest.MonkeyPatch
) -> None:
    official("mnist")
    plain = dlx.data.read(chosen("mnist"))
    reader = mnist.mnist
    read: list[str] = []

    def decoded(release: str, level: int) -> Samples:
        """The digits as a version of a decoder reads them, if it is asked to."""

        def make(options: Dataset, folder: Path) -> Samples:
            read.append(release)
            samples = reader.read(options, folder)
            return replace(samples, columns={**samples.columns, "image": np.full((200, 1), level)})

        with monkeypatch.context() as patch:
            patch.setattr(reading, "version", {"pillow": release}.__getitem__)
            patch.setattr(mnist, "mnist", replace(reader, read=make, decoder="pillow"))
            return dlx.data.read(chosen("mnist"))

    digests = [decoded(*made).digest for made in (("1", 7), ("1", 8), ("2", 7), ("3", 8))]

    assert read == ["1", "2", "3"]
    assert digests[0] == digests[1] == digests[2] != digests[3]
    assert plain.digest not in digests


@pytest.mark.data
@pytest.mark.parametrize(
    "name", ["beijing_pm25", "beijing_windows", "boston_housing", "mnist", "reuters"]
)
def test_every_field_of_the_real_files_comes_back(
    name: str, real: Callable[..., Chosen], monkeypatch: pytest.MonkeyPatch
) -> None:
    cold, warm = cold_and_warm(real(name), monkeypatch)

    assert everything(cold) == everything(warm)


@dataclass(frozen=True, kw_only=True)
class Mine(Dataset):
    """Rows of my own."""

    inputs: ClassVar[tuple[str, ...]] = ("x",)
    targets: ClassVar[dict[str, str]] = {"y": "regression"}
    rows = "4"
    terms = "mine"


@dataclass(frozen=True, kw_only=True)
class MineFromFiles(Mine):
    """Rows of my own, from a file."""

    files = (File(name="rows.txt", sha256="", size=4, url=""),)


PLUGIN = """
import numpy as np
from dlx.data.columns import Column
from dlx.data.reader import Reader
from dlx.data.samples import Samples

def read(options, folder):
    read.calls += 1
    x = np.full((4, 1), FACTOR, np.float32)
    return Samples({"x": x, "y": x[:, 0]}, ("x",), ("y",), None, {}, "")

read.calls = 0
one = Reader(read, None)
two = Reader(lambda *_: Samples({"x": np.zeros((4, 2)), "y": np.ones(4)}, ("x",), ("y",),
                                None, {}, ""), None)
"""
Plugin = Callable[[float], Callable[..., Chosen]]


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plugin]:
    """Writes a package of two readers; gives what chooses one of them."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # an edit within a second is missed
    package = tmp_path / "own_readers"
    package.mkdir()
    (package / "__init__.py").touch()
    (tmp_path / "data" / "mine").mkdir(parents=True)
    (tmp_path / "data" / "mine" / "rows.txt").write_text("1234")

    def forget() -> None:
        for name in [m for m in sys.modules if m.startswith("own_readers")]:
            del sys.modules[name]

    def write(factor: float) -> Callable[..., Chosen]:
        forget()
        (package / "numbers.py").write_text(f"FACTOR = {factor}\n")
        text = PLUGIN.replace("import numpy", "from .numbers import FACTOR\nimport numpy", 1)
        (package / "reading.py").write_text(text)

        def choose(reader: str, options: Dataset, name: str = "mine") -> Chosen:
            return Chosen(name, options, f"own_readers.reading:{reader}")

        return choose

    yield write
    forget()


def test_two_datasets_without_files_are_two(plugin: Plugin) -> None:
    choose = plugin(1.0)

    one, two = (dlx.data.read(choose(name, Mine())) for name in ("one", "two"))

    assert np.shape(one.columns["x"]) == (4, 1)
    assert np.shape(two.columns["x"]) == (4, 2)
    assert len({one.digest, two.digest, one.key, two.key}) == 3  # no key: files are not known
    assert one.key == two.key == ""


def test_two_readers_of_one_file_are_two(plugin: Plugin) -> None:
    choose = plugin(1.0)

    for _ in range(2):
        one, two = (dlx.data.read(choose(name, MineFromFiles())) for name in ("one", "two"))
        assert (np.shape(one.columns["x"]), np.shape(two.columns["x"])) == ((4, 1), (4, 2))
    assert len({one.digest, two.digest, one.key, two.key}) == 4


def test_a_reader_is_asked_once(plugin: Plugin) -> None:
    pick = plugin(1.0)("one", MineFromFiles())

    first, second = dlx.data.read(pick), dlx.data.read(pick)

    assert everything(first) == everything(second)
    assert pick.load().read.calls == 1


def test_an_edited_reader_is_noticed_also_where_it_is_another_module(plugin: Plugin) -> None:
    found = [dlx.data.read(plugin(factor)("one", MineFromFiles())) for factor in (1.0, 2.0, 1.0)]

    assert [float(np.max(s.columns["x"])) for s in found] == [1, 2, 1]
    assert found[0].digest == found[2].digest != found[1].digest
    assert found[0].key == found[2].key != found[1].key


def test_an_edit_that_changes_no_row_leaves_the_data_the_same(
    plugin: Plugin, tmp_path: Path
) -> None:
    one = dlx.data.read(plugin(1.0)("one", MineFromFiles()))
    choose = plugin(1.0)
    (tmp_path / "own_readers" / "numbers.py").write_text("FACTOR = 2 / 2\n")
    other = dlx.data.read(choose("one", MineFromFiles()))

    assert one.digest == other.digest
    assert one.key != other.key
    assert one.is_known_as(one.former_digest)  # by which an older run folder has it
    assert not one.is_known_as("")


def test_what_json_cannot_hold_is_read_again(plugin: Plugin) -> None:
    pick = plugin(1.0)("one", MineFromFiles())
    reader: Reader = pick.load()
    inner = reader.read

    def odd(options: Any, folder: Path) -> Samples:
        return replace(inner(options, folder), ahead=np.int64(3))

    object.__setattr__(reader, "read", odd)

    first, second = dlx.data.read(pick), dlx.data.read(pick)

    assert everything(first) == everything(second)
    assert inner.calls == 2  # type: ignore[attr-defined]
