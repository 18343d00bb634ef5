"""Numbers, truth values and texts: the same in files, on the shell and in run folders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from dlx.config.load import load, load_saved
from dlx.config.scalars import guess_scalar, is_divided
from dlx.errors import UsageError

Told = Callable[..., str]
Write = Callable[[str, str], Path]

DIVIDED = {
    **dict.fromkeys(("1:20", "1:20.5", "1__0", "1_")),
    **dict.fromkeys(("yes", "Yes", "ON", "on"), True),
    **dict.fromkeys(("no", "NO", "off"), False),
    **dict(zip(("010", "-010", "00", "0x10", "0b11", "0_1"), (10, -10, 0, 16, 3, 1), strict=True)),
    "010.5": 10.5,
}
"""What YAML 1.1 makes a value of that the shell takes for a text -> what was probably meant."""
SAME = ["10", "-3", "+4", "0", "1_000", "1e3", "1e-3", "2.5", ".5", "1.", "true", "False", "null"]
SAME += ["2001-01-01", "08", "0o17", "y", "n", "12:99", "v1:20", "1-2", "0.0.1", "text"]


@pytest.mark.parametrize("word", DIVIDED)
def test_a_file_with_a_word_that_readers_do_not_agree_on_is_refused(
    word: str, told: Told, write: Write
) -> None:
    write("task/mine", f"defaults: [digits, _self_]\nsearch: {{optimizer.lr: {word}}}\n")
    value = DIVIDED[word]
    other = "" if value is None else f", {str(value).lower()} if not"
    kind = "true or false" if isinstance(value, bool) else "a number in plain decimal digits"
    assert told("task=mine") == (
        f"`{word}` is interpreted differently by different YAML parsers\n"
        "  where: configs/task/mine.yaml:2\n"
        f"  accepted: {kind}; a text in quotes\n"
        f"  try: '{word}' if it is a text{other}"
    )


@pytest.mark.parametrize("word", SAME)
def test_a_word_is_the_same_in_files_and_on_the_shell(word: str, write: Write) -> None:
    assert not is_divided(word) or word in ("08", "0o17")  # texts for all that dlx reads with
    write("task/mine", f"defaults: [digits, _self_]\nsearch: {{seed: {{choice: [{word}]}}}}\n")
    raw = _raw(["task=mine"])
    assert raw == _raw(["task=digits", f"search.seed={{choice:[{word}]}}"])
    assert type(raw) is type(_raw(["task=digits", f"search.seed={{choice:[{word}]}}"]))


def _raw(arguments: list[str]) -> Any:
    from dlx.config.compose import compose
    from dlx.config.paths import search_path

    return compose(arguments, search_path(None)).tree.data["search"]["seed"]["choice"][0]


@pytest.mark.parametrize("key", ["trainer.epochs", "optimizer.lr", "test"])
@pytest.mark.parametrize("word", ["010", "0x10", "0o17", "08", "yes", "off", "1:20", "many"])
def test_on_the_shell_such_a_word_is_a_text_and_what_was_meant_is_said(
    key: str, word: str, told: Told
) -> None:
    said = told("task=digits", f"{key}={word}").splitlines()
    assert said[0] == f"`{key}` is '{word}' (text)"
    value = guess_scalar(word)
    fits = value is not None and isinstance(value, bool) == (key == "test")
    assert ("try:" in said[-1]) == fits
    if fits:  # and the hint is accepted
        load(["task=digits", said[-1].partition("try: ")[2]])


@pytest.mark.parametrize("word", [*DIVIDED, *SAME, "", "~", "=", "1e5", "0.1e-3", "a: b", "#x"])
def test_a_text_is_read_from_a_run_folder_as_it_was_saved(word: str, here: Path) -> None:
    plain = load(["task=digits"]).plain()
    plain["about"]["title"] = plain["about"]["result"] = word
    file = here / "config.yaml"
    file.write_text(yaml.safe_dump(plain), encoding="utf-8")
    assert load_saved(file, "config.yaml").about.title == word


@pytest.mark.parametrize("word", ["010", "1:20", "0x10"])
def test_a_run_folder_with_such_a_number_is_refused_too(word: str, here: Path) -> None:
    text = yaml.safe_dump(load(["task=digits"]).plain())
    file = here / "config.yaml"
    file.write_text(text.replace("epochs: 60", f"epochs: {word}"), encoding="utf-8")
    with pytest.raises(UsageError, match=f"`{word}` is interpreted differently"):
        load_saved(file, "config.yaml")


@pytest.mark.parametrize(
    "word", ["e5", ".", "-", "1e", "٣", "0o9", "x" * 90, "1" * 90, "nan", "inf"]
)
def test_what_looks_like_no_number(word: str) -> None:
    assert guess_scalar(word) is None
