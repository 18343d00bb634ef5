"""What a run keeps to tell how far its predictions can be trusted, and what it tells by that."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from small import trained

from dlx.data.columns import Text
from dlx.data.samples import Frame
from dlx.errors import RunError
from dlx.judging.trusted import Trusted
from dlx.reproduce.compare import differences
from dlx.running.run import Run
from dlx.runs import seal
from dlx.runs.artifacts import TRUST, list_artifacts
from dlx.use.predictor import Predictor
from dlx.use.trust import Trust

DIABETES = ("task=diabetes", "trainer.threads=1", "trainer.epochs=3")
FOLDS = ("protocol={name: kfold, k: 3}",)


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A classifier of real wines."""
    root = f"run.root={tmp_path_factory.mktemp('trust') / 'runs'}"
    return trained(root, "dataset.sample=false", "trainer.epochs=20")


@pytest.fixture(scope="module")
def diabetes(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A regression."""
    return trained(f"run.root={tmp_path_factory.mktemp('trust') / 'runs'}", base=DIABETES)


def frame(run: Run, **changes: float) -> Frame:
    """The first test rows, one of whose numbers may be another."""
    column = run.data.samples.columns["features"].take(run.data.split.test[:8])
    values = np.asarray(column).copy()
    names: Any = column.name_features((), ()).features  # type: ignore[attr-defined]
    for name, value in changes.items():
        values[0, names.index(name)] = value
    return Frame({"features": type(column)(values, names)})  # type: ignore[call-arg]


def beside(run: Run, rows: Frame, **asked: float) -> dict[str, Any]:
    return dict(Predictor.open(run.folder, **asked).answers(rows).beside)  # type: ignore[arg-type]


def test_what_is_kept_is_listed_sealed_and_compared(wine: Run, tmp_path: Path) -> None:
    assert TRUST.file in [one.file for one in list_artifacts(wine.folder)]
    assert TRUST.file in seal.sealed_names(wine.folder)
    other = tmp_path / "wine" / wine.folder.name
    shutil.copytree(wine.folder, other)
    assert differences(wine.folder, other) == []
    found = load_file(other / TRUST.file)
    save_file({**found, "near": found["near"] + 1}, other / TRUST.file)
    assert [one.what for one in differences(wine.folder, other)] == ["trust"]


def test_it_is_of_validation_rows_and_holds_no_row(wine: Run) -> None:
    found = load_file(wine.folder / TRUST.file)
    rows = len(wine.stage.fold.rows.validation)
    assert found["rows"].tolist() == [rows, 1, 1]
    assert found["scores/rows/cultivar"].tolist() == [rows]
    values = found["scores/values/cultivar"]
    assert (np.diff(values, axis=0) >= 0).all()
    shown = np.asarray(wine.data.samples.columns["features"])
    kept = {tuple(one) for one in found["space/centres/"].tolist()}
    assert not kept & {tuple(one) for one in shown.tolist()}


def test_sets_of_classes_hold_the_answer_and_grow_with_the_level(wine: Run) -> None:
    small, large = (beside(wine, frame(wine), level=one)["cultivar_set"] for one in (0.5, 0.95))
    answers = Predictor.open(wine.folder).predict(frame(wine))["cultivar"].names
    for one, few, many in zip(answers, small, large, strict=True):
        assert one in few
        assert set(few) <= set(many)


def test_intervals_are_the_answer_less_and_more_the_error_of_that_rank(diabetes: Run) -> None:
    found = beside(diabetes, frame(diabetes))
    answers = np.asarray(
        Predictor.open(diabetes.folder).predict(frame(diabetes))["progression"].values
    )
    fold = diabetes.stage.fold
    known = (
        Predictor.open(diabetes.folder)
        .predict(
            Frame(
                {"features": diabetes.data.samples.columns["features"].take(fold.rows.validation)}
            )
        )["progression"]
        .values
    )
    true = np.asarray(diabetes.data.samples.columns["progression"])[fold.rows.validation]
    rank = int(np.ceil(round((len(true) + 1) * 0.9, 9)))
    half = np.sort(np.abs(known - true))[rank - 1]
    np.testing.assert_allclose(found["progression_low"], answers - half, rtol=1e-4)
    np.testing.assert_allclose(found["progression_high"], answers + half, rtol=1e-4)


def test_a_row_out_of_range_says_which_number_and_is_far_in_feature_space(wine: Run) -> None:
    usual, odd = beside(wine, frame(wine)), beside(wine, frame(wine, alcohol=100.0))
    assert [one for one in usual["unlike"] if one] == []
    told = odd["unlike"][0].split("; ")
    assert told[0] == "alcohol 100 > 14.83"
    assert told[1].startswith("far in feature space (")
    assert odd["unlike"][1:] == usual["unlike"][1:]


def test_inputs_are_told_in_the_order_of_the_run(wine: Run) -> None:
    kept = load_file(wine.folder / TRUST.file)
    for name in [*kept]:
        if name.startswith(("known/", "unlike/")):
            kept[name.replace("/features", "/again")] = kept[name]
    column = frame(wine, alcohol=100.0).columns["features"]
    predictor = Predictor.open(wine.folder)
    for found in (kept, dict(reversed(kept.items()))):  # a file has them in any order
        trusted = replace(Trusted.of_arrays(found), space=None)
        trust = Trust(trusted, {}, predictor.members[0].pipeline)
        rows = Frame({"features": column, "again": frame(wine, alcohol=-100.0).columns["features"]})
        told = trust.tell({}, rows)["unlike"]
        assert told[0] == "alcohol 100 > 14.83; alcohol -100 < 11.03"


def test_the_least_sure_abstain(wine: Run) -> None:
    rows = Frame({"features": wine.data.samples.columns["features"]})
    assert "abstained" not in beside(wine, rows)
    marks = np.array(beside(wine, rows, abstain=0.2)["abstained"])
    shares = Predictor.open(wine.folder).predict(rows)["cultivar"].probabilities
    assert shares is not None
    sure = shares.max(axis=1)
    assert 0 < marks.mean() < 0.5
    assert sure[marks].max() < sure[~marks].min()


def test_rows_without_probabilities_abstain_by_their_distance(diabetes: Run) -> None:
    rows = frame(diabetes, bmi=9.0)
    assert beside(diabetes, rows, abstain=0.1)["abstained"][0] is True


def test_what_is_told_does_not_depend_on_other_rows(wine: Run) -> None:
    whole = frame(wine, alcohol=100.0)
    column = whole.columns["features"]
    alone = Frame({"features": column.take(np.array([0]))})
    asked = {"abstain": 0.3}
    for name, cells in beside(wine, whole, **asked).items():
        assert list(cells)[:1] == list(beside(wine, alone, **asked)[name])


def test_remarks_say_what_holds_and_what_does_not(wine: Run, diabetes: Run) -> None:
    told = Predictor.open(wine.folder, abstain=0.1).remarks()
    rows = len(wine.stage.fold.rows.validation)
    assert told[0] == (
        f"intervals and sets hold the truth of at least 0.9 of rows like the {rows} validation rows"
    )
    assert told[1] == "these rows also chose the epoch, so it may be a little less"
    assert told[-1] == "abstained: less sure than 0.9 of the validation rows"
    few = Predictor.open(diabetes.folder, level=0.999).remarks()
    assert few[2] == (
        "progression: too few validation rows, so that intervals are infinite and sets hold "
        "everything; 0.999 needs 999 rows"
    )
    assert np.isinf(beside(diabetes, frame(diabetes), level=0.999)["progression_low"]).all()


@pytest.mark.parametrize("final", ["true", "false"])
def test_over_folds_each_row_was_answered_by_the_model_that_had_it_not(
    final: str, tmp_path: Path
) -> None:
    run = trained(*FOLDS, f"final={final}", f"run.root={tmp_path}", base=DIABETES)
    rows = len(run.data.split.rest)
    found = load_file(run.folder / TRUST.file)
    assert found["rows"].tolist() == [rows, 1, 3]
    assert found["scores/rows/progression"].tolist() == [rows]
    each = [load_file(run.folder / "folds" / str(n) / TRUST.file) for n in range(3)]
    every = np.sort(
        np.concatenate([one["scores/values/progression"] for one in each], axis=0)[:, 0]
    )
    np.testing.assert_array_equal(found["scores/values/progression"][:, 0], every)
    low = np.min([one["known/low/features"] for one in each], axis=0)
    np.testing.assert_array_equal(found["known/low/features"], low)
    assert ("near" in found) == (final == "true")
    told = beside(run, frame(run, bmi=9.0))
    assert told["unlike"][0].startswith("bmi 9 < ")
    assert run.facts.get("trust", {}).get("folds") == (3 if final == "true" else None)


def test_coverage_of_test_rows_and_risk_are_in_the_report(wine: Run) -> None:
    told = wine.facts["trust"]
    assert told["part"] == "test"
    of = told["targets"]["cultivar"]
    assert [one["level"] for one in of["levels"]] == [0.5, 0.8, 0.9, 0.95]
    assert all(one["low"] <= one["observed"] <= one["high"] for one in of["levels"])
    accuracy = next(s["value"] for s in wine.facts["scores"] if s["name"] == "test/accuracy")
    assert of["risk"][0] == pytest.approx(1 - accuracy)


def test_a_run_without_it_says_so_and_predicts(wine: Run, tmp_path: Path) -> None:
    old = tmp_path / "wine" / wine.folder.name
    shutil.copytree(wine.folder, old)
    (old / TRUST.file).unlink()
    for name in ("files.json", "status.json"):
        text = (old / name).read_text("utf-8")
        (old / name).write_text(text.replace('"files"', '"unsealed"'), "utf-8")
    predictor = Predictor.open(old)
    assert predictor.remarks() == [
        "no intervals and no warnings: the run has no validation rows, or is of an earlier dlx"
    ]
    assert predictor.answers(frame(wine)).beside == {}


def test_a_damaged_one_is_named(wine: Run, tmp_path: Path) -> None:
    broken = tmp_path / "wine" / wine.folder.name
    shutil.copytree(wine.folder, broken)
    status = (broken / "status.json").read_text("utf-8")
    (broken / "status.json").write_text(status.replace('"files"', '"unsealed"'), "utf-8")
    found = load_file(broken / TRUST.file)
    for name in ("rows", "unlike/muted/features"):
        save_file({n: v for n, v in found.items() if n != name}, broken / TRUST.file)
        with pytest.raises(RunError, match=r"artifacts/trust.safetensors is damaged"):
            Predictor.open(broken)
    save_file({**found, "known/low/features": np.zeros(2)}, broken / TRUST.file)
    with pytest.raises(RunError, match=r"artifacts/trust.safetensors does not fit the run"):
        Predictor.open(broken).answers(frame(wine))


def test_a_text_of_unknown_words_is_told(tmp_path: Path) -> None:
    base = ("task=imdb_raw", "dataset.sample=true", "trainer.threads=1", "trainer.epochs=1")
    run = trained(f"run.root={tmp_path}", base=base)
    (name,) = run.data.samples.inputs
    known = run.data.samples.columns[name].take(run.data.split.test[:1])
    (text,) = known.values  # type: ignore[attr-defined]
    odd = "xyzzy plugh frobnicate " * 40
    told = beside(run, Frame({name: Text([text, odd])}))["unlike"]
    assert told[0] == ""
    assert told[1].startswith(f"{name}: 100% of its words unknown")
