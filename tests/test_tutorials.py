"""The tutorials, each from its first command to its last, with little training."""

from __future__ import annotations

import re
import runpy
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

PAGES = sorted((Path(__file__).resolve().parent.parent / "docs" / "tutorials").glob("*.md"))
Cli = Callable[..., Any]


def shorten(words: list[str]) -> list[str]:
    """A command that trains, of few steps in few folds."""
    if words[0] != "train":
        return words
    task = next(word.removeprefix("task=") for word in words if word.startswith("task="))
    protocol = yaml.safe_load(Path(f"configs/task/{task}.yaml").read_text("utf-8"))["protocol"]
    folds = {"kfold": ["protocol.k=2"], "iterated_kfold": ["protocol.k=2", "protocol.iterations=2"]}
    few = ["trainer.epochs=1", "trainer.steps_per_epoch=2", "trainer.threads=1"]
    return [*words, *few, *folds.get(protocol["name"], [])]


@pytest.mark.slow  # seconds each: CI runs them beside the site
@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_from_file_to_prediction(page: Path, cli: Cli) -> None:
    text = page.read_text("utf-8")
    for name, code in re.findall(r"In `(\w+\.py)`:\n\n```python\n(.*?)^```", text, re.S | re.M):
        Path(name).write_text(code)
    asked, told = [], ""
    for language, block in re.findall(r"^```(sh|text)\n(.*?)^```", text, re.S | re.M):
        if (
            language == "text"
        ):  # what init says is the same each time; figures are of full trainings
            lines = block.splitlines() if asked[-1][0] == "init" else []
            assert [one for one in lines if one != "..." and one not in told] == []
            continue
        for line in block.splitlines():
            program, *words = shlex.split(line, comments=True)
            asked.append(words)
            if program == "python":
                runpy.run_path(words[0])
                continue
            found = cli(*shorten(words))
            assert (program, found.code) == ("dlx", 0), found.err
            told = found.out
    assert list(dict.fromkeys(one[0] for one in asked))[1:4] == ["init", "train", "predict"]
