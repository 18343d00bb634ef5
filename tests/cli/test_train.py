from __future__ import annotations

import json
import os
import re
import select
import signal
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from forks import HANGS_S, Process

Cli = Callable[..., Any]
WINE = ("task=wine", "dataset.sample=true", "trainer.threads=1", "trainer.epochs=2")
REAL = ("task=wine", "trainer.threads=1", "trainer.epochs=2")
STAMP = "SAMPLE DATA: synthetic, for smoke tests only; not a result"


def runs() -> list[Path]:
    return sorted(Path("runs").glob("*/*-*"))


def test_training_prints_plain_lines(cli: Cli) -> None:
    found = cli("train", *REAL)

    (run,) = runs()
    assert (found.code, found.err) == (0, "")
    lines = found.out.splitlines()
    score = r"\d\.\d+"
    assert [re.sub(score, "N", line) for line in lines[:5]] == [
        "reading and preparing wine",
        "wine: 114 training, 28 validation, 36 test rows; mlp with 275 parameters; cpu, 1 thread",
        "epoch 1/2  train/loss N  train/accuracy N  val/loss N  val/accuracy N",
        "epoch 2/2  train/loss N  train/accuracy N  val/loss N  val/accuracy N",
        "weights: best (epoch 2)",
    ]
    assert lines[6].split() == ["score", "value", "95", "%", "interval", "baseline"]
    assert [line.split()[0] for line in lines[7:11]] == [
        "val/accuracy",
        "val/loss",
        "test/accuracy",
        "test/loss",
    ]
    assert lines[-2:] == [
        "the test set has been evaluated once (ledger in runs)",
        f"report: runs/wine/{run.name}/report.html",
    ]
    assert "\x1b" not in found.out
    assert (run / "report.html").is_file()


def test_the_table_shows_the_numbers_of_the_run(cli: Cli) -> None:
    found = cli("train", *REAL)

    (run,) = runs()
    answer = json.loads((run / "status.json").read_text())["answer"]
    (line,) = (line for line in found.out.splitlines() if line.startswith("test/accuracy"))
    value, low, _, high, baseline, name = line.split()[1:]
    assert float(value) == pytest.approx(answer["value"], rel=1e-3)
    assert [float(low), float(high)] == pytest.approx(answer["interval"], rel=1e-3)
    assert float(baseline) == pytest.approx(answer["baseline"]["value"], rel=1e-3)
    assert name == "majority"


def test_where_a_linear_model_does_better_the_first_line_says_to_use_it(cli: Cli) -> None:
    found = cli("train", *REAL, "baseline=classical", "--quiet")

    (run,) = runs()
    report = json.loads((run / "report.json").read_text())
    said = "beats the trivial baseline; logistic regression is better"
    assert found.out.strip().startswith("use logistic regression: it is simpler and better\n")
    assert f"\n{said}: test/accuracy is " in found.out
    assert (report["answer"]["beats"], report["power"]["verdict"]) == (False, said)
    assert f'"verdict bad">{said}<' in (run / "report.html").read_text()
    best = cli("best", "task=wine")
    assert "\nlogistic regression is simpler and better\n" in best.out


def test_the_count_of_looks_is_told(cli: Cli) -> None:
    cli("train", *REAL)

    assert "the test set has been evaluated 2 times (ledger in runs)" in cli("train", *REAL).out


def test_made_up_data_are_stamped_everywhere(cli: Cli, in_process: None) -> None:
    told = cli("train", *WINE).out
    as_json = json.loads(cli("train", *WINE, "--json").out)
    sweep = cli("train", "-m", *WINE, "seed=1,2", "--quiet").out
    in_sweep = json.loads(cli("train", "-m", *WINE, "seed=1,2", "--json").out)

    assert STAMP in told
    assert "looked at" not in told
    assert "wine (sample data, not a result):" in told
    assert as_json["sample"] is True
    assert STAMP in sweep
    assert all(row["sample"] for row in in_sweep["trials"])


