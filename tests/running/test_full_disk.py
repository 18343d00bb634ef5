"""A disk that fails: at every write once, from every write on, and a real one that is full."""

from __future__ import annotations

import builtins
import errno
import io
import os
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from small import loaded, status_of, the_run

from dlx.cli.main import main
from dlx.errors import DlxError
from dlx.running.train import train
from dlx.runs.folder import read_status
from dlx.training import checkpoint

TRAIN = ["train", "task=wine", "trainer.epochs=1", "trainer.threads=1"]


class Disk:
    """Fails the `at`-th call below the runs' folder, once or from then on."""

    def __init__(self, at: int, always: bool) -> None:
        self.at, self.always = at, always
        self.calls = 0

    def __call__(self) -> None:
        self.calls += 1
        if self.calls == self.at or (self.always and self.calls > self.at):
            raise OSError(errno.ENOSPC, "No space left on device")

    def wrap(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            self()
            return real(*arguments, **options)

        return call

    def wrap_mkdir(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(folder: Any, *arguments: Any, **options: Any) -> Any:
            try:
                os.stat(folder, dir_fd=options.get("dir_fd"))
            except FileNotFoundError:  # else nothing is to be made, and no disk is asked
                self()
            return real(folder, *arguments, **options)

        return call

    def wrap_raw_open(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(file: Any, flags: int, *arguments: Any, **options: Any) -> Any:
            if flags & (os.O_WRONLY | os.O_RDWR) and options.get("dir_fd") is not None:
                self()
            return real(file, flags, *arguments, **options)

        return call

    def wrap_open(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(file: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
            if "runs" in str(file) and set(mode) & set("wax+"):
                self()
            return real(file, mode, *arguments, **options)

        return call


def run_on(
    disk: Disk,
    monkeypatch: pytest.MonkeyPatch,
    root: str,
    say: Callable[[str], Any] = lambda _: None,
) -> DlxError | None:
    """A training on this disk, and how it failed."""
    config = loaded(f"run.root={root}", "trainer.epochs=2", "checkpoint.every_epochs=1")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", disk.wrap(os.fsync))
        patch.setattr(os, "replace", disk.wrap(os.replace))
        patch.setattr(os, "mkdir", disk.wrap_mkdir(os.mkdir))
        patch.setattr(os, "open", disk.wrap_raw_open(os.open))
        patch.setattr(io, "open", disk.wrap_open(io.open))
        patch.setattr(builtins, "open", disk.wrap_open(builtins.open))
        try:
            train(config, say)
        except DlxError as error:
            return error
    return None


@pytest.mark.slow
@pytest.mark.parametrize("always", [False, True], ids=["once", "from then on"])
def test_a_disk_that_fails_at_any_call_is_told_of(
    monkeypatch: pytest.MonkeyPatch, always: bool
) -> None:
    """By an error of dlx's own, or a warning where the scores are kept; all files are whole.

    Every second or third call stands for all.
    """
    train(loaded(), lambda _: None)  # writes the sample data, once and for all
    everything = Disk(0, False)
    run_on(everything, monkeypatch, "runs-whole")
    assert everything.calls > 40

    for at in range(1, everything.calls + 1, 3 if always else 2):
        root = f"runs-{always}-{at}"
        said: list[str] = []
        error = run_on(Disk(at, always), monkeypatch, root, said.append)
        if error is not None:
            assert "No space left on device" in str(error)
            assert error.exit_code in (1, 2)
        else:
            assert status_of(the_run(Path(root)))["scores"], at
            told = any("No space left on device" in line for line in said)
            assert told or always, at  # else the log cannot say it either
        assert not list(Path(root).rglob("*.tmp")), at
        for run in Path(root).glob("*/*-*"):
            for kept in run.glob("checkpoints/*"):
                if checkpoint.has_checkpoint(kept):  # written before the disk failed
                    checkpoint.load(kept)
            state = (read_status(run) or {}).get("state")
            if state == "done":  # all was written, and only what came after failed
                assert (run / "report.json").is_file(), at
            elif (run / "metrics.jsonl").exists() and not always:
                assert state == "failed", at


def test_a_run_that_cannot_begin_leaves_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even where the last thing before training, the sync of its status, fails."""
    sync = os.fsync

    def fail(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            (run,) = Path("runs").glob("*/*")
            if (read_status(run) or {}).get("state") == "running":
                raise OSError(errno.ENOSPC, "No space left on device")
        sync(handle)

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(DlxError, match="No space left on device"):
        train(loaded(), lambda _: None)

    assert list(Path("runs").glob("*/*")) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Mounts a disk of so many kB."""
    mounted: list[Path] = []

    def mount(kilobytes: int) -> Path:
        place = tmp_path / f"disk-{kilobytes}"
        place.mkdir()
        options = f"size={kilobytes}k"
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError as error:
            pytest.skip(f"a small disk cannot be mounted: {error}")
        if done.returncode:
            pytest.skip(f"a small disk cannot be mounted: {done.stderr.strip()}")
        mounted.append(place)
        return place

    yield mount
    for place in mounted:
        subprocess.run(["umount", str(place)], check=True)


def test_a_disk_that_is_full_is_told_of(
    small_disk: Callable[[int], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """Of every size: what fits only in part says so, exits 1, and leaves no temporary file."""
    codes = []
    for kilobytes in (4, 8, 12, 16, 24, 32, 40, 48, 56, 64, 96, 128, 192, 256, 1024):
        disk = small_disk(kilobytes)
        codes.append(main([*TRAIN, f"run.root={disk}"]))
        error = capsys.readouterr().err
        assert not list(disk.rglob("*.tmp")), kilobytes
        if codes[-1] == 0:
            continue
        assert "Traceback" not in error
        assert error.startswith("error: "), kilobytes
        assert "No space left on device" in error or "disk is full" in error, (kilobytes, error)
        for run in disk.glob("wine/*"):
            assert status_of(run)["state"] == "done" or not (run / "report.html").exists()

    assert set(codes) <= {0, 1, 2}
    assert codes[0] in (1, 2)
    assert codes[-1] == 0
    assert codes == sorted(codes, key=lambda code: code == 0), codes
    (run,) = disk.glob("wine/*")
    assert status_of(run)["state"] == "done"
