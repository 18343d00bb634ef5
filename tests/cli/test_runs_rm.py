"""`dlx runs rm`: what goes, what stays and why, and that nothing outside the runs is touched."""

from __future__ import annotations

import builtins
import fcntl
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_up import put

from dlx.runs import remove

Cli = Callable[..., Any]
DELETED = "; the ledger keeps their evaluations on test sets\n"


def left() -> list[int]:
    """The numbers of the runs that are there."""
    return sorted(int(one.name.rpartition("-")[2]) - 1 for one in Path("runs").glob("*/2026*"))


def everything() -> list[str]:
    return sorted(str(one) for one in Path().rglob("*"))


@pytest.fixture
def some(here: Path) -> None:
    put(1)
    put(2, "failed")
    put(3, "failed", "wine")
    (put(4, task="wine") / "weights.bin").write_bytes(b"x" * 5000)


def test_named_runs_go(some: None, cli: Cli) -> None:
    found = cli("runs", "rm", "00000004", "digits/20260101-120000-00000001", "--yes")

    assert (found.code, found.err) == (0, "")
    lines = found.out.splitlines()
    assert lines[0].split() == ["run", "state", "size"]
    assert lines[1].split()[:3] == ["wine/20260101-120000-00000004-5", "done", "5.2"]
    assert found.out.endswith(DELETED)
    assert lines[-1].startswith("deleted 2 runs, 5.5 kB; ")
    assert left() == [2, 3]
    assert not [one for one in everything() if "removed" in one]


def test_a_run_that_another_process_deletes_meanwhile_is_gone(
    some: None, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = remove._hide

    def late(folder: Path, hidden: Path) -> bool:
        if folder.name.endswith("-3"):
            shutil.rmtree(folder)
        return real(folder, hidden)

    monkeypatch.setattr(remove, "_hide", late)
    found = cli("runs", "rm", "state=failed", "--yes")

    assert (found.code, found.err) == (0, "")
    assert left() == [1, 4]


@pytest.mark.parametrize(
    ("filters", "stay"),
    [
        (["state=failed"], [1, 4]),
        (["state=failed", "task=wine"], [1, 2, 4]),
        (["--state", "failed", "--task", "digits"], [1, 3, 4]),
        (["older=1d", "optimizer.lr=0.4"], [1, 2, 3]),
        (["older=5000w"], [1, 2, 3, 4]),
    ],
    ids=str,
)
def test_filtered_runs_go(some: None, cli: Cli, filters: list[str], stay: list[int]) -> None:
    assert cli("runs", "rm", *filters, "--yes").code == 0
    assert left() == stay


def test_nothing_matches(some: None, cli: Cli) -> None:
    found = cli("runs", "rm", "state=killed", "--yes")

    assert (found.code, found.err) == (0, "")
    assert found.out == "none of the 4 runs in runs matches; their tasks: digits, wine\n"


def test_without_a_terminal_it_does_not_ask(some: None, cli: Cli) -> None:
    found = cli("runs", "rm", "state=failed", "--root", "runs/", "--task", "wine")

    assert found.code == 2
    assert "wine/20260101-120000-00000003-4" in found.out
    assert found.err == (
        "error: 1 run, 229 B would be deleted, and there is no terminal to ask\n"
        "  where: command line\n"
        "  accepted: --yes\n"
        "  try: dlx runs rm state=failed --root runs/ --task=wine --yes\n"
    )
    assert left() == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("answer", "stay", "told"),
    [
        ("y", [1, 3, 4], f"deleted 1 run, 235 B{DELETED}"),
        ("", [1, 2, 3, 4], "nothing was deleted\n"),
    ]
    + [(no, [1, 2, 3, 4], "nothing was deleted\n") for no in ("n", "no", "x", None)],
)
def test_on_a_terminal_it_asks(
    some: None,
    cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
    answer: str | None,
    stay: list[int],
    told: str,
) -> None:
    asked = []

    def ask(question: str) -> str:
        asked.append(question)
        if answer is None:
            raise EOFError
        return answer

    monkeypatch.setattr(builtins, "input", ask)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)

    found = cli("runs", "rm", "00000002")

    assert (found.code, found.err) == (0, "")
    assert asked == ["delete 1 run, 235 B? [y/N] "]
    assert found.out.endswith(told)
    assert left() == stay


