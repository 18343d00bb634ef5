"""Every test has data and cache folders of its own, and no setting of the machine's."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from dlx.cli.main import main


@dataclass(frozen=True)
class Answer:
    """What a command answered: its exit code and what it printed."""

    code: int
    out: str
    err: str


Cli = Callable[..., Answer]


def pytest_configure(config: pytest.Config) -> None:
    """Without a GPU unless tests of one are asked for: a GPU's numbers and words are others."""
    asked = str(config.option.markexpr).replace("not gpu", "")
    if "gpu" not in asked:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # As in the background of a shell without a terminal; what the tests start would not hear it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path_factory.mktemp("own")
    monkeypatch.setenv("DLX_DATA", str(home / "data"))
    monkeypatch.setenv("DLX_CACHE", str(home / "cache"))
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def cli(here: Path, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Runs dlx in this process, from an empty folder."""

    def run(*arguments: str) -> Answer:
        capsys.readouterr()
        code = main(arguments)
        printed = capsys.readouterr()
        return Answer(code, printed.out, printed.err)

    return run
