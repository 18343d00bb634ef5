"""`dlx predict`: rows in, predictions out; where a row does not fit, nothing is written."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import dlx
from dlx.cli.main import main
from dlx.data import read
from dlx.data.origins import load
from dlx.data.samples import Samples
from dlx.running.evidence import dump_yaml
from dlx.search.winner import best_run
from dlx.use.outputs import Shape
from dlx.use.predictor import Predictor
from dlx.use.serving.asked import Asked, rows_of_json
from dlx.use.serving.limits import Limits
from dlx.use.serving.service import Service

Cli = Callable[..., Any]
OF_TRUST = ("intervals and sets", "also chose the epoch", "false alarms", "too few validation rows")
WINE = ("task=wine", "trainer.threads=1", "trainer.epochs=2")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run, and its rows as `wine.csv`."""
    folder = tmp_path_factory.mktemp("predicted")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["train", *WINE, "--quiet"]) == 0
    write_rows(folder / "wine.csv", wine())
    return folder


def wine() -> Samples:
    """The dataset."""
    return read(load(["task=wine"]).config.dataset)


def write_rows(file: Path, samples: Samples, **more: list[str]) -> None:
    """The features of all rows as CSV, the last ones first, with further columns behind."""
    column = samples.columns["features"]
    names, values = column.features[::-1], np.asarray(column)[:, ::-1]  # type: ignore[attr-defined]
    with file.open("w", newline="") as stream:
        out = csv.writer(stream)
        out.writerow([*names, *more])
        for place, row in enumerate(values):
            out.writerow([*map(str, row), *(given[place] for given in more.values())])


