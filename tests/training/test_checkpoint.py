from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from dlx.errors import RunError
from dlx.files import read_bytes
from dlx.training import checkpoint
from dlx.training.checkpoint import has_checkpoint, load, recover

TENSORS: dict[str, Tensor] = {
    "body.0.weight": torch.arange(6.0).reshape(2, 3) / 7,
    "body.0.bias": torch.tensor([float("inf"), -0.0]),
    "norm.num_batches_tracked": torch.tensor(3),
    "half": torch.tensor([1.5], dtype=torch.bfloat16),
}
STATE = {"epoch": 2, "step": 40, "monitor": "val/loss", "score": 0.25}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "best").mkdir()
    return tmp_path / "best"


def other(step: int) -> dict[str, Tensor]:
    return {"body.0.weight": torch.full((2, 3), float(step))}


def save(folder: Path, weights: dict[str, Tensor], state: dict[str, Any], keep: int = 1) -> None:
    checkpoint.save(folder, {"weights": weights}, {"epoch": 0, **state}, keep)


def manifest_of(folder: Path) -> Path:
    (found,) = folder.glob("manifest-*.json")
    return found


def test_a_checkpoint_comes_back_to_the_bit(tmp_path: Path) -> None:
    save(tmp_path / "best", TENSORS, STATE)

    found, state = load(tmp_path / "best")

    tensors = found["weights"]
    assert state == STATE
    assert tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert tensors[name].dtype == tensor.dtype
        assert torch.equal(tensors[name], tensor)
    assert math.copysign(1, tensors["body.0.bias"][1].item()) == -1


def test_views_and_gradients_are_saved_as_plain_tensors(folder: Path) -> None:
    base = torch.arange(12.0).reshape(3, 4)
    turned = torch.nn.Parameter(base.t())

    save(folder, {"w": turned}, {"step": 1})

    found = load(folder)[0]["weights"]["w"]
    assert torch.equal(found, base.t())
    assert not found.requires_grad


def test_the_one_before_is_deleted_only_after(folder: Path) -> None:
    save(folder, other(1), {"step": 1})
    first = set(os.listdir(folder))
    save(folder, other(2), {"step": 2})

    assert len(os.listdir(folder)) == 3
    assert not first & set(os.listdir(folder))
    assert load(folder)[1] == {"step": 2, "epoch": 0}


def test_leftovers_of_a_crash_are_swept(folder: Path) -> None:
    (folder / ".weights-00000001.safetensors.77.tmp").write_bytes(b"half")

    save(folder, other(2), {"step": 2})

    assert not list(folder.glob(".*"))


def test_a_score_that_is_no_number_is_plain_json(folder: Path) -> None:
    save(folder, other(1), {"step": 1, "score": float("nan")})

    assert load(folder)[1] == {"step": 1, "epoch": 0, "score": None}


def damaged(folder: Path) -> str:
    with pytest.raises(RunError) as caught:
        load(folder)
    return str(caught.value)


def test_every_bit_that_turned_is_noticed(folder: Path) -> None:
    save(folder, other(1), {"step": 1})
    flips = 0
    for file in sorted(folder.iterdir()):
        whole = file.read_bytes()
        for index in range(len(whole)):
            for bit in range(8):
                changed = bytearray(whole)
                changed[index] ^= 1 << bit
                file.write_bytes(changed)
                assert "the checkpoint" in damaged(folder), (file.name, index, bit)
                flips += 1
        file.write_bytes(whole)

    assert flips == 8 * sum(file.stat().st_size for file in folder.iterdir()) > 0
    assert load(folder)[1] == {"step": 1, "epoch": 0}


def test_every_truncation_is_noticed(folder: Path) -> None:
    save(folder, other(1), {"step": 1})
    for file in sorted(folder.iterdir()):
        whole = file.read_bytes()
        for length in range(len(whole)):
            file.write_bytes(whole[:length])
            assert "is damaged" in damaged(folder), (file.name, length)
        file.unlink()
        missing = "it has no manifest" if file.name.startswith("manifest") else "No such file"
        assert missing in damaged(folder)
        file.write_bytes(whole)
    assert load(folder)[1] == {"step": 1, "epoch": 0}


def test_the_message_says_what_is_wrong_and_what_to_do(tmp_path: Path) -> None:
    folder = tmp_path / "best"
    save(folder, other(1), {"step": 1})
    (weights,) = folder.glob("weights-*")
    (folder / weights.name).write_bytes(b"other")

    assert damaged(folder) == (
        f"the checkpoint best of step 1 is damaged: {weights.name} has SHA-256 "
        "d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa, not "
        f"{json.loads(manifest_of(folder).read_text())['files'][weights.name]}\n"
        f"  where: {folder}\n"
        "  try: train again"
    )


