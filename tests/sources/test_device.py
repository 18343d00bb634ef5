from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch

from dlx.errors import UsageError
from dlx.machine import cores
from dlx.running.environment import cpu_model, environment
from dlx.sources.device import choose_device, set_determinism


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> Any:
    def say(cuda: bool, mps: bool) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return say


@pytest.mark.parametrize(
    ("cuda", "mps", "device"),
    [(False, False, "cpu"), (True, False, "cuda"), (False, True, "mps"), (True, True, "cuda")],
)
def test_auto_takes_what_is_there(there: Any, cuda: bool, mps: bool, device: str) -> None:
    there(cuda, mps)

    assert choose_device("auto").type == device
    assert choose_device("cpu").type == "cpu"


def test_a_device_that_is_not_there_is_refused(there: Any) -> None:
    there(False, True)

    with pytest.raises(UsageError) as caught:
        choose_device("cuda")

    assert str(caught.value) == (
        "`trainer.device` is cuda, but torch finds no such device here\n"
        "  accepted: auto, cpu, mps\n"
        "  try: `dlx doctor` shows what torch finds"
    )


@pytest.mark.parametrize("wanted", [True, False])
def test_determinism_is_turned_on_and_off(wanted: bool) -> None:
    set_determinism(wanted)

    assert torch.are_deterministic_algorithms_enabled() is wanted
    assert not torch.is_deterministic_algorithms_warn_only_enabled()
    assert torch.backends.cudnn.deterministic is wanted
    assert torch.backends.cudnn.benchmark is not wanted


def test_the_environment_is_plain_json() -> None:
    found = environment(torch.device("cpu"), {"count": 2, "how": "asked"}, True)

    assert json.loads(json.dumps(found)) == found
    assert found["torch"] == torch.__version__
    assert (found["device"], found["threads"], found["deterministic"]) == ("cpu", 2, True)
    assert found["cpu"] == cpu_model()
    assert found["cores"] == cores() >= 1


def test_outside_a_repository_there_is_no_commit(tmp_path: Path) -> None:
    assert environment(torch.device("cpu"), {"count": 1}, True)["commit"] is None


def test_a_commit_is_told_with_whether_it_is_dirty(folders: Path) -> None:
    def git(*words: str) -> str:
        identity = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
        command = ["git", *identity, *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    git("init")
    Path("file").write_text("one")
    git("add", "file")
    git("commit", "-m", "first")
    clean = environment(torch.device("cpu"), {"count": 1}, True)["commit"]
    Path("file").write_text("two")
    dirty = environment(torch.device("cpu"), {"count": 1}, True)["commit"]

    head = git("rev-parse", "HEAD")
    assert clean == {"id": head, "dirty": False}
    assert dirty == {"id": head, "dirty": True}


def test_no_git_is_no_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert environment(torch.device("cpu"), {"count": 1}, True)["commit"] is None
