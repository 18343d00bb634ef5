from __future__ import annotations

import os
import pickle
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlx.data import keras_npz
from dlx.data.keras_npz import flatten, read_npz, write_npz
from dlx.errors import UsageError

ROWS = [[1, 2, 300], [], [70_000], [5] * 1000]
HEADER = {"descr": "|O", "fortran_order": False, "shape": (1,)}


def failure(path: Path, *names: str) -> str:
    with pytest.raises(UsageError) as caught:
        read_npz(path, names or ("x",))
    return caught.value.problems[0].what


class TestReading:
    def test_what_numpy_reads(self, tmp_path):
        path = tmp_path / "a.npz"
        write_npz(path, {"x": ROWS, "y": np.arange(4)})
        arrays = read_npz(path, ("x", "y"))
        with np.load(path, allow_pickle=True) as expected:
            assert arrays["x"].tolist() == expected["x"].tolist() == ROWS
            np.testing.assert_array_equal(arrays["y"], expected["y"], strict=True)

    def test_what_numpy_writes(self, tmp_path):
        rows = np.array(ROWS, dtype=object)
        for save in (np.savez, np.savez_compressed):
            save(tmp_path / "a.npz", x=rows, y=np.ones((2, 3)))
            arrays = read_npz(tmp_path / "a.npz", ("x", "y"))
            assert arrays["x"].tolist() == ROWS
            assert arrays["y"].shape == (2, 3)

    def test_flatten_puts_a_start_before_each_row(self):
        rows = np.array(ROWS, dtype=object)
        ragged = flatten(Path("a.npz"), rows, 9)
        assert [ragged.row(i).tolist() for i in range(4)] == [[9, *row] for row in ROWS]
        assert (ragged.values.dtype, ragged.offsets.dtype) == (np.int32, np.int64)