@pytest.mark.parametrize(
    "manifest",
    [
        "",
        "[]",
        "null",
        "{}",
        '{"version": 1}',
        '{"version": 1, "files": {}}',
        '{"version": 2, "files": {}}',
        '{"version": 2, "files": []}',
        '{"version": 2, "files": {"../weights-1.safetensors": "0"}}',
        '{"version": 2, "files": {"/etc/passwd": "0"}}',
        '{"version": 2, "files": {"a\\\\b": "0"}}',
        '{"version": 2, "files": {".hidden": "0"}}',
        '{"version": 2, "files": {"weights-\\u0000": "0"}}',
        "[" * 5000,
    ],
)
def test_a_manifest_without_sense_is_refused(folder: Path, manifest: str) -> None:
    (folder / "manifest-000000001-000000.json").write_text(manifest, encoding="utf-8")

    assert damaged(folder).startswith(f"the checkpoint {folder.name} of step 1 is damaged: ")


def test_a_pickle_in_place_of_the_weights_is_not_opened(tmp_path: Path) -> None:
    """Not even where the manifest fits it."""
    canary = tmp_path / "canary"

    class Trap:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(canary),)

    folder = tmp_path / "best"
    save(folder, other(1), {"step": 1})
    (weights,) = folder.glob("weights-*")
    torch.save(Trap(), weights)
    manifest = json.loads(manifest_of(folder).read_text())
    manifest["files"][weights.name] = hashlib.sha256(weights.read_bytes()).hexdigest()
    manifest_of(folder).write_text(json.dumps(manifest, indent=1, sort_keys=True))

    assert "it cannot be read" in damaged(folder)
    assert not canary.exists()


def failing(at: int, name: str, error: BaseException, always: bool) -> tuple[Any, list[int]]:
    """The system call, failing the `at`-th time, or from then on."""
    real = getattr(os, name)
    calls: list[int] = []

    def call(*arguments: Any, **options: Any) -> Any:
        calls.append(len(calls))
        if len(calls) - 1 == at or (always and len(calls) - 1 > at):
            raise error
        return real(*arguments, **options)

    return call, calls


def attempts(
    monkeypatch: pytest.MonkeyPatch, name: str, error: BaseException, always: bool, tmp_path: Path
) -> list[tuple[Path, bool]]:
    """Saves over an earlier checkpoint, once for each call that may fail: folders, and whether
    the save said that it went well."""
    found = []
    for at in range(100):
        folder = tmp_path / f"{name}-{at}"
        save(folder, other(1), {"step": 1})
        call, calls = failing(at, name, error, always)
        with monkeypatch.context() as patch:
            patch.setattr(os, name, call)
            try:
                save(folder, other(2), {"step": 2})
            except (RunError, type(error)):
                found.append((folder, False))
            else:
                found.append((folder, True))
        if len(calls) <= at:
            shutil.rmtree(folder)
            return found[:-1]
    raise AssertionError("there is no end of calls")


def test_weights_may_be_larger_than_what_is_read_of_other_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_bytes, "__defaults__", (2000,))
    large = {"w": torch.arange(5000.0)}

    save(tmp_path, large, {"step": 1})
    save(tmp_path, large, {"step": 2})

    assert torch.equal(load(tmp_path)[0]["weights"]["w"], large["w"])


@pytest.mark.parametrize("always", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("name", ["fsync", "replace", "unlink"])
def test_a_disk_that_fails_at_any_call_leaves_a_whole_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, always: bool
) -> None:
    error = OSError(errno.ENOSPC, "No space left on device")

    tried = attempts(monkeypatch, name, error, always, tmp_path)

    assert len(tried) >= 2
    for folder, went_well in tried:
        tensors, state = load(folder)
        assert state["step"] == 2 or not went_well
        assert torch.equal(
            tensors["weights"]["body.0.weight"], other(state["step"])["body.0.weight"]
        )
        assert not list(folder.glob(".*.tmp")) or name == "unlink"


class Killed(BaseException):
    """The process is gone: nothing that it would have done afterwards happens."""


