"""A table of the user's own as a dataset: inputs by type, targets, roles, what does not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlx.data
from dlx.config.fields import Chosen
from dlx.config.load import load_values
from dlx.config.specs import PROTOCOLS
from dlx.config.specs.datasets import DATASETS
from dlx.data.samples import Samples
from dlx.errors import UsageError

ROWS = """Age,Sex,When,Note,Id,Out
1,male,2024-01-02,fine,7,yes
,female,2024-01-01,"a, b",8,no
3.5, male ,2024-01-03,,9,yes
"""
COLUMNS = {
    "Age": "number",
    "Sex": "category",
    "When": "date",
    "Note": "text",
    "Id": "identifier",
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "own.csv"
    path.write_text(ROWS)
    return path


def choose(file: Path | tuple[Path, ...], **options: Any) -> Chosen:
    where = tuple(map(str, file)) if isinstance(file, tuple) else str(file)
    chosen = DATASETS.default("table", **{"columns": COLUMNS, **options, "file": where})()
    return Chosen("table", chosen.options.pose({"Out": "binary"}), chosen.target)


def read(file: Path | tuple[Path, ...], **options: Any) -> Samples:
    return dlx.data.read(choose(file, **options))


def test_columns_become_inputs_by_what_they_hold(file: Path) -> None:
    samples = read(file)
    assert samples.inputs == ("numbers", "categories", "dates", "Note")
    numbers, dates = (samples.columns[name] for name in ("numbers", "dates"))
    assert numbers.names == ("Age",)
    np.testing.assert_array_equal(numbers.values, np.array([[1], [np.nan], [3.5]], np.float32))
    assert samples.columns["categories"].texts("Sex") == ["male", "female", "male"]
    assert (dates.values[:, 0] / 86400).tolist() == [19724, 19723, 19725]
    assert samples.columns["Note"].values == ["fine", "a, b", ""]
    assert samples.classes == {"Out": ("no", "yes")}
    assert samples.columns["Out"].values.tolist() == [1, 0, 1]


def test_columns_that_are_not_named_and_skipped_ones_are_no_inputs(file: Path) -> None:
    assert read(file, columns={"Age": "number", "Sex": "skip"}).inputs == ("numbers",)


def test_a_column_orders_rows_in_time_and_another_keeps_them_together(file: Path) -> None:
    samples = read(file, group="Sex", time="When")
    assert (samples.time, samples.clock, samples.groups) == ("When", "s", ("Sex",))
    assert np.argsort(np.asarray(samples.columns["When"])).tolist() == [1, 0, 2]
    assert np.asarray(samples.columns["Sex"]).tolist() == [1, 0, 1]


def test_the_data_are_known_by_what_they_hold_wherever_they_lie(file: Path) -> None:
    other = file.with_name("elsewhere.csv")
    other.write_bytes(file.read_bytes())
    assert read(file).digest == read(other).digest
    other.write_text(ROWS.replace("3.5", "4"))
    assert read(file).digest != read(other).digest


def test_files_with_one_header_are_read_one_after_another(file: Path) -> None:
    other = file.with_name("more.csv")
    other.write_text(ROWS.splitlines()[0] + "\n4,female,2024-01-04,x,10,no\n")
    samples = read((file, other))
    assert np.asarray(samples.columns["numbers"])[:, 0].tolist()[2:] == [3.5, 4]
    other.write_text("Age,Sex\n1,male\n")
    with pytest.raises(UsageError) as caught:
        read((file, other))
    assert str(caught.value) == (
        f"more.csv: lacks When, Note, Id, Out, compared with own.csv\n  where: {other}\n"
        "  accepted: Age, Sex, When, Note, Id, Out\n  try: one header in all files"
    )


def test_cells_that_do_not_fit_are_named_with_their_lines(file: Path) -> None:
    file.write_text(ROWS + 'old,male,2024-1-1,"two\nlines",1,no\n7,male,soon,x,1,no\n')
    with pytest.raises(UsageError) as caught:
        read(file)
    assert str(caught.value) == (
        "own.csv: column Age holds numbers, but not 'old' in line 5\n"
        f"  where: {file}\n"
        "  accepted: numbers as 1234.5, below 3.4e38; or missing: '', 'NA', 'N/A', 'NaN', 'nan', "
        "'null', 'NULL'\n"
        "  try: mend the cells; or dataset.columns.Age=category\n"
        "own.csv: column When holds dates, but not '2024-1-1' in line 5, 'soon' in line 7\n"
        f"  where: {file}\n"
        "  accepted: dates as 2024-05-31 or 2024-05-31T23:00:00; or missing: '', 'NA', 'N/A', "
        "'NaN', 'nan', 'null', 'NULL'\n"
        "  try: mend the cells; or dataset.columns.When=category"
    )


def test_a_config_asks_a_table_for_its_targets(file: Path) -> None:
    values = {
        "task": "own",
        "dataset": {"name": "table", "file": str(file), "columns": {**COLUMNS, "Out": "category"}},
        "targets": {"Out": {"problem": "binary"}},
    }
    options = load_values(values, "config.yaml").dataset.options
    assert options.targets == {"Out": "binary"}
    assert options.inputs == ("numbers", "categories", "dates", "Note")


def test_an_input_that_the_table_lacks_is_refused_with_a_near_name(file: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read(file, columns={"Agee": "number"})
    assert str(caught.value) == (
        "own.csv has no column Agee, which `dataset.columns` names\n"
        f"  where: {file}\n  accepted: Age, Sex, When, Note, Id, Out\n  try: did you mean Age?"
    )


def test_rows_without_a_target_are_refused_or_left_out(file: Path) -> None:
    file.write_text(ROWS + "4,male,2024-01-04,x,10,\n5,male,2024-01-05,x,11,NA\n")
    with pytest.raises(UsageError) as caught:
        read(file)
    assert str(caught.value) == (
        "own.csv: column Out, which is to be predicted, is empty in 2 rows: line 5, line 6\n"
        f"  where: {file}\n  accepted: a value in every row\n"
        "  try: dataset.unlabelled=skip leaves these rows out"
    )
    samples = read(file, unlabelled="skip")
    assert (len(samples), samples.notes) == (3, (("2 rows without Out left out", 2),))
    assert samples.tell_row(2) == "row 2 (Id 9)"


def test_a_protocol_keeps_groups_together_and_cuts_in_time(file: Path) -> None:
    lines = [
        f"{n},{'ab'[n % 2]},2024-01-{n % 28 + 1:02},x,{n // 3},{'yes' if n % 2 else 'no'}"
        for n in range(60)
    ]
    file.write_text(ROWS.splitlines()[0] + "\n" + "\n".join(lines) + "\n")
    samples = read(file, columns={**COLUMNS, "Id": "category"}, group="Id", time="When")
    holdout = PROTOCOLS.default("holdout", validation=0.2, group="Id")()
    (fold,), groups = (
        holdout.load()(holdout.options, samples, 0, "Out").folds,
        np.asarray(samples.columns["Id"]),
    )
    assert not {*groups[fold.train]} & {*groups[fold.validation]}
    protocol = PROTOCOLS.default("chronological")()
    in_time = protocol.load()(protocol.options, samples, 0, "Out")
    (fold,), stamps = in_time.folds, np.asarray(samples.columns["When"])
    assert stamps[fold.train].max() <= stamps[fold.validation].min()
    assert stamps[fold.validation].max() <= stamps[in_time.test].min()


def test_a_config_without_targets_is_told_what_they_are(file: Path) -> None:
    values = {
        "task": "own",
        "dataset": {"name": "table", "file": str(file), "columns": COLUMNS},
    }
    with pytest.raises(UsageError) as caught:
        load_values(values, "config.yaml")
    assert str(caught.value) == (
        "`targets` is missing\n  accepted: columns of the table, and the problem of each: "
        "{COLUMN: {problem: binary}}"
    )
