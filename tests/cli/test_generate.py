"""`dlx generate`: the same text for the same seed; prompts that cannot be read."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from dlx.cli.main import main
from dlx.errors import UsageError
from dlx.use.generate import Writer

Cli = Callable[..., Any]
SMALL = (
    *("task=textgen", "dataset.sample=true", "trainer.threads=1", "trainer.epochs=1"),
    *("learner.network.units=8", "learner.shown=10", "trainer.batch_size=128", "test=false"),
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run."""
    folder = tmp_path_factory.mktemp("writes")
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()):
        patch.chdir(folder)
        assert main(["train", *SMALL, "--quiet"]) == 0
    return folder


@pytest.fixture
def generate(place: Path, cli: Cli) -> Cli:
    """Types `dlx generate last`, with more behind it."""
    return lambda *more: cli("generate", "last", "--root", str(place / "runs"), *more)


def test_a_text_is_exact_for_its_seed(generate: Cli) -> None:
    asked = ("--prompt", "the free ", "--length", "30", "--temperature", "0.7")

    found = [generate(*asked, "--seed", seed) for seed in ("1", "1", "2")]
    told = json.loads(generate(*asked, "--seed", "1", "--json").out)

    assert [one.code for one in found] == [0, 0, 0]
    assert found[0].out == found[1].out != found[2].out
    assert found[0].out == f"{told['prompt']}{told['text']}\n"
    assert (told["prompt"], len(told["text"]), told["temperature"]) == ("the free ", 30, 0.7)


def test_without_a_prompt_it_follows_the_validation_set(generate: Cli) -> None:
    told = json.loads(generate("--length", "5", "--json").out)

    assert (len(told["prompt"]), len(told["text"])) == (64, 5)


def test_a_temperature_of_0_is_greedy_and_said_so(generate: Cli) -> None:
    asked = ("--prompt", "of", "--length", "9", "--temperature", "0")

    found = [generate(*asked, "--seed", seed) for seed in ("1", "2")]

    assert found[0].out == found[1].out
    assert found[0].err == (
        "warning: temperature 0 is greedy: the most likely token each time, whatever the seed\n"
    )


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (
            ("--prompt", "Über the é"),
            "error: the prompt has 3 characters that the run does not know: 'ü', 'b', 'é'\n"
            "  where: --prompt\n"
            "  accepted: 20 known characters: '\\n .adefghilmnoprstuw'\n"
            "  try: --unknown reads them as unknown\n",
        ),
        (
            ("--prompt", ""),
            "error: the prompt is empty\n"
            "  where: --prompt\n"
            "  accepted: at least one character\n"
            "  try: leave out --prompt: a stretch of the validation set stands in its place\n",
        ),
        (
            ("--temperature=-1",),
            "error: the temperature is -1\n"
            "  where: --temperature\n"
            "  accepted: 0 or more\n"
            "  try: --temperature 0.5\n",
        ),
        (
            ("--top-p", "0"),
            "error: the chance of the tokens to draw from is 0\n"
            "  where: --top-p\n"
            "  accepted: above 0, at most 1\n"
            "  try: --top-p 0.9\n",
        ),
    ],
)
def test_what_cannot_be_written_is_told(generate: Cli, asked: tuple[str, ...], told: str) -> None:
    found = generate(*asked)

    assert (found.code, found.out, found.err) == (2, "", told)


def test_unknown_characters_may_be_read_as_unknown(generate: Cli) -> None:
    found = generate("--prompt", "über", "--unknown", "--length", "4")

    assert (found.code, found.err) == (0, "")
    assert found.out.startswith("\ufffd\ufffder")


def test_the_first_word_of_a_prompt_is_known_with_or_without_a_blank() -> None:
    options = SimpleNamespace(lower=True, unit="word")
    kept = SimpleNamespace(config=SimpleNamespace(dataset=SimpleNamespace(options=options)))
    writer = Writer(cast("Any", kept), cast("Any", None), ("", " cat", " the", "the"))

    assert [writer.number(text) for text in ("cat", " cat", "the cat")] == [[1], [1], [3, 1]]
    with pytest.raises(UsageError, match="1 word that the run does not know: 'zebra'"):
        writer.number("zebra")


def test_the_test_set_is_left_alone(generate: Cli, place: Path) -> None:
    assert generate("--length", "2").code == 0

    assert not (place / "runs" / "ledger.sqlite").exists()


def test_a_run_that_writes_no_text_is_refused(cli: Cli, trained: Path) -> None:
    found = cli("generate", "last", "--root", str(trained / "runs"))

    assert found.code == 2
    assert "error: learner supervised writes no text\n" in found.err
    assert (
        "  accepted: a run of learner language_model\n  try: dlx train task=textgen\n" in found.err
    )
