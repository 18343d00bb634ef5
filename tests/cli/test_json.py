"""With --json every answer and every error of every command is one JSON document."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from dlx.cli.console import say_json
from dlx.cli.main import VERBS
from dlx.runs.seal import seal_again

Cli = Callable[..., Any]
SMALL = ("task=wine", "dataset.sample=true", "trainer.threads=1", "trainer.epochs=1")
SEARCH = ("tune.sampler=random", "tune.trials=1", "search={optimizer.lr: {choice: [0.1]}}")

SUCCESS: list[tuple[str, ...]] = [
    ("tasks",),
    ("tasks", "supervised", "--long"),
    ("help", "branches"),
    ("train", *SMALL),
    ("train", *SMALL, "--cfg", "job"),
    ("train", *SMALL, "--cfg", "job", "--package", "optimizer.lr"),
    ("train", *SMALL, "--info"),
    ("train", "-m", *SMALL, "optimizer.lr=0.1,0.2", "--dry-run"),
    ("train", "-m", *SMALL, "optimizer.lr=0.1"),
    ("tune", *SMALL, *SEARCH, "--dry-run"),
    ("tune", *SMALL, *SEARCH),
    ("workflow", *SMALL, "workflow.until=2"),
    ("resume", "last"),
    ("reproduce", "last"),
    ("lock", "last"),
    ("test", "last"),
    ("explain", "last"),
    ("experiments",),
    ("experiments", "ch3"),
    ("runs",),
    ("runs", "--columns", "val/accuracy"),
    ("runs", "state=failed"),
    ("runs", "rm", "last", "--yes"),
    ("compare", "{first}", "{second}"),
    ("diff", "{first}", "{second}"),
    ("ensemble", "{first}", "--with", "linear"),
    ("report", "last"),
    ("lr-find", *SMALL),
    ("summary", *SMALL),
    ("config", *SMALL),
    ("config", *SMALL, "--why", "optimizer.lr"),
    ("schema",),
    ("help",),
    ("help", "optimizer.lr"),
    ("help", "optimizer"),
    ("help", "layers"),
    ("data", "list"),
    ("data", "path", "wine"),
    ("data", "fetch", "wine"),
    ("data", "verify", "wine"),
    ("init", "{table}", "--target", "bought"),
    ("data", "describe", "{table}"),
    ("completion", "bash"),
]
ERROR: list[tuple[int, tuple[str, ...]]] = [
    (2, ("tasks", "--config-dir", "/nowhere")),
    (2, ("tasks", "nonsense")),
    (2, ("train",)),
    (2, ("train", "task=digits", "trainer.epoch=1", "seed=x")),
    (2, ("train", "task=digits", "--epochs", "1")),
    (2, ("train", "-m", "task=digits", "seeds=0")),
    (4, ("train", "task=beijing_pm25", "protocol=holdout")),
    (2, ("tune",)),
    (2, ("tune", "task=digits", "tune.trials=0")),
    (2, ("workflow",)),
    (2, ("workflow", "task=nothing")),
    (2, ("resume", "nothing")),
    (2, ("reproduce", "nothing")),
    (2, ("reproduce", "last", "--seeds", "1")),
    (2, ("lock", "nothing")),
    (2, ("test", "nothing")),
    (2, ("explain", "last", "--method", "gradcan")),
    (2, ("predict", "last", "nowhere.csv", "--out", "p.csv")),
    (2, ("predict", "last", "-")),
    (2, ("experiments", "nothing")),
    (2, ("runs", "state=nothing")),
    (2, ("runs", "rm", "last")),
    (2, ("best", "task=nothing")),
    (2, ("best", "--by", "val/nothing")),
    (4, ("best", "--by", "test/accuracy")),
    (2, ("compare", "last")),
    (2, ("diff", "last", "nothing")),
    (2, ("ensemble", "last")),
    (2, ("export", "nothing")),
    (2, ("serve", "nothing")),
    (2, ("generate", "nothing")),
    (2, ("report", "nothing")),
    (2, ("lr-find", "task=digits_gan")),
    (2, ("summary", "task=nothing")),
    (2, ("config", "task=digits", "--why", "nothing.x")),
    (2, ("schema", "--plugins", "nothing_here")),
    (2, ("help", "nothing.x")),
    (2, ("data", "path", "nothing")),
    (2, ("data",)),
    (2, ("data", "describe", "nowhere.csv")),
    (2, ("init", "nowhere.csv")),
    (2, ("doctor", "x")),
    (2, ("completion", "nothing")),
    (2, ("nothing",)),
]


def strictly(text: str) -> Any:
    """One document, without NaN and Infinity, which are no JSON."""

    def refuse(word: str) -> NoReturn:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.fixture
def runs(trained: Path, here: Path) -> list[str]:
    """The two runs, in a folder of the test's own."""
    shutil.copytree(trained / "runs", here / "runs")
    return sorted(str(folder) for folder in (here / "runs" / "wine").iterdir())