def test_json_is_the_answer_and_nothing_else(cli: Cli) -> None:
    found = cli("train", *REAL, "--json")

    answer = json.loads(found.out)
    (run,) = runs()
    assert (found.code, found.err) == (0, "")
    keys = {"run", "folder", "sample", "answer", "power", "scores", "report"}
    assert set(answer) == keys
    assert answer["run"] == f"wine/{run.name}"
    assert answer["folder"] == str(run)
    assert answer["report"] == str(run / "report.html")
    assert answer["sample"] is False
    assert list(answer["scores"]) == ["val/accuracy", "val/loss", "test/accuracy", "test/loss"]
    assert answer["answer"]["value"] == answer["scores"]["test/accuracy"]


def test_quiet_prints_the_answer_alone(cli: Cli) -> None:
    lines = cli("train", *REAL, "--quiet").out.splitlines()

    assert not any(line.startswith(("epoch", "reading", "wine:")) for line in lines)
    assert any(line.startswith("test/accuracy") for line in lines)


def test_a_note_is_told(cli: Cli) -> None:
    found = cli("train", "task=breast_cancer", *WINE[1:], "loss=mse", "metrics={accuracy: {}}")

    assert found.out.startswith("note: targets.diagnosis: mse works, but learns more slowly")


def test_without_a_task_the_tasks_are_listed(cli: Cli) -> None:
    found = cli("train")

    assert found.code == 2
    assert "dlx train task=NAME" in found.out
    assert not Path("runs").exists()


def test_a_config_error_exits_2_and_leaves_nothing(cli: Cli) -> None:
    found = cli("train", "task=wine", "trainer.epoch=4", "optimiser.lr=0.1")

    assert (found.code, found.out) == (2, "")
    assert found.err.startswith("2 problems\n")
    assert "trainer.epochs=4" in found.err
    assert "optimizer.lr=0.1" in found.err
    assert not Path("runs").exists()


def test_a_target_that_contradicts_the_data_exits_2(cli: Cli) -> None:
    found = cli("train", *WINE, "targets.cultivar.problem=binary")

    assert found.code == 2
    assert "`targets.cultivar.problem` is binary, but the data are multiclass" in found.err
    assert "targets.cultivar.problem=multiclass" in found.err
    assert not Path("runs").exists()


def test_a_failed_run_exits_1_without_a_traceback(cli: Cli) -> None:
    found = cli("train", *WINE, "optimizer.lr=1e30")

    assert found.code == 1
    assert found.err == (
        "error: the training loss is not a number\n"
        "  where: epoch 1, step 2\n"
        "  try: likely causes: the learning rate is too high (it is 1e+30: try "
        "optimizer.lr=0.01); gradients explode (try trainer.clip_norm=1); the inputs are not "
        "scaled (see prepare.steps)\n"
    )
    assert "Traceback" not in found.out
    (run,) = runs()
    assert json.loads((run / "status.json").read_text())["state"] == "failed"


def test_missing_data_exit_2_and_say_what_to_do(cli: Cli) -> None:
    found = cli("train", "task=mnist")

    assert found.code == 2
    assert found.err.startswith("error: dataset mnist: 4 of its 4 files are missing\n")
    assert "dlx data fetch mnist" in found.err
    assert "dataset.sample=true" in found.err
    assert not Path("runs").exists()


def test_a_file_in_place_of_the_runs_exits_2(cli: Cli) -> None:
    Path("runs").write_text("mine")

    found = cli("train", *WINE)

    assert found.code == 2
    assert found.err.splitlines()[0] == (
        "error: no run folder can be made below runs: it is not a folder"
    )
    assert Path("runs").read_text() == "mine"
    assert [p.name for p in Path().iterdir()] == ["runs"]


def test_read_only_runs_exit_2(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)

    found = cli("train", *WINE)

    assert found.code == 2
    assert "it is read-only" in found.err
    assert list(Path().iterdir()) == []


def test_cfg_prints_and_trains_nothing(cli: Cli) -> None:
    found = cli("train", *WINE, "--cfg", "job", "--package", "trainer")

    assert found.code == 0
    assert "epochs: 2" in found.out
    assert not Path("runs").exists()


@pytest.mark.parametrize("flag", ["--package=trainer", "--resolve"])
def test_flags_that_go_with_cfg_need_it(cli: Cli, flag: str) -> None:
    found = cli("train", *WINE, flag)

    assert found.code == 2
    assert found.err.startswith("error: --package and --resolve go with --cfg job\n")


