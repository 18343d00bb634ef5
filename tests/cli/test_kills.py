"""Commands killed by SIGKILL at random moments, then typed again: as if nothing had happened."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from forks import Process

from dlx.cli.console import say
from dlx.runs.ledger import NAME, looks, rows_of
from dlx.runs.seal import find_broken

pytestmark = pytest.mark.skipif(os.name != "posix", reason="processes are killed on POSIX only")

KILLS = int(os.environ.get("DLX_KILLS", "10"))
TASK = ("task=wine", "trainer.threads=1")
SHORT = (*TASK, "trainer.epochs=2")
GRID = (
    *("task=gridworld", "trainer.epochs=3", "trainer.threads=1", "checkpoint.every_steps=7"),
    *("learner.validation_episodes=4", "learner.test_episodes=4", "run.resume=auto"),
)
DQN = ("learner.name=dqn", "learner.steps_per_epoch=512", "learner.warm_up=64", "learner.draws=2")
TRAININGS: dict[str, tuple[str, ...]] = {
    "train": ("train", *TASK, "trainer.epochs=3", "run.resume=auto"),
    "folds": ("train", *SHORT, "protocol=kfold", "final=true", "run.resume=auto"),
    "ppo": ("train", *GRID, "learner.steps_per_epoch=1024"),
    "dqn": ("train", *GRID, *DQN, "learner.buffer=500", "learner.look_ahead=3"),
    "sweep": ("train", "-m", *SHORT, "optimizer.lr=0.1,0.01", "jobs=1"),
    "tune in a journal": ("tune", *SHORT, "tune.trials=3", "tune.storage=journal"),
    "tune in SQLite": ("tune", *SHORT, "tune.trials=3", "tune.storage=sqlite"),
    "workflow": (
        "workflow",
        *TASK,
        "trainer.epochs=3",
        "workflow.trials=2",
        "workflow.capacity_steps=2",
    ),
}
READS = """
import hashlib
from pathlib import Path
import dlx.data, dlx.data.cache
from dlx.files import replace_file
from dlx.config.specs.datasets import DATASETS
dlx.data.cache.SMALL_BYTES = 0
samples = dlx.data.read(DATASETS.default("digits")())
bits = b"".join(column.values.tobytes() for column in samples.columns.values())
replace_file(Path("read"), hashlib.sha256(bits).digest())
"""
LOOKS, LOOKERS = 12, 3
RECORDS = f"""
from pathlib import Path
from dlx.runs.ledger import record, rows_of
folder = Path("runs", "wine", "20260101-120000-1a2b3c4d-NUMBER")
folder.mkdir(parents=True, exist_ok=True)
for step in range({LOOKS}):
    record(Path("runs"), rows_of([b"row"]), folder.name, "test", weights=str(step), folder=folder)
    print(step)
"""


@dataclass(frozen=True)
class Scene:
    """What is killed, and what must be as if it had not been.

    Attributes:
        words: the command's words.
        found: what one has left in a folder, one thing beside the other.
        begun_from: makes what is there before it begins.
        code: run before the command, or instead of one.
        fellow: whether the same is done by another process meanwhile, which nobody kills.
    """

    words: tuple[str, ...]
    found: Callable[[Path], list[Any]]
    begun_from: Callable[[Path], object] = Path.mkdir
    code: str = ""
    fellow: bool = False

    def start(self, place: Path, words: tuple[str, ...] = ()) -> Process:
        """The command, or another one, in a folder that has a cache of its own."""
        os.chdir(place)
        return Process(words or self.words, self.code, environ={"DLX_CACHE": str(place / "cache")})


def finished(scene: Scene, place: Path, words: tuple[str, ...] = ()) -> float:
    """Runs a command to its end; the seconds it took."""
    with scene.start(place, words) as process:
        begun = time.monotonic()  # the first start waits for all to be imported
        process.printed_all()
    return time.monotonic() - begun


def kill(process: Process, with_workers: bool) -> bool:
    """Kills a process, and its workers where asked to; whether it had not ended before."""
    workers = workers_of(process.pid) if with_workers else []
    for number in (process.pid, *workers):
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def workers_of(process: int) -> list[int]:
    """The processes that one has started; none where /proc does not tell."""
    threads = Path(f"/proc/{process}/task").glob("*/children")
    return [int(number) for thread in threads for number in thread.read_text().split()]


def killed(scene: Scene, place: Path, moments: random.Random, seconds: float) -> bool:
    """Starts a command, and kills it at a random moment; whether it had not ended before."""
    scene.begun_from(place)
    with scene.start(place) as process:
        fellow = scene.start(place) if scene.fellow else None
        time.sleep(moments.uniform(0.0, 1.0) * seconds)
        hit = kill(process, moments.random() < 0.5)
        if fellow:
            with fellow:
                fellow.printed_all()
    return hit


def check(name: str, scene: Scene, here: Path, kills: int) -> None:
    """Kills a command so many times, each in a fresh folder, and compares what follows."""
    scene.begun_from(here / "whole")
    seconds = finished(scene, here / "whole")
    expected = scene.found(here / "whole")
    assert expected
    moments = random.Random(name)
    hit = tried = 0
    while hit < kills:
        place = here / f"killed-{tried}"
        tried += 1
        if not killed(scene, place, moments, seconds):
            seconds *= 0.8  # the first is slower
            continue
        hit += 1
        found = scene.found(place)
        assert [one for one in found if one not in expected] == [], place
        whole = found == expected  # then the same again is another run
        finished(scene, place, ("report", "last") if whole and name in TRAININGS else ())
        assert scene.found(place) == expected, place
        assert left_in(place) == [], place
    say(f"{name}: {hit} of {tried} kills hit")


def left_in(place: Path) -> list[Path]:
    """What is half written."""
    return [*place.rglob(".*.tmp"), *place.rglob(".tmp-*")]


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def trained(place: Path) -> list[Any]:
    """Scores, curves and weights of every run that is done, and every look in the ledger."""
    told: list[Any] = []
    for file in place.glob("runs/*/*-*/report.json"):
        report = json.loads(file.read_text())
        if report["state"] == "done":
            assert find_broken(file.parent) == []
            scores = {s["name"]: s["value"] for s in report["scores"]}
            kept = ("losses.f32", "metrics.jsonl", "predictions.csv", "**/best/*.safetensors")
            bits = [digest(one) for name in kept for one in sorted(file.parent.glob(name))]
            told.append([scores, report.get("looks"), bits])
    return [*sorted(told, key=json.dumps), *looks_in(place / "runs" / NAME)]


def looks_in(ledger: Path) -> list[Any]:
    """Test set and command of each look."""
    if not ledger.exists():
        return []
    with closing(sqlite3.connect(ledger)) as connection:
        try:
            return connection.execute("select test_part, verb from looks order by 1, 2").fetchall()
        except sqlite3.OperationalError:  # killed before it had tables
            return []


def files(place: Path, *patterns: str) -> list[Any]:
    """Names and digests of files that are whole."""
    found = [file for pattern in patterns for file in sorted(place.glob(pattern))]
    return [(str(file.relative_to(place)), digest(file)) for file in found]


def pages(place: Path) -> list[Any]:
    """What was made of run folders."""
    run = "runs/*/*"
    return files(place, "comparison.html", f"{run}/report.html", f"{run}/plots/[!.]*")


def entries(place: Path) -> list[Any]:
    """What the cache holds, and what was read."""
    return files(place, "cache/read/[!.]*/*", "read")


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two finished runs that have no pages."""
    place = tmp_path_factory.mktemp("two")
    for seed in range(2):
        words = ("train", *SHORT, f"run.root={place / 'runs'}", "--quiet", f"seed={seed}")
        with Process(words) as process:
            process.printed_all()
    for folder in place.glob("runs/*/*"):
        (folder / "report.html").unlink()
        shutil.rmtree(folder / "plots")
    return place