@pytest.mark.parametrize("arguments", SUCCESS, ids=" ".join)
def test_an_answer(runs: list[str], cli: Cli, in_process: None, arguments: tuple[str, ...]) -> None:
    places = {"{first}": runs[0], "{second}": runs[1], "{table}": "shop.csv"}
    rows = (f"{20 + row * 7 % 40},{'yes' if row % 3 else 'no'}\n" for row in range(40))
    Path("shop.csv").write_text("age,bought\n" + "".join(rows))
    answer = cli(*(places.get(word, word) for word in arguments), "--json")
    assert answer.code == 0, answer.err
    assert strictly(answer.out) is not None


@pytest.mark.parametrize(("code", "arguments"), ERROR, ids=[" ".join(words) for _, words in ERROR])
def test_an_error(runs: list[str], cli: Cli, code: int, arguments: tuple[str, ...]) -> None:
    answer = cli(*arguments, "--json")
    assert (answer.code, answer.err) == (code, "")
    found = strictly(answer.out)
    assert set(found) == {"error", "problems", "exit"}
    assert found["exit"] == code
    assert found["error"]
    assert found["problems"]
    for problem in found["problems"]:
        assert set(problem) == {"what", "where", "accepted", "hint"}
    if arguments in (("runs", "rm", "last"), ("predict", "last", "-")):
        return  # a script is never asked; standard output cannot take rows and JSON both
    if told := cli(*arguments).err:
        for problem in found["problems"]:
            assert f"error: {problem['what'].splitlines()[0]}" in told


def test_every_command_is_among_them() -> None:
    # The doctor answers whatever it finds; `best` wants real data, `generate` a run of texts,
    # `predict` rows, `export` takes seconds, and `serve` has no end: these have tests of their own.
    alone = {"doctor", "best", "export", "generate", "predict", "serve"}
    assert {words[0] for words in SUCCESS} | alone == set(VERBS)
    assert {words[0] for _, words in ERROR} == {*VERBS, "nothing"}


def test_an_interruption_is_told_in_json_too(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr("dlx.cli.main._dispatch", interrupt)
    answer = cli("tasks", "--json")
    assert answer.code == 130
    assert strictly(answer.out) == {"error": "interrupted", "problems": [], "exit": 130}


def test_what_follows_two_dashes_is_no_flag(cli: Cli) -> None:
    assert "--json" not in cli("completion", "words", "--", "runs", "--json").out


def test_an_undefined_number_is_null(capsys: pytest.CaptureFixture[str]) -> None:
    say_json({"a": float("nan"), "b": [float("inf"), 1.5]})
    assert strictly(capsys.readouterr().out) == {"a": None, "b": [None, 1.5]}


def test_an_undefined_score_is_null_all_the_way(runs: list[str], cli: Cli) -> None:
    report = Path(runs[1]) / "report.json"
    kept = json.loads(report.read_text())
    kept["scores"][0]["value"] = None
    report.write_text(json.dumps(kept))
    seal_again(Path(runs[1]))
    name = kept["scores"][0]["name"]

    resumed = cli("resume", runs[1], "--json")
    again = cli("reproduce", runs[1], "--json")
    told = cli("reproduce", runs[1])

    assert strictly(resumed.out)["scores"][name] is None
    assert (again.code, strictly(again.out)["scores"][name][0]) == (3, None)
    assert (told.code, "undefined" in told.out) == (3, True)


def test_a_run_that_is_done_answers_as_it_did_when_it_was(here: Path, cli: Cli) -> None:
    first = strictly(cli("train", *SMALL, "--json").out)
    assert strictly(cli("resume", "last", "--json").out) == first
