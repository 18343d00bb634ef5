from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from omegaconf import OmegaConf

from dlx.config.json_schema import build
from dlx.config.paths import find_shipped

SHIPPED = find_shipped("configs")
FILES = sorted(SHIPPED.glob("**/*.yaml"))


@pytest.fixture(scope="module")
def validator() -> Draft7Validator:
    schema = build()
    Draft7Validator.check_schema(schema)
    return Draft7Validator(schema)


def read(file: Path) -> Any:
    """A file as what it is merged as: that of a group stands below the group's name."""
    values = OmegaConf.to_container(OmegaConf.load(file))
    group = file.parent.name
    return values if group in ("task", SHIPPED.name) else {group: values}


def problems(validator: Draft7Validator, values: Any) -> list[str]:
    found = validator.iter_errors(values)
    return ["/".join(map(str, one.absolute_path)) for one in found]


def test_every_shipped_config_is_valid(validator: Draft7Validator) -> None:
    wrong = {file.name: told for file in FILES if (told := problems(validator, read(file)))}
    assert len(FILES) > 100
    assert not wrong


@pytest.mark.parametrize(
    "values",
    [
        {"model": {"name": "layers", "layers": ["relu", {"linear": 16}, {"dropout": 0.5}]}},
        {"trainer": {"epochs": "${workflow.trials}", "threads": "auto"}},
        {"optimizer": {"lr": 0.1}},
        {"from_run": "last"},
        {"callbacks": {"early_stopping": None}},
        {"learner": {"probe": None}},
        {"model": {"layers": {"0": {"linear": 16}}}},
    ],
)
def test_what_dlx_takes_is_valid(validator: Draft7Validator, values: Any) -> None:
    assert not problems(validator, values)


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({"trainr": {}}, ""),
        ({"trainer": {"epochz": 3}}, "trainer"),
        ({"trainer": {"epochs": "ten"}}, "trainer/epochs"),
        ({"trainer": {"batch_size": 0}}, "trainer/batch_size"),
        ({"optimizer": {"name": "sdg"}}, "optimizer/name"),
        ({"optimizer": {"name": "sgd", "beta1": 0.9}}, "optimizer"),
        ({"model": {"name": "layers", "layers": [{"linaer": 16}]}}, "model/layers"),
        ({"model": {"name": "layers", "layers": [{"dropout": 1.5}]}}, "model/layers"),
        ({"metrics": {"acuracy": {}}}, "metrics"),
        ({"targets": {"label": {"problem": "binry"}}}, "targets/label/problem"),
    ],
)
def test_what_dlx_refuses_is_marked_in_its_place(
    validator: Draft7Validator, values: Any, place: str
) -> None:
    assert place in problems(validator, values)
