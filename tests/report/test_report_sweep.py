"""The page of a sweep: what a reader sees, whatever is missing, hostile or much."""

from __future__ import annotations

import copy
import json
import re
import struct
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sweep_cases as cases

from dlx.errors import RunError, UsageError
from dlx.report import build_sweep, importance
from dlx.report.levers import Lever

TITLE = "Settings, best val/accuracy first"
NASTY = (
    '<script>alert(1)</script></style></title><svg/onload=alert(1)>" onload="alert(1)" \''
    " <a href=javascript:alert(1)>http://example.org/x.png {{ 7*7 }} {% raw %} --> ]]>"
    " $\\frac{$ \x1b[31m\u202e\u2028 ../../etc/passwd"
)
MEANT = {"val/accuracy", "parameters", "max", "min", "tune", "done", "failed", "pruned", "seeds"}
MEANT |= {"optimizer.lr", "model.units"}


@pytest.fixture
def made(tmp_path, page):
    """Writes a sweep, builds its page and reads it."""

    def make(tree: dict[str, Any], **how: Any) -> Any:
        return page(build_sweep(cases.write(tmp_path, tree, **how)))

    return make


@pytest.fixture
def undrawn(monkeypatch):
    """Leaves the pictures out of it, which take most of the time."""
    monkeypatch.setattr("dlx.report.canvas.png_of", lambda *_: b"png")
    monkeypatch.setattr("dlx.report.importance.shares", lambda levers, *_: {levers[0].name: 1.0})


def test_the_answer_comes_first_and_says_how_far_to_trust_it(made):
    found = made(cases.sweep())
    assert found.all("section")[0]["id"] == "answer"
    assert "Search digits-3fa91c02" in found.text
    assert "0.9489 accuracy on the validation set, best of 9 settings" in found.text
    assert "beats the baseline" in found.text
    assert "95% interval over 2 trials (Student's t) 0.8989 to 0.9989" in found.text
    assert "task defaults 0.8600 baseline: chance 0.1000" in found.text
    assert "No trial used the test set." in found.text
    assert (
        "9 settings were compared on the same validation set, so 9 decisions are based"
        in found.text
    )
    assert "4 other settings lie within its interval" in found.text
    assert cases.COMMAND in found.texts
    assert "the last epoch was the best one in 3 trials" in found.text
    assert found.all("script") == []


def test_settings_stand_best_first_and_the_best_is_marked(made):
    found = made(cases.sweep())
    head, first, *rest = found.tables[TITLE]
    assert head == [
        *("setting", "val/accuracy", "± std", "95% interval", "baseline", "optimizer.lr"),
        *("model.units", "trials", "epoch", "parameters", "time"),
    ]
    assert first == [
        *("4", "0.9489", "0.01000", "0.8989 to 0.9989", "0.1000 chance", "0.005995", "[64]"),
        *("2", "4.5", "1,400", "1.5 s"),
    ]
    values = [float(row[1]) for row in rest]
    assert values == sorted(values, reverse=True)
    assert sum(tr.get("class") == "marked" for tr in found.all("tr")) == 1


def test_of_few_trials_the_interquartile_mean_is_the_mean(made, undrawn):
    few = made(cases.sweep(2))
    assert "interquartile mean of 2 trials the mean, of fewer than 4" in few.text
    assert "interquartile mean" not in few.tables[TITLE][0]


def test_the_interquartile_mean_is_told(made, undrawn):
    tree = cases.sweep(2)
    for point in tree["points"]:
        told = {"mean": point["value"] + 0.01, "interval": [0.8, 0.97], "left_out": 2}
        point |= {"interquartile": told, "n": 5}
    many = made(tree)
    head, first, _ = many.tables[TITLE]
    best = f"{max(p['value'] for p in tree['points']) + 0.01:.4f} (0.8000 to 0.9700)"
    assert first[head.index("interquartile mean")] == best
    assert f"interquartile mean of 5 trials {best}" in many.text


def test_a_setting_has_its_own_baseline_and_an_old_one_a_dash(made):
    tree = cases.sweep(2)
    tree["points"][1]["baseline"] = {"name": "majority", "value": 0.25}
    _, *rows = made(tree).tables[TITLE]
    assert [row[4] for row in rows] == ["0.2500 majority", "0.1000 chance"]


