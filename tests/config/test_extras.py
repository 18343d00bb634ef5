"""Components that need a package which dlx does not bring along."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from dlx.config import extras
from dlx.config.extras import find_missing, is_installed
from dlx.config.fields import Component, option, to_plain
from dlx.config.load import load, load_saved
from dlx.config.specs import LAYERS, OPTIMIZERS
from dlx.errors import UsageError
from dlx.running.earlier import Earlier


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that dlx does not bring along is installed."""
    monkeypatch.setattr(extras, "is_installed", lambda _: False)


@dataclass(frozen=True, kw_only=True)
class Rate:
    """One option."""

    lr: float = option(0.1, "learning rate", gt=0)


@pytest.mark.parametrize("name", ["tensorboard", "mlflow"])
@pytest.mark.usefixtures("bare")
def test_a_missing_package_is_told_of_with_its_extra(cli: Any, name: str) -> None:
    found = cli("train", "task=wine", f"callbacks.{name}={{}}")

    assert (found.code, found.out) == (2, "")
    assert found.err.splitlines() == [
        f"error: callbacks.{name} needs the package {name}",
        f"  where: command line: callbacks.{name}={{}}",
        f"  try: pip install 'dlx[{name}]'",
    ]
    assert list(Path().iterdir()) == []


@pytest.mark.usefixtures("bare")
def test_all_of_them_at_once_and_with_the_file_that_asks(cli: Any) -> None:
    Path("configs/task").mkdir(parents=True)
    Path("configs/task/mine.yaml").write_text(
        "dataset: {name: wine}\ntargets: {cultivar: {problem: multiclass}}\n"
        "callbacks:\n  tensorboard: {}\n  mlflow: {}\n"
    )
    found = cli("config", "task=mine")

    assert found.code == 2
    assert [line for line in found.err.splitlines() if "where" in line] == [
        "  where: configs/task/mine.yaml:4",
        "  where: configs/task/mine.yaml:5",
    ]


@pytest.mark.usefixtures("bare", "here")
def test_without_those_that_only_watch_nothing_is_lacking(tmp_path: Path) -> None:
    loaded = load(["task=wine", "callbacks.tensorboard={}", "run.watch=false"])

    assert loaded.config.callbacks["tensorboard"].name == "tensorboard"


@pytest.mark.usefixtures("here")
def test_a_run_folder_can_be_read_where_its_package_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To reproduce or test a run, what only watched it is not needed."""
    plain = load(["task=wine", "callbacks.tensorboard={}"]).plain()
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(plain))
    monkeypatch.setattr(extras, "is_installed", lambda _: False)

    config = load_saved(file, "config.yaml")
    (problem,) = find_missing(config, lambda _: "config.yaml")
    assert problem.what == "callbacks.tensorboard needs the package tensorboard"


@pytest.mark.usefixtures("here")
def test_a_run_that_is_played_again_needs_its_environment_and_no_callbacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = ("task=cartpole", "callbacks.tensorboard={}")
    config = load(typed).config
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(to_plain(config)))
    monkeypatch.setattr(extras, "is_installed", lambda _: False)

    with pytest.raises(UsageError) as caught:
        Earlier(tmp_path, {}, {}, {}, {}).check_config(config)
    assert str(caught.value) == (
        f"dataset gymnasium needs the package gymnasium\n  where: {tmp_path.name}/config.yaml\n"
        "  try: pip install 'dlx[rl]'"
    )


@pytest.mark.usefixtures("here")
def test_any_kind_of_component_can_need_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    adam = Component(Rate, "nowhere:adam", ("fancy", "json"), "gpu")
    layer = Component(Rate, "nowhere:layer", ("strange_layers",))
    monkeypatch.setattr(OPTIMIZERS, "entries", {**OPTIMIZERS.entries, "fancy_adam": adam})
    monkeypatch.setattr(LAYERS, "entries", {**LAYERS.entries, "strange": layer})

    with pytest.raises(UsageError) as caught:
        load(
            [
                "task=wine",
                "optimizer.name=fancy_adam",
                "model={name: layers, layers: [relu, {strange: 0.5}]}",
            ]
        )
    told = str(caught.value).splitlines()
    assert [line for line in told if "needs" in line or "try" in line] == [
        "model.layers.1 strange needs the package strange_layers",
        "  try: pip install strange_layers",
        "optimizer fancy_adam needs the package fancy",
        "  try: pip install 'dlx[gpu]'",
    ]


def test_a_folder_of_the_name_is_no_package(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "no_such_package").mkdir()
    monkeypatch.syspath_prepend(str(here))

    assert not is_installed("no_such_package")
    assert not is_installed("there_is_none")
    assert is_installed("json")


def test_to_look_for_a_package_does_not_import_it() -> None:
    code = (
        "import sys; from dlx.config.extras import is_installed; is_installed('tensorboard'); "
        "print([n for n in ('tensorboard', 'torch') if n in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_an_address_with_a_password_is_refused_and_not_shown(
    cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extras, "is_installed", lambda _: True)
    found = cli("train", "task=wine", "callbacks.mlflow.tracking_uri=http://me:canary@host")

    assert (found.code, found.out) == (2, "")
    assert found.err.splitlines() == [
        "error: `callbacks.mlflow.tracking_uri` contains a password, and configs are saved",
        "  where: command line: callbacks.mlflow.tracking_uri=http://me:***@host",
        "  accepted: local, env, or an address without a password",
        "  try: export MLFLOW_TRACKING_URI=..., and callbacks.mlflow.tracking_uri=env",
    ]
