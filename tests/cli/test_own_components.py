"""Components of the user's own, as the docs have them: trained, resumed, reproduced and told."""

from __future__ import annotations

import importlib
import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlx.config.load import load
from dlx.reproduce.compare import differences
from dlx.search.space import levers
from dlx.testing import check_column, check_learner

DOCS = Path(__file__).resolve().parents[2] / "docs"
SHORT = (DOCS / "extending.md").read_text("utf-8")
PAGES = SHORT + (DOCS / "plugins.md").read_text("utf-8")
FILES = re.findall(
    r"`([\w/]+\.(?:py|yaml))`[^`]*:\n\n```\w+\n(.*?)^```", PAGES, re.DOTALL | re.MULTILINE
)
QUICK = ("trainer.threads=1", "--quiet")


@pytest.fixture(autouse=True)
def plugins(here: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every file that the pages name, below the folder where the test stands."""
    for name, text in FILES:
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_text(text)
    monkeypatch.syspath_prepend(here)
    yield
    for name, _ in FILES:
        sys.modules.pop(name.removesuffix(".py"), None)


def report(folder: Path) -> dict[str, Any]:
    (run,) = folder.iterdir()
    found: dict[str, Any] = json.loads((run / "report.json").read_text())
    return found


def test_one_of_each_kind(cli: Any, here: Path) -> None:
    assert cli("train", "task=parts", *QUICK).code == 0
    found = report(here / "runs" / "parts")
    assert [score["name"] for score in found["scores"]][:2] == ["val/confidence", "val/accuracy"]
    assert [layer["kind"] for layer in found["model"]["layers"]] == [
        *("Linear", "ReLU", "Gate", "Linear")
    ]
    (note,) = here.glob("runs/parts/*/note.txt")
    assert note.read_text() == "trained: done\n"
    mine = ("my_parts", "my_gate", "my_confidence", "my_stop")
    assert cli("reproduce", "last", "--plugins", *mine, "--json").code == 0


def test_a_model_is_any_module(cli: Any, here: Path) -> None:
    wide = ("task=parts", "model={name: wide, width: 8}")
    shown = json.loads(cli("summary", *wide, "--json").out)
    rows = [(layer["name"], layer["parameters"]) for layer in shown["layers"]]
    assert rows == [("body.0", 13 * 8 + 8), ("body.1", 0), ("out.cultivar", 8 * 3 + 3)]
    done = cli("train", *wide, "model.l2=0.1", "trainer.epochs=1", "trainer.threads=1")
    assert "wide with 139 parameters" in done.out
    assert '"train/penalty"' in next(here.glob("runs/parts/*/metrics.jsonl")).read_text()


def test_a_model_that_names_no_kernels_is_not_penalised(cli: Any, here: Path) -> None:
    file = here / "my_parts.py"
    file.write_text(file.read_text().replace("hidden_kernels", "kernels"))
    refused = cli("train", "task=parts", "model.name=wide", "model.l2=0.1", *QUICK)
    assert refused.code == 2
    assert "l2 is 0.1, but model wide has no `hidden_kernels()`" in refused.err


def test_a_second_loss(cli: Any, here: Path) -> None:
    mine = ("plugins=[my_calm]", "learner={name: calm, weight: 0.5}", "trainer.epochs=1")
    assert cli("train", "task=wine", *mine, *QUICK).code == 0
    (row,) = map(json.loads, next(here.glob("runs/wine/*/metrics.jsonl")).read_text().splitlines())
    assert "train/size" in row
    assert "val/size" not in row


def test_what_is_not_evaluated_is_no_score_of_folds(cli: Any, here: Path) -> None:
    file = here / "my_calm.py"
    file.write_text(file.read_text().replace("if not self.model.training:", "if False:"))
    mine = ("plugins=[my_calm]", "learner.name=calm", "trainer.epochs=1", "protocol=kfold")
    assert cli("train", "task=wine", *mine, "protocol.k=2", *QUICK).code == 0
    found = report(here / "runs" / "wine")
    assert "val/size" in found["fold_summary"]
    assert [score["name"] for score in found["scores"]] == ["val/accuracy", "val/loss"]
    assert all(score["baseline"] for score in found["scores"])


def test_two_networks_without_targets(cli: Any, here: Path) -> None:
    done = cli("train", "task=forge", "trainer.threads=1")
    assert done.code == 0
    assert "forger with 574 parameters" in done.out
    more = ("plugins=[my_learners]", "trainer.epochs=3", "--quiet")
    assert cli("resume", "last", *more).code == 0
    assert cli("reproduce", "last", "--plugins", "my_learners", "--json").code == 0
    assert cli("test", "last", "--plugins", "my_learners").code == 0
    found = report(here / "runs" / "forge")
    assert [score["name"] for score in found["scores"]] == ["val/distance", "test/distance"]
    assert found["model"]["name"] == "forger"
    assert "574 parameters in forger" in cli("summary", "task=forge").out
    check_learner("task=forge")


MAKER = "learner.optimizers.maker={name: sgd, lr: 0.02, momentum: 0.5}"
CRITIC = "learner.optimizers.critic={name: adam, lr: 0.03}"


def test_each_network_has_an_optimizer_of_its_own(cli: Any, here: Path) -> None:
    assert cli("train", "task=forge", MAKER, "optimizer.lr=0.01", *QUICK).code == 0
    (run,) = here.glob("runs/forge/*")
    told = json.loads((run / "report.json").read_text())["optimizer"]
    assert told.startswith("critic: rmsprop lr=0.01 rho=0.9")
    assert "; maker: sgd lr=0.02 momentum=0.5" in told
    (row, _) = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    assert (row["lr"], row["lr/maker"]) == (0.01, 0.02)
    space = levers(load(["task=forge", MAKER]).config, [])
    rates = [(lever.key, lever.values) for lever in space if lever.kind == "log"]
    maker = ("learner.optimizers.maker.lr", (0.005, 0.08))
    assert rates == [("optimizer.lr", (0.00025, 0.004)), maker]
    short = ["task=forge", "learner.optimizers.maker.name=sgd", "learner.optimizers.maker.lr=0.5"]
    short.append("learner.optimizers.critic=${learner.optimizers.maker}")
    assert load(short).plain()["learner"]["optimizers"]["critic"]["lr"] == 0.5


def test_an_optimizer_that_moves_nothing_is_refused(cli: Any) -> None:
    load(["task=forge", MAKER, CRITIC])
    space = [lever.key for lever in levers(load(["task=forge", MAKER, CRITIC]).config, [])]
    assert "optimizer.lr" not in space
    refused = cli("train", "task=forge", MAKER, CRITIC, "optimizer.lr=0.1")
    assert (refused.code, refused.err) == (
        2,
        "error: learner forger does not read `optimizer`: each of its networks has one of its own\n"
        "  where: command line: optimizer.lr=0.1\n"
        "  accepted: prepare, protocol, schedule\n  try: '~optimizer'\n",
    )
    wrong = cli("train", "task=forge", "learner.optimizers.makr={name: sgd}")
    assert "unknown key `learner.optimizers.makr.name`" in wrong.err
    assert "accepted: critic, maker" in wrong.err


def test_the_losses_of_each_network_are_kept_and_compared(cli: Any, here: Path) -> None:
    assert cli("train", "task=forge", "trainer.batch_size=20", *QUICK).code == 0
    (run,) = here.glob("runs/forge/*")
    trained = json.loads((run / "data.json").read_text())["rows"]["train"]
    found = {f: np.fromfile(run / f, "<f4") for f in ("losses.f32", "losses-maker.f32")}
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    sizes = [20] * (trained // 20) + [trained % 20]
    for file, name in zip(found, ("train/critic", "train/maker"), strict=True):
        epochs = found[file].reshape(2, len(sizes))
        means = [float(np.average(epoch, weights=sizes)) for epoch in epochs]
        assert means == pytest.approx([row[name] for row in rows], rel=1e-6)
    assert "losses-maker.f32" in json.loads((run / "files.json").read_text())
    again = here / "again"
    shutil.copytree(run, again)
    assert differences(run, again) == []
    content = bytearray((again / "losses-maker.f32").read_bytes())
    content[8] ^= 1
    (again / "losses-maker.f32").write_bytes(content)
    (told,) = differences(run, again)
    assert told.text.startswith("the loss of step 3 in losses-maker.f32 is ")
    (again / "losses-maker.f32").unlink()
    (told,) = differences(run, again)
    assert told.text == "losses-maker.f32 is missing in the run"
    assert differences(again, run) == []  # an earlier version did not write it
    whole = (again / "losses.f32").read_bytes()
    (again / "losses.f32").write_bytes(2 * whole)  # nor one a step, but one for each of its parts
    assert differences(again, run) == []
    (again / "losses.f32").write_bytes(whole[:-4])
    (told,) = differences(again, run)
    assert told.text == f"it took {2 * len(sizes)} steps, and {2 * len(sizes) - 1} before"


def test_its_options_are_explained(cli: Any) -> None:
    told = cli("help", "learner.forger.noise", "--plugins", "my_learners")
    assert told.out.startswith(
        "learner.noise   (of forger)\n  random numbers that a row is made of"
    )
    refused = cli("help", "learner", "--plugins", "my_lerners")
    assert refused.code == 2
    assert "plugin my_lerners cannot be imported" in refused.err


WINDS = "degrees,rain\n" + "".join(f"{d},{int(180 < d < 300)}\n" for d in range(0, 360, 3))
COMMANDS = re.findall(r"^(dlx .*)$", SHORT, re.MULTILINE)


@pytest.fixture
def winds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rain comes from the west."""
    folder = Path(os.environ["DLX_DATA"]) / "winds"
    folder.mkdir(parents=True)
    (folder / "winds.csv").write_text(WINDS)


@pytest.mark.usefixtures("winds")
@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_of_the_short_way_is_right(command: str, cli: Any) -> None:
    """Their components are trained with by the tests beside this one."""
    first, *words = shlex.split(command)[1:]
    found = cli("config" if first == "train" else first, *words)
    assert (found.code, found.err) == (0, "")


def test_the_short_way_is_short() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", SHORT, re.DOTALL | re.MULTILINE)
    assert len(blocks) == len(COMMANDS)
    for block in blocks:
        assert len([line for line in block.splitlines() if line.strip()]) <= 20, block


def test_a_dataset_in_short_is_trained_on(cli: Any, here: Path) -> None:
    folder = Path(os.environ["DLX_DATA"]) / "flats"
    folder.mkdir(parents=True)
    rows = np.random.default_rng(0).random((60, 3))
    rows[:, 2] = rows[:, 0] + rows[:, 1]
    np.save(folder / "flats.npy", rows)
    assert cli("train", "task=flats", "trainer.epochs=2", *QUICK).code == 0
    assert report(here / "runs" / "flats")["scores"][0]["name"] == "val/mae"


def test_a_model_and_a_loss_in_short_are_trained(cli: Any, here: Path) -> None:
    mine = ("plugins=[my_shallow,my_margin]", "model={name: shallow, width: 8}", "loss.name=margin")
    done = cli("train", "task=wine", *mine, "trainer.epochs=2", "trainer.threads=1")
    assert done.code == 0
    assert "shallow with 139 parameters" in done.out


@pytest.mark.usefixtures("winds")
def test_a_column_of_ones_own_goes_from_the_file_to_the_report(cli: Any, here: Path) -> None:
    train = ("train", "task=winds", "trainer.epochs=20", "optimizer.lr=0.02", *QUICK)
    assert cli(*train).code == 0
    (run,) = here.glob("runs/winds/*")
    saved = json.loads((run / "prepare" / "pipeline.json").read_text())
    assert saved["raw"]["wind"]["kind"] == "angles"
    assert saved["inputs"]["wind"]["shape"] == [2]
    found = {score["name"]: score for score in report(run.parent)["scores"]}
    assert found["test/accuracy"]["value"] > found["test/accuracy"]["baseline"]["value"] - 0.1
    assert "degrees" in (run / "report.html").read_text()
    for command in ("test", "reproduce"):
        assert cli(command, "last", "--plugins", "my_winds", "--json").code == 0
    angles = importlib.import_module("my_angles").Angles
    check_column(lambda: angles(np.arange(12, dtype=np.float32)[:, None] * 30, ("degrees",)))


def test_a_plugin_that_no_key_needs_is_asked_for_all_the_same(cli: Any, here: Path) -> None:
    (here / "my_seas.py").write_text("DLX_COMPONENTS = {}\n")  # as one that registers environments
    mine = ("plugins=[my_seas]", "trainer.epochs=1", "dataset.sample=true", *QUICK)
    assert cli("train", "task=wine", *mine).code == 0

    for command in ("test", "reproduce", "resume"):
        refused = cli(command, "last")
        assert refused.code == 2
        assert "error: this run used my_seas: plugins, which a run folder cannot" in refused.err
        assert refused.err.endswith(
            "  try: add `--plugins my_seas`; to dlx resume `plugins=[my_seas]`\n"
        )
    assert cli("test", "last", "--plugins", "my_seas").code == 0
    sys.modules.pop("my_seas")
