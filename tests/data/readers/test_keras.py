from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import dlx.data
from dlx.config.specs.datasets import BostonHousing, Imdb, Reuters
from dlx.data.keras_npz import write_npz
from dlx.data.readers.keras import boston_housing, imdb, reuters
from dlx.errors import UsageError


def as_keras(rows: list[list[int]], num_words: int) -> list[list[int]]:
    """The body of `load_data`, word by word: start 1, unknown 2, words shifted by 3."""
    shifted = [[1] + [word + 3 for word in row] for row in rows]
    return [[word if word < num_words else 2 for word in row] for row in shifted]


class TestAsKerasDoesIt:
    @pytest.mark.parametrize("num_words", [10_000, 60])
    def test_imdb(self, tmp_path, num_words):
        imdb.write_sample(tmp_path)
        samples = imdb.read(Imdb(num_words=num_words), tmp_path)
        generator = np.random.RandomState(113)
        rows, labels = [], []
        with np.load(tmp_path / "imdb.npz", allow_pickle=True) as arrays:
            for part in ("train", "test"):
                order = np.arange(len(arrays[f"x_{part}"]))
                generator.shuffle(order)
                rows += as_keras(arrays[f"x_{part}"][order].tolist(), num_words)
                labels += arrays[f"y_{part}"][order].tolist()
        ids = samples.columns["review"]
        assert [ids.row(i).tolist() for i in range(len(ids))] == rows
        assert samples.columns["sentiment"].values.tolist() == labels
        assert samples.test.tolist() == list(range(150, 200))

    def test_reuters(self, tmp_path):
        reuters.write_sample(tmp_path)
        samples = reuters.read(Reuters(), tmp_path)
        with np.load(tmp_path / "reuters.npz", allow_pickle=True) as arrays:
            order = np.arange(200)
            np.random.RandomState(113).shuffle(order)
            rows = as_keras(arrays["x"][order].tolist(), 10_000)
            labels = arrays["y"][order].tolist()
        ids = samples.columns["wire"]
        assert [ids.row(i).tolist() for i in range(len(ids))] == rows
        assert samples.columns["topic"].values.tolist() == labels
        assert samples.test.tolist() == list(range(160, 200))

    def test_boston(self, tmp_path):
        boston_housing.write_sample(tmp_path)
        samples = boston_housing.read(BostonHousing(), tmp_path)
        with np.load(tmp_path / "boston_housing.npz") as arrays:
            order = np.arange(120)
            np.random.RandomState(113).shuffle(order)
            np.testing.assert_array_equal(
                samples.columns["features"].values, arrays["x"][order].astype(np.float32)
            )
            np.testing.assert_array_equal(
                samples.columns["price"].values, arrays["y"][order].astype(np.float32)
            )


