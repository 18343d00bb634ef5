from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

import dlx.data
from dlx.config.specs.datasets import BreastCancer, Diabetes, Digits, Wine
from dlx.data.fingerprints import input_hashes, row_hashes
from dlx.data.readers import embedded
from dlx.errors import UsageError


@pytest.fixture(scope="module")
def oracle():
    return pytest.importorskip("sklearn.datasets")


class TestAgainstScikitLearn:
    def test_digits(self, oracle, chosen):
        samples, expected = dlx.data.read(chosen("digits")), oracle.load_digits()
        assert samples.columns["image"].values.dtype == np.float32
        np.testing.assert_array_equal(samples.columns["image"].values, expected.images)
        np.testing.assert_array_equal(samples.columns["digit"].values, expected.target)
        assert samples.classes["digit"] == tuple(str(n) for n in expected.target_names)
        assert samples.test is None

    @pytest.mark.parametrize(
        ("name", "target"), [("breast_cancer", "diagnosis"), ("wine", "cultivar")]
    )
    def test_tables(self, oracle, chosen, name, target):
        samples = dlx.data.read(chosen(name))
        expected = getattr(oracle, f"load_{name}")()
        np.testing.assert_array_equal(
            samples.columns["features"].values, expected.data.astype(np.float32), strict=True
        )
        np.testing.assert_array_equal(samples.columns[target].values, expected.target)
        assert samples.features["features"] == tuple(expected.feature_names)
        assert samples.classes[target] == tuple(expected.target_names)

    def test_views_are_the_table_cut_in_three_and_its_rows_are_known_as_before(self, chosen):
        whole = dlx.data.read(chosen("breast_cancer"))
        views = dlx.data.read(chosen("breast_cancer_views"))
        inputs, rows = ("mean", "error", "worst"), np.arange(569)
        parts = [views.columns[name].values for name in inputs]
        assert views.inputs == inputs
        np.testing.assert_array_equal(np.hstack(parts), whole.columns["features"].values)
        np.testing.assert_array_equal(
            views.columns["diagnosis"].values, whole.columns["diagnosis"].values
        )
        assert sum((views.features[name] for name in inputs), ()) == whole.features["features"]
        known = row_hashes(whole, input_hashes(whole), rows)  # so that test rows are not new
        assert row_hashes(views, input_hashes(views), rows) == known

    def test_no_picture_of_a_test_pair_is_in_another_set(self, chosen):
        digits, pairs = dlx.data.read(chosen("digits")), dlx.data.read(chosen("digit_pairs"))
        table = (digits.columns[name].values for name in ("image", "digit"))
        known = {image.tobytes(): n for image, n in zip(*table, strict=True)}
        left, right = (
            np.array([known[one.tobytes()] for one in pairs.columns[side].values])
            for side in ("left", "right")
        )
        assert (left != right).all()
        np.testing.assert_array_equal(pairs.columns["right_is"].values, right > left)
        assert len(pairs) == 5391
        seen = [
            {
                one.tobytes()
                for side in ("left", "right")
                for one in pairs.columns[side].values[rows]
            }
            for rows in (pairs.test, np.setdiff1d(np.arange(len(pairs)), pairs.test))
        ]
        assert not seen[0] & seen[1]
        blocks = pairs.columns["block"].values
        assert not {*blocks[pairs.test]} & {*np.delete(blocks, pairs.test)}

    def test_diabetes_raw(self, oracle, chosen):
        samples, expected = dlx.data.read(chosen("diabetes")), oracle.load_diabetes(scaled=False)
        np.testing.assert_array_equal(
            samples.columns["features"].values, expected.data.astype(np.float32), strict=True
        )
        np.testing.assert_array_equal(
            samples.columns["progression"].values, expected.target.astype(np.float32), strict=True
        )
        assert samples.features["features"] == tuple(expected.feature_names)


def failure(reader, options, folder: Path) -> str:
    with pytest.raises(UsageError) as caught:
        reader.read(options, folder)
    return caught.value.problems[0].what


class TestDamagedFiles:
    def test_truncated_gzip(self, tmp_path):
        embedded.digits.write_sample(tmp_path)
        path = tmp_path / "digits.csv.gz"
        path.write_bytes(path.read_bytes()[:-50])
        assert failure(embedded.digits, Digits(), tmp_path).startswith(
            "digits.csv.gz: cannot be unpacked: Compressed file ended"
        )

    def test_no_gzip(self, tmp_path):
        (tmp_path / "digits.csv.gz").write_bytes(b"0,1,2")
        assert failure(embedded.digits, Digits(), tmp_path) == (
            "digits.csv.gz: cannot be unpacked: Not a gzipped file (b'0,')"
        )

    def test_bomb(self, tmp_path):
        (tmp_path / "digits.csv.gz").write_bytes(gzip.compress(bytes(2**23)))
        assert failure(embedded.digits, Digits(), tmp_path) == (
            "digits.csv.gz: unpacks to too many bytes"
        )

    @pytest.mark.parametrize(
        ("text", "what"),
        [
            ("", "digits.csv.gz: is empty"),
            ("1,2,3\n", "digits.csv.gz: has 3 columns"),
            ("0," * 64 + "10\n", "digits.csv.gz: contains labels that are not a class"),
            ("0," * 64 + "nan\n", "digits.csv.gz: contains impossible measurements"),
            (
                "1e300," + "0," * 63 + "0\n",
                "digits.csv.gz: contains impossible measurements",
            ),
            ("0," * 64 + "1.5\n", "digits.csv.gz: contains labels that are not a class"),
        ],
    )
    def test_other_tables(self, tmp_path, text, what):
        (tmp_path / "digits.csv.gz").write_bytes(gzip.compress(text.encode()))
        assert failure(embedded.digits, Digits(), tmp_path) == what

    def test_words_among_numbers(self, tmp_path):
        embedded.wine.write_sample(tmp_path)
        path = tmp_path / "wine_data.csv"
        path.write_text(path.read_text() + "a,b,c\n")
        what = failure(embedded.wine, Wine(), tmp_path)
        assert what.startswith("wine_data.csv: is not a table of numbers: ")

    def test_header_that_lies(self, tmp_path):
        embedded.breast_cancer.write_sample(tmp_path)
        path = tmp_path / "breast_cancer.csv"
        path.write_text(path.read_text().replace("malignant,benign", "benign,malignant"))
        assert failure(embedded.breast_cancer, BreastCancer(), tmp_path) == (
            "breast_cancer.csv: begins with b'120,30,benign,malignant'"
        )

    def test_targets_of_other_rows(self, tmp_path):
        embedded.diabetes.write_sample(tmp_path)
        path = tmp_path / "diabetes_target.csv.gz"
        path.write_bytes(gzip.compress(b"1.0\n2.0\n"))
        assert failure(embedded.diabetes, Diabetes(), tmp_path) == (
            "diabetes_target.csv.gz: contains 2 targets for 120 rows"
        )
