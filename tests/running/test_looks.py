"""A look is one, whatever it is called, broken off or cut out of the same rows anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from small import the_run, trained

from dlx.cli.main import main
from dlx.errors import Interrupted
from dlx.running import train as running
from dlx.running.resume import load_resumable
from dlx.running.run import Run
from dlx.running.train import train
from dlx.runs import ledger

REAL = ("task=wine", "trainer.epochs=1", "trainer.threads=1")


def resumed(folder: Path, *arguments: str) -> Run:
    return train(load_resumable(folder.resolve(), arguments), lambda _: None, resume=folder)


def test_another_cut_of_the_same_rows_is_no_fresh_test_set() -> None:
    first = trained("protocol.test=0.25", base=REAL)
    other = trained("protocol.test=0.2", "protocol.test_seed=1", base=REAL)

    mine, theirs = (set(run.data.test_rows.digests.tolist()) for run in (first, other))
    both = len(mine & theirs)
    assert 0 < both < len(theirs)
    assert other.facts["looks_rows"] == {"seen": both, "rows": len(theirs)}
    assert other.facts["answer"]["looks"] == 2
    assert [look["rows"] for look in other.facts["looks_before"]] == [both]
    assert trained("protocol.test=0.2", "protocol.test_seed=1", base=REAL).facts["looks"] == 3


def test_how_many_rows_were_seen_is_told(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["train", *REAL, "protocol.test=0.25"])
    capsys.readouterr()
    main(["train", *REAL, "protocol.test=0.2", "protocol.test_seed=1", "--quiet"])

    rows = "13 of its 36 rows were evaluated before"
    assert f"the test set has been evaluated 2 times: {rows} (ledger in runs)" in (
        capsys.readouterr().out
    )


@pytest.mark.parametrize("test", ["true", "false"])
def test_validation_on_test_rows_is_a_look(test: str) -> None:
    run = trained("protocol=test_as_validation", f"test={test}", base=REAL)

    found = ledger.looks(Path("runs"), run.data.test_rows)
    assert [(look.run, look.verb) for look in found.looks] == [(run.name, "validation")]
    assert run.facts["looks"] == 1


def test_going_on_without_training_is_no_look_more() -> None:
    run = trained(
        "trainer.epochs=40", "optimizer.lr=0.2", "callbacks.early_stopping.patience=1", base=REAL
    )
    assert run.training.progress.stop

    again = resumed(run.folder, "trainer.epochs=60")

    assert again.facts["answer"] == run.facts["answer"]
    assert ledger.looks(Path("runs"), run.data.test_rows).times == 1


def test_going_on_with_other_weights_is_another_look() -> None:
    run = trained(base=REAL)

    assert resumed(run.folder, "trainer.epochs=2").facts["looks"] == 2


def test_a_run_that_ends_between_count_and_score_looks_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    judge, ended = running.judge, []

    def end(*arguments: Any) -> Any:
        if arguments[0] == "test" and not ended:
            ended.append(True)
            raise KeyboardInterrupt
        return judge(*arguments)

    monkeypatch.setattr(running, "judge", end)
    with pytest.raises(Interrupted):
        trained(base=REAL)
    assert ledger.looks(Path("runs"), _rows()).times == 1

    assert resumed(the_run()).facts["looks"] == 1
    assert ledger.looks(Path("runs"), _rows()).times == 1


def _rows() -> ledger.RowSet:
    from small import loaded

    from dlx.sources.data import read_data

    return read_data(loaded(base=REAL).config).test_rows


def test_a_ledger_that_is_gone_is_told_and_counted_from_the_run_folders(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        run = trained(base=REAL)
    Path("runs/ledger.sqlite").unlink()

    main(["test", str(run.folder)])

    assert capsys.readouterr().out.endswith(
        "the test set has been evaluated 3 times\nwarning: the ledger lacked 2 evaluations on "
        "test rows "
        "that run folders record; they are counted again\n"
    )


def test_a_run_killed_before_its_page_gets_it(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = trained().folder
    assert not (folder / "report.html").exists()

    assert main(["resume", str(folder)]) == 0

    assert (folder / "report.html").is_file()
    assert "there is nothing to resume" in capsys.readouterr().out