def test_a_sweep_whose_runs_told_no_baseline_has_none(made):
    head = made(cases.sweep(2), runs=False).tables[TITLE][0]
    assert "baseline" not in head


def test_failed_trials_are_told_by_reason_and_rank_last(made):
    tree = cases.failing(cases.failing(cases.sweep(), 2, 3), 1, state="pruned")
    found = made(tree)
    assert [s["id"] for s in found.all("section")][:3] == ["answer", "failed", "notes"]
    assert "4 of 18 trials failed; reasons below." in found.text
    (row,) = found.tables["4 of 18 trials failed, by reason"][1:]
    assert row == [
        "4",
        "lr=0.0007743 units=[64,64]; lr=0.002154 units=[16]",
        "the training loss is not a number",
    ]
    assert len(found.tables["Each of the failed trials"]) == 5
    assert "Traceback of trial 4" in found.texts
    table = found.tables[f"{TITLE}; settings with an unfinished trial come last"]
    assert [(row[0], row[8]) for row in table[-3:]] == [
        ("1", "2 pruned"),
        ("2", "2 failed"),
        ("3", "2 failed"),
    ]
    assert "Grey: 1 pruned setting, as far as they fit" in found.text


def test_one_lever_is_seen_in_its_slice_alone(made):
    tree = cases.sweep(4)
    for one in [*tree["points"], *tree["trials"]]:
        one["changed"] = {"optimizer.lr": one["changed"]["optimizer.lr"]}
    tree["keys"] = ["optimizer.lr"]
    alts = [img["alt"] for img in made(tree).all("img")]
    assert not any(alt.startswith("Parallel axes") for alt in alts)
    assert any("against each parameter that varied" in alt for alt in alts)


def test_the_legend_says_what_differs(tmp_path, figures):
    tree = cases.sweep(3)
    for one in [*tree["points"], *tree["trials"]]:
        one["changed"] = {"model.dropout": 0.5, **one["changed"]}
    build_sweep(cases.write(tmp_path, tree))
    (legend,) = next(figure.legends for figure in figures if figure.legends)
    told = {text.get_text() for text in legend.get_texts()}
    rates = {one["point"]: one["changed"]["optimizer.lr"] for one in tree["points"]}
    units = ("[16]", "[64]", "[64,64]")
    assert told == {f"{p}: lr={rates[p]:.4g} units={units[p]}" for p in range(3)}


@pytest.mark.parametrize("begun", [1, 2])
def test_a_mean_over_some_folds_is_not_drawn_beside_means_over_all(tmp_path, page, figures, begun):
    tree = cases.failing(cases.sweep(3), 0, state="pruned")
    place = cases.write(tmp_path, tree)
    row = '{"epoch": 1, "val/accuracy": 0.5}\n'
    for one in tree["trials"]:
        run = tmp_path / one["run"]
        (run / "metrics.jsonl").unlink()
        for fold in range(begun if one["point"] == 0 else 2):
            (run / "folds" / str(fold)).mkdir(parents=True)
            (run / "folds" / str(fold) / "metrics.jsonl").write_text(row)
    text = page(build_sweep(place)).text
    whole, partial = (
        "Grey: 1 pruned setting",
        ("1 pruned setting of which not every fold was started"),
    )
    assert (whole in text, partial in text) == (begun == 2, begun == 1)


def test_a_setting_that_lost_a_seed_ranks_behind_those_that_did_not(made):
    tree = cases.sweep()
    tree["trials"][8] |= {"state": "failed", "reason": "out of memory"}
    del tree["best"]
    found = made(tree)
    table = found.tables[f"{TITLE}; settings with an unfinished trial come last"]
    assert (table[1][0], table[-1][0]) == ("5", "4")


