"""What goes wrong after the scores are known is a warning: the run is done, and its look counts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from small import WINE, loaded, status_of, the_run

from dlx.learning.supervised import Supervised
from dlx.report import page, sweep
from dlx.running.callbacks import RunCallback
from dlx.running.train import train
from dlx.training.callbacks import EarlyStopping

STOPPING = ("callbacks.early_stopping={}",)


class Watches(EarlyStopping, RunCallback):
    """Early stopping that watches the whole run as well."""


def fail(*_: Any, **__: Any) -> Any:
    raise RuntimeError("the pen is broken")


NO_PREDICTIONS = "not every artifact is written"
FOLDS = ("protocol=kfold", "protocol.k=3", "final=true")


@pytest.mark.parametrize(
    ("owner", "name", "lost", "overrides"),
    [
        (Supervised, "artifacts", NO_PREDICTIONS, ()),
        (Supervised, "artifacts", NO_PREDICTIONS, FOLDS),
        (Watches, "on_run_end", "callbacks.early_stopping failed at the end", ()),
    ],
    ids=["predictions", "predictions of folds", "callback"],
)
def test_a_run_whose_scores_are_known_is_done(
    monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, lost: str, overrides: tuple[str, ...]
) -> None:
    said: list[str] = []
    monkeypatch.setattr("dlx.training.callbacks.EarlyStopping", Watches)
    monkeypatch.setattr(owner, name, fail)
    run = train(loaded("trainer.epochs=1", *STOPPING, *overrides), said.append)

    assert f"warning: {lost}: the pen is broken" in said
    status, report = status_of(run.folder), json.loads((run.folder / "report.json").read_text())
    assert status["state"] == report["state"] == "done"
    for known, fact in (("scores", "value"), ("directions", "direction")):
        assert status[known] == {score["name"]: score[fact] for score in report["scores"]}


def test_ctrl_c_after_the_scores_takes_none_of_them_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("dlx.training.callbacks.EarlyStopping", Watches)
    monkeypatch.setattr(Watches, "on_run_end", stop)
    with pytest.raises(KeyboardInterrupt):
        train(loaded("trainer.epochs=1", *STOPPING), lambda _: None)

    status = status_of(the_run())
    assert (status["state"], list(status["scores"])) == (
        "done",
        ["val/accuracy", "val/loss", "test/accuracy", "test/loss"],
    )


def failing(real: tuple[Any, ...], name: str) -> tuple[Any, ...]:
    """The sections of a page, one of which raises."""

    def broken(_: Any) -> Any:
        fail()

    broken.__name__ = name
    return tuple(broken if make.__name__ == name else make for make in real)


def test_a_broken_section_says_so_in_its_place(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(page, "SECTIONS", failing(page.SECTIONS, "curves"))
        found = cli("train", *WINE)
    report = the_run() / "report.html"

    assert (found.code, found.err) == (0, "")
    text = report.read_text()
    assert "This section could not be made: RuntimeError: the pen is broken" in text
    assert text.index('id="answer"') < text.index('id="curves"') < text.index('id="scores"')

    assert cli("report", "last").code == 0
    assert "could not be made" not in report.read_text()


def test_a_report_that_cannot_be_written_is_a_warning(
    cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("dlx.report.page.render", fail)
        found = cli("train", *WINE)
        asked = cli("train", *WINE, "--json")

    assert found.code == asked.code == 0
    assert "report: " not in found.out
    assert json.loads(asked.out)["report"] is None
    first, hint = found.err.splitlines()
    assert first == "warning: the report was not written: the pen is broken"
    command = hint.removeprefix("  try: ").removesuffix(" builds it again")
    assert cli(*command.split()[1:]).code == 0
    assert (Path(command.split()[-1]) / "report.html").is_file()


def test_a_sweep_keeps_its_outcome_without_its_report(
    cli: Any, monkeypatch: pytest.MonkeyPatch, in_process: None
) -> None:
    arguments = ("train", "-m", *WINE, "trainer.epochs=1", "optimizer.lr=0.1,0.01")
    with monkeypatch.context() as patch:
        patch.setattr(sweep, "SECTIONS", failing(sweep.SECTIONS, "settings"))
        found = cli(*arguments)
    (report,) = Path("runs/sweeps").glob("*/report.html")
    assert (found.code, found.err) == (0, "")
    assert "This section could not be made: RuntimeError: the pen is broken" in report.read_text()

    monkeypatch.setattr("dlx.report.page.render", fail)
    again = cli(*arguments)
    assert again.code == 0
    assert again.err.startswith(
        "warning: the report was not written: the pen is broken\n  try: dlx"
    )
