"""What may be asked of a learner: a learner of a plugin says it in its spec, and needs no torch."""

from __future__ import annotations

import importlib
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import pytest

from dlx.cli.main import main
from dlx.config.learners import (
    Ability,
    ScoreSpec,
    judged_score,
    monitor_of,
    require_ability,
    score_names,
    spec_of,
)
from dlx.config.load import digest, load, load_saved
from dlx.config.schema import Config
from dlx.config.specs import TABLES
from dlx.errors import MethodError, UsageError
from dlx.judging import outcome
from dlx.search.space import levers
from dlx.tracking.watcher import settings

Told = Callable[..., str]
ROWS = [name for name, one in TABLES["dataset"].entries.items() if one.options.kind == "rows"]

PLUGIN = '''
from dataclasses import dataclass

from dlx.config.fields import Component, option
from dlx.config.learners import LearnerSpec, ScoreSpec
from dlx.config.specs.datasets import Dataset
from dlx.config.specs.learners import Learner
from dlx.errors import Problem


@dataclass(frozen=True, kw_only=True)
class Options(Learner):
    """Writes texts of its own."""

    spec = "scribe:ScribeSpec"
    order: int = option(2, "letters that it looks back", ge=0)


class ScribeSpec(LearnerSpec):
    """A few sections, no folds, a score that only the end has."""

    eats = ("verse",)
    uses = ("protocol", "optimizer")
    can = ("generate",)

    def scores(self, config):
        found = {"train/bits": ScoreSpec("min"), "val/bits": ScoreSpec("min")}
        judged = config.learner.options.order > 0
        return {**found, "val/variety": ScoreSpec("max", judged=judged, each_epoch=False)}

    def check(self, config, where):
        if config.learner.options.order > 9:
            yield Problem("it looks back too far", where(("learner", "order")), "at most 9")

    def notes(self, config):
        return ["it writes slowly"]


@dataclass(frozen=True, kw_only=True)
class Books(Dataset):
    """A few books."""

    kind = "verse"
    inputs = ("verse",)
    targets = {}


@dataclass(frozen=True, kw_only=True)
class Unlabelled(Dataset):
    """Rows that nobody has labelled."""

    inputs = ("features",)
    targets = {}


DLX_COMPONENTS = {
    "learner": {"scribe": Component(Options, "scribe_code:Scribe")},
    "dataset": {
        "books": Component(Books, "scribe_code:reader"),
        "unlabelled": Component(Unlabelled, "scribe_code:reader"),
    },
}
'''
USED = ("plugins=[scribe]", "task=poems")


