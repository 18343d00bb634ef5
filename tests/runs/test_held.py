from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dlx.errors import UsageError
from dlx.runs.lock import NAME, hold, holder, is_held, try_to_hold

pytestmark = pytest.mark.skipif(os.name != "posix", reason="folders are held on POSIX systems only")

HOLD = """
import sys, time
from pathlib import Path
from dlx.runs.lock import hold
with hold(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_another_process_is_named_and_lets_go_when_it_dies(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        assert is_held(tmp_path)
        with pytest.raises(UsageError) as caught, hold(tmp_path):
            pass
        process.kill()

    told = str(caught.value)
    assert told.startswith(f"another process is using this run: process {process.pid} on ")
    assert not is_held(tmp_path)
    with hold(tmp_path), try_to_hold(tmp_path) as mine:
        assert not mine


def test_to_ask_writes_nothing(tmp_path: Path) -> None:
    assert not is_held(tmp_path)
    assert not (tmp_path / NAME).exists()
    with hold(tmp_path):
        pass
    before = (tmp_path / NAME).read_text()

    assert not is_held(tmp_path)

    assert (tmp_path / NAME).read_text() == before
    assert holder(tmp_path).startswith(f"process {os.getpid()} on ")


def test_a_folder_that_is_gone_cannot_be_held(tmp_path: Path) -> None:
    with pytest.raises(UsageError), hold(tmp_path / "gone"):
        pass
