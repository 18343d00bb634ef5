"""A power cut takes the end of what was written last: nothing that follows is silent and wrong."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dlx.cli.main import main
from dlx.runs.seal import sealed_names

CUTS = int(os.environ.get("DLX_CUTS", "50"))
TASK = ("task=wine", "trainer.epochs=2", "trainer.threads=1")
LATE = 24
"""Files that a power cut may find unwritten: the last ones."""


def cut(content: bytes, moments: random.Random) -> bytes:
    return content[: moments.randrange(max(1, len(content)))]


def zero(content: bytes, moments: random.Random) -> bytes:
    kept = len(content) - min(len(content), moments.choice((1, 7, 512, 4096)))
    return content[:kept] + bytes(len(content) - kept)


def lose(content: bytes, moments: random.Random) -> None:
    return None


DAMAGES: tuple[Callable[[bytes, random.Random], bytes | None], ...] = (cut, zero, lose)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run with its ledger, to be copied."""
    root = tmp_path_factory.mktemp("whole") / "runs"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLX_CACHE", str(root.parent / "cache"))
        assert main(["train", *TASK, f"run.root={root}", "--quiet"]) == 0
    return root


@pytest.fixture(scope="module")
def truth(whole: Path) -> dict[str, Any]:
    """What the run says of itself."""
    (run,) = whole.glob("wine/*")
    status: dict[str, Any] = json.loads((run / "status.json").read_text())
    return status


def late_files(root: Path) -> list[Path]:
    """The files that were written last, by their names."""
    every = [
        p
        for p in root.rglob("*")
        if p.is_file() and not {p.name, p.parent.name} & {"lock", "plots"}
    ]
    newest = sorted(every, key=lambda p: (p.stat().st_mtime_ns, str(p)))[-LATE:]
    return sorted(file.relative_to(root) for file in newest)


def check_cut(whole: Path, truth: dict[str, Any], number: int, capsys: Any) -> str:
    """One power cut, and what each command makes of it.

    Returns:
        What was damaged, and how.
    """
    moments = random.Random(number)
    root = Path(f"runs-{number}")
    shutil.copytree(whole, root)
    (run,) = root.glob("wine/*")
    file = root / moments.choice(late_files(whole))
    damage = moments.choice(DAMAGES)
    before, after = file.read_bytes(), damage(file.read_bytes(), moments)
    file.unlink() if after is None else file.write_bytes(after)
    case = f"{number}: {file.relative_to(root)}, {damage.__name__}"
    changed = after != before
    sealed = changed and str(file.relative_to(run) if run in file.parents else "") in sealed_names(
        whole / run.relative_to(root)
    )

    def answer(*words: str) -> tuple[int, Any]:
        capsys.readouterr()
        code = main([*words, "--json"])
        printed = capsys.readouterr().out
        return code, json.loads(printed) if printed.strip() else {}

    code, listed = answer("runs", "--root", str(root))
    states = [status["state"] for status in listed]
    assert code == 0, case
    assert states == (["damaged"] if changed and file.name == "status.json" else ["done"]), case
    code, _ = answer("reproduce", str(run))
    assert code != 0 or not sealed, case
    replays = {1} if code in (0, 3) else {0, 1}  # one that ends in an error may have looked before
    looks = 1
    code, tested = answer("test", str(run))
    if code == 0:
        assert {s["name"]: s["value"] for s in tested["scores"]} == {
            name: value for name, value in truth["scores"].items() if name.startswith("test/")
        }, case
        looks += 1
        replays &= {tested["looks"] - looks}
        assert replays, case
    code, trained = answer("train", *TASK, f"run.root={root}", "--quiet")
    if code == 0:
        assert trained["scores"] == truth["scores"], case
        assert trained["answer"]["looks"] - looks - 1 in replays, case
    else:
        assert "ledger" in file.name, case
    return case


def test_power_cuts(
    here: Path, whole: Path, truth: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(3):
        check_cut(whole, truth, number, capsys)


@pytest.mark.slow
def test_many_power_cuts(
    here: Path, whole: Path, truth: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = {check_cut(whole, truth, number, capsys) for number in range(CUTS)}

    assert len(damaged) == CUTS
