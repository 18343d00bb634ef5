from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_up import judged, put, scores

Cli = Callable[..., Any]


COLUMNS = (
    "run, task, title, verb, state, started, seconds, seed, sample, sweep, experiment, best_epoch, "
    "config_digest, answer.baseline"
)


@pytest.fixture
def some(here: Path) -> None:
    put(1, **scores(0.8, 0.5))
    put(2, **scores(0.9, 0.7))
    put(3, "failed", reason="the training loss is not a number")
    put(4, task="wine", sample=True, **scores(0.85, 0.2))
    put(5, "interrupted", "wine")


def test_many_scores_make_room_for_the_one_that_answers(some: None, cli: Cli) -> None:
    """Only five had a column, so a baseline stood beside no score."""
    for index in range(6):
        name, baseline = f"test/s{index}", {"name": "mean", "value": 0.5}
        answer = {"score": name, "value": index, "baseline": baseline}
        put(10 + index, scores={name: index}, answer=answer)

    lines = [line.split() for line in cli("runs", "state=done").out.splitlines()]
    assert lines[0] == ["run", "state", "score", "baseline", "seconds", "changed"]
    assert [line[2:6] for line in lines[-6:]] == [
        [f"{index}.000", f"test/s{index}", "0.5000", "mean"] for index in range(6)
    ]
    lines = [line.split() for line in cli("runs", "--sort", "val/loss").out.splitlines()]
    assert lines[0][:5] == ["run", "state", "val/loss", "score", "baseline"]


def order(found: Any) -> list[int]:
    """The numbers of the runs that were listed as JSON."""
    return [int(status["run"].split("-")[-1]) - 1 for status in json.loads(found.out)]


def test_runs_are_listed_oldest_first(some: None, cli: Cli) -> None:
    found = cli("runs")

    lines = found.out.splitlines()
    assert (found.code, found.err) == (0, "")
    assert lines[0].split() == [
        *("run", "state", "val/accuracy", "val/loss", "baseline", "seconds", "changed")
    ]
    assert lines[1].split() == [
        "digits/20260101-120000-00000001-2",
        "done",
        "0.8000",
        "0.5000",
        "-",
        "2.000",
        "optimizer.lr=0.1",
    ]
    assert [line.split()[0].split("/")[0] for line in lines[1:]] == ["digits"] * 3 + ["wine"] * 2
    assert "wine/20260101-120000-00000004-5 (sample)" in lines[4]
    assert lines[3].split()[1:4] == ["failed", "-", "-"]
    assert "\x1b" not in found.out


def test_the_baseline_stands_beside_the_scores(here: Path, cli: Cli) -> None:
    """That of the answering score; a run that was trained before there was one has a dash."""
    told = judged(0.8)
    told["answer"]["baseline"] = {"name": "majority", "value": 0.4}
    put(1, **told)
    put(2, **judged(0.7))

    head, *lines = cli("runs").out.splitlines()
    at = head.index("baseline")
    assert [line[at:].split("   ")[0].rstrip() for line in lines] == ["0.4000  majority", "-"]
    columns = cli("runs", "--columns", "answer.baseline").out.splitlines()
    assert [line.split()[-1] for line in columns] == ["answer.baseline", "0.4000", "-"]
    rows = csv.DictReader(io.StringIO(cli("runs", "--csv").out))
    assert [row["answer.baseline"] for row in rows] == ["0.4", ""]


def test_no_runs_say_how_to_make_one(cli: Cli) -> None:
    assert cli("runs").out == "no runs in runs: dlx train task=digits makes one\n"
    assert json.loads(cli("runs", "--json").out) == []
    assert cli("runs", "--sort", "val/accuracy").code == 0


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], [1, 2, 3, 4, 5]),
        (["--sort", "val/accuracy"], [2, 4, 1, 3, 5]),
        (["--sort", "val/loss"], [4, 1, 2, 3, 5]),
        (["--sort", "seconds"], [1, 2, 3, 4, 5]),
        (["--task", "wine"], [4, 5]),
        (["--state", "failed"], [3]),
        (["--state", "done", "--task", "digits", "--sort", "val/accuracy"], [2, 1]),
        (["--limit", "2"], [4, 5]),
        (["--sort", "val/accuracy", "--limit", "1"], [2]),
        (["--root", "elsewhere"], []),
        (["task=wine"], [4, 5]),
        (["state=failed,interrupted"], [3, 5]),
        (["optimizer.lr=0.1,3e-1"], [1, 3]),
        (["task=digits", "optimizer.lr=0.2", "--state", "done"], [2]),
        (["sample=true"], [4]),
        (["seed=0", "val/accuracy=0.9"], [2]),
        (["sweep=rates"], []),
        (["state=pruned"], []),
        (["older=1h"], [1, 2, 3, 4, 5]),
        (["older=9000w"], []),
        (["--reverse"], [5, 4, 3, 2, 1]),
        (["--reverse", "--limit", "2"], [5, 4]),
        (["--sort", "val/accuracy", "--reverse"], [1, 4, 2, 3, 5]),
        (["--sort", "optimizer.lr", "--reverse", "--limit", "1"], [5]),
        (["--sort", "task"], [1, 2, 3, 4, 5]),
        (["--sort", "task", "--reverse"], [4, 5, 1, 2, 3]),
    ],
)
def test_runs_are_filtered_and_sorted(
    some: None, cli: Cli, arguments: list[str], expected: list[int]
) -> None:
    assert order(cli("runs", "--json", *arguments)) == expected