def test_info_says_where_configs_come_from(cli: Cli) -> None:
    found = cli("train", *WINE, "--info")

    assert found.code == 0
    assert "search path (the first match wins):" in found.out
    assert "layers (the last one wins):" in found.out
    assert not Path("runs").exists()


def on_a_terminal(
    arguments: list[str], interrupt_at: bytes = b"", **environment: str
) -> tuple[int, str]:
    """What dlx does on a terminal of 80 columns: its exit code, and all that it sent there."""
    termios = pytest.importorskip("termios", reason="there are no terminals to open here")
    import fcntl

    handle, its = os.openpty()
    fcntl.ioctl(handle, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = {"TERM": "xterm-256color", **environment}
    sent, has_ended, until = b"", False, time.monotonic() + HANGS_S
    with Process(arguments, terminal=os.ttyname(its), environ=environment) as process:
        while not has_ended:
            has_ended = process.has_ended() or time.monotonic() > until
            while select.select([handle], [], [], 0.02)[0]:
                sent += os.read(handle, 65_536)
            if interrupt_at and interrupt_at in sent:
                process.send_signal(signal.SIGINT)
                interrupt_at = b""
        for one in (handle, its):
            os.close(one)
        assert process.has_ended(), sent
        return process.wait(), sent.decode()


LONG = ["train", "task=digits", "trainer.threads=1", "trainer.epochs=30"]


def plain(text: str) -> list[str]:
    """The lines, and what was drawn over, without colours and movements."""
    return re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text))


def test_on_a_terminal_there_is_a_bar(here: Path) -> None:
    code, sent = on_a_terminal(LONG)

    assert code == 0
    drawn = [line for line in plain(sent) if re.search(r"epoch \d+/30 batch \d+/18", line)]
    assert len(drawn) >= 3
    assert all(len(line) <= 80 for line in drawn)
    late = drawn[-1]
    assert "━" in late
    assert re.search(r"\d+:\d\d loss \d\.\d+", late)
    assert re.search(r"val/accuracy 0\.\d+", late)
    assert "\x1b[?25l" in sent  # the cursor hides, and comes back
    assert sent.rindex("\x1b[?25h") > sent.rindex("\x1b[?25l")
    assert "\x1b[3" in sent or "\x1b[9" in sent
    assert any(line.startswith("report: runs/digits/") for line in plain(sent))


def test_the_bar_is_taken_down_when_training_fails(here: Path) -> None:
    code, sent = on_a_terminal([*LONG, "optimizer.lr=1e30"])

    assert code == 1
    assert sent.rindex("\x1b[?25h") > sent.rindex("\x1b[?25l")
    lines = plain(sent)
    at = next(i for i, line in enumerate(lines) if line.startswith("error:"))
    assert lines[at] == "error: the training loss is not a number"
    assert lines[at + 1] == "  where: epoch 1, step 2"
    assert not any("batch" in line for line in lines[at:])


def test_the_bar_is_taken_down_on_ctrl_c_and_no_color_is_honoured(here: Path) -> None:
    command = [*LONG, "trainer.epochs=100000"]

    code, sent = on_a_terminal(command, interrupt_at=b"/100000 batch", NO_COLOR="1")

    assert code == 130
    assert sent.rindex("\x1b[?25h") > sent.rindex("\x1b[?25l")
    assert any(line.startswith("error: interrupted after epoch") for line in plain(sent))
    assert not re.search(r"\x1b\[[0-9;]*m", sent)


def test_where_no_row_is_held_out_no_test_set_is_spoken_of(cli: Cli) -> None:
    rows = ("task=wine_clusters", "dataset.sample=true", "learner.choose=null", "~protocol")
    found = cli("train", *rows, "learner.method={name: hdbscan, smallest: 5}", "trainer.threads=1")

    assert (found.code, found.err) == (0, "")
    lines = found.out.splitlines()
    opening = next(line for line in lines if line.startswith("wine_clusters "))
    assert ": 90 training rows, no test set; clusters with 0 parameters; cpu, 1 thread" in opening
    assert "epoch 1/1" in lines
