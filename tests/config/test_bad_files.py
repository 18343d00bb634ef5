"""Config files that cannot be used: what is said, in which line, and what is never done."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest

from dlx.config.files import MAX_BYTES, BadFile, scan
from dlx.config.load import load
from dlx.config.schema import Trainer
from dlx.problem import PROBLEMS

Told = Callable[..., str]
Write = Callable[[str, str], Path]

GOOD = "dataset: {name: digits}\ntargets: {digit: {problem: multiclass}}\n"
BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12)
)
MERGED = "base: {a: 1}\nmodel: {<<: {name: mlp}}\n"
ALIAS_HINT = "\n  try: write the value out, or refer to it as ${other.key}"
MINE = "  where: configs/task/mine.yaml"


def test_three_mistakes_in_a_file_and_two_on_the_shell(told: Told, write: Write) -> None:
    write(
        "task/mine",
        """\
# My task.
dataset: {name: digits}
targets: {digit: {problem: multiclas}}
model:
  name: mlp
  unit: [64]
optimizer:
  name: adam
  lr: -1
""",
    )
    assert told("task=mine", "trainer.epoch=4", "model.units=x") == (
        "`targets.digit.problem` is 'multiclas' (text)\n"
        "  where: configs/task/mine.yaml:3\n"
        f"  accepted: one of {', '.join(PROBLEMS)}\n"
        "  try: did you mean multiclass?\n"
        "unknown key `model.unit` (of mlp)\n"
        "  where: configs/task/mine.yaml:6\n"
        "  accepted: l1, l2, init, units, activation, dropout, batch_norm\n"
        "  try: did you mean model.units?\n"
        "`model.units` is 'x' (text)\n"
        "  where: command line: model.units=x\n"
        "  accepted: a list of whole numbers >= 1\n"
        "`optimizer.lr` is -1\n"
        "  where: configs/task/mine.yaml:9\n"
        "  accepted: a number > 0\n"
        "unknown key `trainer.epoch`\n"
        "  where: command line: trainer.epoch=4\n"
        f"  accepted: {', '.join(field.name for field in fields(Trainer))}\n"
        "  try: trainer.epochs=4"
    )


CASES = {
    "no mapping": ("- a\n- b\n", "contains no config\n" + MINE + "\n  accepted: key: value"),
    "no mapping either": ("hello\n", "contains no config\n" + MINE + "\n  accepted: key: value"),
    "syntax": (
        "dataset: {name: digits\ntargets: x\n",
        "is not valid YAML: did not find expected ',' or '}'\n" + MINE + ":2",
    ),
    "tab": (
        "dataset:\n\tname: digits\n",
        "a tab is used where spaces are required\n" + MINE + ":2",
    ),
    "two documents": ("seed: 1\n---\nseed: 2\n", "is not valid YAML: but found another document\n"),
    "NUL": (
        "seed: \0\n",
        "is not valid YAML: unacceptable character #x0000: control characters are not allowed\n",
    ),
    "twice": (
        GOOD + "seed: 1\nmodel: {name: mlp}\nseed: 2\n",
        "`seed` appears twice, first in line 3\n" + MINE + ":5",
    ),
    "twice inside": (
        GOOD + "model:\n  name: mlp\n  units: [1]\n  units: [2]\n",
        "`units` appears twice, first in line 5\n" + MINE + ":6",
    ),
    "a text with a comma": (
        GOOD + "about: {title: news, read in order}\n",
        "unknown key `about.read in order`\n"
        + MINE
        + ":3\n  accepted: title, source, time, result\n"
        "  try: a text with a comma goes into quotes",
    ),
    "anchor": (
        "seed: &x 1\n",
        "YAML anchors and aliases (& and *) are not supported\n" + MINE + ":1" + ALIAS_HINT,
    ),
    "merge": (MERGED, "the key `<<` is not a text\n" + MINE + ":2\n  accepted: a name"),
    "null key": (GOOD + "~: 1\n", "the key `~` is not a text\n" + MINE + ":3\n  accepted: a name"),
    "yes as a key": (
        GOOD + "yes: 1\n",
        "the key `yes` is not a text\n" + MINE + ":3\n  accepted: a name",
    ),
    "list as a key": ("? [a, b]\n: 3\n", "a key is not a text\n" + MINE + ":1\n  accepted: a name"),
    "python tag": (
        GOOD + 'seed: !!python/object/apply:os.system ["touch pwned"]\n',
        "the YAML tag tag:yaml.org,2002:python/object/apply:os.system is not supported\n"
        + MINE
        + ":3\n  accepted: plain values",
    ),
    "own tag": (
        "\nseed: !mine 3\n",
        "the YAML tag !mine is not supported\n" + MINE + ":2\n  accepted: plain values",
    ),
    "set": (
        "plugins: !!set {a, b}\n",
        "the YAML tag tag:yaml.org,2002:set is not supported\n"
        + MINE
        + ":1\n  accepted: plain values",
    ),
    "reference": (GOOD + 'run: {root: "${"}\n', ""),
    "date": (GOOD + "seed: 2020-13-45\n", ""),
    "hexadecimal": (GOOD + f"seed: 0x{'f' * 9000}\n", "a number of 9,002 digits\n" + MINE + ":3"),
    "large": (GOOD + f"seed: {16**90 - 1}\n", "`seed` is a number of 360 bits\n" + MINE + ":3"),
    "infinite": (GOOD + "optimizer: {lr: .inf}\n", "`optimizer.lr` is inf\n" + MINE + ":3"),
    "hydra": (
        GOOD + "hydra:\n  searchpath: [file:///]\n",
        "unknown key `hydra.searchpath`\n" + MINE + ":4",
    ),
    "_target_": (
        GOOD + "model: {name: mlp, _target_: os.system}\n",
        "unknown key `model._target_` (of mlp): dlx never imports what a config names\n"
        + MINE
        + ":3\n  accepted: l1, l2, init, units, activation, dropout, batch_norm",
    ),
    "text for a component": (
        GOOD + "model: convnet\n",
        "`model` is 'convnet' (text)\n"
        + MINE
        + ":3\n  accepted: a model: {name: ..., options}\n  try: did you mean {name: convnet}?",
    ),
    "package": ("# @package\nseed: 1\n", "Expected header format: KEY VALUE, got '@package'\n"),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES.keys())
def test_what_is_said(told: Told, write: Write, here: Path, text: str, expected: str) -> None:
    write("task/mine", text)
    said = told("task=mine")
    assert said.startswith(expected)
    assert "configs/task/mine.yaml" in said
    assert sum(line.startswith("  where") for line in said.splitlines()) == 1
    assert sorted(os.listdir(here)) == ["configs"]


@pytest.mark.parametrize("option", ["task=mine", "task=digits model=mine"])
def test_other_mistakes_are_still_told(told: Told, write: Write, option: str) -> None:
    write("task/mine", "seed: [\n")
    write("model/mine", "seed: [\n")
    said = told(*option.split(" "), "trainer.epoch=4")
    where = "task" if option == "task=mine" else "model"
    assert f"  where: configs/{where}/mine.yaml:2\n" in said
    assert said.endswith("\n  try: trainer.epochs=4")
    assert "is missing" not in said


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        "seed: " + "[" * 10_000 + "]" * 10_000,
        "seed: " + "{a: " * 10_000 + "1" + "}" * 10_000,
        "[" * 100_000,
        "".join(" " * i + "a:\n" for i in range(600)),
    ],
    ids=["aliases", "lists", "mappings", "open", "indented"],
)
def test_a_bomb_is_refused(told: Told, write: Write, text: str) -> None:
    write("task/mine", text)
    said = told("task=mine")
    assert said.startswith(("YAML anchors", "the YAML is nested too deeply\n"))
    assert MINE in said


def test_references_that_multiply_are_refused(told: Told, write: Write) -> None:
    lines = [f'x{i}: "${{x{i - 1}}}${{x{i - 1}}}"\n' for i in range(1, 60)]
    write("task/mine", GOOD + "x0: aaaaaaaa\n" + "".join(lines))
    said = told("task=mine")
    assert said.startswith("values refer to each other more than 256 times over\n" + MINE)


def test_a_large_file(told: Told, write: Write) -> None:
    write("task/mine", "# " + "x" * MAX_BYTES)
    expected = "the file has 262,146 bytes\n" + MINE + "\n  accepted: at most 262,144 bytes"
    assert told("task=mine") == expected


def test_a_file_that_is_no_utf_8(told: Told, write: Write) -> None:
    write("task/mine", "").write_bytes(b"about: {title: caf\xe9}\n")
    expected = "is not UTF-8 text (byte 18)\n" + MINE + "\n  accepted: YAML text"
    assert told("task=mine") == expected
    write("task/mine", "").write_bytes("seed: 1\n".encode("utf-16"))
    assert told("task=mine").startswith("is not UTF-8 text (byte 0)")


def test_a_file_without_permission(
    told: Told, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write("task/mine", GOOD)

    read = type(file).read_text

    def refused(self: Path, encoding: str) -> str:
        if self.name == "mine.yaml":
            raise PermissionError(13, "Permission denied", str(self))
        return read(self, encoding)

    monkeypatch.setattr(type(file), "read_text", refused)
    assert told("task=mine") == "cannot be read: Permission denied\n" + MINE


@pytest.mark.parametrize("kind", ["folder", "dangling link", "circle", "pipe", "device"])
def test_what_is_no_file_is_no_task(told: Told, here: Path, kind: str) -> None:
    path = here / "configs" / "task" / "mine.yaml"
    path.parent.mkdir(parents=True)
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        targets = {"dangling link": "nowhere", "circle": "mine.yaml", "device": "/dev/zero"}
        path.symlink_to(targets[kind])
    assert told("task=mine").startswith("there is no task `mine`\n  where: command line: task=mine")
    with pytest.raises(BadFile) as caught:
        scan(path, "mine.yaml")
    assert caught.value.problem.what in ("is not a file", "does not exist")


def test_another_file_behind_a_link_is_not_shown(told: Told, here: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("user:password:0:0\n")
    (here / "configs" / "task").mkdir(parents=True)
    (here / "configs" / "task" / "mine.yaml").symlink_to(secret)
    assert "password" not in told("task=mine")


@pytest.mark.parametrize(
    "data",
    [b"\xef\xbb\xbf" + GOOD.encode(), GOOD.replace("\n", "\r\n").encode()],
    ids=["BOM", "CR"],
)
def test_files_from_windows_are_read(write: Write, data: bytes) -> None:
    write("task/mine", "").write_bytes(data)
    assert load(["task=mine"]).config.task == "mine"


def test_an_empty_file_lacks_what_must_be_given(told: Told, write: Write) -> None:
    write("task/mine", "# nothing\n")
    assert told("task=mine") == (
        "`dataset` is missing\n"
        "  where: command line: task=mine\n"
        "  accepted: a dataset: {name: ..., options}"
    )
    write("task/mine", "dataset: {name: imdb}\n")
    assert told("task=mine") == (
        "`targets` is missing\n"
        "  accepted: one of sentiment\n"
        "  try: targets.sentiment.problem=binary"
    )
