from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlx.data
from dlx.config.fields import Chosen
from dlx.config.specs import DATASETS, PROTOCOLS
from dlx.data.fingerprints import row_hashes
from dlx.data.samples import Samples
from dlx.errors import UsageError

TEXT = "Ab c\nabcab, cab. Ab caba c"


def read(folder: Path, text: str | bytes = TEXT, **options: Any) -> Samples:
    data = text if isinstance(text, bytes) else text.encode()
    (folder / "nietzsche.txt").write_bytes(data)
    chosen = DATASETS.default("nietzsche", **{"length": 4, "step": 3, **options})()
    samples: Samples = chosen.load().read(chosen.options, folder)
    return samples


def written(samples: Samples, row: int) -> tuple[str, str]:
    """A row's text and its target, as characters."""
    names = samples.classes["next"]
    back = {"blank": " ", "newline": "\n"}
    ids: Any = samples.columns["text"]
    text = [ids.words[i] for i in ids.row(row).tolist()]
    target = names[int(np.asarray(samples.columns["next"])[row])]
    return "".join(back.get(one, one) for one in text), back.get(target, target)


@pytest.mark.parametrize(("length", "step"), [(4, 3), (1, 1), (7, 2), (25, 5)])
def test_rows_are_stretches_and_the_character_after_each(
    tmp_path: Path, length: int, step: int
) -> None:
    samples = read(tmp_path, length=length, step=step)

    lower = TEXT.lower()
    assert [written(samples, row) for row in range(len(samples))] == [
        (lower[at : at + length], lower[at + length]) for at in range(0, len(TEXT) - length, step)
    ]


@pytest.mark.parametrize(("length", "step"), [(4, 3), (6, 3), (5, 1)])
def test_no_character_that_training_is_told_is_read_by_later_sets(
    tmp_path: Path, length: int, step: int
) -> None:
    samples = read(tmp_path, TEXT * 20, length=length, step=step)
    protocol: Chosen = PROTOCOLS.default("chronological", validation=0.2, test=0.2)()
    split = protocol.load()(protocol.options, samples, 0, "next")
    place = np.asarray(samples.columns["place"])

    (fold,) = split.folds
    for before, after in ((fold.train, fold.validation), (fold.validation, split.test)):
        assert place[before].max() < (place[after] - length).min()


def test_another_stretch_makes_no_old_test_row_new(tmp_path: Path) -> None:
    known = [
        set(row_hashes(samples, [], np.arange(len(samples))))
        for samples in (read(tmp_path), read(tmp_path, length=7))
    ]
    assert known[1] < known[0]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"caf\xe9 noir", "nietzsche.txt: is not a text: 'utf-8' codec can't decode byte 0xe9"),
        ("abcd", "nietzsche.txt has 4 characters, and none follows the first 4"),
        ("", "nietzsche.txt has 0 characters, and none follows the first 4"),
        (
            "".join(map(chr, range(20000, 20300))),
            "nietzsche.txt: contains 300 different characters",
        ),
    ],
)
def test_another_file_is_refused(tmp_path: Path, text: str | bytes, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, text)
    assert caught.value.problems[0].what.startswith(told)


@pytest.mark.data
def test_real_text(real: Any) -> None:
    samples = dlx.data.read(real("nietzsche"))

    place = np.asarray(samples.columns["place"])
    assert len(samples) == 200_278  # the book's count, 8.1
    assert place[-1] < 600_893 <= place[-1] + 3
    assert len(samples.classes["next"]) == 57
    assert written(samples, 0) == (
        "preface\n\n\nsupposing that truth is a woman--what then? is the",
        "r",
    )
