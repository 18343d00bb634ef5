"""The config of a run folder, read again; and the digest that tells configs apart."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from dlx.config.fields import option, options_of, to_plain
from dlx.config.load import digest, load, load_saved
from dlx.config.paths import find_shipped
from dlx.config.schema import NO_RESULT, Prepare, Target, Trainer
from dlx.errors import UsageError

TASKS = sorted(file.stem for file in (find_shipped("configs") / "task").glob("*.yaml"))
pytestmark = pytest.mark.usefixtures("here")


@pytest.mark.parametrize("task", TASKS)
def test_what_is_saved_reads_back_the_same(task: str, here: Path) -> None:
    loaded = load(
        [
            f"task={task}",
            "dataset.sample=true",
            "callbacks.time_limit.minutes=3",
            "trainer.threads=2",
        ]
    )
    (here / "config.yaml").write_text(yaml.safe_dump(loaded.plain()))
    again = load_saved(here / "config.yaml", "config.yaml")
    assert again == loaded.config
    assert to_plain(again) == loaded.plain()
    assert digest(again) == digest(loaded.config)


def test_a_saved_config_serves_as_a_task_file(here: Path) -> None:
    loaded = load(["task=digits", "seed=5"])
    (here / "configs" / "task").mkdir(parents=True)
    (here / "configs" / "task" / "again.yaml").write_text(yaml.safe_dump(loaded.plain()))
    again = load(["task=again"]).plain()
    assert again == {**loaded.plain(), "task": "again"}


def test_a_key_of_an_earlier_version_is_read_and_typed_it_is_told_the_new_one(here: Path) -> None:
    loaded = load(["task=wine", "workflow.capacity_steps=3"])
    old = loaded.plain()
    old["workflow"]["rungs"] = old["workflow"].pop("capacity_steps")
    (here / "config.yaml").write_text(yaml.safe_dump(old))
    assert load_saved(here / "config.yaml", "config.yaml") == loaded.config
    plain = {k: v for k, v in old.items() if k not in NO_RESULT}
    del (
        plain["from_run"],
        plain["report"],
        plain["learner"],
        plain["prepare"]["augment"],
        plain["optimizer"]["groups"],
    )
    protocol = type(loaded.config.protocol.options)
    optimizer = (type(loaded.config.optimizer.options), plain["optimizer"])
    later = [(Target, plain["targets"]["cultivar"]), (Trainer, plain["trainer"])]
    for options, section in (
        *later,
        (Prepare, plain["prepare"]),
        optimizer,
        (protocol, plain["protocol"]),
    ):
        for key in [name for name, opt in options_of(options).items() if opt.meta.newer]:
            del section[key]
    del plain["trainer"]["average"]
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    assert digest(loaded.config) == hashlib.sha256(text.encode()).hexdigest()

    with pytest.raises(UsageError) as caught:
        load(["task=wine", "workflow.rungs=3"])
    assert str(caught.value).startswith("unknown key `workflow.rungs`\n")
    assert str(caught.value).endswith("\n  try: workflow.capacity_steps=3")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "`task` is missing\n"),
        ("- a\n", "contains no config\n"),
        ("seed: [\n", "is not valid YAML: did not find expected node content\n"),
        ("task: x\nseed: &a 1\n", "YAML anchors and aliases (& and *) are not supported\n"),
        ("seed: !!python/name:os.system\n", "the YAML tag tag:yaml.org,2002:python/name:os.system"),
        ("about: {time: 2020-13-45}\n", "is not valid YAML: month must be in 1..12\n"),
        ("seed: ${oc.env:HOME}\n", "`task` is missing\n"),
        ("task: digits\nnonsense: 1\n", "unknown key `nonsense`\n"),
        ("schema_version: 2\n", "`task` is missing\n"),
    ],
)
def test_mistakes(here: Path, text: str, expected: str) -> None:
    (here / "config.yaml").write_text(text)
    with pytest.raises(UsageError) as caught:
        load_saved(here / "config.yaml", "run/config.yaml")
    assert str(caught.value).startswith(expected)
    assert "\n  where: run/config.yaml" in str(caught.value) or text == ""


def test_a_file_that_is_not_there(here: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load_saved(here / "config.yaml", "run/config.yaml")
    assert str(caught.value) == "does not exist\n  where: run/config.yaml"


@dataclass(frozen=True)
class Section:
    old: int = option(1)
    late: str = option("", newer=True)


class TestDigest:
    def test_of_the_same_config_however_it_was_said(self) -> None:
        ways = [
            ["task=digits", "optimizer=adam", "optimizer.lr=0.5"],
            ["optimizer={name:adam,lr:0.5}", "task=digits"],
            ["task=digits", "optimizer.name=adam", "optimizer.lr='${oc.decode:\"0.5\"}'"],
        ]
        assert len({digest(load(way).config) for way in ways}) == 1

    def test_of_nothing_augmented_is_that_of_earlier_versions(self) -> None:
        nothing = ["task=digits", "prepare.augment.image=[]"]
        assert digest(load(nothing).config) == digest(load(["task=digits"]).config)

    def test_of_what_is_newer_at_its_default_is_that_of_earlier_versions(self) -> None:
        unset, given = {"a": Section()}, {"a": Section(late="x")}
        assert to_plain(unset, newer=False) == {"a": {"old": 1}}
        assert to_plain(given, newer=False) == to_plain(given)
        assert to_plain(unset) == {"a": {"old": 1, "late": ""}}

    def test_of_where_runs_lie_and_what_people_are_told(self) -> None:
        arguments = ["task=digits", "run.root=elsewhere", "about.title=other"]
        assert digest(load(arguments).config) == digest(load(["task=digits"]).config)

    @pytest.mark.parametrize(
        "argument",
        [
            *("seed=1", "test=false", "trainer.threads=2", "model.l2=1e-9", "metrics.f1={}"),
            "prepare.augment.image=[flip]",
        ],
    )
    def test_of_anything_else_differs(self, argument: str) -> None:
        assert digest(load(["task=digits", argument]).config) != digest(
            load(["task=digits"]).config
        )