@pytest.mark.data
class TestRealFiles:
    """First rows as printed in the book and in Keras' documentation."""

    def test_imdb(self, real):
        samples = dlx.data.read(real("imdb"))
        ids, words = samples.columns["review"], samples.words["review"]
        assert len(samples) == 50_000
        np.testing.assert_array_equal(samples.test, np.arange(25_000, 50_000))
        assert ids.row(0)[:10].tolist() == [1, 14, 22, 16, 43, 530, 973, 1622, 1385, 65]
        assert ids.lengths()[0] == 218
        assert ids.values.max() == 9_999
        assert len(words) == 10_000
        assert " ".join(words[i] for i in ids.row(0)[:8]) == (
            "<start> this film was just brilliant casting location"
        )
        sentiment = samples.columns["sentiment"].values
        assert sentiment[:5].tolist() == [1, 0, 0, 1, 0]
        assert sentiment.reshape(2, 25_000).sum(axis=1).tolist() == [12_500, 12_500]

    def test_imdb_with_every_word(self, real):
        samples = dlx.data.read(real("imdb", num_words=100_000))
        assert len(samples.words["review"]) == 88_584 + 4
        assert samples.columns["review"].values.max() < 88_588
        assert 2 not in samples.columns["review"].values

    def test_reuters(self, real):
        samples = dlx.data.read(real("reuters"))
        ids, topic = samples.columns["wire"], samples.columns["topic"].values
        assert len(samples) == 11_228
        np.testing.assert_array_equal(samples.test, np.arange(8_982, 11_228))
        assert ids.row(10)[:10].tolist() == [1, 245, 273, 207, 156, 53, 74, 160, 26, 14]
        assert topic[10] == 3
        assert len(set(topic.tolist())) == 46
        assert samples.classes["topic"][3] == "earn"
        decoded = " ".join(samples.words["wire"][i] for i in ids.row(0)[3:8])
        assert decoded == "said as a result of"

    def test_boston(self, real):
        samples = dlx.data.read(real("boston_housing"))
        assert samples.columns["features"].values.shape == (506, 13)
        np.testing.assert_array_equal(samples.test, np.arange(404, 506))
        np.testing.assert_allclose(
            samples.columns["features"].values[0],
            [1.23247, 0, 8.14, 0, 0.538, 6.142, 91.7, 3.9769, 4, 307, 21, 396.9, 18.72],
            rtol=1e-6,
        )
        assert samples.columns["price"].values[:3].tolist() == pytest.approx([15.2, 42.3, 50.0])


class TestWords:
    def read(self, folder: Path, num_words: int = 10_000) -> tuple[str, ...]:
        return imdb.read(Imdb(num_words=num_words), folder).words["review"]

    def test_only_the_most_frequent(self, tmp_path):
        imdb.write_sample(tmp_path)
        reserved = ("<pad>", "<start>", "<unknown>", "<unused>")
        assert self.read(tmp_path, 6) == (*reserved, "word1", "word2")
        assert self.read(tmp_path)[-1] == "word108"
        assert len(self.read(tmp_path)) == 108 + 4

    @pytest.mark.parametrize(
        "content",
        [b"\xff", b"{", b"[]", b"3", b'{"the": "one"}', b'{"the": 7}', b'{"a": 1, "b": 1}'],
    )
    def test_an_index_that_is_none(self, tmp_path, content):
        imdb.write_sample(tmp_path)
        (tmp_path / "imdb_word_index.json").write_bytes(content)
        with pytest.raises(UsageError) as caught:
            self.read(tmp_path)
        problem = caught.value.problems[0]
        assert problem.what == "imdb_word_index.json: is not a word index"
        assert problem.accepted == "JSON: each word with its rank"


class TestDamagedArrays:
    def failure(self, folder: Path, **arrays: object) -> str:
        reuters.write_sample(folder)
        write_npz(folder / "reuters.npz", arrays)
        with pytest.raises(UsageError) as caught:
            reuters.read(Reuters(), folder)
        return caught.value.problems[0].what

    def test_fewer_labels_than_rows(self, tmp_path):
        assert self.failure(tmp_path, x=[[1], [2]], y=np.array([0])) == (
            "reuters.npz: contains 2 rows but 1 labels"
        )

    def test_label_that_is_no_topic(self, tmp_path):
        assert self.failure(tmp_path, x=[[1], [2]], y=np.array([0, 46])) == (
            "reuters.npz: contains labels that are not a class"
        )

    def test_features_of_another_shape(self, tmp_path):
        write_npz(tmp_path / "boston_housing.npz", {"x": np.ones((3, 12)), "y": np.ones(3)})
        with pytest.raises(UsageError, match=r"x has shape \(3, 12\)"):
            boston_housing.read(BostonHousing(), tmp_path)


def test_index_of_the_sample_is_json_as_keras_ships_it(tmp_path):
    reuters.write_sample(tmp_path)
    ranks = json.loads((tmp_path / "reuters_word_index.json").read_text())
    assert sorted(ranks.values()) == list(range(1, len(ranks) + 1))
