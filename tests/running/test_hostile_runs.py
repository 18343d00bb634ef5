"""Run folders and checkpoints that a stranger made: nothing in them is run, and each is told of."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import signal
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from forks import HANGS_S
from small import loaded, the_run

from dlx.cli.main import main
from dlx.running.train import train

CANARY = "canary-was-here"
VERBS = ("test", "resume", "reproduce", "lock", "report")


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of one training, which each test damages in a copy."""
    root = tmp_path_factory.mktemp("honest") / "runs"
    train(loaded("trainer.epochs=1", f"run.root={root}"), lambda _: None)
    return root


@pytest.fixture
def run(honest: Path, here: Path) -> Iterator[Path]:
    """A copy of it; a test that hangs is ended."""
    shutil.copytree(honest, here / "runs")
    signal.alarm(HANGS_S)
    yield the_run().resolve()
    signal.alarm(0)


class Trap:
    """A pickle that leaves a file where it is opened."""

    def __reduce__(self) -> Any:
        return os.mkdir, (CANARY,)


def pipeline_of(step: dict[str, Any]) -> str:
    return json.dumps({"raw": {}, "steps": [step], "targets": {}, "inputs": {}})


def put(name: str, content: str | bytes) -> Callable[[Path], None]:
    """Writes a file of the run folder."""

    def write(run: Path) -> None:
        file = run / name
        file.write_bytes(content.encode() if isinstance(content, str) else content)

    return write


def add(name: str, text: str) -> Callable[[Path], None]:
    """Adds to a file of the run folder."""

    def write(run: Path) -> None:
        with (run / name).open("a", encoding="utf-8") as stream:
            stream.write(text)

    return write


def weights(content: Callable[[Path], None], best: bool = True) -> Callable[[Path], None]:
    """Puts something in the place of the weights, the manifest unchanged."""

    def write(run: Path) -> None:
        for folder in ("best", "last") if best else ("last",):
            for file in (run / "checkpoints" / folder).glob("weights-*"):
                file.unlink()
                content(file)

    return write


def linked(name: str, target: str) -> Callable[[Path], None]:
    """Puts a symbolic link in the place of a file."""

    def write(run: Path) -> None:
        (run / name).unlink()
        (run / name).symlink_to(target)

    return write


def patched(name: str, **values: Any) -> Callable[[Path], None]:
    """Changes values of a JSON file."""

    def write(run: Path) -> None:
        known = json.loads((run / name).read_text())
        (run / name).write_text(json.dumps({**known, **values}))

    return write


def manifests(files: dict[str, str]) -> Callable[[Path], None]:
    """Manifests that name these files."""

    def write(run: Path) -> None:
        for file in run.glob("checkpoints/*/manifest-*"):
            content = {"files": files, "version": 2}
            file.write_text(json.dumps(content, indent=1, sort_keys=True))

    return write


def zipped(file: Path) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("data.pkl", pickle.dumps(Trap()))


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9)
)
TARGET = f"{{_target_: os.mkdir, _args_: [{CANARY}]}}"

CONFIGS = {
    "tag": f"x: !!python/object/apply:os.mkdir [{CANARY}]\n",
    "name tag": "x: !!python/name:os.system\n",
    "module tag": "x: !!python/module:os\n",
    "own tag": "x: !evil 1\n",
    "alias": "x: &a 1\ny: *a\n",
    "alias bomb": BOMB,
    "merge key": "x: &a {b: 1}\ny: {<<: *a}\n",
    "deep lists": "x: " + "[" * 5000 + "]" * 5000 + "\n",
    "deep maps": "x: " + "{a: " * 500 + "1" + "}" * 500 + "\n",
    "huge": "x: " + "y" * 300_000 + "\n",
    "huge number": "x: " + "9" * 5000 + "\n",
    "target": f"x: {TARGET}\n",
    "target in model": f"model: {TARGET}\n",
    "target in optimizer": f"optimizer: {TARGET}\n",
    "target in a list": f"prepare: {{steps: [{TARGET}]}}\n",
    "target in callbacks": f"callbacks: {{early_stopping: {TARGET}}}\n",
    "partial": "loss: {_partial_: true, name: mse}\n",
    "hydra": f"hydra: {{callbacks: {{x: {TARGET}}}}}\n",
    "hydra launcher": "hydra: {launcher: {_target_: os.system}}\n",
    "defaults": "defaults: [../../../etc/passwd]\n",
    "plugins are not taken": "plugins: [no_such_package_at_all]\ntrainer: {epochs: x}\n",
    "path as a name": "model: {name: ../../mlp}\n",
    "module as a name": "model: {name: 'os:system'}\n",
    "nul": 'task: "a\\0b"\nmodel: {name: "m\\0lp"}\n',
    "environment": "task: ${oc.env:HOME}\nseed: ${oc.env:HOME}\n",
    "resolver": "seed: ${eval:1}\n",
    "duplicate key": "seed: 1\nseed: 2\n",
    "list at the top": "- 1\n",
    "empty": "",
    "binary": "\x00\x01\x02",
    "number at the top": "1\n",
    "infinite": "trainer: {epochs: .inf}\n",
    "date": "seed: 2001-13-40\n",
    "other schema": "schema_version: 99\n",
}