def test_pictures_are_png_files_of_a_sensible_size(tmp_path, page):
    folder = cases.write(tmp_path, cases.several(cases.sweep(), 0, 4))
    found = page(build_sweep(folder))
    files = sorted((folder / "plots").iterdir())
    names = ["curves", "front-parameters", "importance", "parallel", "progress", "slices"]
    assert [file.stem for file in files] == names
    for file in files:
        content = file.read_bytes()
        assert content[:8] == b"\x89PNG\r\n\x1a\n"
        width, height = struct.unpack(">II", content[16:24])
        assert 500 < width < 2500, file
        assert 150 < height < 2500, file
        assert 5_000 < len(content) < 500_000, file
    assert len(found.all("img")) == len(files)
    assert all(img["alt"] for img in found.all("img"))


def test_several_objectives_show_the_front(made):
    found = made(cases.several(cases.sweep(), 4, 0))
    title = (
        "The Pareto front: settings that no other setting improves in one objective without "
        "being worse in another"
    )
    assert found.tables[title] == [
        ["setting", "val/accuracy", "parameters", "values"],
        ["4", "0.9489", "1,400", "optimizer.lr=0.005995 model.units=[64]"],
        ["0", "0.8600", "1,000", "optimizer.lr=0.0001 model.units=[16]"],
    ]
    assert "val/accuracy (higher is better), parameters (lower is better)" in found.text
    assert "Setting 4, the best by val/accuracy" in found.text
    assert "Ringed: the task defaults." in found.text


def test_what_was_asked_for_is_told(made):
    text = made(cases.sweep()).text
    assert "optimizer.lr log-uniform from 0.0001 to 1" in text
    assert "model.units one of [16], [64], [64,64]" in text
    assert "trials 18 done settings 9 trials per setting 2 threads per trial 1" in text
    assert "took 2 min 03 s" in text
    assert "dlx tune task=digits seeds=2" in text


def test_importance_needs_enough_settings_and_says_so(made):
    found = made(cases.sweep(7))
    assert "is not estimated: 7 finished settings and 2 parameters that vary" in found.text
    assert "at least 8 and 2 are needed" in found.text


def test_importance_finds_the_lever_that_matters(made):
    found = made(cases.sweep(12))
    (alt,) = [img["alt"] for img in found.all("img") if img["alt"].startswith("Importance")]
    shares = dict(re.findall(r"([\w.]+) (\d+)%", alt))
    assert int(shares["optimizer.lr"]) > 60
    assert "over 10 bootstrap samples of these settings" in found.text


def test_importance_of_what_is_chance_may_be_anything():
    levers = [Lever(name, np.random.default_rng(at).random(8)) for at, name in enumerate("ab")]
    scores = [*np.random.default_rng(2).random(8)]
    found = importance.spans(levers, scores)
    assert found == importance.spans(levers, scores)
    assert all(0 <= low <= high <= 1 and high - low > 0.2 for low, high in found.values())


def test_a_sweep_has_no_progress_and_calls_itself_one(made, undrawn):
    found = made({**cases.sweep(), "kind": "sweep", "default": None, "space": None})
    assert "Sweep digits-3fa91c02" in found.text
    assert "best so far" not in found.text
    assert "Search space" not in found.text


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"state": "interrupted"}, "INTERRUPTED \N{EN DASH} the search did not finish"),
        ({"state": "running"}, "Not finished: 18 of 18 trials are done"),
        ({"sample": True}, "SAMPLE DATA"),
        ({"score": "test/accuracy"}, "Some trials have test scores"),
    ],
)
def test_what_must_not_be_overlooked(made, undrawn, changed, words):
    assert words in made({**cases.sweep(), **changed}).text


def test_looks_at_a_test_part_are_never_denied(made, undrawn):
    tree = cases.sweep()
    tree["trials"][3]["values"]["test/accuracy"] = 0.9
    found = made(tree)
    assert "No trial used the test set." not in found.text
    assert "that test set is no longer independent" in found.text


def test_many_decisions_are_a_warning(made, undrawn):
    assert "51 decisions used the same validation set: so many" in made(cases.sweep(51)).text


def test_run_folders_may_be_gone(made):
    found = made(cases.sweep(), runs=False)
    assert "There are no learning curves of the best settings" in found.text
    assert "baseline: uniform" not in found.text


def test_curves_that_are_gone_are_named(tmp_path, page, undrawn):
    folder = cases.write(tmp_path, cases.sweep())
    for seed in (8, 9):
        (tmp_path / f"digits/run-{seed}/metrics.jsonl").write_text("{damaged\n{}\n")
    assert "Not shown: 4; their run folders are missing" in page(build_sweep(folder)).text


