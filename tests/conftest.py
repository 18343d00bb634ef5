"""Every test has data and cache folders of its own, and no setting of the machine's."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from waiting import BLANK

from dlx.cli.main import main


@dataclass(frozen=True)
class Answer:
    """What a command answered: its exit code and what it printed."""

    code: int
    out: str
    err: str


Cli = Callable[..., Answer]


def pytest_configure(config: pytest.Config) -> None:
    """Without a GPU unless tests of one are asked for: a GPU's numbers and words are others.

    And one thread where nothing else is said: several that wait for each other are a quarter of
    what the tests take of the processor.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
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


@pytest.fixture(autouse=True, scope="module")
def _pictures_are_drawn_in_tests_of_reports(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Elsewhere a report's pictures are blank: they are most of what a short run costs.

    What a module's tests share is trained so as well, with data and cache folders of its own.
    """
    home = tmp_path_factory.mktemp("shared")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLX_DATA", str(home / "data"))
        patch.setenv("DLX_CACHE", str(home / "cache"))
        if request.path.parent.name != "report":
            patch.setattr("dlx.report.canvas._draw", lambda make: BLANK)
        yield


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


class InProcess:
    """Trials in the tests' own process: what a worker does, without the seconds it takes to start.

    Workers themselves are tested where it is about them: kills, crashes, several at a time.
    """

    gpus, jobs = 0, 1

    def __init__(self, options: object, jobs: int | str = 1, plan: object = None) -> None:
        from dlx.sources.shared import Shared

        self._shared = Shared()

    def __enter__(self) -> InProcess:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        from dlx.search.worker import carry_out

        return carry_out(message, self._shared, lambda _: None)

    def run(self, source: Any) -> None:
        from dlx.search.worker import carry_out

        while (order := source.next()) is not None:
            replies: list[dict[str, Any]] = []

            def send(report: dict[str, Any], order: Any = order, replies: Any = replies) -> None:
                replies.append(source.on_report(order, report))

            inbox: Any = SimpleNamespace(get=replies.pop)
            source.on_end(order, carry_out(order.message, self._shared, send, inbox))


@pytest.fixture(scope="session")
def runner() -> type[InProcess]:
    """What trains in this process, for those who start a sweep or search without a command."""
    return InProcess


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sweeps and searches train in this process."""
    monkeypatch.setattr("dlx.search.pool.Pool", InProcess)
