"""The answer: power, baselines, looks, stamps, decisions, and a test that is worse than it was."""

from __future__ import annotations

import pytest

from dlx.report import build


def test_the_verdict_is_that_over_all_baselines(make_run, page):
    told, now = (
        f"test/accuracy is 0.38 better than {name} (0.5)" for name in ("shuffled", "chance")
    )
    power = {"verdict": "has statistical power", "text": f"has statistical power: {told}"}
    beaten = {"name": "shuffled", "kind": "constant", "score": "test/accuracy", "value": 0.5}
    best = {"name": "logistic regression", "kind": "classical", "value": 0.9}
    baselines = [
        {**beaten, "difference": 0.38, "interval": [0.37, 0.39], "beaten": True},
        {**best, "difference": -0.02, "interval": [-0.03, -0.01], "beaten": False},
        {"name": "naive", "kind": "naive", "value": 0.7, "difference": 0.1, "beaten": True},
    ]
    found = page(build(make_run(power=power, baselines=baselines)))
    said = "beats the trivial baseline; logistic regression is better"
    assert f"accuracy on the test set {said}" in found.text
    assert f"{said[0].upper()}{said[1:]}: {now}." in found.text  # of a run from before
    assert "Use logistic regression: it is simpler and better." in found.text
    assert "statistical power" not in found.text
    assert found.tables["The model compared with simpler models, on the same rows"][1:] == [
        ["chance (labels shuffled)", "constant", "0.5000", "0.3800", "0.3700 to 0.3900", "yes"],
        [
            "logistic regression",
            "classical",
            "0.9000",
            "\N{MINUS SIGN}0.02000",
            "\N{MINUS SIGN}0.03000 to \N{MINUS SIGN}0.01000",
            "no",
        ],
        ["naive", "naive", "0.7000", "0.1000", "\N{EN DASH}", "yes"],
    ]


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        ("has statistical power", "beats the trivial baseline"),
        ("no statistical power", "does not beat the trivial baseline"),
        ("unknown", "not known whether it beats the trivial baseline"),
    ],
)
def test_verdicts_of_runs_without_their_baselines_are_read(make_run, page, verdict, said):
    power = {"verdict": verdict, "text": f"{verdict}: so"}
    text = page(build(make_run(power=power, metrics=None, predictions=None))).text
    assert f"accuracy on the test set {said}" in text
    assert f"{said[0].upper()}{said[1:]}: so." in text


def alerts(page, folder):
    found = page(build(folder))
    return found.text if any(u.get("class") == "alerts" for u in found.all("ul")) else ""


def test_stamps_and_leaks_stand_in_the_answer(make_run, page):
    leak = {"kind": "leak", "name": "duplicates", "text": "5 rows are in two sets"}
    stamp = "the test rows were used for validation: no test score may be published"
    said = alerts(page, make_run(stamps=[stamp], checks=[leak]))
    assert "The test rows were used for validation: no test score may be published." in said
    assert "Leak: 5 rows are in two sets." in said


@pytest.mark.parametrize(("decisions", "warned"), [(14, False), (50, False), (51, True)])
def test_many_decisions_by_one_validation_part_are_warned_of(make_run, page, decisions, warned):
    folder = make_run(decisions=decisions)
    said = f"{decisions} decisions used the same validation set: so many choices overfit"
    assert (said in alerts(page, folder)) is warned
    assert f"{decisions} decisions used" in page(folder / "report.html").text


def scores(val, test):
    def one(name, value, half):
        interval = [value - half, value + half]
        return {"name": name, "value": value, "direction": "max", "interval": interval}

    listed = [one("val/accuracy", val, 0.01), one("test/accuracy", test, 0.01)]
    return {"scores": listed, "answer": {**listed[1], "score": "test/accuracy", "part": "test"}}


@pytest.mark.parametrize(("test", "flagged"), [(0.88, False), (0.875, False), (0.86, True)])
def test_a_test_far_below_validation_is_flagged(make_run, page, test, flagged):
    # The difference has a standard error of sqrt(2) * 0.01 / 1.96 = 0.0072.
    said = alerts(page, make_run(**scores(0.885, test)))
    assert ("clearly worse than the validation score, 0.8850" in said) is flagged
    assert "more reliable" not in said  # a run from before that was told


def test_what_to_type_for_better_validation_is_what_the_run_told(make_run, page):
    typed = "protocol=chronological protocol.validation=0.4"
    advised = {"advice": {"more_reliable": typed}, "decisions": 51}
    said = alerts(page, make_run(**scores(0.885, 0.8), **advised))
    assert f"overfitted or is too small; {typed} is more reliable." in said
    assert f"so many choices overfit it; {typed} is more reliable." in said


def test_errors_are_worse_the_larger_they_are(make_run, page):
    changed = scores(0.5, 0.6)
    changed["answer"]["direction"] = "min"
    said = alerts(page, make_run(**changed))
    assert "clearly worse than the validation score, 0.5000: by 13.9 standard errors" in said


def test_earlier_looks_are_listed(make_run, page):
    look = {"run": "imdb/x", "verb": "workflow", "at": "2026-11-24T10:00:00+0000", "rows": 12}
    found = page(build(make_run(looks_before=[look])))
    assert found.tables[("1 earlier evaluation on these test rows")][1] == list(
        map(str, look.values())
    )
