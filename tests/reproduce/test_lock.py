"""`dlx.lock`: pinned by platform; what cannot be compared is no success."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dlx.runs import seal


@pytest.fixture
def locked(cli: Any, run: Path, here: Path) -> Path:
    assert cli("lock", "last").code == 0
    return here / "dlx.lock"


def change(file: Path, **values: Any) -> None:
    found = json.loads(file.read_text())
    (entry,) = found["entries"].values()
    entry.update(values)
    file.write_text(json.dumps(found))


def entry_of(file: Path) -> dict[str, Any]:
    (entry,) = json.loads(file.read_text())["entries"].values()
    return dict(entry)


def test_what_was_pinned_comes_out_the_same(cli: Any, locked: Path) -> None:
    answer = cli("reproduce", "dlx.lock")

    assert answer.code == 0, answer.out
    assert "identical" in answer.out
    assert len(entry_of(locked)["platforms"]) == 1


def test_a_run_that_started_from_another_is_trained_again_from_it(cli: Any, here: Path) -> None:
    small = ("train", "task=wine", "dataset.sample=true", "trainer.epochs=1", "trainer.threads=1")
    kept = "run.root='my runs'"
    for more in ((), ("from_run=last", "seed=1", "test=false")):
        assert cli(*small, kept, *more).code == 0
    assert cli("lock", "last", "--root", "my runs").code == 0

    answer = cli("reproduce", "dlx.lock", "--root", "my runs")

    assert answer.code == 0, answer.err
    assert "identical" in answer.out
    assert str(here) not in (here / "dlx.lock").read_text()


def test_no_path_of_the_machine_is_pinned(locked: Path, here: Path) -> None:
    assert str(here) not in locked.read_text()


def test_another_platform_is_not_comparable(cli: Any, locked: Path) -> None:
    change(locked, platforms={"torch 1.0": {"run weights": "0"}})

    answer = cli("reproduce", "dlx.lock", "--json")

    assert answer.code == 3
    (found,) = json.loads(answer.out)
    assert (found["verdict"], found["holds"]) == ("not comparable", False)
    assert "--statistical compares scores" in found["text"]


def test_unless_scores_within_their_intervals_will_do(cli: Any, locked: Path) -> None:
    scores = {"test/accuracy": {"value": 0.5, "interval": [0.0, 1.0]}}
    change(locked, platforms={}, scores=scores)
    assert cli("reproduce", "dlx.lock", "--statistical").code == 0

    scores["test/accuracy"]["interval"] = [1.1, 1.2]
    change(locked, scores=scores)
    answer = cli("reproduce", "dlx.lock", "--statistical")

    assert answer.code == 3
    assert "outside the recorded interval: test/accuracy" in answer.out


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("config", "the config has changed"),
        ("data", "the data have changed"),
        ("parts", "the split has changed"),
    ],
)
def test_each_digest_is_held_against(cli: Any, locked: Path, key: str, told: str) -> None:
    change(locked, **{key: "0" * 64})

    answer = cli("reproduce", "dlx.lock")

    assert answer.code == 3
    assert told in answer.out


def test_other_weights_are_told(cli: Any, locked: Path) -> None:
    entry = entry_of(locked)
    ((platform, digests),) = entry["platforms"].items()
    change(locked, platforms={platform: {**digests, "run weights": "0" * 64}})

    answer = cli("reproduce", "dlx.lock")

    assert answer.code == 3
    assert "different: run weights" in answer.out


def test_the_same_config_gains_platforms_and_another_begins_anew(cli: Any, locked: Path) -> None:
    digests = entry_of(locked)["platforms"]
    change(locked, platforms={"elsewhere": {}, **digests})
    assert cli("lock", "last").code == 0
    assert set(entry_of(locked)["platforms"]) == {"elsewhere", *digests}

    change(locked, config="0")
    assert cli("lock", "last").code == 0
    assert set(entry_of(locked)["platforms"]) == set(digests)


@pytest.mark.parametrize(
    "argument",
    [
        "plugins=[evil]",
        "++plugins=[evil]",
        "about.title=${oc.env:HOME}",
        r"prepare.steps.0.columns=[$\{oc.env\:HOME\}]",
        "run.root=/x",
    ],
)
def test_it_cannot_ask_for_code_places_or_secrets(
    cli: Any, locked: Path, here: Path, argument: str
) -> None:
    (here / "evil.py").write_text("open('canary', 'w')")
    change(locked, arguments=["task=wine", argument])

    answer = cli("reproduce", "dlx.lock")

    assert answer.code == 2
    assert f"it contains `{argument}`, which it may not set" in answer.err
    assert not (here / "canary").exists()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"version": 9, "entries": {}}',
        '{"version": 1, "entries": {"a": {}}}',
        "[" * 9999,
    ],
)
def test_what_is_no_lock_file_is_told(cli: Any, here: Path, content: str) -> None:
    (here / "dlx.lock").write_text(content)

    answer = cli("reproduce", "dlx.lock")

    assert answer.code == 2
    assert "it is not a lock file" in answer.err


def test_a_report_that_holds_no_scores_is_told(cli: Any, locked: Path, here: Path) -> None:
    """That of an older dlx, which sealed no files."""
    (report,) = here.glob("runs/wine/*/report.json")
    status = report.with_name("status.json")
    known = json.loads(status.read_text())
    status.write_text(json.dumps({k: v for k, v in known.items() if k != "files"}))
    report.with_name(seal.NAME).unlink()
    whole = json.loads(report.read_text())
    named = {"name": "x", "value": 1.0}
    for scores in (None, 3, {}, [3], [{"name": "x"}], [{**named, "interval": [1]}]):
        report.write_text(json.dumps({**whole, "scores": scores}))
        answer = cli("lock", "last")

        assert answer.code == 1, scores
        assert answer.err.startswith("error: report.json has no scores"), scores
    assert cli("reproduce", "last").err.startswith("error: report.json has no scores")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("arguments", "task=wine"),
        ("threads", 10**9),
        ("threads", "x"),
        ("scores", []),
        ("scores", {"x": 3}),
        ("platforms", {"here": 3}),
        ("config", None),
        ("data", {}),
    ],
)
def test_an_entry_of_another_kind_is_told(cli: Any, locked: Path, key: str, value: object) -> None:
    change(locked, **{key: value})

    answer = cli("reproduce", "dlx.lock")

    assert answer.code == 2
    assert "it is not a lock file of this version" in answer.err


def test_a_platform_without_digests_proves_nothing(cli: Any, locked: Path) -> None:
    change(locked, platforms={name: {} for name in entry_of(locked)["platforms"]})

    answer = cli("reproduce", "dlx.lock")

    assert answer.code == 3
    assert "not comparable" in answer.out