@pytest.fixture
def stand(place: Path, here: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Stands in that folder; what a test adds to it goes."""
    monkeypatch.chdir(place)
    before = {*place.rglob("*")}
    yield place
    for file in {*place.rglob("*")} - before:
        if file.is_file():
            file.unlink()


def table(text: str) -> list[dict[str, str]]:
    """CSV text as rows."""
    return list(csv.DictReader(io.StringIO(text)))


def warnings(err: str) -> list[str]:
    """What is told on standard error, but for what every run's intervals are of."""
    return [one for one in err.splitlines() if not any(part in one for part in OF_TRUST)]


def test_it_says_of_test_rows_what_the_run_said(stand: Path, cli: Cli) -> None:
    answer = cli("predict", "last", "wine.csv")
    assert (answer.code, warnings(answer.err)) == (0, [])
    rows = table(answer.out)
    columns = ["row", "cultivar", "cultivar_probability", "cultivar_set", "unlike"]
    assert list(rows[0]) == columns
    assert len(rows) == 178
    (file,) = stand.glob("runs/wine/*/predictions.csv")
    for told in table(file.read_text()):
        found = rows[int(told["row"])]
        assert found["cultivar"] == told["predicted"]
        assert float(found["cultivar_probability"]) == pytest.approx(
            float(told["probability"]), rel=1e-5
        )


def test_every_format_says_the_same_to_the_last_bit(stand: Path, cli: Cli) -> None:
    for name in ("p.csv", "p.jsonl", "p.parquet"):
        answer = cli("predict", "last", "wine.csv", "--out", name, "--probabilities")
        assert (answer.code, answer.out) == (0, f"178 rows predicted: {name}\n")
    import pyarrow.parquet as pq

    kept = pq.read_table("p.parquet").to_pydict()
    assert "cultivar_probability_class_2" in kept
    exact = np.array(kept["cultivar_probability"], np.float32)
    read_back = [float(row["cultivar_probability"]) for row in table(Path("p.csv").read_text())]
    np.testing.assert_array_equal(np.array(read_back, np.float32), exact)
    lines = [json.loads(line) for line in Path("p.jsonl").read_text().splitlines()]
    np.testing.assert_array_equal(
        np.array([one["cultivar_probability"] for one in lines], np.float32), exact
    )
    assert lines[0]["cultivar_probabilities"].keys() == {"class_0", "class_1", "class_2"}
    assert [one["cultivar"] for one in lines] == kept["cultivar"]


def test_the_most_probable_classes_stand_beside_it(stand: Path, cli: Cli) -> None:
    (first, *_) = table(cli("predict", "last", "wine.csv", "--top-k", "2").out)
    columns = ["cultivar_1", "cultivar_1_probability", "cultivar_2", "cultivar_2_probability"]
    assert list(first)[3:7] == columns
    assert first["cultivar_1"] == first["cultivar"]
    answer = cli("predict", "last", "wine.csv", "--top-k", "2", "--format", "jsonl")
    told = json.loads(answer.out.splitlines()[0])["cultivar_top"]
    assert [one["class"] for one in told] == [first["cultivar_1"], first["cultivar_2"]]


def test_kept_columns_are_handed_through_and_no_formula_is(stand: Path, cli: Cli) -> None:
    notes = ["=1+1", "-5", "a,b", "@x"] * 50
    write_rows(Path("noted.csv"), wine(), note=notes[:178], cultivar=["x"] * 178)
    answer = cli("predict", "last", "noted.csv", "--keep", "note,cultivar")
    assert (answer.code, warnings(answer.err)) == (0, [])
    rows = table(answer.out)
    assert [row["note"] for row in rows[:4]] == ["'=1+1", "-5", "a,b", "'@x"]
    assert rows[0]["given_cultivar"] == "x"
    answer = cli("predict", "last", "noted.csv", "--keep", "note", "--format", "jsonl")
    assert json.loads(answer.out.splitlines()[0])["note"] == "=1+1"
    assert warnings(answer.err) == []  # the training data had that column, too


def test_standard_input_is_a_file(stand: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = SimpleNamespace(buffer=io.BytesIO(Path("wine.csv").read_bytes()))
    monkeypatch.setattr(sys, "stdin", stream)
    assert cli("predict", "last", "-").out == cli("predict", "last", "wine.csv").out


def test_columns_that_are_missing_are_named_each(stand: Path, cli: Cli) -> None:
    head, _, rest = Path("wine.csv").read_text().partition("\n")
    head = head.replace("alcohol", "Alcohol").replace(",hue,", ",huge,").replace("proline", "x")
    Path("other.csv").write_text(f"{head}\n{rest}")
    answer = cli("predict", "last", "other.csv", "--out", "p.csv")
    assert (answer.code, answer.out) == (2, "")
    accepted = (
        "the columns alcohol, malic_acid, ash, alcalinity_of_ash, magnesium, total_phenols, "
        "flavanoids, nonflavanoid_phenols, proanthocyanins, color_intensity, hue, "
        "od280/od315_of_diluted_wines, ..., in any order"
    )
    for name, hint in (
        ("alcohol", "  try: rename column `Alcohol` to `alcohol`\n"),
        ("hue", "  try: rename column `huge` to `hue`\n"),
        ("proline", ""),
    ):
        told = f"error: there is no column `{name}`\n  where: other.csv\n  accepted: {accepted}\n"
        assert told + hint in answer.err
    assert not Path("p.csv").exists()


def test_a_table_that_has_nearly_no_column_is_told_in_one_line(stand: Path, cli: Cli) -> None:
    Path("other.csv").write_text("ash,hue\n1,2\n")
    told = (
        "error: 11 of 13 columns are not there: alcohol, malic_acid, alcalinity_of_ash, magnesium, "
        "total_phenols, flavanoids, nonflavanoid_phenols, proanthocyanins, color_intensity, "
        "od280/od315_of_diluted_wines, proline\n  where: other.csv\n"
    )
    assert cli("predict", "last", "other.csv").err.startswith(told)


def test_a_folder_is_no_table(stand: Path, cli: Cli) -> None:
    Path("rows").mkdir()
    assert cli("predict", "last", "rows").err == (
        "error: rows: is a folder\n  where: rows\n"
        "  accepted: a file: CSV, TSV, JSON lines or Parquet\n  try: name a file in it\n"
    )


def spoil(line: int, name: str, cell: str) -> None:
    """Writes `spoiled.csv`, in which one cell of the wines is another."""
    rows = [row.split(",") for row in Path("wine.csv").read_text().splitlines()]
    rows[line - 1][rows[0].index(name)] = cell
    Path("spoiled.csv").write_text("".join(f"{','.join(row)}\n" for row in rows))


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("abc", "column ash has 'abc', no number"),
        ("1e50", "column ash has '1e50', no number"),
        ("", "column ash empty, which the run's preparation fills with nothing"),
    ],
)
def test_a_row_that_cannot_be_predicted(stand: Path, cli: Cli, cell: str, told: str) -> None:
    spoil(7, "ash", cell)
    answer = cli("predict", "last", "spoiled.csv", "--out", "p.csv")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == (
        f"error: {told}\n  where: spoiled.csv, line 7\n"
        "  accepted: rows as those of the training data\n"
        "  try: mend the file, or --skip-broken leaves such rows out\n"
    )
    assert not Path("p.csv").exists()
    answer = cli("predict", "last", "spoiled.csv", "--skip-broken")
    assert warnings(answer.err) == [f"warning: 1 row left out: spoiled.csv, line 7: {told}"]
    rows = [row["row"] for row in table(answer.out)]
    assert rows == [str(row) for row in range(178) if row != 5]
    whole = table(cli("predict", "last", "wine.csv").out)
    assert table(answer.out)[100]["cultivar"] == whole[101]["cultivar"]