class Evil:
    """Unpickled anywhere else, it would make a file."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.canary),)


def write_pickled(path: Path, pickled: bytes) -> None:
    with zipfile.ZipFile(path, "w") as archive, archive.open("x.npy", "w") as file:
        np.lib.format.write_array_header_1_0(file, HEADER)
        file.write(pickled)


class TestMaliciousPickles:
    @pytest.mark.parametrize("protocol", range(6))
    @pytest.mark.parametrize("nested", [False, True], ids=["alone", "inside an array"])
    def test_nothing_runs(self, tmp_path, protocol, nested):
        canary = tmp_path / "canary"
        evil: Any = Evil(canary)
        if nested:
            array = np.empty(1, dtype=object)
            array[0] = [evil]
            evil = array
        write_pickled(tmp_path / "a.npz", pickle.dumps(evil, protocol))
        what = failure(tmp_path / "a.npz")
        assert what.startswith("a.npz: cannot be read: asks for ")
        assert not canary.exists()
        with pytest.raises(UsageError):
            read_npz(tmp_path / "a.npz", ("x",))
        np.load(tmp_path / "a.npz", allow_pickle=True)["x"]
        assert canary.exists(), "the canary sings where pickle is trusted"

    @pytest.mark.parametrize(
        "named",
        [
            b"cbuiltins\neval\n",
            b"cnumpy\nload\n",
            b"cnumpy.core.multiarray\nscalar\n",
            b"cnumpy.core.multiarray\nfromfile\n",
            b"ccopyreg\n_reconstructor\n",
            b"c_codecs\nencode\n",
            b"cnumpy\nndarray.tofile\n",
            b"cos\nsystem\n",
        ],
    )
    def test_every_other_global_is_refused(self, tmp_path, named):
        write_pickled(tmp_path / "a.npz", named + b".")
        module, name = named[1:-1].decode().split("\n")
        assert failure(tmp_path / "a.npz") == (
            f"a.npz: cannot be read: asks for {module}.{name}, which no array needs"
        )

    def test_dotted_names_reach_nothing_either(self, tmp_path):
        pickled = b"\x80\x04\x8c\x05numpy\x8c\x0endarray.tofile\x93."
        write_pickled(tmp_path / "a.npz", pickled)
        assert "asks for numpy.ndarray.tofile" in failure(tmp_path / "a.npz")

    @pytest.mark.parametrize(
        "pickled",
        [
            b"]q\x00.",
            b"N.",
            b"",
            b"\x80\x02",
            b"garbage",
            b"Pid\n.",
            b"\x82\x01.",
            b"cnumpy\nndarray\n.",
        ],
        ids=["list", "none", "empty", "cut", "garbage", "persistent", "extension", "type"],
    )
    def test_what_is_no_array(self, tmp_path, pickled):
        write_pickled(tmp_path / "a.npz", pickled)
        assert failure(tmp_path / "a.npz").startswith("a.npz: cannot be read: ")

    def test_an_array_of_another_shape(self, tmp_path):
        write_pickled(tmp_path / "a.npz", pickle.dumps(np.array([[1], None], dtype=object), 4))
        assert failure(tmp_path / "a.npz") == (
            "a.npz: cannot be read: x.npy contains no row of objects of shape (1,)"
        )


class TestDamagedArchives:
    def test_no_zip(self, tmp_path):
        (tmp_path / "a.npz").write_bytes(b"no zip")
        assert failure(tmp_path / "a.npz") == "a.npz: cannot be read: File is not a zip file"

    def test_a_flipped_bit(self, tmp_path):
        write_npz(tmp_path / "a.npz", {"x": [[7] * 5000]})
        data = bytearray((tmp_path / "a.npz").read_bytes())
        data[data.index(b"x.npy") + 40] ^= 1
        (tmp_path / "a.npz").write_bytes(bytes(data))
        assert failure(tmp_path / "a.npz").startswith("a.npz: ")

    def test_missing_array(self, tmp_path):
        write_npz(tmp_path / "a.npz", {"x": ROWS})
        assert failure(tmp_path / "a.npz", "y") == "a.npz: contains no y.npy"

    def test_too_many_members(self, tmp_path):
        write_npz(tmp_path / "a.npz", {f"x{i}": np.ones(1) for i in range(9)})
        assert failure(tmp_path / "a.npz", "x0") == "a.npz: contains 9 arrays"

    def test_bomb(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("x.npy", bytes(keras_npz.MAX_BYTES + 1))
        assert (tmp_path / "a.npz").stat().st_size < 100_000
        assert failure(tmp_path / "a.npz") == "a.npz: x.npy would unpack to 33,554,433 bytes"

    def test_bomb_that_lies_about_its_size(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("x.npy", bytes(keras_npz.MAX_BYTES + 1))
        data = (tmp_path / "a.npz").read_bytes()
        size = (keras_npz.MAX_BYTES + 1).to_bytes(4, "little")
        assert data.count(size) == 2  # before the member, and in the directory
        (tmp_path / "a.npz").write_bytes(data.replace(size, (100).to_bytes(4, "little")))
        assert failure(tmp_path / "a.npz").startswith("a.npz: cannot be read: ")

    def test_plain_array_with_hidden_objects(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
            header = b"{'descr': [('a', '|O')], 'fortran_order': False, 'shape': (1,), }"
            header += b" " * (-(len(header) + 11) % 64) + b"\n"
            size = len(header).to_bytes(2, "little")
            archive.writestr("x.npy", b"\x93NUMPY\x01\x00" + size + header + b"cos\nsystem\n.")
        assert "asks for os.system" in failure(tmp_path / "a.npz")

    @pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    def test_another_packing(self, tmp_path, method):
        with zipfile.ZipFile(tmp_path / "a.npz", "w", method) as archive:
            archive.writestr("x.npy", b"bytes")
        assert failure(tmp_path / "a.npz") == (
            f"a.npz: cannot be read: x.npy is packed by method {method}"
        )

    def test_another_version_of_npy(self, tmp_path):
        with (
            zipfile.ZipFile(tmp_path / "a.npz", "w") as archive,
            archive.open("x.npy", "w") as file,
        ):
            np.lib.format.write_array(file, np.ones(3), (2, 0))
        assert failure(tmp_path / "a.npz") == (
            "a.npz: cannot be read: x.npy has .npy version (2, 0), not (1, 0)"
        )


@pytest.mark.parametrize(
    "row",
    [[1.5], ["7"], [None], [[1]], [2**40], [-1], [0], [2**24 + 1], (1, 2), "text", 7, None],
    ids=repr,
)
def test_rows_that_are_no_word_ids(row):
    rows = np.empty(2, dtype=object)
    rows[0], rows[1] = [1, 2], row
    with pytest.raises(UsageError) as caught:
        flatten(Path("a.npz"), rows, 1)
    problem = caught.value.problems[0]
    assert problem.what == "a.npz: contains rows that are not word ids"
    assert problem.accepted == "whole numbers from 1 to 16777216"


def test_pickle_is_imported_here_alone():
    package = Path(keras_npz.__file__).parents[1]
    users = [
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if re.search(
            r"^\s*(import|from) (pickle|cloudpickle|dill|joblib|shelve)\b", path.read_text(), re.M
        )
    ]
    assert users == ["data/keras_npz.py"]
