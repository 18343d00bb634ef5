"""`dlx diff`: one line for each thing that differs, and nothing for what merely follows from it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from made_up import put

Cli = Callable[..., Any]
NOTHING = "no differences in config, environment or data\n"


def config() -> dict[str, Any]:
    return {
        "task": "wine",
        "about": {"title": "wine"},
        "seed": 0,
        "dataset": {"name": "wine", "sample": False, "limit": None},
        "protocol": {"name": "holdout", "validation": 0.2},
        "model": {"name": "mlp", "units": [16], "dropout": 0.0},
        "optimizer": {"name": "rmsprop", "lr": 0.001, "rho": 0.9},
        "trainer": {"threads": "auto", "device": "auto", "deterministic": True},
        "callbacks": {},
        "run": {"root": "/a/runs"},
    }


def changed(tree: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    for key, value in values.items():
        *above, last = key.split(".")
        place = tree
        for name in above:
            place = place[name]
        if value is ...:
            del place[last]
        else:
            place[last] = value
    return tree


@pytest.fixture
def diff(here: Path, cli: Cli) -> Callable[..., list[str]]:
    """Two runs that differ so, and what is said of them."""

    def told(
        config_: dict[str, Any] | None = None,
        environment: dict[str, Any] | None = None,
        data: dict[str, Any] | None = None,
        *flags: str,
    ) -> list[str]:
        machine = {"torch": "2.11", "threads": 1, "device": "cpu", "gpu": None, "cores": 2}
        machine |= {"threads_chosen": {"count": 1}, "deterministic": True, "contract_level": "A"}
        facts = {"digest": "d" * 64, "split_digest": "s" * 64, "rule": "so"}
        facts["files"] = [{"name": "wine.csv", "sha256": "f" * 64}]
        both = ((1, {}, {}, {}), (2, config_ or {}, environment or {}, data or {}))
        for number, of_config, of_machine, of_data in both:
            folder = put(number, config_digest=str(number))
            tree = yaml.safe_dump(changed(config(), of_config), sort_keys=False)
            (folder / "config.yaml").write_text(tree)
            (folder / "environment.json").write_text(json.dumps(machine | of_machine))
            (folder / "data.json").write_text(json.dumps(facts | of_data))
        found = cli("diff", "00000001", "00000002", *flags)
        assert (found.code, found.err) == (0, "")
        return found.out.splitlines()

    return told


@pytest.mark.parametrize(
    ("values", "lines"),
    [
        ({"optimizer.lr": 0.01}, ["optimizer.lr: 0.001 -> 0.01"]),
        ({"model.units": [32, 32]}, ["model.units: [16] -> [32, 32]"]),
        ({"dataset.limit": 10}, ["dataset.limit: null -> 10"]),
        ({"trainer.deterministic": False}, ["trainer.deterministic: true -> false"]),
        ({"model.dropout": 0}, [NOTHING.strip()]),
        ({"seed": False}, ["seed: 0 -> false"]),
        ({"optimizer.rho": ...}, ["optimizer.rho: 0.9 -> (not set)"]),
        ({"about.title": "wines", "run.root": "/b"}, [NOTHING.strip()]),
        ({"learner": {"name": "supervised"}}, [NOTHING.strip()]),  # earlier runs do not say it
        ({"learner": {"name": "gan"}}, ["learner.name: supervised -> gan"]),
        ({"sweep": {"seeds": 5}, "tune": {}, "search": {}}, [NOTHING.strip()]),
        ({"task": "a\nb"}, ['task: wine -> "a\\nb"']),
        ({"task": ""}, ['task: wine -> ""']),
        (
            {"callbacks.early_stopping": {"patience": 3, "monitor": "auto"}},
            ["callbacks.early_stopping: (not set) -> {patience: 3, monitor: auto}"],
        ),
        (
            {"optimizer": {"name": "adam", "lr": 0.001, "beta1": 0.9, "beta2": 0.999}},
            ["optimizer.name: rmsprop (rho=0.9) -> adam (beta1=0.9, beta2=0.999)"],
        ),
        (
            {"optimizer": {"name": "sgd", "lr": 0.1}, "seed": 1},
            [
                "seed: 0 -> 1",
                "optimizer.name: rmsprop (rho=0.9) -> sgd",
                "optimizer.lr: 0.001 -> 0.1",
            ],
        ),
    ],
    ids=str,
)
def test_config(diff: Callable[..., list[str]], values: dict[str, Any], lines: list[str]) -> None:
    assert diff(values) == lines


@pytest.mark.parametrize(
    ("config", "environment", "lines"),
    [
        ({}, {"torch": "2.12"}, ["environment.torch: 2.11 -> 2.12"]),
        ({}, {"threads": 2, "threads_chosen": {"count": 2}}, ["environment.threads: 1 -> 2"]),
        ({"trainer.threads": 2}, {"threads": 2}, ["trainer.threads: auto -> 2"]),
        (
            {"trainer.device": "cuda"},
            {"device": "cuda", "gpu": "H100", "threads": 4, "contract_level": "E"},
            ["trainer.device: auto -> cuda"],
        ),
        ({}, {"gpu": "H100"}, ["environment.gpu: null -> H100"]),
        ({}, {"contract_why": "x", "threads_chosen": {"how": "asked"}}, [NOTHING.strip()]),
    ],
    ids=str,
)
def test_environment(
    diff: Callable[..., list[str]],
    config: dict[str, Any],
    environment: dict[str, Any],
    lines: list[str],
) -> None:
    assert diff(config, environment) == lines


DIGEST = {"digest": "e" * 64, "split_digest": "t" * 64, "rule": "otherwise"}
FILES = [{"name": "wine.csv", "sha256": "a" * 64}]


@pytest.mark.parametrize(
    ("config", "data", "lines"),
    [
        ({}, DIGEST, ["data.digest: dddddddddddd -> eeeeeeeeeeee"] * 1),
        ({}, {"split_digest": "t"}, ["data.split_digest: ssssssssssss -> t"]),
        ({}, {**DIGEST, "files": FILES}, ["data.files.wine.csv: ffffffffffff -> aaaaaaaaaaaa"]),
        ({"seed": 1}, {"split_digest": "t"}, ["seed: 0 -> 1"]),
        ({"protocol.validation": 0.3}, {"split_digest": "t"}, ["protocol.validation: 0.2 -> 0.3"]),
        ({"dataset.limit": 9}, DIGEST, ["dataset.limit: null -> 9"]),
        ({"dataset.sample": True}, {**DIGEST, "files": FILES}, ["dataset.sample: false -> true"]),
        (
            {"dataset.limit": 9},
            {**DIGEST, "files": FILES},
            ["dataset.limit: null -> 9", "data.files.wine.csv: ffffffffffff -> aaaaaaaaaaaa"],
        ),
        (
            {},
            {"files": []},
            ["data.files.wine.csv: ffffffffffff -> (not set)"],
        ),
        ({}, {"rows": {"train": 3}, "terms": "x", "classes": {}}, [NOTHING.strip()]),
    ],
    ids=lambda x: str(x)[:40],
)
def test_data(
    diff: Callable[..., list[str]], config: dict[str, Any], data: dict[str, Any], lines: list[str]
) -> None:
    assert diff(config, None, data) == lines


def test_as_json(diff: Callable[..., list[str]]) -> None:
    values = {"optimizer": {"name": "adam", "lr": 0.001, "beta1": 0.9}, "callbacks.x": {"a": 1}}
    found = json.loads("\n".join(diff(values, {}, {"digest": "e" * 64}, "--json")))

    assert found == [
        {
            "kind": "config",
            "key": "optimizer.name",
            "first": "rmsprop",
            "first_options": {"rho": 0.9},
            "second": "adam",
            "second_options": {"beta1": 0.9},
        },
        {"kind": "config", "key": "callbacks.x", "first": None, "second": {"a": 1}},
        {"kind": "data", "key": "data.digest", "first": "d" * 64, "second": "e" * 64},
    ]


def test_a_run_that_has_not_begun(diff: Callable[..., list[str]], cli: Cli) -> None:
    diff()
    folder = put(3, "paused")

    found = cli("diff", "00000001", "last")

    assert (found.code, found.out) == (2, "")
    assert found.err == (
        "error: the run has no config.yaml to compare (it is paused)\n"
        f"  where: {folder}\n"
        "  accepted: a run that has started to train\n"
    )


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("config.yaml", "a: [", "is not valid YAML"),
        ("config.yaml", "a: &x 1\nb: *x", "YAML anchors and aliases (& and *) are not supported"),
        ("config.yaml", "[1]", "contains no config"),
        ("data.json", "{", "data.json cannot be read: "),
        ("environment.json", "[]", "environment.json is not a record"),
    ],
)
def test_a_damaged_file(
    diff: Callable[..., list[str]], cli: Cli, name: str, content: str, told: str
) -> None:
    diff()
    (next(Path("runs/digits").glob("*00000002*")) / name).write_text(content)

    found = cli("diff", "00000001", "00000002")

    assert (found.code, found.out) == (1, "")
    assert found.err.startswith(f"error: {told}")


@pytest.mark.parametrize("content", ["{}", '{"files": 3, "digest": null}', '{"files": [1, {}]}'])
def test_odd_data_fail_nothing(diff: Callable[..., list[str]], cli: Cli, content: str) -> None:
    diff()
    for folder in Path("runs/digits").iterdir():
        (folder / "data.json").write_text(content)

    assert cli("diff", "00000001", "00000002").out == NOTHING


def test_a_run_with_itself(diff: Callable[..., list[str]], cli: Cli) -> None:
    diff({"seed": 1})
    assert cli("diff", "last", "last").out == NOTHING


def test_no_such_run(cli: Cli) -> None:
    found = cli("diff", "a", "b")
    assert (found.code, found.out) == (2, "")
    assert found.err.startswith("error: there is no run `a`\n")


def test_it_imports_no_torch(diff: Callable[..., list[str]]) -> None:
    diff()
    code = (
        "import sys; from dlx.cli.main import main; code = main(['diff', '00000001', 'last'])\n"
        "heavy = {'torch', 'hydra', 'numpy', 'rich'} & set(sys.modules)\n"
        "sys.exit(f'{code} {heavy}' if code or heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, NOTHING, "")