def test_a_list_in_brackets_is_one_value(here: Path, cli: Cli) -> None:
    put(1, overrides=["task=digits", "model.units=[16,16]"])
    put(2, overrides=["task=digits", "+model.units=[32]"])
    put(3, overrides=["task=digits", "model.units=[[1],[2]]"])

    assert order(cli("runs", "--json", "model.units=[16,16],[32]")) == [1, 2]
    assert order(cli("runs", "--json", "model.units=[16, 16]")) == [1]
    assert order(cli("runs", "--json", "model.units=[[1],[2]]")) == [3]


def test_runs_of_a_sweep(here: Path, cli: Cli) -> None:
    put(1, sweep="rates")
    put(2, "pruned", sweep="rates")
    put(3)

    assert order(cli("runs", "--json", "sweep=rates")) == [1, 2]
    assert order(cli("runs", "--json", "sweep=rates", "state=pruned")) == [2]
    assert "sweep" not in cli("runs").out
    assert [line.split()[-1] for line in cli("runs", "--columns", "sweep").out.splitlines()] == [
        "sweep",
        "rates",
        "rates",
        "-",
    ]


REFUSED = [
    (
        ["optimiser.lr=0.1"],
        "error: no run has `optimiser.lr`\n"
        "  where: command line: optimiser.lr=0.1\n"
        f"  accepted: {COLUMNS}, val/accuracy, val/loss, optimizer.lr\n"
        "  try: optimizer.lr=...\n",
    ),
    (
        ["1704"],
        "error: `1704` is not a filter\n"
        "  where: command line\n"
        "  accepted: key=value, for example task=digits\n",
    ),
    (
        ["state=dnoe"],
        "error: there is no state `dnoe`\n"
        "  where: command line: state=\n"
        "  accepted: damaged, done, failed, interrupted, killed, paused, pruned, refused, running, "
        "unstarted\n"
        "  try: state=done\n",
    ),
    (
        ["older=30"],
        "error: `30` is not an age\n"
        "  where: command line: older=\n"
        "  accepted: a number with min, h, d or w, for example older=30d\n",
    ),
    (
        ["--columns", "task,val/acc"],
        "error: no run has `val/acc`\n"
        "  where: --columns\n"
        f"  accepted: {COLUMNS}, val/accuracy, val/loss, optimizer.lr\n"
        "  try: --columns val/accuracy\n",
    ),
    (
        ["--yes"],
        "error: --yes goes with `dlx runs rm`\n  where: command line\n  try: dlx runs rm RUN\n",
    ),
]


@pytest.mark.parametrize(("arguments", "told"), REFUSED, ids=lambda x: str(x)[:20])
def test_what_no_run_can_be_is_refused(
    some: None, cli: Cli, arguments: list[str], told: str
) -> None:
    found = cli("runs", *arguments)

    assert (found.code, found.out, found.err) == (2, "", told)


@pytest.mark.parametrize("word", ["task=", "=x", "="])
def test_half_a_filter_is_none(some: None, cli: Cli, word: str) -> None:
    assert f"error: `{word}` is not a filter\n" in cli("runs", word).err