@pytest.mark.parametrize("name", ["fsync", "replace", "unlink"])
@pytest.mark.parametrize("same_step", [False, True])
def test_a_process_killed_at_any_call_leaves_a_whole_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, same_step: bool
) -> None:
    """Also where it writes the same step a second time, with another state."""
    second = {"step": 1, "score": 0.5} if same_step else {"step": 2}
    killed = 0
    for at in range(100):
        folder = tmp_path / f"{at}"
        save(folder, other(1), {"step": 1})
        call, calls = failing(at, name, Killed(), always=True)
        with monkeypatch.context() as patch:
            patch.setattr(os, name, call)
            patch.setattr(os, "unlink", _dead) if name != "unlink" else None
            try:
                save(folder, other(1 if same_step else 2), second)
            except Killed:
                killed += 1
        tensors, state = load(folder)
        assert state in ({"step": 1, "epoch": 0}, {"epoch": 0, **second})
        assert torch.equal(
            tensors["weights"]["body.0.weight"], other(state["step"])["body.0.weight"]
        )
        save(folder, other(3), {"step": 3})
        assert load(folder)[1] == {"step": 3, "epoch": 0}
        assert len(os.listdir(folder)) == 3
        if len(calls) <= at:
            break

    assert killed >= 1


def _dead(*_: Any, **__: Any) -> None:
    raise Killed


def test_a_folder_that_cannot_be_made_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").touch()

    with pytest.raises(RunError) as caught:
        save(tmp_path / "checkpoints" / "best", other(1), {"step": 1})

    assert str(caught.value) == (
        "best cannot be written: Not a directory\n"
        f"  where: {tmp_path / 'checkpoints'}\n"
        "  try: free some space, or choose another folder with run.root=FOLDER"
    )


def test_files_do_not_depend_on_the_order_of_the_state(tmp_path: Path) -> None:
    writers: list[Callable[[], None]] = [
        lambda: save(tmp_path / "a", other(1), {"step": 1, "epoch": 2}),
        lambda: save(tmp_path / "b", other(1), {"epoch": 2, "step": 1}),
    ]
    for write in writers:
        write()

    def contents(name: str) -> list[tuple[str, bytes]]:
        return sorted((p.name, p.read_bytes()) for p in (tmp_path / name).iterdir())

    assert contents("a") == contents("b")


class TestSeveralCheckpoints:
    def test_so_many_stay_as_asked_and_what_they_share_is_there_once(self, folder: Path) -> None:
        for step in range(1, 6):
            tensors = {"weights": other(step), "best": other(1)}
            checkpoint.save(folder, tensors, {"step": step, "epoch": 0}, keep=3)

        kinds = sorted(file.name.partition("-")[0] for file in folder.iterdir())
        assert kinds == ["best", *["manifest"] * 3, *["state"] * 3, *["weights"] * 3]
        assert load(folder)[1]["step"] == 5

    def test_within_a_step_the_later_epoch_is_the_newer(self, folder: Path) -> None:
        save(folder, other(1), {"step": 7, "epoch": 2}, keep=2)
        save(folder, other(2), {"step": 7, "epoch": 1}, keep=2)

        assert load(folder)[1]["epoch"] == 2

    def test_a_damaged_one_is_named_and_the_one_before_it_used(self, folder: Path) -> None:
        for step in (1, 2, 3):
            save(folder, other(step), {"step": step}, keep=3)
        for step in (2, 3):
            manifest = json.loads((folder / f"manifest-{step:09d}-000000.json").read_text())
            weights = next(name for name in manifest["files"] if name.startswith("weights"))
            (folder / weights).write_bytes(b"bit rot")

        tensors, state, problems = recover(folder)

        assert state["step"] == 1
        assert torch.equal(tensors["weights"]["body.0.weight"], other(1)["body.0.weight"])
        assert [problem.what.partition(":")[0] for problem in problems] == [
            f"the checkpoint {folder.name} of step 3 is damaged",
            f"the checkpoint {folder.name} of step 2 is damaged",
        ]
        save(folder, other(2), {"step": 2}, keep=1)
        assert load(folder)[1]["step"] == 2, "a damaged newer one does not stand in its way"

    def test_where_none_is_sound_nothing_is_changed(self, folder: Path) -> None:
        save(folder, other(1), {"step": 1}, keep=2)
        save(folder, other(2), {"step": 2}, keep=2)
        for file in folder.glob("weights-*"):
            file.write_bytes(b"bit rot")
        before = sorted(os.listdir(folder))

        with pytest.raises(RunError) as caught:
            recover(folder)

        assert len(caught.value.problems) == 2
        assert sorted(os.listdir(folder)) == before

    def test_no_folder_is_no_checkpoint(self, tmp_path: Path) -> None:
        assert not has_checkpoint(tmp_path / "last")
        with pytest.raises(RunError, match="it has no manifest"):
            recover(tmp_path / "last")
