"""The schema's declarations: each key has a help, a range that holds its default, a right type."""

from __future__ import annotations

import dataclasses
import importlib
from typing import Any, Literal, get_args, get_origin

import pytest
import yaml

from dlx.config.arguments import parse
from dlx.config.check import Checker
from dlx.config.fields import Chosen, Meta, Option, alternatives, describe, options_of, to_plain
from dlx.config.keys import dotted_keys, implied_names
from dlx.config.names import find_nearest
from dlx.config.schema import Config
from dlx.config.specs import LAYERS, STEPS, TABLES
from dlx.errors import Problem


def every_option() -> dict[str, Option]:
    """All options of all sections and components, by a name for the test."""
    found: dict[str, Option] = {}
    sections: list[type] = [Config]
    while sections:
        cls = sections.pop()
        for name, opt in options_of(cls).items():
            found[f"{cls.__name__}.{name}"] = opt
            inner = get_args(opt.hint)[1] if get_origin(opt.hint) is dict else opt.hint
            if inner is not Chosen and isinstance(inner, type) and dataclasses.is_dataclass(inner):
                sections.append(inner)
    for kind, table in TABLES.items():
        for component, entry in table.entries.items():
            for name, opt in options_of(entry.options).items():
                found[f"{kind} {component}.{name}"] = opt
    return found


OPTIONS = every_option()


def test_none_is_missed() -> None:
    assert len(OPTIONS) > 150
    assert len(dotted_keys()) == len(set(dotted_keys())) > 90
    for key in (
        "optimizer.lr",
        "model.channels",
        "callbacks.early_stopping.patience",
        "metrics.top_k_accuracy.k",
        "trainer.epochs",
    ):
        assert key in dotted_keys()


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option(name: str) -> None:
    opt = OPTIONS[name]
    assert opt.meta.help
    assert opt.meta.help == opt.meta.help.strip()
    assert not opt.meta.help.endswith(".")
    assert not {opt.name} & set(opt.meta.aliases)
    assert describe(opt.hint, opt.meta)
    if opt.required:
        assert opt.meta.example or opt.meta.table or "Literal" in str(opt.hint)


@pytest.mark.parametrize("name", [n for n, opt in OPTIONS.items() if not opt.required])
def test_a_default_is_accepted(name: str) -> None:
    opt = OPTIONS[name]
    section = dataclasses.make_dataclass(
        "Section", [("x", opt.hint, dataclasses.field(default=None, metadata={"dlx": opt.meta}))]
    )
    section.__annotations__ = {"x": opt.hint}
    checker = Checker(lambda path: ".".join(path))
    made = checker.section(section, {"x": to_plain(opt.default)}, ())
    assert [problem for _, problem in checker.noted] == []
    assert made.x == opt.default
    assert type(made.x) is type(opt.default)


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, table in TABLES.items() for name in table.entries]
)
def test_a_component_says_what_it_is_and_its_code_is_there(kind: str, name: str) -> None:
    entry = TABLES[kind].entries[name]
    assert entry.summary.endswith((".", "]."))
    assert entry.options.__doc__ != dataclasses.dataclass(type("X", (), {})).__doc__
    module, _, attribute = entry.target.partition(":")
    assert hasattr(importlib.import_module(module), attribute)


def test_names_and_aliases_of_a_kind_do_not_clash() -> None:
    for table in TABLES.values():
        for entry in table.entries.values():
            options = options_of(entry.options)
            aliases = [alias for opt in options.values() for alias in opt.meta.aliases]
            assert len(aliases) == len(set(aliases))
            assert not set(aliases) & set(options)
            assert "name" not in options  # which component it is


def test_in_short_form_the_first_option_of_a_layer_stands_alone() -> None:
    firsts = {name: next(iter(options_of(e.options)), "") for name, e in LAYERS.entries.items()}
    assert firsts["linear"] == "units"
    assert firsts["conv2d"] == "channels"
    assert firsts["dropout"] == "rate"
    assert firsts["relu"] == firsts["flatten"] == ""


def test_implied_names_are_the_defaults() -> None:
    assert implied_names() == {
        ("protocol",): "holdout",
        ("learner",): "supervised",
        ("model",): "mlp",
        ("loss",): "auto",
        ("optimizer",): "rmsprop",
        ("schedule",): "constant",
    }


@pytest.mark.parametrize(
    ("hint", "meta", "expected"),
    [
        (int, Meta(""), "a whole number"),
        (int, Meta("", ge=1), "a whole number >= 1"),
        (float, Meta("", ge=0, lt=1), "a number >= 0 and < 1"),
        (float, Meta("", gt=0, unit="minutes"), "a number > 0 (minutes)"),
        (float | None, Meta("", gt=0), "a number > 0 or null"),
        (tuple[int, ...], Meta("", ge=1), "a list of whole numbers >= 1"),
        (tuple[tuple[str, ...], ...], Meta(""), "a list of lists of texts"),
        (int | Literal["auto"], Meta("", ge=1), "a whole number >= 1 or auto"),
        (Literal["a", "b"], Meta(""), "one of a, b"),
        (bool, Meta(""), "true or false"),
        (str, Meta(""), "text"),
        (Any, Meta(""), "any value"),
        (dict[str, bool], Meta(""), "a mapping of names to true or false values"),
        (Chosen, Meta("", table=LAYERS), "a layer: {name: ..., options}"),
        (Chosen, Meta("", table=TABLES["optimizer"]), "an optimizer: {name: ..., options}"),
        (tuple[Chosen, ...], Meta("", table=STEPS), "a list of prepare step components"),
        (
            dict[str, Chosen],
            Meta("", table=STEPS),
            "a mapping of prepare step names to their options",
        ),
        (Config, Meta(""), "a section"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_types_in_words(hint: Any, meta: Meta, expected: str) -> None:
    assert describe(hint, meta) == expected


def test_alternatives_of_a_union_leave_null_out() -> None:
    assert alternatives(int | float | None) == (int, float)
    assert alternatives(tuple[int, ...]) == (tuple[int, ...],)


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        ("optimiser", ["optimizer", "schedule"], "optimizer"),
        ("Batch-Size", ["batch_size"], "batch_size"),
        ("zzz", ["optimizer"], None),
        ("", ["optimizer"], None),
        ("x", [], None),
    ],
)
def test_near_misses(name: str, known: list[str], expected: str | None) -> None:
    assert find_nearest(name, known) == expected


def test_examples_mean_the_same_in_a_file_and_on_the_command_line() -> None:
    """Names of a mapping have no quotes in Hydra's grammar, and begin with no * in YAML."""
    for name, opt in every_option().items():
        if opt.meta.example and str not in alternatives(opt.hint):
            problems: list[Problem] = []
            (override,) = parse([f"key={opt.meta.example}"], problems)
            assert problems == [], name
            assert override.value() == yaml.safe_load(opt.meta.example), name
