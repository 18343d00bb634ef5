"""Every config file that comes with dlx, with every task."""

from __future__ import annotations

import itertools
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from dlx.config.extras import extras, is_installed
from dlx.config.fields import import_code
from dlx.config.files import scan
from dlx.config.learners import has_validation, known_inputs, monitor_of, reads, spec_of
from dlx.config.load import load
from dlx.config.paths import GROUPS, find_shipped
from dlx.config.probe import probe_of
from dlx.config.schema import Config
from dlx.config.specs import (
    DATASETS,
    LEARNERS,
    LOSSES,
    METRICS,
    MODELS,
    OPTIMIZERS,
    PROTOCOLS,
    SCHEDULES,
    STEPS,
)
from dlx.config.specs.optimizers import groups_of
from dlx.errors import DlxError
from dlx.problem import PROBLEMS

ROOT = find_shipped("configs")
FILES = sorted(file.relative_to(ROOT) for file in ROOT.rglob("*.yaml"))
CHOICES = [f.with_suffix("").as_posix() for f in FILES if f.parts[0] != "task" and len(f.parts) > 1]
TASKS = sorted(file.stem for file in (ROOT / "task").glob("*.yaml"))
pytestmark = pytest.mark.usefixtures("here")


def problem_of(config: Config) -> str:
    """The problem of a task's first target; "" where its learner has none."""
    return next((target.problem for target in config.targets.values()), "")


def name_in(group: str, option: str) -> str:
    """The component that a file chooses, which may have another name."""
    said = yaml.safe_load((ROOT / group / f"{option}.yaml").read_text("utf-8")) or {}
    return str(said.get("name", option))


def makes_pictures(config: Config) -> bool:
    """Whether a learner's networks end in pictures, which are of one size."""
    networks = [one.chosen.options for one in spec_of(config).models(config).values()]
    return any(not getattr(one, "output_layer", True) for one in networks)


def fits(config: Config, group: str, option: str) -> bool:
    """Whether a group's file agrees with a task, by the problem table and the protocol."""
    validates = has_validation(config)
    if group == "learner":
        return fits_learner(config, option)
    if not reads(config, group):
        return False
    if (group, option) == ("model", "graph"):  # names inputs itself
        return config.model.name == option
    steps = {step.name for step in config.prepare.steps}
    if (group, option) == ("model", "bilstm") and "pad" in steps:
        return False  # one of its directions would read padding last
    if (group, option) == ("model", config.model.name) and config.learner.name == "contrastive":
        return True  # with the task's own options
    if group == "model" and option not in ("mlp", "layers"):
        chosen = yaml.safe_load((ROOT / "model" / f"{option}.yaml").read_text("utf-8"))
        model = MODELS.default(**chosen)().options
        if model.reads_bytes and any(step.options.rescales for step in config.prepare.steps):
            return False
        return not any(model.check(known_inputs(config), list(config.targets), lambda _: ""))
    if group == "dataset":
        return fits_dataset(config, option)
    if group == "prepare":
        return fits_prepare(config, option)
    if group == "trainer":  # no group of weights would move after the last epoch
        given = yaml.safe_load((ROOT / group / f"{option}.yaml").read_text("utf-8")) or {}
        if spec_of(config).branch == "unsupervised" and given.get("epochs", 1) != 1:
            return False  # it finds everything in one step
        starts = [one.from_epoch for one in groups_of(config.optimizer).values()]
        last = given.get("epochs", config.trainer.epochs)
        return not any(isinstance(start, int) and start > last for start in starts)
    problems = [PROBLEMS[target.problem] for target in config.targets.values()]
    if group == "loss":
        return not any(option in one.refused for one in problems)
    if group == "metrics":
        return any((option == "regression") != one.classes for one in problems)
    if f"{group}/{option}" == "optimizer/lbfgs":
        return not getattr(config.learner.options, "normalise", False)
    if group == "callbacks" and option in extras():
        return is_installed(option)
    if group == "schedule" and config.learner.name == "reinforce":
        return not SCHEDULES.default(option)().options.anneals  # by steps that it does not count
    if f"{group}/{option}" in ("schedule/plateau", "callbacks/early_stopping"):
        watched = validates or spec_of(config).fresh
        return bool(watched) and monitor_of(config) is not None
    if f"{group}/{option}" == "callbacks/activations":
        return bool(validates)
    if group == "protocol":
        chosen = PROTOCOLS.default(option)().options
        if chosen.folds and "folds" not in spec_of(config).can:
            return False
        in_time = chosen.in_time
        return option == "auto" or in_time == bool(config.dataset.options.time)
    return True


