from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

import dlx.data
from dlx.config.specs.datasets import ImdbRaw
from dlx.data.readers import imdb_raw
from dlx.errors import UsageError

NAME = "aclImdb_v1.tar.gz"
REVIEWS = {
    "aclImdb/train/neg/10_1.txt": "third",
    "aclImdb/train/neg/2_3.txt": "second",
    "aclImdb/test/pos/0_10.txt": "sixth",
    "aclImdb/train/pos/0_9.txt": "fourth",
    "aclImdb/test/neg/7_2.txt": "fifth, and caf\u00e9",
    "aclImdb/train/neg/0_4.txt": "first",
}


def pack(folder: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(folder / NAME, "w:gz") as archive:
        for member, data in members:
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return folder


def texts(**more: str) -> list[tuple[tarfile.TarInfo, bytes]]:
    return [(tarfile.TarInfo(name), text.encode()) for name, text in {**REVIEWS, **more}.items()]


def read(folder: Path):
    return imdb_raw.imdb_raw.read(ImdbRaw(), folder)


def failure(folder: Path) -> str:
    with pytest.raises(UsageError) as caught:
        read(folder)
    return caught.value.problems[0].what


@pytest.mark.data
def test_real_archive(real):
    samples = dlx.data.read(real("imdb_raw"))
    review, sentiment = (samples.columns[name].values for name in ("review", "sentiment"))
    assert len(review) == 50_000
    np.testing.assert_array_equal(samples.test, np.arange(25_000, 50_000))
    assert sentiment.reshape(4, 12_500).mean(axis=1).tolist() == [0, 1, 0, 1]
    assert review[0].startswith("Story of a man who has unnatural feelings for a pig.")
    assert review[12_500].startswith("Bromwell High is a cartoon comedy.")
    assert review[25_000].startswith("Once again Mr. Costner has dragged out a movie")
    # sums of UTF-8 bytes, as published for the same reviews on the Hugging Face hub: its
    # num_bytes (33,432,823 and 32,650,685) less 12 bytes a row for offset and label
    sizes = np.array([len(text.encode()) for text in review]).reshape(2, 25_000).sum(axis=1)
    assert sizes.tolist() == [33_432_823 - 12 * 25_000, 32_650_685 - 12 * 25_000]


class TestReading:
    def test_rows_come_by_part_label_and_number(self, tmp_path):
        samples = read(pack(tmp_path, *texts()))
        assert samples.columns["review"].values == [
            *("first", "second", "third", "fourth", "fifth, and caf\u00e9", "sixth")
        ]
        assert samples.columns["sentiment"].values.tolist() == [0, 0, 0, 1, 0, 1]
        assert samples.test.tolist() == [4, 5]

    def test_digest_is_over_names_and_contents(self, tmp_path):
        lines = [
            f"{name} {hashlib.sha256(text.encode()).hexdigest()}\n"
            for name, text in sorted(REVIEWS.items())
        ]
        expected = hashlib.sha256("".join(lines).encode()).hexdigest()
        pack(tmp_path, *texts())
        assert read(tmp_path).source == {"content_sha256": expected}
        assert imdb_raw.imdb_raw.contents(tmp_path / NAME) == expected

    def test_packaging_and_unlabelled_reviews_do_not_matter(self, tmp_path):
        before = read(pack(tmp_path, *texts())).source
        folder = tarfile.TarInfo("aclImdb/train/unsup")
        folder.type = tarfile.DIRTYPE
        more = texts(**{"aclImdb/train/unsup/0_0.txt": "no label", "aclImdb/README": "hello"})
        after = read(pack(tmp_path, (folder, b""), *reversed(more)))
        assert after.source == before
        assert len(after) == len(REVIEWS)

    def test_another_review_is_another_digest(self, tmp_path):
        before = read(pack(tmp_path, *texts())).source
        other = read(pack(tmp_path, *texts(**{"aclImdb/train/pos/0_9.txt": "changed"}))).source
        renamed = texts()
        renamed[0][0].name = "aclImdb/train/neg/11_1.txt"
        assert before != other
        assert before != read(pack(tmp_path, *renamed)).source

    def test_front_door_takes_either_packaging(self, tmp_path, monkeypatch, chosen):
        folder = tmp_path / "data" / "imdb_raw"
        folder.mkdir(parents=True)
        digest = read(pack(folder, *texts())).source["content_sha256"]
        monkeypatch.setattr(ImdbRaw, "content_sha256", digest)
        first = dlx.data.read(chosen("imdb_raw"))
        pack(folder, *reversed(texts()))
        second = dlx.data.read(chosen("imdb_raw"))
        assert first.digest == second.digest
        assert first.source["content_sha256"] == second.source["content_sha256"] == digest
        assert first.source["files"][0]["sha256"] != second.source["files"][0]["sha256"]


class TestHostileArchives:
    @pytest.mark.parametrize(
        ("name", "kind", "target"),
        [
            ("aclImdb/train/pos/99_9.txt", tarfile.SYMTYPE, "/etc/passwd"),
            ("aclImdb/train/pos/99_9.txt", tarfile.LNKTYPE, "aclImdb/train/pos/0_9.txt"),
            ("aclImdb/train/pos/99_9.txt", tarfile.CHRTYPE, ""),
            ("aclImdb/train/pos/99_9.txt", tarfile.FIFOTYPE, ""),
            ("aclImdb/train/pos/99_9.txt", tarfile.DIRTYPE, ""),
            ("/aclImdb/train/pos/99_9.txt", tarfile.REGTYPE, ""),
            ("../aclImdb/train/pos/99_9.txt", tarfile.REGTYPE, ""),
            ("aclImdb/train/pos/../../../99_9.txt", tarfile.REGTYPE, ""),
            ("aclImdb/train/pos/99_9.txt\n", tarfile.REGTYPE, ""),
            ("aclImdb/train/pos/\u0661_9.txt", tarfile.REGTYPE, ""),
        ],
    )
    def test_other_members_are_passed_over(self, tmp_path, name, kind, target):
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, target
        folder = tmp_path / "a" / "b"
        folder.mkdir(parents=True)
        samples = read(pack(folder, (member, b""), *texts()))
        assert len(samples) == len(REVIEWS)
        assert [p for p in tmp_path.rglob("*") if p.is_file()] == [folder / NAME]

    def test_what_links_and_folders_say_of_their_size_is_passed_over(self, tmp_path):
        bare = [tarfile.TarInfo(f"aclImdb/{kind.decode()}") for kind in (b"1", b"2", b"5")]
        for member in bare:
            member.type, member.size = member.name[-1].encode(), 700
        with tarfile.open(tmp_path / NAME, "w:gz") as archive:
            for member in bare:
                archive.addfile(member)
            for member, data in texts():
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
        assert len(read(tmp_path)) == len(REVIEWS)

    def test_a_header_that_was_changed(self, tmp_path):
        imdb_raw.imdb_raw.write_sample(tmp_path)
        data = bytearray(gzip.decompress((tmp_path / NAME).read_bytes()))
        data[0] ^= 1
        (tmp_path / NAME).write_bytes(gzip.compress(bytes(data)))
        told = f"{NAME}: cannot be read: the checksum of a member's header is wrong"
        assert failure(tmp_path) == told

    def test_huge_review(self, tmp_path):
        pack(tmp_path, (tarfile.TarInfo("aclImdb/train/pos/1_9.txt"), bytes(2**20 + 1)))
        assert failure(tmp_path) == (
            f"{NAME}: cannot be read: aclImdb/train/pos/1_9.txt has 1,048,577 bytes"
        )

    def test_bomb(self, tmp_path, monkeypatch):
        monkeypatch.setattr(imdb_raw, "MAX_UNPACKED", 2**20)
        pack(tmp_path, (tarfile.TarInfo("zeros"), bytes(2**21)))
        assert (tmp_path / NAME).stat().st_size < 2**14
        assert failure(tmp_path) == (
            f"{NAME}: cannot be read: it unpacks to more bytes than any official archive"
        )

    def test_too_many_members(self, tmp_path, monkeypatch):
        monkeypatch.setattr(imdb_raw, "MAX_MEMBERS", 5)
        pack(tmp_path, *texts())
        assert failure(tmp_path) == f"{NAME}: cannot be read: it contains more than 5 members"

    def test_too_many_reviews(self, tmp_path, monkeypatch):
        monkeypatch.setattr(imdb_raw, "MAX_REVIEWS", 5)
        pack(tmp_path, *texts())
        assert failure(tmp_path) == f"{NAME}: contains over 5 reviews"

    def test_a_review_twice(self, tmp_path):
        pack(tmp_path, *texts(), *texts())
        assert failure(tmp_path) == f"{NAME}: contains aclImdb/train/neg/10_1.txt twice"


class TestDamagedArchives:
    def test_truncated(self, tmp_path):
        imdb_raw.imdb_raw.write_sample(tmp_path)
        data = (tmp_path / NAME).read_bytes()
        (tmp_path / NAME).write_bytes(data[: len(data) // 2])
        assert failure(tmp_path).startswith(f"{NAME}: cannot be read: Compressed file ended")

    def test_no_gzip(self, tmp_path):
        (tmp_path / NAME).write_bytes(b"PK")
        assert failure(tmp_path) == f"{NAME}: cannot be read: Not a gzipped file (b'PK')"

    def test_no_reviews(self, tmp_path):
        pack(tmp_path, (tarfile.TarInfo("aclImdb/README"), b"hello"))
        assert failure(tmp_path) == f"{NAME}: contains no labelled reviews"

    def test_no_text(self, tmp_path):
        pack(tmp_path, (tarfile.TarInfo("aclImdb/train/pos/1_9.txt"), b"caf\xe9"))
        assert failure(tmp_path).startswith(f"{NAME}: aclImdb/train/pos/1_9.txt is not a text: ")