REFUSED = [
    ([], "rm needs runs or filters"),
    (["last", "state=failed"], "rm takes runs or filters, not both"),
    (["last", "--task", "wine"], "rm takes runs or filters, not both"),
    (["nothing"], "there is no run `nothing`"),
    (["digits"], "`digits` matches 2 runs"),
    (["state=dnoe"], "there is no state `dnoe`"),
    (["optimiser.lr=1"], "no run has `optimiser.lr`"),
    (["last", "--sort", "seconds"], "--sort is for listing, not for rm"),
]


@pytest.mark.parametrize(("arguments", "what"), REFUSED, ids=lambda x: str(x)[:20])
def test_what_is_not_understood_deletes_nothing(
    some: None, cli: Cli, arguments: list[str], what: str
) -> None:
    before = everything()

    found = cli("runs", "rm", *arguments, "--yes")

    assert (found.code, found.out) == (2, "")
    assert found.err.startswith(f"error: {what}\n")
    assert everything() == before


def sweep(*trials: str) -> None:
    folder = Path("runs/sweeps/rates")
    folder.mkdir(parents=True)
    (folder / "sweep.json").write_text(json.dumps({"trials": [{"run": run} for run in trials]}))


class TestWhatIsReferredTo:
    def test_by_a_sweep(self, some: None, cli: Cli) -> None:
        sweep("digits/20260101-120000-00000002-3", "wine/20260101-120000-00000009-10")

        found = cli("runs", "rm", "state=failed", "--yes")

        assert found.out.startswith(
            "keeps digits/20260101-120000-00000002-3: sweep rates refers to it\n"
        )
        assert left() == [1, 2, 4]

    def test_by_a_sweep_that_is_under_way(self, some: None, cli: Cli) -> None:
        sweep()
        lines = '{"key": "a", "run": "digits/20260101-120000-00000002-3"}\n{"key": "b", "ru'
        Path("runs/sweeps/rates/trials.jsonl").write_text(lines)

        cli("runs", "rm", "state=failed", "--yes")

        assert left() == [1, 2, 4]

    def test_by_its_own_word(self, here: Path, cli: Cli) -> None:
        put(1, sweep="rates")
        put(2, sweep="gone")
        sweep()

        found = cli("runs", "rm", "task=digits", "--yes")

        assert "00000001-2: it is a trial of sweep rates\n" in found.out
        assert left() == [1]

    @pytest.mark.parametrize("beside", [True, False])
    def test_by_a_lock_file(self, here: Path, cli: Cli, beside: bool) -> None:
        put(1, config_digest="ab" * 32)
        put(2, config_digest="cd" * 32)
        root = Path("runs")
        if beside:
            Path("elsewhere").mkdir()
            root = root.rename("elsewhere/runs")
        lock = {"version": 1, "entries": {"digits": {"config": "ab" * 32}}}
        (root.parent / "dlx.lock").write_text(json.dumps(lock))

        found = cli("runs", "rm", "task=digits", "--yes", "--root", str(root))

        assert found.out.startswith(
            "keeps digits/20260101-120000-00000001-2: dlx.lock pins its config\n"
        )
        assert [one.name[-1] for one in root.glob("*/2026*")] == ["2"]

    def test_by_a_claim(self, some: None, cli: Cli) -> None:
        Path("experiments").mkdir()
        Path("experiments/mine.yaml").write_text("source: runs/wine/20260101-120000-00000003-4\n")

        found = cli("runs", "rm", "state=failed", "--yes")

        assert "00000003-4: claim mine names it\n" in found.out
        assert left() == [1, 3, 4]

    def test_all_of_them(self, here: Path, cli: Cli) -> None:
        put(1, sweep="rates")
        sweep()

        assert cli("runs", "rm", "task=digits", "--yes").out.endswith("nothing to delete\n")
        assert left() == [1]

    def test_it_is_refused_by_name(self, some: None, cli: Cli) -> None:
        sweep("digits/20260101-120000-00000002-3")

        found = cli("runs", "rm", "00000001", "00000002", "--yes")

        where = Path("runs/digits/20260101-120000-00000002-3").resolve()
        assert (found.code, found.out) == (2, "")
        assert found.err == (
            "error: digits/20260101-120000-00000002-3 is still needed: sweep rates refers to it\n"
            f"  where: {where}\n"
            "  try: --force deletes it anyway\n"
        )
        assert left() == [1, 2, 3, 4]

    def test_force_deletes_it(self, some: None, cli: Cli) -> None:
        sweep("digits/20260101-120000-00000002-3")

        found = cli("runs", "rm", "state=failed", "--yes", "--force")

        assert found.out.splitlines()[0].split() == ["run", "state", "size", "although"]
        assert "sweep rates refers to it" in found.out.splitlines()[1]
        assert left() == [1, 4]


