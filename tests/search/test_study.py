"""A study shared by processes: no trial lost, none doubled, whoever is killed."""

from __future__ import annotations

import getpass
import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from forks import HANGS_S, Process
from sharing import SPACE

from dlx.errors import RunError, UsageError
from dlx.search.storage import catch_lost_storage
from dlx.search.study import Study

SERVER = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))


def study(storage: str, folder: Path) -> Study:
    return Study("shared", storage, folder, SPACE, ["max"])


def trials_of(storage: str, folder: Path) -> list[Any]:
    with study(storage, folder) as one:
        return one.trials()


def taking_part(storage: str, folder: Path, most: int, wait: float = 0.01) -> Process:
    arguments = (storage, str(folder), most, wait)
    return Process(code=f"import sharing\nsharing.main(*{arguments!r})")


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of its own on a free port of loopback; gone after the tests."""
    if not SERVER:
        pytest.skip("no PostgreSQL server is installed (Debian's package postgresql)")
    place = tmp_path_factory.mktemp("pg")
    as_user: list[str] = []
    user = getpass.getuser()
    if os.geteuid() == 0:  # the server refuses to run as root
        as_user, user = ["runuser", "-u", "postgres", "--"], "postgres"
        for folder in (place, *place.parents[:3]):
            folder.chmod(0o755)
        shutil.chown(place, "postgres")
    bins, data = SERVER[-1].parent, place / "data"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    subprocess.run(
        [*as_user, str(bins / "initdb"), "-D", str(data), "-A", "trust", "-U", user],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=place,
    )
    control = [*as_user, str(bins / "pg_ctl"), "-D", str(data), "-w"]
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={place}"
    log = ["-l", str(place / "log")]
    subprocess.run(
        [*control, *log, "-o", options, "start"], check=True, stdout=subprocess.DEVNULL, cwd=place
    )
    yield f"postgresql://{user}@127.0.0.1:{port}/postgres"
    subprocess.run([*control, "-m", "immediate", "stop"], check=True, stdout=subprocess.DEVNULL)


def check_shared_out(storage: str, folders: tuple[Path, Path], most: int) -> None:
    """Two processes, in folders that may be one: each trial is tried once, by one of them."""
    one, other = (taking_part(storage, folder, most) for folder in folders)
    with one, other:
        said = [one.printed_all(), other.printed_all()]
    began = sorted(int(line.split()[1]) for out in said for line in out.splitlines())
    found = trials_of(storage, folders[0])
    assert len(found) == most
    assert [t.number for t in found if t.state.name == "COMPLETE"] == [t.number for t in found]
    assert began == [t.number for t in found]
    assert [t.value for t in found] == [t.number / 100 for t in found]
    assert len({str(t.params) for t in found}) == most


@pytest.mark.parametrize("storage", ["journal", "sqlite"])
def test_two_processes_share_a_study(storage: str, tmp_path: Path) -> None:
    check_shared_out(storage, (tmp_path, tmp_path), 20)


def test_two_machines_share_a_study_on_postgresql(postgres: str, tmp_path: Path) -> None:
    folders = (tmp_path / "one", tmp_path / "other")
    for folder in folders:
        folder.mkdir()
    check_shared_out(postgres, folders, 20)


def test_what_a_killed_process_had_under_way_is_taken_up_once(tmp_path: Path) -> None:
    with taking_part("journal", tmp_path, 20, wait=HANGS_S) as victim:
        victim.until("began 0\n")
        witness = study("journal", tmp_path)
        assert witness.orphans() == []  # it lives
        victim.send_signal(signal.SIGKILL)
        victim.wait()
    assert [t.number for t in witness.orphans()] == [0]

    one, other = (taking_part("journal", tmp_path, 20) for _ in range(2))
    with one, other:
        said = one.printed_all() + other.printed_all()

    assert said.count("adopted 0") == 1
    found = trials_of("journal", tmp_path)
    assert [t.number for t in found] == list(range(20))
    assert all(t.state.name == "COMPLETE" for t in found)


def test_half_a_line_that_a_kill_left_spoils_nothing(tmp_path: Path) -> None:
    with study("journal", tmp_path) as first:
        number = first.begin({"optimizer.lr": 0.01, "model.units": [8]}, 5)
        assert number == 0
        with (tmp_path / "study.journal").open("a") as stream:
            stream.write('{"op_code": 6, "worker_id": "x", "tri')
    with study("journal", tmp_path) as second:
        second.begin({"optimizer.lr": 0.02, "model.units": [16]}, 5)
        assert [t.number for t in second.trials()] == [0, 1]


@pytest.mark.parametrize(
    "spoilt",
    [b"no json\n{}\n", b'{"op_code":99}\n', b"[1]\n", b"5\n", b"\xff\n", b"9" * 9999 + b"\n"],
)
def test_what_is_damaged_of_a_journal_is_put_aside(tmp_path: Path, spoilt: bytes) -> None:
    changed = {"optimizer.lr": 0.01, "model.units": [8]}
    with study("journal", tmp_path) as first:
        first.begin(changed, 5)
    file = tmp_path / "study.journal"
    whole = file.read_bytes()
    file.write_bytes(whole + spoilt)
    with study("journal", tmp_path) as second:
        assert second.mended
        assert [t.number for t in second.trials()] == [0]
        assert second.begin(changed, 5) == 1
    assert (tmp_path / "study.journal.damaged").read_bytes() == whole + spoilt
    assert not study("journal", tmp_path).mended


def test_a_journal_is_not_put_aside_under_a_process_at_work(tmp_path: Path) -> None:
    with study("journal", tmp_path) as first:
        with (tmp_path / "study.journal").open("a") as stream:
            stream.write("no json\n")
        with pytest.raises(RunError, match="the study cannot be read"):
            study("journal", tmp_path)
        told = "the study's journal is damaged: line"
        with pytest.raises(RunError, match=told), catch_lost_storage("journal"):
            first.trials()


def test_a_journal_of_an_older_version_is_gone_on_with(tmp_path: Path) -> None:
    """Its lines have no sums."""
    with study("journal", tmp_path) as first:
        first.begin({"optimizer.lr": 0.01, "model.units": [8]}, 5)
    file = tmp_path / "study.journal"
    file.write_bytes(re.sub(rb',"sum":"[0-9a-f]{8}"', b"", file.read_bytes()))
    assert b'"sum"' not in file.read_bytes()
    with study("journal", tmp_path) as second:
        assert second.begin({"optimizer.lr": 0.02, "model.units": [8]}, 5) == 1
    third = study("journal", tmp_path)
    assert not third.mended
    assert [t.number for t in third.trials()] == [0, 1]


def test_the_trial_that_comes_too_late_does_not_count(tmp_path: Path) -> None:
    with study("sqlite", tmp_path) as one:
        changed = {"optimizer.lr": 0.01, "model.units": [8]}
        assert one.begin(changed, 1) == 0
        assert one.begin(changed, 1) is None
        assert [t.number for t in one.trials()] == [0]


def test_what_ended_first_stays(tmp_path: Path) -> None:
    with study("journal", tmp_path) as one:
        one.begin({"optimizer.lr": 0.01, "model.units": [8]}, 1)
        one.finish(0, "done", [0.5])
        one.finish(0, "failed")
        assert [(t.state.name, t.value) for t in one.trials()] == [("COMPLETE", 0.5)]


def test_a_storage_that_goes_away_is_told() -> None:
    from sqlalchemy.exc import OperationalError

    url = "postgresql://me:hunter2@host/x"
    with pytest.raises(RunError) as caught, catch_lost_storage(url):
        raise OperationalError("select 1", {}, Exception("server closed the connection\nmore"))
    assert str(caught.value) == (
        "the storage of the study is lost: server closed the connection\n"
        f"  where: tune.storage={url.replace('hunter2', '***')}\n  try: the same command continues"
    )


def test_a_fact_that_was_given_first_stays(tmp_path: Path) -> None:
    one, other = study("journal", tmp_path), study("journal", tmp_path)
    assert one.fact("threads") is None
    assert one.fact("threads", {"count": 2}) == {"count": 2}
    assert other.fact("threads", {"count": 4}) == {"count": 2}


@pytest.mark.parametrize(
    ("storage", "told"),
    [
        (
            "jurnal",
            "there is no storage `jurnal`\n  where: tune.storage=jurnal\n"
            "  accepted: journal, sqlite, sqlite:///FILE, postgresql://USER@HOST/DATABASE",
        ),
        ("postgresql://me:hunter2@127.0.0.1:1/x", "is the server running, and may you connect?"),
        ("sqlite:////nowhere/at/all.sqlite", "unable to open database file"),
        ("nosuch://x/y", "the storage cannot be opened"),
    ],
)
def test_a_storage_that_cannot_be_opened(storage: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        study(storage, tmp_path)
    assert told in str(caught.value)
    assert "hunter2" not in str(caught.value)