def test_files_that_are_there_are_kept(stand: Path, cli: Cli) -> None:
    Path("p.csv").write_text("mine")
    answer = cli("predict", "last", "wine.csv", "--out", "p.csv")
    assert answer.err.startswith("error: p.csv exists\n")
    assert answer.err.endswith("  try: --force replaces it\n")
    assert Path("p.csv").read_text() == "mine"
    assert cli("predict", "last", "wine.csv", "--out", "p.csv", "--force").code == 0
    assert Path("p.csv").read_text() != "mine"
    assert [one.name for one in Path().iterdir() if one.name.startswith(".")] == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nothing.csv",), "there is no file nothing.csv"),
        (("wine.csv", "--out", "nowhere/p.csv"), "p.csv cannot be written: folder"),
        (("wine.csv", "--out", "p.xlsx"), "the format of p.xlsx is not known by its ending"),
        (("wine.csv", "--out", "wine.csv"), "wine.csv is read from"),
        (("wine.csv", "--keep", "ashes"), "there is no column `ashes` to keep"),
        (("-", "-"), "- stands for standard input, and is named twice"),
    ],
)
def test_what_is_refused(stand: Path, cli: Cli, arguments: tuple[str, ...], told: str) -> None:
    answer = cli("predict", "last", *arguments)
    assert (answer.code, answer.out) == (2, "")
    assert told in answer.err


def test_who_predicts_nothing_says_what_to_type(stand: Path, cli: Cli, tmp_path: Path) -> None:
    (run,) = stand.glob("runs/wine/*-*")
    for learner, hint in (("gan", "dlx report"), ("language_model", "dlx generate")):
        other = tmp_path / "wine" / run.name / learner
        other.mkdir(parents=True)
        (other / "status.json").write_text((run / "status.json").read_text())
        config = load(["task=digits_gan" if learner == "gan" else "task=textgen"])
        (other / "config.yaml").write_text(dump_yaml(config.plain()))
        answer = cli("predict", str(other), "wine.csv")
        what = f"run {run.name}/{learner} has learner {learner}, which predicts nothing of new rows"
        assert answer.err.startswith(f"error: {what}\n")
        assert answer.err.endswith(f"  try: {hint} {learner}\n")


MINE = """# @package _global_
task: mine
dataset:
  name: table
  file: ./mine.csv
  columns: {Age: number, Fare: number, Id: identifier, Note: skip}
  decimal: ","
targets: {Survived: {problem: binary}}
prepare: {steps: [{name: standardise}]}
trainer: {epochs: 1, threads: 1}
"""


def test_cells_of_ones_own_table_are_read_as_in_training(cli: Cli) -> None:
    Path("configs/task").mkdir(parents=True)
    Path("configs/task/mine.yaml").write_text(MINE)
    rows = [f"A{i};{i},5;{i % 7};x;{'yes' if i % 3 else 'no'}" for i in range(60)]
    Path("mine.csv").write_text("\n".join(["Id;Age;Fare;Note;Survived", *rows]))
    assert cli("train", "task=mine", "--quiet").code == 0
    Path("new.csv").write_text("Fare;More;Id;Age\n3;x;=A1;17,5\n1;y;B;12\n1;y;C;12.5\n")
    answer = cli("predict", "last", "new.csv", "--skip-broken")
    assert warnings(answer.err) == [
        "note: cells are parted by a semicolon",
        "note: 1 column not used: More",
        "warning: 1 row left out: new.csv, line 4: column Age has '12.5', no number",
    ]
    found = table(answer.out)
    assert list(found[0])[:4] == ["row", "Id", "Survived", "Survived_probability"]
    assert [row["Id"] for row in found] == ["'=A1", "B"]
    Path("old.csv").write_text("\n".join(["Id;Age;Fare;Survived", "A17;17,5;3;yes"]))
    assert table(cli("predict", "last", "old.csv").out)[0] == {**found[0], "Id": "A17"}


