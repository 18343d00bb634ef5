from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from dlx.config import extras

Cli = Callable[..., Any]
NAMES = [
    "packages",
    "extras",
    "torch",
    "torchvision",
    "devices",
    "processor",
    "configs",
    "data",
    "cache",
    "runs",
]


def look(cli: Cli) -> tuple[int, dict[str, dict[str, Any]]]:
    found = cli("doctor", "--json")
    return found.code, {check["name"]: check for check in json.loads(found.out)}


def test_a_healthy_machine(cli: Cli) -> None:
    found = cli("doctor")

    lines = found.out.splitlines()
    assert (found.code, found.err) == (0, "")
    assert [line.split(":")[0] for line in lines] == [f"ok   {name}" for name in NAMES]
    assert f"torch {torch.__version__.split('+')[0]}" in lines[0]


def test_extras_are_told_with_what_to_type(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "is_installed", lambda package: package == "tensorboard")

    assert look(cli)[1]["extras"]["found"] == (
        "tables is missing (pip install 'dlx[tables]'); "
        "export is missing (pip install 'dlx[export]'); "
        "serve is missing (pip install 'dlx[serve]'); "
        "rl is missing (pip install 'dlx[rl]'); mlflow is missing (pip install 'dlx[mlflow]'); "
        "tensorboard is installed"
    )


def test_nothing_is_written(cli: Cli) -> None:
    cli("doctor")

    assert list(Path().iterdir()) == []


def test_missing_data_are_named_with_what_to_type(cli: Cli) -> None:
    _, checks = look(cli)

    found = checks["data"]["found"]
    assert checks["data"]["ok"] is True
    assert os.environ["DLX_DATA"] in found
    assert "mnist is missing" in found
    assert "wine" not in found
    assert found.endswith("(dlx data fetch NAME)")


def test_half_a_dataset_is_named_too(cli: Cli) -> None:
    folder = Path(os.environ["DLX_DATA"]) / "imdb"
    folder.mkdir(parents=True)
    (folder / "imdb.npz").write_bytes(b"cut short")

    assert "imdb is incomplete" in look(cli)[1]["data"]["found"]
    (folder / "imdb_word_index.json").write_bytes(b"{}")
    assert "imdb is wrong size" in look(cli)[1]["data"]["found"]


def test_a_folder_that_cannot_be_written_to(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)

    code, checks = look(cli)

    assert code == 1
    assert [name for name, check in checks.items() if not check["ok"]] == ["cache", "runs"]
    assert checks["runs"]["found"] == f"PermissionError: {Path.cwd()} cannot be written to"


def test_a_disk_that_is_nearly_full(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=5e8))

    found = cli("doctor")

    assert found.code == 1
    assert "BAD  runs: OSError: " in found.out
    assert "has only 0.50 GB free" in found.out


def test_a_torch_that_is_broken_is_told_of(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "ones", torch.zeros)

    code, checks = look(cli)

    assert code == 1
    assert checks["torch"] == {
        "name": "torch",
        "ok": False,
        "found": "ArithmeticError: torch's matrix multiplication gives wrong results",
    }