def test_one_trial_alone(made):
    tree = cases.sweep(1)
    tree["trials"], tree["points"][0]["n"] = tree["trials"][:1], 1
    found = made(tree)
    assert "It was trained once: another seed gives another value" in found.text
    assert "All finished settings are the same" in found.text
    assert "decisions are based" not in found.text


def test_all_failed(made):
    tree = {**cases.failing(cases.sweep(3), 0, 1, 2), "best": None}
    found = made(tree)
    assert "There is no best setting: no trial has a score (6 failed)." in found.text
    assert "6 of 6 trials failed; reasons below." in found.text
    assert found.all("img") == []


def test_values_that_are_no_numbers_rank_last(made, undrawn):
    tree = cases.sweep()
    tree["points"][4]["value"] = float("nan")
    tree["points"][3]["value"] = float("inf")
    found = made(tree)
    assert "accuracy on the validation set, best of 7 settings" in found.text
    assert [row[0] for row in found.tables[TITLE][-2:]] == ["3", "4"]


def test_a_score_far_out_does_not_press_the_others_flat(made):
    tree = cases.sweep()
    tree |= {"direction": "min", "best": None}
    tree["points"][0]["value"] = 1e9
    assert "1 setting with a far worse val/accuracy lies at the worst end" in made(tree).text


def test_levers_that_some_settings_lack(made):
    tree = cases.sweep(12)
    for number, point in enumerate(tree["points"]):
        point["changed"] = {**point["changed"], "model.name": "mlp"}
        if number % 2:
            point["changed"] |= {"model.dropout": number / 20}
    found = made(tree)
    assert found.tables[TITLE][1][7:9] in (["\N{EN DASH}", "mlp"], ["mlp", "\N{EN DASH}"])
    assert len(found.all("img")) == 5


def test_the_same_folder_gives_the_same_bytes(tmp_path):
    folder = cases.write(tmp_path, cases.failing(cases.several(cases.sweep(10), 0, 4), 1))

    def contents() -> dict[str, bytes]:
        build_sweep(folder)
        files = [folder / "report.html", *(folder / "plots").iterdir()]
        return {file.name: file.read_bytes() for file in files}

    assert contents() == contents()


@pytest.mark.slow
def test_many_settings_are_folded_and_cut_short(tmp_path, page):
    tree = cases.failing(cases.sweep(1500), *range(0, 1500, 5))
    folder = cases.write(tmp_path, tree, runs=False)
    path = build_sweep(folder)
    assert path.stat().st_size < 5_000_000
    found = page(path)
    title = f"{TITLE}; settings with an unfinished trial come last"
    assert len(found.tables[title]) == 51
    assert len(found.tables["950 more settings, from the 51st on"]) == 951
    assert "500 further settings of lower rank are only in sweep.json." in found.text
    assert "400 of 1,500 settings are shown, evenly spaced by rank." in found.text
    assert "fANOVA on 1,200 settings, of which 100 evenly spaced by rank" in found.text
    assert len(found.tables["The first 200 of the failed trials"]) == 201


def spoilt(tree: Any, nasty: str) -> Any:
    """The same tree with a nasty end to every text in it, and to the levers' names."""
    if isinstance(tree, dict):
        free = {"optimizer.lr", "model.units"}
        return {k + nasty if k in free else k: spoilt(v, nasty) for k, v in tree.items()}
    if isinstance(tree, list):
        return [
            k + nasty if k in ("optimizer.lr", "model.units") else spoilt(k, nasty) for k in tree
        ]
    return tree + nasty if isinstance(tree, str) and tree not in MEANT else tree