class TestAtWork:
    @pytest.fixture(autouse=True)
    def _held(self, some: None) -> Any:
        with Path("runs/digits/20260101-120000-00000002-3/lock").open("w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            stream.write('{"pid": 7, "host": "h", "since": "now"}')
            stream.flush()
            yield

    def test_it_is_kept(self, cli: Cli) -> None:
        found = cli("runs", "rm", "state=failed", "--yes", "--force")

        name = "digits/20260101-120000-00000002-3"
        assert found.out.startswith(f"keeps {name}: in use by process 7 on h, since now\n")
        assert left() == [1, 2, 4]

    def test_by_name_it_is_refused(self, cli: Cli) -> None:
        found = cli("runs", "rm", "00000001", "00000002", "--yes", "--force")

        assert found.code == 2
        assert found.err.startswith(
            "error: a process is using digits/20260101-120000-00000002-3: process 7 on h"
        )
        assert left() == [1, 2, 3, 4]

    def test_it_has_begun_just_now(self, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("dlx.runs.remove.is_held", lambda _: False)

        found = cli("runs", "rm", "state=failed", "--yes")

        assert "keeps digits/20260101-120000-00000002-3: a process has started to use" in found.out
        assert f"deleted 1 run, 229 B{DELETED}" in found.out
        assert left() == [1, 2, 4]


class TestOutside:
    """Nothing but marked run folders inside the root is deleted, and no link is followed."""

    @pytest.fixture
    def outside(self, here: Path, some: None) -> Path:
        """A whole run folder outside the root."""
        folder = here.parent / "outside" / "digits"
        folder.mkdir(parents=True)
        return put(9).rename(folder / "20260101-120000-00000009-10")

    def check_refused(self, cli: Cli, name: str, why: str) -> None:
        before = everything()
        found = cli("runs", "rm", name, "--yes", "--force")
        assert found.code == 2
        assert f"is not a run that may be deleted: {why}" in found.err
        assert everything() == before

    def test_a_path_out_of_the_root(self, cli: Cli, outside: Path) -> None:
        self.check_refused(cli, str(outside), "it is not in a task's folder in runs")
        self.check_refused(cli, f"../outside/digits/{outside.name}", "it is not in a task's")
        self.check_refused(
            cli, f"runs/digits/../../../outside/digits/{outside.name}", "it is not in a task's"
        )

    def test_a_link_to_a_run(self, cli: Cli, outside: Path) -> None:
        link = Path("runs/digits") / outside.name
        link.symlink_to(outside)

        self.check_refused(cli, "00000009", "it is a symbolic link")
        assert (outside / "status.json").is_file()

    def test_a_link_to_a_task(self, cli: Cli, outside: Path) -> None:
        Path("runs/linked").symlink_to(outside.parent)

        self.check_refused(cli, "00000009", "it is not in a task's folder in runs")
        self.check_refused(cli, f"runs/linked/{outside.name}", "it is not in a task's folder")
        assert (outside / "status.json").is_file()

    def test_links_in_a_run_are_deleted_not_followed(self, cli: Cli, outside: Path) -> None:
        run = next(Path("runs/digits").glob("*00000001*"))
        (run / "folder").symlink_to(outside)
        (run / "file").symlink_to(outside / "status.json")

        assert cli("runs", "rm", "00000001", "--yes").code == 0
        assert left() == [2, 3, 4]
        assert (outside / "status.json").is_file()

    def test_a_lock_that_is_a_link_makes_no_file_elsewhere(self, cli: Cli, some: None) -> None:
        next(Path("runs/digits").glob("*00000001*")).joinpath("lock").symlink_to("../../../made")

        self.check_refused(cli, "00000001", "its lock is a symbolic link")

    def test_a_root_that_is_a_link_is_the_root(self, cli: Cli, some: None) -> None:
        Path("runs").rename("elsewhere")
        Path("runs").symlink_to("elsewhere")

        assert cli("runs", "rm", "state=failed", "--yes").code == 0
        assert left() == [1, 4]

    @pytest.mark.parametrize("name", ["mine", "20260101-120000-xyz-1"])
    def test_a_folder_that_is_named_otherwise(self, cli: Cli, some: None, name: str) -> None:
        shutil.copytree(next(Path("runs/digits").glob("*00000001*")), Path("runs/digits") / name)

        self.check_refused(cli, f"runs/digits/{name}", "its name is not that of a run")

    @pytest.mark.parametrize("content", ["{}", '{"state": "done"}', '{"run": 1, "state": 2}'])
    def test_a_folder_without_a_status(self, cli: Cli, some: None, content: str) -> None:
        folder = Path("runs/digits/20260101-120000-000000ff-1")
        folder.mkdir()
        (folder / "status.json").write_text(content)

        self.check_refused(cli, str(folder), "it has no run status")


class TestBrokenOff:
    def test_no_half_run_is_listed_and_the_next_clears_it(
        self, some: None, cli: Cli, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def stop(_: Path) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as broken:
            broken.setattr(shutil, "rmtree", stop)
            assert cli("runs", "rm", "00000002", "--yes").code == 130
        assert left() == [1, 3, 4]
        assert len(json.loads(cli("runs", "--json").out)) == 3
        assert [one for one in everything() if one.endswith(".removed")]

        assert cli("runs", "rm", "00000003", "--yes").code == 0
        assert not [one for one in everything() if one.endswith(".removed")]

    def test_what_only_looks_like_it_stays(self, some: None, cli: Cli) -> None:
        for name in (".notes.7.removed", ".20260101-120000-0000000a-1.removed", "x.7.removed"):
            (Path("runs/digits") / name).mkdir()
        (Path("runs/digits") / ".20260101-120000-0000000a-1.7.removed").symlink_to(
            Path("runs/wine")
        )

        cli("runs", "rm", "00000001", "--yes")

        assert sum("removed" in one for one in everything()) == 4
        assert left() == [2, 3, 4]

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
    def test_a_folder_that_may_not_be_written(self, some: None, cli: Cli) -> None:
        Path("runs/digits").chmod(0o500)
        try:
            found = cli("runs", "rm", "00000001", "--yes")
        finally:
            Path("runs/digits").chmod(0o700)
        assert found.code == 1
        assert found.err.startswith("error: the run cannot be deleted: Permission denied\n")
        assert left() == [1, 2, 3, 4]

    def test_a_rename_that_fails(
        self, some: None, cli: Cli, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(os, "rename", fail)
        found = cli("runs", "rm", "00000001", "--yes")

        assert found.code == 1
        assert found.err.startswith("error: the run cannot be deleted: Permission denied\n")
        assert left() == [1, 2, 3, 4]
