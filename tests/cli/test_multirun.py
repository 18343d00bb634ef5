"""`dlx train -m` from the command line: what is listed, run, told and kept."""

from __future__ import annotations

import itertools
import json
import math
import re
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from forks import HANGS_S, Process

from dlx.cli.main import main
from dlx.cli.multirun import show_best, show_outcome
from dlx.search.table import point_of

Cli = Callable[..., Any]
WINE = ("task=wine", "trainer.threads=1", "trainer.epochs=2")
SAMPLE = "SAMPLE DATA: synthetic, for smoke tests only; not a result"


def outcome() -> dict[str, Any]:
    (file,) = Path("runs/sweeps").glob("*/sweep.json")
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def status(run: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((Path("runs") / run / "status.json").read_text())
    return found


class TestTwoSeedsOfTwoSettings:
    """One sweep, looked at from all sides."""

    ARGUMENTS = (*WINE, "optimizer.lr=1e-06,0.05", "seeds=2")

    @pytest.fixture(scope="class")
    @classmethod
    def swept(cls, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
        place = tmp_path_factory.mktemp("swept")
        command = [sys.executable, "-m", "dlx", "train", "-m", *cls.ARGUMENTS]
        out = subprocess.run(command, capture_output=True, text=True, check=True, cwd=place)
        return place, out.stdout

    @pytest.fixture
    def out(self, swept: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> str:
        monkeypatch.chdir(swept[0])
        return swept[1]

    def test_the_list_is_printed_first_and_each_trial_when_it_ends(self, out: str) -> None:
        lines = out.splitlines()
        assert lines[:4] == [
            "4 trials (2 settings, 2 seeds each); a sweep never uses the test set",
            "    0  optimizer.lr=1e-06",
            "    1  optimizer.lr=0.05",
            f"sweep: runs/sweeps/{outcome()['sweep']}",
        ]
        assert [re.sub(r"\d\.\d{3,4}", "N", line) for line in lines[4:8]] == [
            "[1/4] optimizer.lr=1e-06 seed=0: val/accuracy N (baseline N majority)",
            "[2/4] optimizer.lr=0.05 seed=0: val/accuracy N (baseline N majority)",
            "[3/4] optimizer.lr=1e-06 seed=1: val/accuracy N (baseline N majority)",
            "[4/4] optimizer.lr=0.05 seed=1: val/accuracy N (baseline N majority)",
        ]

    def test_each_setting_stands_beside_its_baseline(self, out: str) -> None:
        """The mean of those of its trials: each seed cuts its own validation rows."""
        head, best = next(
            (line, after)
            for line, after in itertools.pairwise(out.splitlines())
            if line.startswith("setting")
        )
        for point in outcome()["points"]:
            runs = [outcome()["trials"][number]["run"] for number in point["trials"]]
            values = [status(run)["answer"]["baseline"]["value"] for run in runs]
            assert point["baseline"] == {"name": "majority", "value": statistics.fmean(values)}
        shown = f"{outcome()['points'][1]['baseline']['value']:.4f}  majority"
        assert best[head.index("baseline") :].startswith(shown)

    def test_the_table_has_mean_and_spread_best_first(self, out: str) -> None:
        lines = out.splitlines()
        at = next(i for i, line in enumerate(lines) if line.startswith("setting"))
        assert lines[at].split("  ")[0] == "setting"
        assert [
            word
            for word in ("mean val/accuracy", "std", "95 % over seeds", "seeds", "epoch")
            if word in lines[at]
        ] != []
        assert lines[at + 1].startswith("optimizer.lr=0.05")
        assert lines[at + 2].startswith("optimizer.lr=1e-06")
        assert "2 of 2" in lines[at + 1]

    def test_what_the_best_is_worth_beside_simpler_answers_is_told(self, out: str) -> None:
        best = next(one for one in outcome()["points"] if one["changed"]["optimizer.lr"] == 0.05)
        assert f"\nthe best {best['verdict']}\n" in out
        page = Path(out.splitlines()[-1].removeprefix("report: ")).read_text()
        assert f">{best['verdict']}</p>" in page

    def test_mean_spread_and_interval_are_those_of_the_runs(self, out: str) -> None:
        from scipy import stats

        found = outcome()
        for point in found["points"]:
            runs = [found["trials"][number]["run"] for number in point["trials"]]
            values = [status(run)["scores"]["val/accuracy"] for run in runs]
            assert point["value"] == statistics.fmean(values)
            assert point["std"] == statistics.stdev(values)
            error = statistics.stdev(values) / math.sqrt(2)
            if error:
                low, high = stats.t.interval(0.95, 1, loc=point["value"], scale=error)
                assert point["interval"][0] <= max(low, 0) + 1e-9  # wider where the rows make it so
                assert point["interval"][1] >= min(high, 1) - 1e-9
            assert point["interval_of"] == "seeds"

    def test_the_runs_are_ordinary_and_know_their_sweep(self, out: str) -> None:
        found = outcome()
        for trial in found["trials"]:
            known = status(trial["run"])
            assert (known["sweep"], known["trial"]) == (found["sweep"], trial["trial"])
            assert (known["state"], known["seed"]) == ("done", trial["seed"])
            assert set(known["scores"]) == {"val/accuracy", "val/loss"}
        assert not Path("runs/ledger.sqlite").exists()

    def test_the_best_command_trains_what_was_best(self, out: str) -> None:
        line = out.splitlines()[-2]
        told = "the best, evaluated on the test set once: "
        assert line == told + outcome()["best"]["command"]
        assert line == (
            f"{told}dlx train task=wine trainer.threads=1 trainer.epochs=2 optimizer.lr=0.05 "
            "final=true"
        )

    def test_a_trial_has_the_bits_of_the_same_run_alone(self, out: str, tmp_path: Path) -> None:
        trial = outcome()["trials"][3]
        swept = Path("runs").resolve() / trial["run"]
        arguments = [*trial["arguments"], f"run.root={tmp_path}"]
        assert main(["train", *arguments, "--quiet"]) == 0
        (alone,) = tmp_path.glob("wine/*-*")
        for name in ("metrics.jsonl", "losses.f32", "predictions.csv"):
            assert (alone / name).read_bytes() == (swept / name).read_bytes()
        assert weights(alone) == weights(swept)

    def test_the_same_command_again_runs_nothing(
        self, out: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        before = outcome()["trials"]
        assert main(["train", "-m", *self.ARGUMENTS]) == 0
        again = capsys.readouterr().out.splitlines()
        assert "4 of 4 trials are already done" in again
        assert again[-6:] == out.splitlines()[-6:]
        assert outcome()["trials"] == before

    def test_there_is_a_report_and_it_is_built_again(
        self, out: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        page = Path(out.splitlines()[-1].removeprefix("report: "))
        before = page.read_bytes()
        assert b"optimizer.lr" in before
        page.unlink()
        assert main(["report", outcome()["sweep"]]) == 0
        assert capsys.readouterr().out == f"report: {page}\n"
        assert page.read_bytes() == before


def weights(run: Path) -> dict[str, bytes]:
    return {f.name: f.read_bytes() for f in (run / "checkpoints/best").glob("*.safetensors")}


def test_a_sweep_that_was_killed_goes_on_to_the_same_bits(
    here: Path, cli: Cli, in_process: None
) -> None:
    arguments = ["task=wine", "trainer.threads=1", "trainer.epochs=12", "seeds=2"]
    arguments += ["optimizer.lr=0.01,0.001", "checkpoint.every_steps=7"]
    whole = json.loads(cli("train", "-m", *arguments, "run.root=whole", "--json").out)
    with Process(["train", "-m", *arguments]) as process:
        process.until("[1/4]")
        while len([*Path("runs/wine").glob("*/status.json")]) < 2:  # its worker begins no other
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)

    again = cli("train", "-m", *arguments)

    assert again.code == 0
    ran = [line for line in again.out.splitlines() if line.startswith("[")]
    done = re.findall(r"^(\d) of 4 trials are already done$", again.out, re.MULTILINE)
    assert len(ran) == 4 - int(done[0])
    assert int(done[0]) in (1, 2, 3)
    found = outcome()
    assert found["points"] == [
        {**p, "seconds": f["seconds"], "values": f["values"]}
        for p, f in zip(whole["points"], found["points"], strict=True)
    ]
    for mine, theirs in zip(found["trials"], whole["trials"], strict=True):
        curve, other = (
            Path(root) / run / "metrics.jsonl"
            for root, run in (("runs", mine["run"]), ("whole", theirs["run"]))
        )
        assert curve.read_bytes() == other.read_bytes()
    assert len(list(Path("runs/wine").iterdir())) == 4


def test_two_processes_do_not_run_one_sweep(here: Path, cli: Cli) -> None:
    from dlx.runs.lock import hold

    cli("train", "-m", *WINE, "seed=0", "--dry-run")
    name = cli("train", "-m", *WINE, "seed=0", "--dry-run").out.splitlines()[-1]
    folder = here / name.removeprefix("sweep: ")
    folder.mkdir(parents=True)
    with hold(folder, "sweep"):
        found = cli("train", "-m", *WINE, "seed=0")
    assert found.code == 2
    assert "another process is using this sweep: process" in found.err


def test_a_failure_is_told_at_once_and_the_others_go_on(cli: Cli, in_process: None) -> None:
    found = cli("train", "-m", *WINE, "dataset.sample=true", "optimizer.lr=1e+30,0.01")

    assert found.code == 1
    lines = found.out.splitlines()
    assert "[1/2] optimizer.lr=1e+30: failed: the training loss is not a number" in lines
    assert any(line.startswith("[2/2] optimizer.lr=0.01: val/accuracy") for line in lines)
    assert "1 of 2 trials failed; the same command runs only these again" in lines
    assert "  optimizer.lr=1e+30: the training loss is not a number" in lines
    assert SAMPLE in lines
    failed = outcome()["trials"][0]
    assert failed["reason"].startswith("the training loss is not a number")
    assert status(failed["run"])["state"] == "failed"
    assert "failed: the training loss" in (Path("runs") / failed["run"] / "log.txt").read_text()


def test_fail_fast_stops_at_the_first_failure(cli: Cli, in_process: None) -> None:
    found = cli("train", "-m", *WINE, "optimizer.lr=1e+30,0.01,0.02", "--fail-fast")
    assert found.code == 1
    assert "2 trials not run: the same command continues" in found.out
    assert outcome()["counts"] == {"done": 0, "pruned": 0, "failed": 1, "running": 0, "waiting": 2}


def test_what_was_deleted_is_trained_again(cli: Cli, in_process: None) -> None:
    cli("train", "-m", *WINE, "optimizer.lr=0.01,0.02")
    gone = outcome()["trials"][1]["run"]
    assert cli("runs", "rm", gone, "--yes", "--force").code == 0
    again = cli("train", "-m", *WINE, "optimizer.lr=0.01,0.02")
    assert "1 of 2 trials are already done" in again.out
    assert status(outcome()["trials"][1]["run"])["state"] == "done"


def test_seeds_are_no_settings(cli: Cli, in_process: None) -> None:
    found = cli("train", "-m", *WINE, "seed=1,2")
    assert "note: the best of several seeds is luck: seeds=N gives their mean" in found.out
    assert outcome()["best"] is None


def test_folds_of_each_setting_are_reported(cli: Cli, in_process: None) -> None:
    found = cli("train", "-m", *WINE, "protocol=kfold", "protocol.k=3", "optimizer.lr=0.01,0.05")
    assert found.code == 0
    assert "95 % over folds" in found.out
    assert [p["interval_of"] for p in outcome()["points"]] == ["folds", "folds"]


def test_scores_of_an_error_come_smallest_first(cli: Cli, in_process: None) -> None:
    arguments = ("task=diabetes", "dataset.sample=true", "trainer.threads=1", "trainer.epochs=3")
    lines = cli("train", "-m", *arguments, "optimizer.lr=1e-06,0.05").out.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("setting"))
    assert [line.split()[0] for line in lines[at + 1 : at + 3]] == [
        "optimizer.lr=0.05",
        "optimizer.lr=1e-06",
    ]


def test_jobs_run_side_by_side_and_share_the_cores_out(here: Path) -> None:
    arguments = ("task=wine", "trainer.epochs=2", "optimizer.lr=0.01,0.02", "jobs=2")
    with Process(["train", "-m", *arguments, "--json"]) as process:
        answer = json.loads(process.printed_all())
    assert answer["counts"]["done"] == 2
    threads = {
        json.loads((Path("runs") / t["run"] / "environment.json").read_text())["threads"]
        for t in answer["trials"]
    }
    assert threads == {answer["threads"]}
    assert f"trainer.threads={answer['threads']}" in answer["best"]["command"]


class TestNothingRuns:
    def test_a_dry_run_lists_all(self, cli: Cli, here: Path) -> None:
        found = cli("train", "-m", *WINE, "optimizer.lr=range(1,21)", "--dry-run")
        lines = found.out.splitlines()
        assert found.code == 0
        assert len([line for line in lines if "optimizer.lr=" in line]) == 20
        assert list(here.iterdir()) == []

    def test_zip_and_where(self, cli: Cli, here: Path) -> None:
        found = cli(
            "train",
            "-m",
            *WINE,
            "optimizer.lr=1,2",
            "trainer.batch_size=16,32",
            "model.l2=0,0.1",
            "zip(optimizer.lr,trainer.batch_size)",
            "where=optimizer.lr < 2 or model.l2 > 0",
            "--dry-run",
            "--json",
        )
        assert [point["shown"] for point in json.loads(found.out)] == [
            ["optimizer.lr=1", "trainer.batch_size=16", "model.l2=0"],
            ["optimizer.lr=1", "trainer.batch_size=16", "model.l2=0.1"],
            ["optimizer.lr=2", "trainer.batch_size=32", "model.l2=0.1"],
        ]

    @pytest.mark.parametrize(
        ("arguments", "code", "err"),
        [
            (
                ["trainer.epoch=1,2"],
                2,
                "error: unknown key `trainer.epoch`\n",
            ),
            (
                ["optimizer.lr=1,2", "where=optimizer.lr > 5"],
                2,
                "error: where excludes all of 2 settings\n",
            ),
            (
                ["seed=1,2", "seeds=3"],
                2,
                "error: `seed` has several values, and so has `seeds`\n",
            ),
            (["model=glob(zz*)"], 2, "error: an argument has no value: glob() matches"),
            (["sweep.name=../x"], 2, "error: `../x` is not a valid folder name\n"),
            (["jobs=0"], 2, "error: `jobs` is 0\n"),
            (["--retries", "some"], 2, "error: `--retries` is 'some' (text)\n"),
            (["seed=1,2", "test=true"], 4, "error: a sweep never uses the test set"),
            (
                ["protocol=train_test"],
                2,
                "error: protocol train_test has no validation set to compare",
            ),
            (["protocol=test_as_validation"], 4, "error: settings would be compared on the test"),
            (["--cfg", "job"], 2, "error: -m runs trials; --cfg and --info show one config\n"),
        ],
    )
    def test_mistakes(
        self, cli: Cli, here: Path, arguments: list[str], code: int, err: str
    ) -> None:
        found = cli("train", "-m", *WINE, *arguments)
        assert (found.code, found.out) == (code, "")
        assert found.err.startswith(err)
        assert list(here.iterdir()) == []


def test_ctrl_c_leaves_what_the_same_command_goes_on_with(here: Path) -> None:
    arguments = [
        "train",
        "-m",
        "task=wine",
        "trainer.threads=1",
        "trainer.epochs=100000",
        "seed=1,2",
    ]
    until = time.monotonic() + HANGS_S
    with Process(arguments) as process:
        while not list(here.glob("runs/wine/*/metrics.jsonl")) and time.monotonic() < until:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130
        told = process.told()
    assert "error: interrupted\n  try: the same command continues with what is not done yet" in told
    assert outcome()["state"] == "interrupted"
    assert outcome()["counts"]["waiting"] == 2
    (run,) = here.glob("runs/wine/*-*")
    assert json.loads((run / "status.json").read_text())["state"] == "interrupted"


@pytest.mark.parametrize(
    ("typed", "values"),
    [
        ("0.1,0.4,0.1", ["0.1", "0.2", "0.3"]),
        ("0.1,0.3,0.1", ["0.1", "0.2"]),
        ("0.3,0.1,-0.1", ["0.3", "0.2"]),
        ("0.001,0.003,0.001", ["0.001", "0.002"]),
    ],
)
def test_a_range_never_holds_its_end(cli: Cli, typed: str, values: list[str]) -> None:
    found = cli("train", "-m", *WINE, f"optimizer.lr=range({typed})", "--dry-run", "--json")
    shown = [point["shown"] for point in json.loads(found.out)]
    assert shown == [[f"optimizer.lr={value}"] for value in values]


def test_a_range_without_a_step_is_told(cli: Cli) -> None:
    found = cli("train", "-m", *WINE, "optimizer.lr=range(0.1,1,0)", "--dry-run")
    assert found.code == 2
    assert found.err == (
        "error: range() has step 0\n  where: command line: optimizer.lr=range(0.1,1,0)\n"
    )


def test_settings_that_are_the_same_are_counted_and_listed_once(cli: Cli) -> None:
    found = cli("train", "-m", *WINE, "optimizer.lr=0.1,0.1,0.2", "seeds=2", "--dry-run")
    assert found.out.splitlines()[:-1] == [
        "4 trials (2 settings, 2 seeds each); a sweep never uses the test set",
        "note: 1 setting left out: same config as another",
        "    0  optimizer.lr=0.1",
        "    1  optimizer.lr=0.2",
    ]


@pytest.mark.parametrize(
    ("typed", "key"), [("jobs=x", "jobs"), ("hydra.launcher.n_jobs=x", "hydra.launcher.n_jobs")]
)
def test_problems_name_the_word_that_was_typed(cli: Cli, typed: str, key: str) -> None:
    found = cli("train", "-m", *WINE, "optimizer.lr=0.1,0.2", typed, "--dry-run")
    assert found.code == 2
    assert found.err.startswith(f"error: `{key}` is 'x' (text)\n  where: command line: {typed}\n")


def test_settings_that_do_not_compare_are_sweeps_of_their_own(cli: Cli, in_process: None) -> None:
    found = cli("train", "-m", "task=wine,diabetes", *WINE[1:])
    assert (found.code, found.err) == (0, "")
    assert found.out.splitlines()[-1] == (
        "2 sweeps: their settings have different scores, data or protocols and cannot be compared, "
        "so each sweep has a best of its own"
    )
    files = sorted(Path("runs/sweeps").glob("*/sweep.json"))
    told = [json.loads(file.read_text()) for file in files]
    assert [one["score"] for one in told] == ["val/mae", "val/accuracy"]
    assert all(one["counts"]["done"] == 1 and one["best"] for one in told)
    again = json.loads(cli("train", "-m", "task=wine,diabetes", *WINE[1:], "--json").out)
    assert [one["task"] for one in again] == ["wine", "diabetes"]


def test_experiments_are_swept_over_and_known_by_their_names(
    cli: Cli, here: Path, in_process: None
) -> None:
    (here / "experiments").mkdir()
    for name, units in (("small", 4), ("large", 32)):
        file = here / "experiments" / f"{name}.yaml"
        file.write_text(f"title: {name}\ntask: wine\noverrides: ['model.units=[{units}]']\n")
    found = cli("train", "-m", "experiment=small,large", *WINE[1:])
    assert (found.code, found.err) == (0, "")
    assert "    0  experiment=small\n    1  experiment=large\n" in found.out
    assert outcome()["best"]["command"].startswith("dlx train task=wine 'model.units=[")
    assert cli("train", "experiment=large", *WINE[1:], "--quiet").code == 0
    for name, many in (("small", 1), ("large", 2)):
        listed = json.loads(cli("runs", f"experiment={name}", "--json").out)
        assert len(listed) == many


def test_the_table_tells_the_middle_half_of_the_seeds(capsys: pytest.CaptureFixture[str]) -> None:
    def show(many: int) -> str:
        values = [0.9, 0.1, 0.92, 0.94, 0.93][:many]
        rows = [
            {"trial": n, "point": 0, "state": "done", "value": v, "values": {}, "shown": []}
            for n, v in enumerate(values)
        ]
        told = {"points": [point_of(0, {}, rows)], "trials": rows, "seeds": many, "notes": []}
        told |= {"score": "val/accuracy", "direction": "max", "sample": False, "best": None}
        show_outcome(told, Path())
        return capsys.readouterr().out

    show_best({"command": "dlx train"}, "episode")
    assert capsys.readouterr().out == "the best, tested by fresh episodes: dlx train\n"
    head, row = show(5).splitlines()[1:3]
    assert "interquartile mean, 95 %" in head
    assert re.search(r"  0\.9167 \(0\.\d{4} to 0\.\d{4}\)  ", row)
    assert "interquartile" not in show(3)