def test_no_text_adds_a_tag_or_leads_out_of_the_folder(tmp_path, page):
    tree = cases.several(cases.failing(cases.sweep(), 2), 0, 4)
    found = []
    for number, nasty in enumerate((" plain", NASTY)):
        folder = cases.write(tmp_path / str(number), spoilt(tree, nasty), runs=False)
        found.append(page(build_sweep(folder)))
        names = {file.name for file in (folder / "plots").iterdir()}
        assert all(re.fullmatch(r"[a-z0-9_-]+\.png", name) for name in names)
    plain, nasty = (
        Counter((tag, *sorted(attributes)) for tag, attributes in one.tags) for one in found
    )
    assert nasty == plain
    assert found[1].open == []
    assert not set("\x1b\u202e") & set(found[1].text)
    for start in ("dlx tune task=digits", "the training loss", "Traceback (most", "handwritten"):
        assert any(t.startswith(start) and "<script>alert(1)" in t for t in found[1].texts), start


@pytest.mark.parametrize("run", ["../secret", "/etc/passwd", "a/../../secret", "..\\x/y", "x", 7])
def test_a_run_is_only_looked_for_below_the_root(tmp_path, page, undrawn, run):
    tree = cases.sweep()
    folder = cases.write(tmp_path / "root", tree, runs=False)
    for one in tree["trials"]:
        one["run"] = run
    (folder / "sweep.json").write_text(json.dumps(tree))
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "metrics.jsonl").write_text('{"val/accuracy": 0.5}\n')
    assert "There are no learning curves" in page(build_sweep(folder)).text


@pytest.mark.parametrize(
    "tree", [{}, {"points": [], "trials": []}, {"points": [{}], "trials": [{}]}]
)
def test_nearly_empty_sweeps(tmp_path, page, tree):
    folder = tmp_path / "sweeps" / "one"
    folder.mkdir(parents=True)
    (folder / "sweep.json").write_text(json.dumps(tree))
    assert "There is no best setting" in page(build_sweep(folder)).text


@pytest.mark.slow
@pytest.mark.parametrize("value", [None, "text", [{"a": None}], 1e300], ids=repr)
def test_any_fact_may_be_of_any_kind(tmp_path, undrawn, damaged, value):
    tree = cases.several(cases.failing(cases.sweep(3), 2), 0, 1)
    tree["trials"] = tree["trials"][::2]
    folder = cases.write(tmp_path, tree)
    for path, changed in damaged(tree, value):
        (folder / "sweep.json").write_text(json.dumps(changed), "utf-8")
        assert b'<section id="answer"' in build_sweep(folder).read_bytes(), path


@pytest.mark.slow
@pytest.mark.parametrize("value", [1e99, -1e99, 1e-300, 5e-324, 0, 10**18])
def test_extreme_numbers_are_drawn(made, value):
    tree = cases.several(cases.sweep(), 0, 4)
    tree["points"][1] |= {"value": value, "values": {"val/accuracy": value, "parameters": value}}
    tree["points"][2]["changed"]["optimizer.lr"] = value
    tree["points"][3]["interval"] = [-value, value]
    assert len(made(tree).all("img")) == 6


@pytest.mark.parametrize("key", [*cases.sweep(1)])
def test_any_key_may_be_missing(tmp_path, undrawn, key):
    tree = copy.deepcopy(cases.several(cases.failing(cases.sweep(3), 2), 0, 1))
    folder = cases.write(tmp_path, tree)
    del tree[key]
    (folder / "sweep.json").write_text(json.dumps(tree), "utf-8")
    assert b'<section id="answer"' in build_sweep(folder).read_bytes()


def test_a_folder_without_a_sweep_is_refused(tmp_path):
    with pytest.raises(UsageError) as told:
        build_sweep(tmp_path)
    assert str(told.value) == (
        f"{tmp_path} is not a sweep's folder that can be reported: it has no sweep.json\n"
        f"  where: {tmp_path / 'sweep.json'}\n"
        "  try: name a folder below runs/sweeps/"
    )


@pytest.mark.parametrize("text", ["[]", "{", ""])
def test_a_damaged_sweep_is_refused(tmp_path: Path, text):
    (tmp_path / "sweep.json").write_text(text)
    with pytest.raises(RunError, match=r"sweep\.json"):
        build_sweep(tmp_path)


def test_where_episodes_judge_no_test_set_is_spoken_of(made, undrawn):
    found = made({**cases.sweep(2), "fresh": "episode"})
    assert "accuracy in validation episodes" in found.text
    assert "To train the final model and test it by fresh episodes:" in found.text
    assert "on the validation set, best of" not in found.text