FOLDERS: dict[str, Callable[[Path], None]] = {
    "pickled weights": weights(lambda f: f.write_bytes(pickle.dumps(Trap()))),
    "torch's pickle as weights": weights(lambda f: torch.save(Trap(), f)),
    "zip as weights": weights(zipped),
    "weights that link out": weights(lambda f: f.symlink_to("/etc/passwd")),
    "weights that never end": weights(lambda f: f.symlink_to("/dev/zero")),
    "weights that wait": weights(lambda f: os.mkfifo(f)),
    "weights that are a folder": weights(lambda f: f.mkdir()),
    "manifest upward": manifests({"../../../../../etc/passwd": "0"}),
    "manifest elsewhere": manifests({"/etc/passwd": "0"}),
    "manifest nul": manifests({"weights-\0.json": "0"}),
    "manifest of nothing": manifests({}),
    "config that links out": linked("config.yaml", "/etc/passwd"),
    "config that never ends": linked("config.yaml", "/dev/zero"),
    "status that links out": linked("status.json", "/etc/passwd"),
    "status deep": put("status.json", "[" * 100_000),
    "status no mapping": put("status.json", "[1]"),
    "report deep": put("report.json", '{"a":' * 50_000),
    "report that never ends": linked("report.json", "/dev/zero"),
    "environment deep": put("environment.json", "[" * 100_000),
    "environment threads": patched("environment.json", threads=10**9, threads_chosen={"count": -1}),
    "data deep": put("data.json", "[" * 100_000),
    "steps deep": put("prepare/pipeline.json", "[" * 100_000),
    "steps of code": put(
        "prepare/pipeline.json",
        json.dumps(
            pipeline_of({"name": "os:system", "column": "features", "options": {}, "state": {}})
        ),
    ),
    "steps upward": put("prepare/pipeline.json", pipeline_of({"name": "../x"})),
    "curves deep": put("metrics.jsonl", "[" * 100_000 + "\n"),
    "curves no rows": put("metrics.jsonl", '{"hex": {"a": "no hex"}}\n'),
}

CASES = {
    **{f"config: {name}": put("config.yaml", text) for name, text in CONFIGS.items()},
    **{f"run: {name}": make for name, make in FOLDERS.items()},
}


def test_there_are_enough_of_them() -> None:
    assert len(CASES) >= 60


@pytest.mark.skipif(os.name != "posix", reason="links and pipes as POSIX systems have them")
@pytest.mark.parametrize("case", CASES)
def test_it_is_told_and_nothing_is_run(
    run: Path, here: Path, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    require_harmless(run, here, capsys, case, VERBS)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="links and pipes as POSIX systems have them")
@pytest.mark.parametrize("case", CASES)
def test_looking_into_it_runs_nothing(
    run: Path, here: Path, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    require_harmless(run, here, capsys, case, ("explain",))


def require_harmless(
    run: Path, here: Path, capsys: pytest.CaptureFixture[str], case: str, verbs: tuple[str, ...]
) -> None:
    CASES[case](run)
    outside = {p for p in here.rglob("*") if run not in p.parents}

    for verb in verbs:
        capsys.readouterr()
        code = main([verb, str(run)])
        printed = capsys.readouterr()

        assert "Traceback" not in printed.err + printed.out, verb
        assert not list(here.rglob(CANARY)), verb
        assert code in (0, 1, 2, 3), verb
        if case.startswith("config") and verb in ("test", "explain", "reproduce"):
            assert code == 2, (verb, printed.err)
        if "weights" in case and verb in ("test", "explain", "lock"):
            assert code in (1, 2), (verb, printed.err)
        assert "root:" not in printed.out + printed.err, "what lies outside is not shown"
    made = {p for p in here.rglob("*") if run not in p.parents} - outside
    assert {p.name for p in made} <= {"dlx.lock", "ledger.sqlite"}, made


def test_names_never_become_paths(
    run: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here.parent / "outside").mkdir()
    before = sorted(here.parent.rglob("*"))
    for name in ("../outside", "/", "..", ".", "", "a" * 300, "a\0b", "*", "~", "$HOME", "%2e%2e"):
        for verb in VERBS:
            assert main([verb, name]) == 2, (verb, name)
            assert "Traceback" not in capsys.readouterr().err
    assert sorted(here.parent.rglob("*")) == before
