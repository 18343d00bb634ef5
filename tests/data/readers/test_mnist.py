from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

import dlx.data
from dlx.config.specs.datasets import Mnist
from dlx.data.readers.mnist import mnist
from dlx.errors import UsageError

IMAGES, LABELS = "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"


@pytest.mark.data
def test_real_files(real):
    samples = dlx.data.read(real("mnist"))
    image, digit = samples.columns["image"].values, samples.columns["digit"].values
    assert (image.shape, image.dtype) == ((70_000, 28, 28), np.uint8)
    np.testing.assert_array_equal(samples.test, np.arange(60_000, 70_000))
    assert digit[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert digit[samples.test][:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    # the published class counts, and the mean and deviation that everybody normalises with
    assert np.bincount(digit[:60_000]).tolist() == [
        *(5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949)
    ]
    assert image[:60_000].mean() / 255 == pytest.approx(0.1307, abs=1e-4)
    assert image[:60_000].std() / 255 == pytest.approx(0.3081, abs=1e-4)


def test_bytes_land_where_the_format_says(tmp_path):
    mnist.write_sample(tmp_path)
    samples = mnist.read(Mnist(), tmp_path)
    raw = gzip.decompress((tmp_path / IMAGES).read_bytes())
    assert struct.unpack(">4I", raw[:16]) == (2051, 160, 28, 28)
    assert samples.columns["image"].values[3, 5, 7] == raw[16 + 3 * 784 + 5 * 28 + 7]
    np.testing.assert_array_equal(samples.test, np.arange(160, 200))


def failure(folder: Path) -> tuple[str, str]:
    with pytest.raises(UsageError) as caught:
        mnist.read(Mnist(), folder)
    return caught.value.problems[0].what, caught.value.problems[0].accepted


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    mnist.write_sample(tmp_path)
    return tmp_path


def pack(path: Path, *fields: int, data: bytes = b"") -> None:
    path.write_bytes(gzip.compress(struct.pack(f">{len(fields)}I", *fields) + data))


class TestDamagedFiles:
    def test_truncated_gzip(self, sample):
        (sample / IMAGES).write_bytes((sample / IMAGES).read_bytes()[:-1000])
        assert failure(sample)[0] == (
            f"{IMAGES}: cannot be unpacked: "
            "Compressed file ended before the end-of-stream marker was reached"
        )

    def test_flipped_byte(self, sample):
        data = bytearray((sample / IMAGES).read_bytes())
        data[len(data) // 2] ^= 0xFF
        (sample / IMAGES).write_bytes(bytes(data))
        assert failure(sample)[0].startswith(IMAGES)

    def test_images_in_place_of_labels(self, sample):
        (sample / LABELS).write_bytes((sample / IMAGES).read_bytes())
        assert failure(sample) == (f"{LABELS}: begins with the magic number 2051", "2049")

    @pytest.mark.parametrize(
        ("fields", "data", "what"),
        [
            ((2051, 1, 28, 29), b"", "contains images of size (28, 29)"),
            ((2051, 2**32 - 1, 28, 28), b"", "claims 4,294,967,295 rows"),
            ((2051, 0, 28, 28), b"", "claims 0 rows"),
            ((2051, 2, 28, 28), bytes(784), "does not hold 2 rows as it claims"),
            ((2051, 1, 28, 28), bytes(785), "does not hold 1 rows as it claims"),
            ((2051, 1, 28), b"", "ends before the end of its header"),
        ],
    )
    def test_headers_that_lie(self, sample, fields, data, what):
        pack(sample / IMAGES, *fields, data=data)
        assert failure(sample)[0] == f"{IMAGES}: {what}"

    def test_fewer_labels_than_images(self, sample):
        pack(sample / LABELS, 2049, 2, data=b"\x01\x02")
        assert failure(sample)[0] == f"{LABELS}: contains 2 labels for 160 images"

    def test_label_that_is_no_digit(self, sample):
        pack(sample / LABELS, 2049, 160, data=bytes(159) + b"\x0a")
        assert failure(sample) == (
            f"{LABELS}: contains labels that are not a class",
            "whole numbers from 0 to 9",
        )