def fits_learner(config: Config, option: str) -> bool:
    """Whether another learner reads the sections that a task has."""
    if spec_of(config).branch == "unsupervised":
        with suppress(DlxError):  # it has few sections, which most learners read: whoever can may
            return bool(load([f"task={config.task}", f"learner={option}"]))
        return False
    found = import_code(LEARNERS.entries[option].options.spec)
    alike = (found.uses, found.eats) == (spec_of(config).uses, spec_of(config).eats)
    return alike and (option == config.learner.name or found.eats != ("picture",))


def fits_prepare(config: Config, option: str) -> bool:
    """Whether steps of the preparation suit a task's model and learner."""
    reading = any(layer in str(config.model) for layer in ("lstm", "embedding"))
    dense = config.model.name in ("mlp", "graph") and not reading
    if option == "multi_hot" and not dense:
        return False  # other layers read steps or images
    if config.model.options.reads_bytes:
        steps = yaml.safe_load((ROOT / "prepare" / f"{option}.yaml").read_text("utf-8"))["steps"]
        return not any(STEPS.entries[one["name"]].options.rescales for one in steps)
    if config.learner.name == "language_model":
        return False  # which reads the numbers of a vocabulary alone
    if spec_of(config).branch == "unsupervised":
        return True
    if not config.targets:
        whole = config.learner.name == "word_vectors" or makes_pictures(config)
        any_numbers = config.learner.name in ("contrastive", "autoencoder")
        spoils = option == "standardise" and not any_numbers
        return not spoils and not (whole and option == "multi_hot")
    return True


def fits_dataset(config: Config, option: str) -> bool:
    """Whether a dataset's file gives a task what it learns from."""
    offered = DATASETS.default(option)().options
    if offered.own or offered.kind not in spec_of(config).eats:
        return False  # it must be said where it lies
    if offered.kind == "environment":
        return True
    if offered.kind == "picture":
        return offered.inputs == config.dataset.options.inputs
    if spec_of(config).branch == "unsupervised":  # such learners look at all columns
        labels = getattr(config.learner.options, "labels", None)
        named = getattr(labels, "column", labels)
        return not offered.time and offered.kind == "rows" and named in (None, *offered.targets)
    if not config.targets:  # such learners look at one column
        alike = len(offered.inputs) == 1 and (offered.kind == "text" or not offered.time)
        theirs, own = ([*one.shapes.values()] for one in (offered, config.dataset.options))
        same = not theirs or theirs == own
        if any(use.chosen.name == "graph" for use in spec_of(config).models(config).values()):
            alike &= offered.inputs == config.dataset.options.inputs  # which it names itself
        probe = probe_of(config)
        alike &= probe is None or probe.target in offered.targets
        alike &= {*config.prepare.augment} <= {*offered.inputs}
        return alike and (same or not makes_pictures(config))
    inputs = config.model.name != "graph" or offered.inputs == config.dataset.options.inputs
    inputs &= {*config.prepare.augment} <= {*offered.inputs}
    return inputs and set(config.targets) == set(offered.targets)


def needs_folder(config: Config) -> bool:
    """Whether a task's dataset must be told where it lies."""
    return config.dataset.options.own and config.dataset.name == "images"


def needed(config: Config, choice: str) -> list[str]:
    """What a task is told beside a file: where its pictures lie, a network's weights, a score."""
    own = choice.partition("/")[0] != "dataset" and needs_folder(config)
    based = choice == "model/pretrained" and config.model.options.reads_bytes
    alone = getattr(config.learner.options, "network", "") is None  # looks with a run's network
    unseen = choice == "protocol/train_test" and config.trainer.monitor != "auto"
    told = {"dataset.folder=./pets": own, "model.weights=random": based}
    told["trainer.monitor=auto"] = unseen  # there are no validation rows to judge by
    return [*(key for key, wanted in told.items() if wanted), *["dataset.sample=true"] * alone]