def test_columns_that_are_asked_for(some: None, cli: Cli) -> None:
    columns = ("--columns", "task,optimizer.lr,val/loss,seed")
    table = [line.split() for line in cli("runs", *columns, "--limit", "2").out.splitlines()]
    rows = list(csv.reader(io.StringIO(cli("runs", *columns, "--csv").out)))
    found = json.loads(cli("runs", *columns, "--json").out)

    titles = ["run", "task", "optimizer.lr", "val/loss", "seed"]
    assert table[0] == rows[0] == list(found[0]) == titles
    assert table[1][1:] == ["(sample)", "wine", "0.4", "0.2000", "0"]
    assert table[2][1:] == ["wine", "0.5", "-", "0"]
    assert rows[1][1:] == ["digits", "0.1", "0.5", "0"]
    assert rows[5][1:] == ["wine", "0.5", "", "0"]
    assert list(found[4].values())[1:] == ["wine", "0.5", None, 0]


@pytest.mark.parametrize("limit", ["0", "-1", "two"])
def test_a_limit_is_a_whole_number_from_one(cli: Cli, limit: str) -> None:
    found = cli("runs", f"--limit={limit}")

    assert found.code == 2
    assert "--limit" in found.err


def test_a_filter_that_leaves_nothing_says_what_there_is(cli: Cli) -> None:
    put(1)

    assert "none of the 1 runs in runs matches; their tasks: " in cli("runs", "--task=x").out


def test_a_score_that_is_no_number_comes_last(here: Path, cli: Cli) -> None:
    put(1, **scores(None, 0.5))
    put(2, **scores(0.1, 0.7))

    assert order(cli("runs", "--json", "--sort", "val/accuracy")) == [2, 1]


def test_errors_are_best_when_smallest(here: Path, cli: Cli) -> None:
    for name in ("mae", "mse", "rmse", "loss", "age/mae"):
        put(1, task=name.replace("/", "_"), scores={f"val/{name}": 2.0})
        put(2, task=name.replace("/", "_"), scores={f"val/{name}": 1.0})
        arguments = ("--json", "--sort", f"val/{name}", "--task", name.replace("/", "_"))
        assert order(cli("runs", *arguments)) == [2, 1], name


@pytest.mark.parametrize(
    ("told", "smallest_first"),
    [
        ({"directions": {"val/loss": "max", "val/distance": "min"}}, (False, True)),
        ({"answer": {"score": "test/distance", "direction": "min"}}, (True, True)),  # earlier ones
        ({}, (True, False)),
    ],
)
def test_runs_say_which_end_of_a_score_is_the_best(
    here: Path, cli: Cli, told: dict[str, Any], smallest_first: tuple[bool, bool]
) -> None:
    """A name tells nothing of a run that says it: here a loss may be best when largest."""
    for number, value in ((1, 2.0), (2, 1.0)):
        put(number, scores={"val/loss": value, "val/distance": value}, **told)
    for name, smallest in zip(("val/loss", "val/distance"), smallest_first, strict=True):
        expected = [2, 1] if smallest else [1, 2]
        assert order(cli("runs", "--json", "--sort", name)) == expected


def test_an_unknown_score_is_refused(some: None, cli: Cli) -> None:
    found = cli("runs", "--sort", "val/acuracy")

    assert (found.code, found.out) == (2, "")
    assert found.err == (
        "error: no run has `val/acuracy`\n"
        "  where: --sort\n"
        f"  accepted: {COLUMNS}, val/accuracy, val/loss, optimizer.lr\n"
        "  try: --sort val/accuracy\n"
    )


def test_csv_is_for_spreadsheets(some: None, cli: Cli) -> None:
    put(6, task="-x", overrides=["=1+1"], **scores(0.25))

    rows = list(csv.DictReader(io.StringIO(cli("runs", "--csv").out)))

    assert len(rows) == 6
    (odd,) = (row for row in rows if row["overrides"] == "'=1+1")
    assert odd["task"] == "'-x"
    assert odd["run"].startswith("'-x/")
    assert rows[0]["val/accuracy"] == "0.8"
    assert rows[0]["seconds"] == "2.0"
    assert {row["sample"] for row in rows} == {"True", "False"}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff"])
def test_a_damaged_status_is_told_with_what_can_be_done(
    some: None, cli: Cli, content: bytes
) -> None:
    name = "digits/20260101-120000-00000002-3"
    (Path("runs") / name / "status.json").write_bytes(content)

    assert order(cli("runs", "--json")) == [1, 2, 3, 4, 5]
    assert json.loads(cli("runs", "state=damaged", "--json").out) == [
        {
            "run": name,
            "task": "digits",
            "state": "damaged",
            "reason": "status.json cannot be read",
            "hint": f"dlx runs rm {name} deletes it",
        }
    ]
    assert cli("runs").out.endswith(
        f"{name}: status.json cannot be read; dlx runs rm {name} deletes it\n"
    )
    assert "deleted 1 run" in cli("runs", "rm", name, "--yes").out
    assert order(cli("runs", "--json")) == [1, 3, 4, 5]