@pytest.fixture(autouse=True)
def scribe(here: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The plugin, whose code is nowhere, and a task of it; its components go away again."""
    monkeypatch.syspath_prepend(here)
    (here / "scribe.py").write_text(PLUGIN)
    (here / "configs" / "task").mkdir(parents=True)
    text = "plugins: [scribe]\ndataset: {name: books}\nlearner: {name: scribe}\n"
    (here / "configs" / "task" / "poems.yaml").write_text(text)
    before = {kind: dict(table.entries) for kind, table in TABLES.items()}
    yield
    for kind, entries in before.items():
        TABLES[kind].entries.clear()
        TABLES[kind].entries.update(entries)
    sys.modules.pop("scribe", None)


def poems(*arguments: str) -> Config:
    return load(["task=poems", *arguments]).config


def test_scores_and_monitor_are_those_of_its_spec() -> None:
    config = poems()
    assert score_names(config) == {"train/bits": "min", "val/bits": "min", "val/variety": "max"}
    assert judged_score(config) == "val/variety"
    assert judged_score(poems("learner.order=0")) == ""
    assert monitor_of(config) is None
    assert monitor_of(poems("trainer.monitor=val/bits")) == "val/bits"
    assert load(["task=poems"]).notes == ("it writes slowly",)


REFUSED = {
    ("loss=mse",): (
        "learner scribe does not read `loss`\n"
        "  where: dlx:configs/loss/mse.yaml:2 (by loss=mse)\n"
        "  accepted: protocol, optimizer\n  try: '~loss'"
    ),
    ("model.units=[8]", "metrics.mae={}"): (
        "learner scribe does not read `model`\n"
        "  where: command line: model.units=[8]\n"
        "  accepted: protocol, optimizer\n  try: '~model'\n"
        "learner scribe does not read `metrics`\n"
        "  where: command line: metrics.mae={}\n"
        "  accepted: protocol, optimizer\n  try: '~metrics'"
    ),
    ("dataset=wine",): (
        "learner scribe learns from verse, but dataset wine has rows\n"
        "  where: configs/task/poems.yaml:3\n  accepted: dataset: books\n"
        "  try: dataset.name=books"
    ),
    ("learner=supervised",): (
        "learner supervised learns from rows, but dataset books has verse\n"
        "  where: dlx:configs/learner/supervised.yaml:2 (by learner=supervised)\n"
        f"  accepted: dataset: {', '.join(ROWS)}, unlabelled"
    ),
    ("learner=supervised", "dataset.name=unlabelled"): (
        "`targets` is missing\n  accepted: a dataset with targets"
    ),
    ("protocol=kfold",): (
        "learner scribe trains one model, so it cannot be validated over several folds\n"
        "  where: dlx:configs/protocol/kfold.yaml:2 (by protocol=kfold)\n"
        "  try: protocol=holdout"
    ),
    ("final=true",): (
        "learner scribe trains no final model on all rows\n"
        "  where: command line: final=true\n  try: final=false"
    ),
    ("trainer.accumulate=2",): (
        "learner scribe cannot compute a step in parts\n"
        "  where: command line: trainer.accumulate=2\n  try: trainer.accumulate=1"
    ),
    ("trainer.accumulate=auto",): (
        "learner scribe cannot compute a step in parts\n"
        "  where: command line: trainer.accumulate=auto\n  try: trainer.accumulate=1"
    ),
    ("learner.order=10",): (
        "it looks back too far\n  where: command line: learner.order=10\n  accepted: at most 9"
    ),
    ("learner.ordr=1",): (
        "unknown key `learner.ordr` (of scribe)\n"
        "  where: command line: learner.ordr=1\n  accepted: order\n  try: learner.order=1"
    ),
    ("trainer.monitor=val/variety",): (
        "`trainer.monitor` is val/variety, which is measured at the end only\n"
        "  where: command line: trainer.monitor=val/variety\n"
        "  accepted: val/bits\n  try: trainer.monitor=val/bits"
    ),
    ("callbacks=early_stopping",): (
        "callbacks.early_stopping needs a score to monitor, but learner scribe has none\n"
        "  where: dlx:configs/callbacks/early_stopping.yaml:2 (by callbacks=early_stopping)\n"
        "  accepted: val/bits\n  try: callbacks.early_stopping.monitor=val/bits"
    ),
}


@pytest.mark.parametrize(("arguments", "expected"), REFUSED.items(), ids=map(" ".join, REFUSED))
def test_what_its_spec_does_not_allow(
    told: Told, arguments: tuple[str, ...], expected: str
) -> None:
    assert told("task=poems", *arguments) == expected


def test_folds_need_a_score_that_they_are_judged_by(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.import_module("scribe").ScribeSpec, "can", ("folds",))
    assert poems("protocol=kfold").protocol.name == "kfold"
    assert told("task=poems", "protocol=kfold", "learner.order=0") == (
        "learner scribe has no score to judge folds by\n"
        "  where: dlx:configs/protocol/kfold.yaml:2 (by protocol=kfold)\n"
        "  try: protocol=holdout"
    )


def test_following_the_hint_for_a_section_works_whoever_wrote_it(here: Path) -> None:
    assert poems("model.units=[8]", "~model") == poems()
    text = (here / "configs" / "task" / "poems.yaml").read_text()
    own = here / "configs" / "task" / "own.yaml"
    own.write_text(f"{text}targets: {{}}\nloss: {{name: mse}}\n")
    assert load(["task=own", "~loss"]).config.loss == poems().loss


def test_rows_in_time_matter_only_to_who_splits_them(monkeypatch: pytest.MonkeyPatch) -> None:
    scribe = importlib.import_module("scribe")
    monkeypatch.setattr(scribe.Books, "time", "written")
    with pytest.raises(MethodError, match="temporal leak"):
        poems()
    monkeypatch.setattr(scribe.ScribeSpec, "uses", ("optimizer",))
    assert poems().protocol.name == "holdout"


def test_a_run_folder_holds_the_defaults_of_every_section(here: Path) -> None:
    import yaml

    loaded = load(["task=poems"])
    saved = here / "config.yaml"
    saved.write_text(yaml.safe_dump(loaded.plain()))
    again = load_saved(saved, "config.yaml", ["scribe"])
    assert again == loaded.config
    assert digest(again) == digest(loaded.config) != digest(poems("learner.order=1"))
    assert settings(loaded.plain())["learner.order"] == 2


def test_without_a_monitor_the_last_epoch_counts_and_curves_are_not_judged() -> None:
    curve = [{"train/loss": 3.0, "val/loss": 2.0 + epoch} for epoch in range(5)]
    wine = load(["task=wine"]).config
    assert outcome.common_epoch(poems(), curve) == 5
    assert outcome.common_epoch(wine, curve) == 1
    assert outcome.curve_facts(poems(), curve) == {}


UNJUDGED = (
    "learner scribe has no score to compare settings by\n  where: command line: learner.order=0\n"
    "  accepted: a learner with a score that settings are judged by, such as supervised\n"
    "  try: dlx train with each setting, then dlx compare RUN RUN"
)
COMMANDS = {
    ("workflow", "task=poems"): (
        "learner scribe cannot go through the seven steps of dlx workflow\n"
        "  where: configs/task/poems.yaml:3\n  accepted: what learner scribe can: generate\n"
        "  try: dlx train task=poems"
    ),
    ("train", "-m", "task=poems", "seed=0,1", "learner.order=0"): UNJUDGED,
    ("tune", "task=poems", "learner.order=0"): UNJUDGED,
}


@pytest.mark.parametrize(("command", "expected"), COMMANDS.items(), ids=lambda one: one[0])
def test_a_command_is_refused_before_anything_is_written(
    command: tuple[str, ...], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command) == 2
    assert capsys.readouterr().err.startswith(f"error: {expected}\n")
    assert not Path("runs").exists()


def test_a_search_moves_only_what_is_read() -> None:
    assert [lever.key for lever in levers(poems(), [])] == ["optimizer.lr", "trainer.batch_size"]


def test_no_torch_is_needed(here: Path) -> None:
    refused = [*COMMANDS, *(("train", "task=poems", *arguments) for arguments in REFUSED)]
    code = (
        "import sys\n"
        "from dlx.cli.main import main\n"
        f"for command in {refused}:\n"
        "    assert main(command) in (2, 4), command\n"
        "    assert 'torch' not in sys.modules, command\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=here
    )
    assert done.returncode == 0, done.stderr


WRONG = {
    ("class Options(Learner)", "class Options"): (
        "learner `scribe`: its options are not a dlx.config.specs.learner.Learner"
    ),
    ("scribe:ScribeSpec", "scribe:Nothing"): (
        "learner `scribe`: its spec `scribe:Nothing` cannot be imported: "
        "module 'scribe' has no attribute 'Nothing'"
    ),
    ("scribe:ScribeSpec", "scribe:Books"): (
        "learner `scribe`: its spec `scribe:Books` is no LearnerSpec"
    ),
}


@pytest.mark.parametrize(("change", "expected"), WRONG.items(), ids=lambda one: one[1])
def test_a_spec_that_is_none(
    told: Told, here: Path, change: tuple[str, str], expected: str
) -> None:
    (here / "scribe.py").write_text(PLUGIN.replace(*change))
    assert told("task=poems").startswith(f"plugin scribe: {expected}\n")


@pytest.mark.parametrize("ability", get_args(Ability))
def test_what_a_learner_cannot_do_is_told_whatever_it_is(
    ability: Ability, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.import_module("scribe").ScribeSpec, "can", ())
    with pytest.raises(UsageError, match=r"^learner scribe ") as caught:
        require_ability(poems(), ability, lambda _: "here")
    assert str(caught.value).endswith("\n  where: here\n  try: dlx train task=poems")


def test_what_may_not_choose_an_epoch_is_told_and_the_hint_works(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is accepted was a training score, or one of the end, which were refused in turn."""
    scores = {"train/bits": ScoreSpec("min"), "val/v": ScoreSpec("max", each_epoch=False)}
    spec = importlib.import_module("scribe").ScribeSpec
    monkeypatch.setattr(spec, "scores", lambda *_: scores)
    monkeypatch.setattr(spec, "uses", ("protocol", "optimizer", "schedule"))
    accepted = "  accepted: none: no score of validation rows is there in every epoch\n"
    for argument, hint in (
        ("trainer.monitor=val/v", "trainer.monitor=auto"),
        ("trainer.monitor=train/bits", "trainer.monitor=auto"),
        ("callbacks={early_stopping: {}}", "'~callbacks.early_stopping'"),
        ("schedule=plateau", "schedule=constant"),
    ):
        with pytest.raises((UsageError, MethodError)) as caught:
            poems(argument)
        assert str(caught.value).endswith(f"{accepted}  try: {hint}")
        assert poems(argument, *shlex.split(hint)).task == "poems"
    stopped_by = "callbacks={early_stopping: {monitor: train/bits}}"  # which chooses no epoch
    assert poems(stopped_by).task == "poems"


def test_supervised_learning_can_do_what_there_is_to_do() -> None:
    config = load(["task=wine", "protocol=auto", "final=true", "trainer.accumulate=2"]).config
    can: set[Ability] = {"folds", "final", "workflow", "accumulate", "diagnose", "predict"}
    assert set(spec_of(config).can) == can


@pytest.mark.parametrize("task", ["digits_vae", "digits_gan", "digits_diffusion"])
def test_no_score_of_a_learner_of_its_own_is_told_without_its_meaning(task: str) -> None:
    config = load([f"task={task}", *(["learner.beta=2"] if task == "digits_vae" else [])]).config
    assert all(one.meaning for one in spec_of(config).scores(config).values())