def test_no_file_is_missed() -> None:
    assert [str(file) for file in FILES if len(file.parts) == 1] == ["dlx.yaml"]
    assert {file.parts[0] for file in FILES if len(file.parts) > 1} == set(GROUPS)
    assert all(len(file.parts) <= 2 for file in FILES)


KINDS = ("wine", "imdb", "diabetes", "beijing_pm25", "yeast", "digits_vae", "textgen")
"""Tasks of every kind of problem and input: classes, yes or no, a number, a series, labels, no
target, a text."""


def test_each_kind_of_task_is_there() -> None:
    def kind(task: str) -> tuple[str, bool]:
        config = load([f"task={task}", "dataset.sample=true"]).config
        return problem_of(config), bool(config.dataset.options.time)

    assert {kind(task) for task in KINDS} == {kind(task) for task in TASKS}


@pytest.mark.parametrize(
    "task", [t if t in KINDS[:2] else pytest.param(t, marks=pytest.mark.slow) for t in TASKS]
)
def test_a_task_composes_with_every_file(task: str) -> None:
    alone = load([f"task={task}", "dataset.sample=true"]).config
    for choice in CHOICES:
        group, option = choice.split("/")
        arguments = [f"task={task}", f"{group}={option}", *needed(alone, choice)]
        if fits(alone, group, option):
            chosen = load(arguments).plain()[group]
            assert chosen.get("name", option) == name_in(group, option)
        else:
            with pytest.raises(DlxError) as caught:
                load(arguments)
            said = str(caught.value)
            assert "unknown" not in said
            if group == "learner":  # another one has other sections, and other options
                told = (f"learner {option}", "`targets` is missing", "refers to `learner.")
                told = (*told, "`trainer.monitor` is")  # a score that another one has not
                assert any(one in said for one in told)
                continue
            assert " is missing" not in said
            told = (f"(by {group}={option})", "has no target", f"rows of dataset {option}")
            told = (*told, "a folder of your own", f"but dataset {option} has ")
            assert any(word in said for word in (*told, f"configs/task/{task}.yaml", "model.pool"))


@pytest.mark.parametrize("task", TASKS)
def test_a_task_says_what_it_is_for_people(task: str) -> None:
    loaded = load([f"task={task}", "dataset.sample=true"])
    about = loaded.config.about
    assert all([about.title, about.source, about.time, about.result])
    assert loaded.notes == ()
    text = (ROOT / "task" / f"{task}.yaml").read_text(encoding="utf-8")
    assert text.startswith("# ")
    place = " dataset.folder=./pets" if needs_folder(loaded.config) else ""
    if getattr(loaded.config.learner.options, "network", "") is None:
        place = " from_run=last"
    assert f"#   dlx train task={task}{place}\n" in text


@pytest.mark.parametrize("file", FILES, ids=str)
def test_a_file_opens_with_what_it_is_and_names_its_component(file: Path) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert text.isascii()
    assert scan(ROOT / file, str(file))
    values = yaml.safe_load(text)
    shapes = file.parts[0] == "model" and values["name"] in MODELS.entries
    assert shapes or values.get("name", file.stem) == file.stem or file.parts[0] == "task"


def test_each_component_that_stands_alone_has_a_file() -> None:
    tables = {
        "dataset": DATASETS,
        "learner": LEARNERS,
        "loss": LOSSES,
        "model": MODELS,
        "optimizer": OPTIMIZERS,
        "protocol": PROTOCOLS,
        "schedule": SCHEDULES,
    }
    for group, table in tables.items():
        alone = [n for n, e in table.entries.items() if getattr(e.options, "kind", "") != "vectors"]
        files = {name_in(group, file.stem) for file in (ROOT / group).glob("*.yaml")}
        assert sorted(alone) == sorted(files)
    named = [yaml.safe_load((ROOT / f).read_text()) for f in FILES if f.parts[0] == "metrics"]
    assert set(itertools.chain(*named)) <= set(METRICS.entries)


def test_a_task_in_a_folder_without_configs_comes_from_dlx(here: Path) -> None:
    (here / "configs").mkdir()  # holds none of dlx's groups
    assert load(["task=digits"]).tree.where(("seed",)) == ""
    assert load(["task=digits"]).tree.where(("model", "name")).startswith("dlx:configs/task/digits")
