"""`dlx init`: a task file of one's own table, or nothing at all."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from dlx.config.load import load

Cli = Callable[..., Any]
TASK = Path("configs/task/shop.yaml")


@pytest.fixture
def table(here: Path) -> Path:
    """Whom a shop sold something, with an identifier, a constant and a column that is a leak."""
    lines = ["customer_id,age,When,visits,open,bought,bought_on"]
    for row in range(80):
        bought = row % 3 == 0
        day = f"2024-{1 + row // 28:02}-{1 + row % 28:02}"
        lines.append(
            f"c{row // 4},{20 + row * 7 % 40},{day},{row % 5},yes,{int(bought)},{bought * 7 or ''}"
        )
    (here / "shop.csv").write_text("\n".join(lines) + "\n")
    return here / "shop.csv"


def test_a_task_is_written_with_every_guess_and_its_rule(cli: Cli, table: Path) -> None:
    answer = cli("init", table.name, "--target", "bought")
    assert answer.code == 0, answer.err
    assert answer.out.endswith(
        "written: configs/task/shop.yaml\n"
        "next:\n  dlx train task=shop\n  dlx predict last new.csv\n"
    )
    text = TASK.read_text()
    assert text.startswith(
        "# Written by `dlx init shop.csv --target bought`.\n#\n#   dlx train task=shop\n#\n"
    )
    assert "    # left out: is it known before bought is? a rule that knows bought_on alone" in text
    values = yaml.safe_load(text)
    assert values["dataset"]["file"] == "./shop.csv"
    assert values["dataset"]["columns"] == {
        "customer_id": "identifier",
        "age": "number",
        "When": "date",
        "visits": "number",
        "open": "skip",
        "bought_on": "skip",
    }
    assert (values["dataset"]["group"], values["dataset"]["time"]) == ("customer_id", "When")
    assert values["protocol"]["name"] == "chronological"
    assert values["targets"] == {"bought": {"problem": "binary"}}
    written = load(["task=shop"]).config.dataset.options
    assert written.file == str(table)


def test_nothing_is_written_over_a_task_unless_forced(cli: Cli, table: Path) -> None:
    assert cli("init", table.name, "--target", "bought").code == 0
    TASK.write_text("mine\n")
    answer = cli("init", table.name, "--target", "age")
    assert (answer.code, answer.err) == (
        2,
        "error: configs/task/shop.yaml exists already\n"
        "  where: configs/task/shop.yaml\n"
        "  accepted: a name that is new, or --force to replace it\n"
        "  try: dlx init shop.csv --target age --name shop_2   or   dlx init shop.csv --target age "
        "--force\n",
    )
    assert TASK.read_text() == "mine\n"
    for one in answer.err.rpartition("try: ")[2].split("   or   "):
        assert cli(*shlex.split(one)[1:]).code == 0
    assert yaml.safe_load(TASK.read_text())["targets"] == {
        "age": {"problem": "regression", "scale": "standardise"}
    }


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (
            [],
            "error: it is not said which column is to be predicted\n"
            "  where: --target\n"
            "  accepted: one of the columns age, visits, bought\n"
            "  try: dlx init shop.csv --target bought\n",
        ),
        (
            ["--target", "visits"],
            "error: visits has 5 different whole numbers (0, 1, 2, 3, 4): classes or a quantity?\n"
            "  where: column visits\n"
            "  accepted: multiclass: classes, of which none is nearer to another; regression: a "
            "quantity, where 2 lies between 1 and 3\n"
            "  try: dlx init shop.csv --target visits=multiclass   or   dlx init shop.csv --target "
            "visits=regression\n",
        ),
        (
            ["--target", "open"],
            "error: open has one value only, yes: there is nothing to predict\n"
            "  where: column open\n"
            "  accepted: a column with at least two values\n",
        ),
        (
            ["--target", "bought", "--name", "wine"],
            "error: dlx has a task wine of its own, which would be hidden\n"
            "  where: --name\n"
            "  accepted: another name\n"
            "  try: dlx init shop.csv --target bought --name my_wine\n",
        ),
        (
            ["--target", "bought", "--type", "age=float"],
            "error: `age=float` says of no column what it holds\n"
            "  where: --type\n"
            "  accepted: COLUMN=TYPE; number, category, text, date, identifier, skip\n",
        ),
    ],
)
def test_what_cannot_be_writes_nothing(
    cli: Cli, table: Path, arguments: list[str], error: str
) -> None:
    answer = cli("init", table.name, *arguments)
    assert (answer.code, answer.out, answer.err) == (2, "", error)
    assert [*table.parent.iterdir()] == [table]
    typed = error.partition("  try: ")[2]
    for one in filter(None, typed.split("   or   ")):
        assert cli(*shlex.split(one)[1:], "--force").code == 0


def test_on_a_terminal_it_is_asked(cli: Cli, table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def answer(question: str, choices: list[str]) -> str:
        asked.append((question, choices))
        return {"which column is to be predicted?": "visits", "which?": "multiclass"}[question]

    monkeypatch.setattr("dlx.cli.init.may_ask", lambda as_json: not as_json)
    monkeypatch.setattr("dlx.cli.beginning._ask", answer)
    assert cli("init", table.name).code == 0
    assert [question for question, _ in asked] == ["which column is to be predicted?", "which?"]
    assert yaml.safe_load(TASK.read_text())["targets"] == {"visits": {"problem": "multiclass"}}


def test_as_json_it_says_what_was_written(cli: Cli, table: Path) -> None:
    found = json.loads(cli("init", table.name, "--target", "bought", "--json").out)
    assert (found["task"], found["file"]) == ("shop", "configs/task/shop.yaml")
    assert found["next"] == ["dlx train task=shop", "dlx predict last new.csv"]
    assert [one["column"] for one in found["suspects"]] == ["open", "bought_on"][1:]


def test_what_the_user_says_of_a_column_stands(cli: Cli, table: Path) -> None:
    said = ("--type", "bought_on=number", "--type", "When=skip", "--type", "visits=category")
    assert cli("init", table.name, "--target", "bought", *said, "--group=").code == 0
    columns = yaml.safe_load(TASK.read_text())["dataset"]["columns"]
    assert (columns["bought_on"], columns["When"]) == ("number", "skip")
    assert columns["visits"] == "category"


def test_what_the_file_cannot_be_is_told_by_its_own_place(cli: Cli, here: Path) -> None:
    lines = ["a,numbers", *(f"{row / 7},{row % 2}" for row in range(30))]
    (here / "shop.csv").write_text("\n".join(lines))
    answer = cli("init", "shop.csv", "--target", "numbers")
    assert answer.code == 2
    assert "  where: configs/task/shop.yaml:" in answer.err
    assert not TASK.exists()


def test_a_hint_at_a_column_with_a_blank_can_be_typed(cli: Cli, here: Path) -> None:
    lines = [f"{row / 7},{row % 2},{'ab'[row % 2]}" for row in range(40)]
    (here / "shop.csv").write_text("\n".join(["a,is sold,left over", *lines]))
    answer = cli("init", "shop.csv", "--target", "is sold")
    typed = answer.err.partition("left out: ")[2].partition(" takes it")[0]
    assert typed == "dlx init shop.csv --target 'is sold' --type 'left over=category'"
    said = shlex.split(typed.replace("TYPE", "category"))[1:]
    assert cli(*said, "--force").code == 0
    assert yaml.safe_load(TASK.read_text())["dataset"]["columns"]["left over"] == "category"


def test_a_table_without_an_input_says_why_none_is_left(cli: Cli, here: Path) -> None:
    lines = [f"{row},{row % 2},{'ab'[row % 2]}" for row in range(40)]
    (here / "shop.csv").write_text("\n".join(["a,sold,left", *lines]))
    answer = cli("init", "shop.csv", "--target", "sold")
    assert (answer.code, answer.err) == (
        2,
        "error: no column is left to learn from: a (each is one more than the one before: it "
        "numbers the rows), left (gives sold away)\n"
        "  where: shop.csv\n"
        "  accepted: a column of numbers, categories, texts or dates\n"
        "  try: dlx init shop.csv --target sold --type left=category\n",
    )
    assert cli(*shlex.split(answer.err.partition("try: ")[2])[1:]).code == 0
