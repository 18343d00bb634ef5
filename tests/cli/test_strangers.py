"""Folders that a stranger made: no command connects, runs code, writes outside, tells secrets."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from dlx.cli.main import main
from dlx.config.load import digest, load_saved
from dlx.errors import UsageError
from dlx.runs.seal import seal_again

Cli = Callable[..., Any]

SECRET = "a-value-of-the-users-environment"
SMALL = ("task=wine", "trainer.epochs=1", "trainer.threads=1")
SWEPT = ("train", "-m", *SMALL, "optimizer.lr=0.1,0.2", "sweep.name=swept")
SEARCHED = ("tune", *SMALL, "optimizer.lr=0.1,0.2", "tune.trials=2", "tune.name=searched")
RUN, OTHER, BROKEN = (f"20260101-000000-0000000{number}-1" for number in range(3))
STEPS = ("workflow", *SMALL, "workflow.until=3")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, runner: type) -> Path:
    """A finished run, a sweep, a search, a workflow after three steps, and a lock file."""
    place = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setattr("dlx.search.pool.Pool", runner)
        for command in (("train", *SMALL), SWEPT, SEARCHED, STEPS):
            assert main(command) == 0
        os.replace(min(Path("runs/wine").iterdir()), f"runs/wine/{RUN}")
        assert main(("lock", RUN)) == 0
    return place


COMMANDS: tuple[tuple[str, ...], ...] = (
    ("runs",),
    ("best", "task=wine"),
    ("report", RUN),
    ("report", "runs/sweeps/swept"),
    ("compare", RUN, OTHER),
    ("diff", RUN, OTHER),
    ("test", RUN),
    ("reproduce", RUN),
    ("lock", RUN),
    ("reproduce", "dlx.lock"),
    ("resume", BROKEN),
    SWEPT,
    SEARCHED,
    STEPS,
    ("train", *SMALL, "run.resume=auto"),
    ("runs", "rm", OTHER, "--yes", "--force"),
)
JUDGED = (("test", RUN), ("reproduce", RUN), ("resume", BROKEN))
ONE_RUN = (*COMMANDS[2:3], *COMMANDS[6:11], ("resume", BROKEN, "trainer.epochs=2"))


@dataclass
class Outside:
    """What no command may touch: a folder, and an address that would notice a connection."""

    folder: Path
    server: socket.socket

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server.getsockname()[1]}"

    def assert_untouched(self, command: object) -> None:
        assert not list(self.folder.iterdir()), command
        with pytest.raises(BlockingIOError):
            self.server.accept()


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Outside]:
    """All of it, and a package that leaves a file there where it is imported."""
    monkeypatch.setenv("STRANGERS_SECRET", SECRET)
    (tmp_path / "outside").mkdir()
    (tmp_path / "stranger.py").write_text(f"open({str(tmp_path / 'outside/canary')!r}, 'w')")
    monkeypatch.syspath_prepend(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield Outside(tmp_path / "outside", server)


def places(outside: Outside) -> dict[str, Any]:
    storages = (f"postgresql://{outside.address}/x", f"sqlite:///{outside.folder}/x.db")
    return {
        "about.title": "${oc.env:STRANGERS_SECRET}",
        "plugins": ["stranger"],
        "run.root": f"{outside.folder}/runs",
        "tune.storage": storages[outside.server.getsockname()[1] % 2],
    }


def elsewhere(outside: Outside) -> dict[str, Any]:
    """The same for commands that refuse a run whose plugins are not allowed."""
    return {key: value for key, value in places(outside).items() if key != "plugins"}


def address(outside: Outside) -> dict[str, Any]:
    return {"callbacks.mlflow.tracking_uri": f"http://{outside.address}"}


def secret(outside: Outside) -> dict[str, Any]:
    return {"optimizer.lr": "${oc.env:STRANGERS_SECRET}"}


_PLUGINS = "this run used stranger: plugins, which a run folder cannot load by itself"
REFUSED = {
    **{(places, command): _PLUGINS for command in JUDGED},
    (places, "lock"): "a run that needs `about.title=${oc.env:STRANGERS_SECRET}` cannot be pinned",
    (places, "dlx.lock"): "it contains `about.title=${oc.env:STRANGERS_SECRET}`",
    (address, "resume"): "which only the run folder",
    (secret, "test"): "`optimizer.lr` is '${oc.env:STRANGERS_SECRET}'",
    (secret, "reproduce"): "`optimizer.lr` is '${oc.env:STRANGERS_SECRET}'",
    (secret, "resume"): "`optimizer.lr` is '${oc.env:STRANGERS_SECRET}'",
    (secret, "lock"): "a run that needs `optimizer.lr=${oc.env:STRANGERS_SECRET}` cannot be pinned",
    (secret, "dlx.lock"): "it contains `optimizer.lr=${oc.env:STRANGERS_SECRET}`",
}
"""What is said where a command does not do what the folder asks for; all others go on without."""


def taint(run: Path, asked: dict[str, Any], state: str = "") -> None:
    """Makes a run folder a stranger's, whose config asks for something; its digests fit."""
    (run / "owner.json").unlink(missing_ok=True)
    status = json.loads((run / "status.json").read_text())
    status["overrides"] += typed(asked)
    status["state"] = state or status["state"]
    if (config := run / "config.yaml").is_file():
        values = yaml.safe_load(config.read_text())
        for key, value in asked.items():
            *sections, last = key.split(".")
            node = values
            for section in sections:
                node = node.setdefault(section, {})
            node[last] = value
        config.write_text(yaml.safe_dump(values))
        with suppress(UsageError):
            status["config_digest"] = digest(load_saved(config, "config.yaml"))
    if state:
        del status["files"]  # one that was broken off has no seal
    (run / "status.json").write_text(json.dumps(status))
    if status["state"] == "done":
        seal_again(run)


def typed(asked: dict[str, Any]) -> list[str]:
    """The same as the shell takes it."""
    return [f"{key}={value}".replace("'", "") for key, value in asked.items()]


def taint_all(asked: dict[str, Any]) -> None:
    """Makes all that lies in this folder a stranger's."""
    runs = Path("runs/wine")
    for name in (OTHER, BROKEN):
        shutil.copytree(runs / RUN, runs / name)
    for run in runs.iterdir():
        taint(run, asked, "interrupted" if run.name == BROKEN else "")
    lock = json.loads(Path("dlx.lock").read_text())
    lock["entries"]["wine"]["arguments"] += typed(asked)
    Path("dlx.lock").write_text(json.dumps(lock))


@pytest.mark.parametrize(
    ("asks", "commands"),
    [(places, COMMANDS), (elsewhere, JUDGED), (address, ONE_RUN), (secret, ONE_RUN)],
)
def test_what_a_folder_asks_for_is_not_done(
    made: Path, cli: Cli, in_process: None, here: Path, outside: Outside, asks: Any, commands: Any
) -> None:
    shutil.copytree(made, here, dirs_exist_ok=True)
    taint_all(asks(outside))
    for command in commands:
        answer = cli(*command)

        outside.assert_untouched(command)
        assert SECRET not in answer.out + answer.err, command
        told = (
            REFUSED.get((asks, command))
            or REFUSED.get((asks, command[-1]))
            or REFUSED.get((asks, command[0]))
        )
        assert (answer.code, told or "") == (2 if told else 0, told or ""), (command, answer.err)
        assert (told or "") in answer.err, command
    for file in filter(Path.is_file, here.rglob("*")):
        assert SECRET.encode() not in file.read_bytes(), file