MIXED = """# @package _global_
dataset:
  name: table
  file: ./mixed.csv
  columns: {Size: number, Sold: category, Stars: category}
  decimal: ","
  thousands: "."
targets: {Price: {problem: regression, scale: standardise}}
prepare:
  steps: [{name: standardise, columns: [numbers]}, {name: categories, columns: [categories]}]
model: {name: tabular, units: [4]}
trainer: {epochs: 1, threads: 1}
"""


def test_what_a_program_hands_over_is_read_as_the_cells_of_a_file(cli: Cli) -> None:
    """Numbers have a point there, whatever the file has; and True may be true, 3 be 3.0."""
    pandas = pytest.importorskip("pandas")
    Path("configs/task").mkdir(parents=True)
    Path("configs/task/mixed.yaml").write_text(MIXED)
    rows = [f"1.{i:03},125;{'True' if i % 2 else 'False'};{i % 3};{i * i},5" for i in range(60)]
    Path("mixed.csv").write_text("\n".join(["Size;Sold;Stars;Price", *rows]))
    assert cli("train", "task=mixed", "--quiet").code == 0
    Path("new.csv").write_text("Size;Sold;Stars\n1.007,125;True;2\n0,125;False;1\n")
    text = table(cli("predict", "last", "new.csv").out)
    known = [{"Size": 1007.125, "Sold": True, "Stars": 2.0}]
    known += [{"Size": 0.125, "Sold": False, "Stars": 1.0}]
    Path("new.jsonl").write_text("".join(json.dumps(one) + "\n" for one in known))
    frame = pandas.DataFrame(known)
    frame.to_parquet("new.parquet")
    run = dlx.load_run("last")
    service = Service(Predictor.open(run.folder, "cpu"), {})
    body = json.dumps({"rows": known}).encode()
    asked = rows_of_json(body, service.fields, Limits())
    (served,) = service.answer([Asked(asked, Shape(nested=True))])
    assert isinstance(served, bytes)
    everywhere = [
        *(table(cli("predict", "last", file).out) for file in ("new.jsonl", "new.parquet")),
        run.predict(known),
        run.predict(frame).to_dict("records"),
        json.loads(served)["predictions"],
    ]
    assert text[0]["unlike"] == ""
    assert text[0]["Price"] != text[1]["Price"]
    for found in everywhere:
        assert [float(one["Price"]) for one in found] == [float(one["Price"]) for one in text]
        assert [one["unlike"] for one in found] == [one["unlike"] for one in text]


def test_a_target_may_be_called_row(cli: Cli) -> None:
    pandas = pytest.importorskip("pandas")
    Path("configs/task").mkdir(parents=True)
    Path("configs/task/mixed.yaml").write_text(MIXED.replace("Price:", "row:"))
    rows = [f"1.{i:03},125;{'True' if i % 2 else 'False'};{i % 3};{i * i},5" for i in range(60)]
    Path("mixed.csv").write_text("\n".join(["Size;Sold;Stars;row", *rows]))
    assert cli("train", "task=mixed", "--quiet").code == 0
    found = table(cli("predict", "last", "mixed.csv").out)
    assert [*found[0]] == ["row_", "row", "row_low", "row_high", "unlike"]
    assert [one["row_"] for one in found] == [*map(str, range(60))]
    frame = pandas.DataFrame({"Size": [1.5, 2.5], "Sold": True, "Stars": "1"}, index=["a", "b"])
    answered = dlx.load_run("last").predict(frame)
    assert answered["row"].index.tolist() == ["a", "b"]


@pytest.mark.parametrize("command", ["predict", "export", "serve"])
def test_a_sweep_is_its_best_run(command: str, cli: Cli) -> None:
    root = Path(__file__).parents[1] / "old_runs"
    folder = root / "sweeps" / "diabetes-8df47db0"
    best = "20261126-193210-53535fa5-2"  # of the smaller error
    assert best_run(folder).name == best
    more = ("wine.csv",) if command == "predict" else ()
    Path("wine.csv").write_text("a\n1\n")
    refused = cli(command, folder.name, *more, "--root", str(root))
    assert "trained by an earlier version of dlx" in refused.err
    assert f"/{best}" in refused.err