def page_of(name: str, two_runs: Path) -> Scene:
    runs = sorted(folder.name for folder in two_runs.glob("runs/*/*"))
    words = ("report", "last") if name == "report" else ("compare", *runs)
    return Scene(words, pages, partial(shutil.copytree, two_runs))


def check_looks(here: Path, moments: random.Random) -> bool:
    """Kills one of several processes that record looks; whether it had not ended before."""
    os.chdir(here)
    with ExitStack() as stack:
        first, *others = (recording(number, stack) for number in range(LOOKERS))
        first.until("0")
        time.sleep(moments.uniform(0.0, 0.1))
        hit = kill(first, with_workers=False)
        told = first.printed().split()
        for other in others:
            other.printed_all()
    ledger = Path("runs", NAME)
    found = looks(Path("runs"), rows_of([b"row"])).looks
    mine = sum(look.run.endswith("-0") for look in found)
    assert len(told) <= mine <= len(told) + 1, "acknowledged, or under way"
    assert len(found) == mine + (LOOKERS - 1) * LOOKS
    with ExitStack() as stack:
        recording(0, stack).printed_all()
    found = looks(Path("runs"), rows_of([b"row"]))
    assert (found.times, len(found.looks), found.warnings) == (LOOKERS * LOOKS, LOOKERS * LOOKS, ())
    assert len(looks_in(ledger)) == LOOKERS * LOOKS
    assert left_in(here) == []
    return hit


def recording(number: int, stack: ExitStack) -> Process:
    return stack.enter_context(Process(code=RECORDS.replace("NUMBER", str(number))))


def one_and_many(one: Any, *others: Any) -> list[Any]:
    """What is killed once; and, slowly, often, beside others."""
    return [
        (one, 1),
        *(pytest.param(each, KILLS, marks=pytest.mark.slow) for each in (one, *others)),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAININGS)
def test_a_killed_command_typed_again_gives_what_an_unbroken_one_does(
    name: str, here: Path
) -> None:
    check(name, Scene(TRAININGS[name], trained), here, KILLS)


@pytest.mark.parametrize(("name", "kills"), one_and_many("report", "compare"))
def test_a_killed_report_made_again_is_that_of_an_unbroken_command(
    name: str, kills: int, here: Path, two_runs: Path
) -> None:
    check(name, page_of(name, two_runs), here, kills)


@pytest.mark.parametrize(("fellow", "kills"), one_and_many(True, False))
def test_a_killed_first_read_of_a_dataset_leaves_the_cache_whole_or_as_it_was(
    fellow: bool, kills: int, here: Path
) -> None:
    check(f"cache, {fellow}", Scene((), entries, code=READS, fellow=fellow), here, kills)


@pytest.mark.parametrize("kills", [1, pytest.param(KILLS, marks=pytest.mark.slow)])
def test_every_look_that_was_recorded_before_a_kill_is_there(kills: int, here: Path) -> None:
    moments, hit, tried = random.Random("looks"), 0, 0
    while hit < kills:
        place = here / str(tried)
        place.mkdir()
        hit += check_looks(place, moments)
        tried += 1
    say(f"looks: {hit} of {tried} kills hit")
