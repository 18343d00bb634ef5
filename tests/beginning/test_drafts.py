"""What is written of a draft is read again as it was meant."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from omegaconf import OmegaConf

from dlx.beginning.described import correct
from dlx.beginning.draft import WIDTH, Draft, scalar
from dlx.beginning.task_file import choose_place, fit_text, stem_of, suggest_name, write
from dlx.config.files import scan
from dlx.errors import UsageError

AWKWARD = (
    *("", " ", "yes", "No", "1", "010", "1e3", "1:20", "0x1F", "null", "~", "-", "a: b", "a #b"),
    *("[x]", "{x}", "*x", "&x", "!x", "%x", "@x", "`x", '"', "'", "\\", "a\nb", "a\tb", "Größe"),
    *("Fare ($)", "a.b", "a,b", "true", "NaN", ".inf", "2024-05-31", "?", "a b", "x" * 300),
)


def test_any_name_and_value_is_read_again_as_it_was_written(tmp_path: Path) -> None:
    columns = {name: f"{name}!" for name in AWKWARD}
    draft = Draft(["a: head"], {"columns": columns, "list": [*AWKWARD], "few": {"a": [1, 0.5]}})
    draft.remark(("columns", "yes"), "a remark\nof two lines " + "and many words " * 20)
    file = tmp_path / "x.yaml"
    file.write_text(draft.text(), encoding="utf-8")
    scan(file, "x.yaml")
    assert yaml.safe_load(draft.text()) == draft.values
    remarks = [line for line in draft.text().splitlines() if "#" in line and "remark" in line]
    assert remarks[0].startswith("  # a remark\\nof two lines and many words")
    assert max(map(len, remarks)) <= WIDTH


@pytest.mark.parametrize(
    "name", ["${oc.env:HOME}", "\\${trainer.epochs}", "a${b", "\\\\${x}", "\\$x"]
)
def test_what_looks_like_a_reference_stands_for_itself(name: str) -> None:
    written = yaml.safe_load(Draft([], {"dataset": {"file": name, "missing": [name]}}).text())
    assert OmegaConf.to_container(OmegaConf.create(written), resolve=True) == {
        "dataset": {"file": name, "missing": [name]}
    }


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((None, "null"), (True, "true"), (0.001, "0.001"), (3, "3"), ("Age", "Age")),
        *(("yes", '"yes"'), ("1e3", '"1e3"'), ("./a b.csv", "./a b.csv")),
    ],
)
def test_lone_values(value: object, text: str) -> None:
    assert scalar(value) == text


def test_remarks_are_left_out_where_the_file_would_be_too_large() -> None:
    columns = {f"column_{n}": "number" for n in range(5000)}
    draft = Draft([], {"columns": columns})
    for name in columns:
        draft.remark(("columns", name), "w" * 60)
    assert "#" not in fit_text(draft)
    draft.values["columns"] = {f"column_{n}": "number" for n in range(20_000)}
    with pytest.raises(UsageError, match=r"the task file would have \d+,\d+ bytes, as the table"):
        fit_text(draft)


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        *(
            ("Titanic", "titanic"),
            ("My data (1)", "my_data_1"),
            ("größe", "groe"),
            ("数据", "task"),
        ),
        *(("..", "task"), ("a/b", "a_b")),
    ],
)
def test_a_task_is_named_after_its_file(stem: str, name: str) -> None:
    assert suggest_name(stem) == name


def test_endings_are_no_part_of_a_name() -> None:
    assert stem_of([Path("x/shop.2024.csv.gz")]) == "shop.2024"


def test_a_task_hides_none_of_dlx_and_replaces_none_unasked(here: Path) -> None:
    place = choose_place("", "wine", "dlx init wine.csv")
    assert (place.name, place.note) == (
        "my_wine",
        "dlx has a task wine of its own, so this one is my_wine",
    )
    assert write(place, "dataset: {}\n") == "configs/task/my_wine.yaml"
    assert [*here.rglob("*")] == [here / "configs", here / "configs/task", here / place.file]
    assert choose_place("", "wine", "", force=True) == place

    cases = {
        ("", "wine"): "configs/task/my_wine.yaml exists already",
        ("wine", "x"): "dlx has a task wine of its own, which would be hidden",
        ("a b", "x"): "'a b' is no name of a task",
    }
    hints = {
        ("", "wine"): "dlx init x.csv --name my_wine_2   or   dlx init x.csv --force",
        ("wine", "x"): "dlx init x.csv --name my_wine",
        ("a b", "x"): "dlx init x.csv --name a_b",
    }
    for (name, stem), what in cases.items():
        with pytest.raises(UsageError) as caught:
            choose_place(name, stem, "dlx init x.csv")
        assert caught.value.problems[0].what == what
        assert caught.value.problems[0].hint == hints[name, stem]


def test_a_value_of_a_flag_is_corrected_in_its_place() -> None:
    typed = "dlx init x.csv --type age=dat --target=y"
    assert correct(typed, "--target", "y", "y=binary") == (
        "dlx init x.csv --type age=dat --target y=binary"
    )
    assert correct(typed, "--type", "age", "Age") == ("dlx init x.csv --type Age=dat --target=y")
    assert correct(typed, "--name", "", "a b").endswith(" --name 'a b'")
