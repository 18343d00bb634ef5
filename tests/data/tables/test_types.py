"""What a column holds is told from all rows, with the rule and how its cells are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlx.data.tables import Table, TableTypes, find_types, seen


def types(tmp_path: Path, cells: list[str], name: str = "x", delimiter: str = ";") -> TableTypes:
    file = tmp_path / "t.csv"
    rows = [f'{number % 7}{delimiter}"{cell}"' for number, cell in enumerate(cells)]
    file.write_text("\n".join([f"k{delimiter}{name}", *rows]) + "\n", encoding="utf-8")
    return find_types(Table.open([file]))


NUMBERS = [str(n * 1.5) for n in range(30)]
SHORT = ["01.02.2024", "03.04.2024", "31.05.2024"] * 5
CASES = [
    (["1", "2.5", "", "NA", "-3e2"] * 5, "number", "every cell is a number or missing (10)"),
    (["7"] * 30, "constant", "every cell is '7'"),
    ([""] * 30, "constant", "every cell is missing"),
    (["a", ""] * 15, "category", "one value, 'a', or missing"),
    ([f"{n:05}" for n in range(0, 3000, 100)], "identifier", None),
    ([str(n) for n in range(5, 35)], "identifier", None),
    ([str(10**17 + n * 7) for n in range(30)], "identifier", None),
    (["yes", "no"] * 15, "category", "words for yes and no: no, yes"),
    (["TRUE", "false", "True"] * 15, "category", None),
    (["red", "green", "blue"] * 10, "category", "texts that repeat: 3 different in 30 rows"),
    ([f"word {n} and more words" for n in range(30)], "text", None),
    (
        [f"u{n}" for n in range(30)],
        "identifier",
        "short texts that all differ: 30 different in 30 rows",
    ),
    (["a/b.jpg", "c.PNG"] * 5, "image", "every cell is the name of a picture"),
    (SHORT, "date", "every cell is a date, as day.month.year"),
    (["2024-01-02", "2024-01-03T04:05:06"] * 5, "date", None),
    (["12 May 2024", "1 June 2023"] * 5, "date", None),
    (["1/31/2024", "2/1/2024"] * 5, "date", "every cell is a date, as month/day/year"),
    (
        ["31.01.99", "01.02.24"] * 5,
        "date",
        "every cell is a date, as day.month.year of two digits; years 69 to 99 are of the 20th "
        "century",
    ),
    (
        ["2024-01-02T03:04:05+02:00"] * 5 + ["2024-01-02T03:04:05Z"],
        "date",
        "every cell is a date, as year-month-day (ISO 8601); times are those of UTC",
    ),
]


@pytest.mark.parametrize(("cells", "holds", "rule"), CASES, ids=lambda v: str(v)[:30])
def test_a_column_is_told_by_its_cells(
    cells: list[str], holds: str, rule: str | None, tmp_path: Path
) -> None:
    found = types(tmp_path, cells).columns["x"]
    assert (found.holds, found.problem) == (holds, None)
    assert rule in (None, found.rule)


@pytest.mark.parametrize(
    ("cells", "delimiter", "told"),
    [
        (["1,5", "2,25", "3"], ";", {"decimal": ",", "thousands": ""}),
        (["1.234,5", "12", "1.000.000,25"], ";", {"decimal": ",", "thousands": "."}),
        (["1,234.5", "12"], ",", {"decimal": ".", "thousands": ","}),
        (["1,234", "12,000"], ",", {"decimal": ".", "thousands": ","}),
        (["1,234", "12,000"], ";", {"decimal": ",", "thousands": ""}),
        (["1 234", "12 000,5"], ";", {"decimal": ",", "thousands": " "}),
        (["1'234.5", "12"], ",", {"decimal": ".", "thousands": "'"}),
        (["5 %", "7.5%"], ",", {"units": {"x": "%"}}),
        (["$1,200", "$3"], ",", {"units": {"x": "$"}, "thousands": ","}),
        (["1", "2", "-", "3.5"], ",", {"missing": ["-"]}),
        (["1.5.2024", "31.5.2024"], ",", {"dates": {"x": "%d.%m.%Y"}}),
    ],
)
def test_how_cells_are_written_is_told_as_options_of_the_dataset(
    cells: list[str], delimiter: str, told: dict[str, object], tmp_path: Path
) -> None:
    options = types(tmp_path, cells * 5, delimiter=delimiter).options()
    if "missing" in told:
        assert options["missing"][-1] == "-"
    else:
        assert {key: options[key] for key in told} == told


@pytest.mark.parametrize(
    ("cells", "what"),
    [
        ([*NUMBERS, "old"], "has numbers in 30 cells, but not in 1: 'old' in line 32"),
        ([*NUMBERS, "inf"], "has numbers in 30 cells, but not in 1: 'inf' in line 32"),
        ([*NUMBERS, "1e999"], "has numbers in 30 cells, but not in 1: '1e999' in line 32"),
        (
            ["2024-05-31", "31.05.2024", "5/31/2024"] * 3,
            "has dates in 3 formats: year-month-day (ISO 8601) ('2024-05-31' in line 2), "
            "day.month.year ('31.05.2024' in line 3), month/day/year ('5/31/2024' in line 4)",
        ),
        (
            ["01/02/2024", "03/04/2024"] * 3,
            "has dates whose day and month cannot be told apart: '01/02/2024' in line 2, "
            "and no number is above 12",
        ),
        (
            ["2024-01-02T03:04:05Z", "2024-01-02T03:04:05"] * 3,
            "has dates with a time zone, as '2024-01-02T03:04:05Z' in line 2, and without, as "
            "'2024-01-02T03:04:05' in line 3",
        ),
    ],
)
def test_cells_of_another_kind_are_named(cells: list[str], what: str, tmp_path: Path) -> None:
    problem = types(tmp_path, cells, "when").columns["when"].problem
    assert problem is not None
    assert problem.what == f"t.csv: column when {what}"
    assert problem.hint == "mend them; or --type when=category, --type when=skip"


def test_later_rows_count_as_the_first_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen, "MOST", 1000)
    monkeypatch.setattr("dlx.data.tables.types.MOST", 1000)
    cells = [f"{n},5" for n in range(20_000)] + ["none of these"]
    problem = types(tmp_path, cells).columns["x"].problem
    assert problem is not None
    assert problem.what.endswith("but for 1: 'none of these' in line 20,002")


def test_what_the_user_says_of_a_column_holds(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("zip,n\n" + "".join(f"{n % 5},{n}\n" for n in range(30)))
    found = find_types(Table.open([file]), {"zip": "category"}).columns["zip"]
    assert (found.holds, found.rule) == ("category", "--type says category")


def test_a_first_line_of_numbers_is_data_but_years_are_names(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("1,2.5\n3,4\n5,6\n")
    table = Table.open([file], header=None)
    assert (table.header, table.named) == (("column_1", "column_2"), False)
    assert table.notes == ("the first line is taken for data, as it has numbers like the others",)
    file.write_text("country,2019,2020\na,3,4\nb,5,6\n")
    assert Table.open([file], header=None).header == ("country", "2019", "2020")
