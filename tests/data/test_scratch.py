"""Temporary folders in the cache, and what is left of them by writers that were killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from dlx.data.scratch import scratch, sweep


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_it_is_gone_in_the_end_and_what_was_renamed_stays(tmp_path: Path) -> None:
    with scratch(tmp_path / "new") as folder:
        (folder / "file").touch()
        (folder / "kept").touch()
        (folder / "kept").rename(tmp_path / "new" / "kept")

    assert names(tmp_path / "new") == ["kept"]


def test_leftovers_go_with_the_next_writer_and_nothing_else(tmp_path: Path) -> None:
    for left in (".tmp-dead", ".new-dead", "entry"):
        (tmp_path / left / "inner").mkdir(parents=True)
    for file in (".workload.json.123.tmp", "workload.json", ".keep"):
        (tmp_path / file).touch()

    with scratch(tmp_path):
        pass

    assert names(tmp_path) == [".keep", "entry", "workload.json"]


def test_nothing_is_swept_while_another_process_writes_and_all_once_it_is_killed(
    tmp_path: Path,
) -> None:
    code = f"""
import sys
from pathlib import Path
from dlx.data.scratch import scratch
with scratch(Path({str(tmp_path)!r})) as folder:
    (folder / "half").touch()
    print("here", flush=True)
    sys.stdin.read()
"""
    writer = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "here\n"
        sweep(tmp_path)
        with scratch(tmp_path) as mine:
            assert len(names(tmp_path)) == 2
            assert mine.is_dir()
        (left,) = names(tmp_path)
        assert names(tmp_path / left) == ["half"]
        writer.kill()

    sweep(tmp_path)

    assert names(tmp_path) == []


def test_a_folder_that_is_not_there_is_not_made_by_a_sweep(tmp_path: Path) -> None:
    sweep(tmp_path / "nowhere")

    assert names(tmp_path) == []