@pytest.mark.parametrize(
    ("names", "state"),
    [
        ((), "unstarted"),
        (("lock", "log.txt", ".config.yaml.999999.tmp"), "unstarted"),
        (("lock", "log.txt", "config.yaml", "report.json"), "damaged"),
        (("holiday.jpg",), None),
    ],
)
def test_a_folder_without_a_status_is_told_if_a_run_can_have_left_it(
    here: Path, cli: Cli, names: tuple[str, ...], state: str | None
) -> None:
    folder = Path("runs/digits/20260101-120000-00000002-3")
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).touch()

    found = json.loads(cli("runs", "--json").out)

    assert [status["state"] for status in found] == ([state] if state else [])
    assert cli("runs", "rm", folder.name, "--yes").code == (0 if state else 2)
    assert folder.exists() is (state is None)


def test_a_status_of_odd_values_is_listed(here: Path, cli: Cli) -> None:
    put(1, scores="none", answer=7, overrides=[1, None], seconds="long")
    put(2, scores={"val/accuracy": [1]}, answer={"score": 3}, overrides=8, state=9, run=None)

    for more in ([], ["--sort", "seconds"], ["--csv"], ["--columns", "state,seconds,run"]):
        assert cli("runs", *more).code == 0
    found = cli("runs")

    assert found.code == 0
    assert "done" in found.out


def test_listing_imports_neither_torch_nor_hydra(some: None) -> None:
    code = (
        "import sys; from dlx.cli.main import main; code = main(['runs', '--json'])\n"
        "heavy = {'torch', 'hydra', 'numpy', 'sklearn'} & set(sys.modules)\n"
        "sys.exit(f'{code} {heavy}' if code or heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Makes a terminal of standard output, so many columns wide."""

    def of(columns: int) -> None:
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
        monkeypatch.setenv("COLUMNS", str(columns))

    return of


def test_a_terminal_has_a_head_and_colours(
    some: None, cli: Cli, terminal: Callable[[int], None]
) -> None:
    terminal(120)

    lines = cli("runs").out.splitlines()

    assert lines[0].startswith("\x1b[1mrun ")
    assert lines[0].endswith("changed\x1b[0m")
    assert set(lines[1].removeprefix("\x1b[2m").removesuffix("\x1b[0m")) == {"─"}
    assert "\x1b[31mfailed\x1b[0m" in lines[4]
    assert len(lines) == 7


def test_no_colour_where_none_is_wanted(
    some: None, cli: Cli, terminal: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal(120)
    monkeypatch.setenv("NO_COLOR", "1")

    assert "\x1b" not in cli("runs").out


@pytest.mark.parametrize("columns", [60, 80, 110])
def test_what_was_changed_is_broken_into_lines(
    here: Path,
    cli: Cli,
    terminal: Callable[[int], None],
    columns: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    typed = [f"trainer.key_{number}=value" for number in range(6)]
    put(1, overrides=["task=digits", *typed], **scores(0.8, 0.5))
    terminal(columns)

    monkeypatch.setenv("NO_COLOR", "1")
    lines = cli("runs").out.splitlines()

    assert [word for line in lines for word in line.split() if word in typed] == typed
    assert all(len(line) <= columns for line in lines)


def test_a_status_moves_no_cursor(here: Path, cli: Cli) -> None:
    put(1, overrides=["task=digits", "seed=\x1b[2J"], sweep="\x1b[31m")

    assert "\x1b" not in cli("runs").out
    assert "\x1b" not in cli("runs", "--columns", "sweep").out


def test_real_runs_are_sorted_best_first(cli: Cli) -> None:
    for rate in ("1e-6", "0.05", "0.002"):
        overrides = ("task=wine", "dataset.sample=true", "trainer.threads=1", "trainer.epochs=2")
        assert cli("train", *overrides, f"optimizer.lr={rate}", "--quiet").code == 0

    table = cli("runs", "--sort", "val/accuracy").out.splitlines()
    listed = json.loads(cli("runs", "--sort", "val/accuracy", "--json").out)

    values = [status["scores"]["val/accuracy"] for status in listed]
    assert values == sorted(values, reverse=True)
    assert values[0] > values[-1]
    assert [line.split()[0] for line in table[1:]] == [status["run"] for status in listed]
