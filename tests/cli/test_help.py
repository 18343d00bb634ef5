"""`dlx help KEY` for every key there is, and what it says where there is none."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from dlx.cli.help import choices_of, find
from dlx.config.branches import BRANCHES
from dlx.config.keys import dotted_keys
from dlx.config.specs import CALLBACKS, LAYERS, OPTIMIZERS, TABLES

Cli = Callable[..., Any]


@pytest.mark.parametrize("key", dotted_keys())
def test_every_key(cli: Cli, key: str) -> None:
    answer = cli("help", key)
    assert (answer.code, answer.err) == (0, "")
    is_component = find(key) and not any(hasattr(entry, "option") for entry in find(key))
    if is_component:
        assert key.rpartition(".")[2] in answer.out
        assert "default" in answer.out or "no options" in answer.out
    else:
        assert "\n  default: " in answer.out
        assert "\n  type: " in answer.out
        assert key in answer.out


@pytest.mark.parametrize("kind", TABLES)
def test_every_component(cli: Cli, kind: str) -> None:
    for name, entry in TABLES[kind].entries.items():
        answer = cli("help", f"{kind}.{name}" if " " not in kind else name)
        assert answer.code == 0
        assert f"{kind} {name}: {entry.summary}" in answer.out


def test_a_key_word_for_word(cli: Cli) -> None:
    assert cli("help", "callbacks.early_stopping.patience").out == (
        "callbacks.early_stopping.patience   (of early_stopping)\n"
        "  epochs in a row without improvement after which it stops\n"
        "  type: a whole number >= 1 (epochs)\n"
        "  default: 5\n"
        "  unit: epochs\n"
    )
    assert cli("help", "trainer.precision").out == (
        "trainer.precision\n"
        "  number type of the forward pass (mixed precision if not float32)\n"
        "  type: one of float32, bfloat16, float16\n"
        "  default: float32\n"
        "  choices: float32, bfloat16, float16\n"
    )
    assert cli("help", "trainer.clip_norm").out == (
        "trainer.clip_norm\n"
        "  largest norm of the gradient; null: no limit\n"
        "  type: a number > 0 or null\n"
        "  default: null\n"
    )


def test_a_key_that_several_components_have_is_explained_once_for_each_meaning(cli: Cli) -> None:
    text = cli("help", "optimizer.lr").out
    assert [line for line in text.splitlines() if not line.startswith(" ") and line] == [
        "optimizer.lr   (of rmsprop, adam, adamw, nadam)",
        "optimizer.lr   (of sgd, adagrad)",
        "optimizer.lr   (of lbfgs)",
    ]
    assert text.count("  default: 0.01\n") == text.count("  default: 0.001\n") == 1
    assert cli("help", "optimizer.adam.lr").out.startswith("optimizer.lr   (of adam)\n")
    assert cli("help", "optimizer.adam.lr").out.count("default") == 1


@pytest.mark.parametrize(
    ("key", "first"),
    [
        ("targets.label.problem", "targets.label.problem"),
        ("targets.problem", "targets.NAME.problem"),
        ("targets.label.loss.delta", "targets.label.loss.delta   (of huber)"),
        ("targets.label", "targets"),
        ("metrics.top_k_accuracy.k", "metrics.top_k_accuracy.k   (of top_k_accuracy)"),
        ("callbacks.patience", "callbacks.early_stopping.patience   (of early_stopping)"),
        ("prepare.steps.0.size", "prepare.steps.0.size   (of multi_hot)"),
        ("prepare.steps.multi_hot.size", "prepare.steps.0.size   (of multi_hot)"),
        ("prepare.steps.3", "prepare.steps"),
        ("model.layers.0.units", "model.layers.0.units   (of linear)"),
        ("model.units.0", "model.units   (of mlp)"),
        ("model.layers", "model layers: A list of layers, shapes inferred: [{linear: 16}, relu, "),
        ("optimizer.", "optimizer"),
        ("adam", "optimizer adam: Adam (Kingma and Ba, 2015)."),
        ("relu", "layer relu: Applied to each value."),
        ("tokenize.ngrams", "tokenize.ngrams   (of prepare step)"),
        ("embedding.vectors", "embedding.vectors   (of layer)"),
        ("rolling.window", "rolling.window   (of protocol)"),
        ("layer", "layer linear: Dense layer on the last axis."),
    ],
)
def test_ways_to_ask(cli: Cli, key: str, first: str) -> None:
    assert cli("help", key).out.splitlines()[0].startswith(first)


def test_without_a_key_every_section_is_listed(cli: Cli) -> None:
    for arguments in ((), (".",)):
        lines = cli("help", *arguments).out.splitlines()
        assert lines[0].split() == ["key", "default", "type", "description"]
        keys = [key for key in dotted_keys() if "." not in key]
        assert [line.split()[0] for line in lines[1:-2]] == keys
        last = "the branches of learning, and the tasks of each: dlx help branches"
        assert lines[-2:] == ["", last]


def test_all_layers_are_listed(cli: Cli) -> None:
    text = cli("help", "model.layers").out
    assert all(f"    {name} " in text for name in LAYERS.entries)


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("optimzer.lr", "dlx help optimizer.lr"),
        ("optimizer.rate", "dlx help optimizer.lr"),
        ("seed.x", "dlx help seed"),
        ("zzz.y", "dlx help"),
        ("a b", "dlx help"),
        ("trainer.epoch", "dlx help trainer.epochs"),
        ("adma", "dlx help adam"),
        ("callbacks.early_stoping.patience", "dlx help callbacks.early_stopping.patience"),
    ],
)
def test_a_key_that_is_none(cli: Cli, key: str, hint: str) -> None:
    answer = cli("help", key)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == (
        f"error: there is no key `{key}`\n"
        "  accepted: a key of the config, for example optimizer.lr\n"
        f"  try: {hint}\n"
    )
    assert cli(*hint.split()[1:]).code == 0


def test_help_agrees_with_the_config(cli: Cli) -> None:
    plain = json.loads(cli("config", "task=digits", "--json").out)
    for key in ("trainer.eval_batch_size", "trainer.accumulate", "seed", "protocol.test_seed"):
        value: Any = plain
        for part in key.split("."):
            value = value[part]
        assert f"  default: {value}\n" in cli("help", key).out


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("optimizer", list(OPTIMIZERS.entries)),
        ("trainer.device", ["auto", "cpu", "cuda", "mps"]),
        ("trainer.threads", ["auto"]),
        ("test", ["true", "false"]),
        ("callbacks", list(CALLBACKS.entries)),
        ("seed", []),
        ("nonsense", []),
    ],
)
def test_choices_for_completion(key: str, expected: list[str]) -> None:
    assert choices_of(key) == expected


@pytest.mark.parametrize(
    ("word", "key"),
    [
        ("lr", "optimizer.lr"),
        ("weight_decay", "optimizer.weight_decay"),
        ("units", "model.units"),
        ("class_weights", "targets.NAME.class_weights"),
    ],
)
def test_a_word_alone_is_the_key_of_the_fewest_parts(cli: Cli, word: str, key: str) -> None:
    """They were those of a learner's own networks."""
    assert cli("help", word).err.endswith(f"\n  try: dlx help {key}\n")
    assert cli("help", key).code == 0


def test_of_many_choices_a_table_names_some_and_says_how_many(cli: Cli) -> None:
    lines = cli("help", "model.pretrained").out.splitlines()
    (network,) = (line for line in lines if line.startswith("network "))
    assert "one of alexnet, convnext_base, " in network
    assert ", ... (80 in all)  " in network
    assert all(len(line) < 450 for line in lines)


def test_the_branches_of_learning(cli: Cli) -> None:
    told = json.loads(cli("help", "branches", "--json").out)
    tasks = json.loads(cli("tasks", "--json").out)
    known = {task["branch"] for task in tasks}
    assert [one["branch"] for one in told] == [name for name in BRANCHES if name in known]
    for one in told:
        own = [task for task in tasks if task["branch"] == one["branch"]]
        listed = [(name, problem) for problem, names in one["tasks"].items() for name in names]
        assert sorted(listed) == sorted((task["task"], task["problem"]) for task in own)
        assert {task["learner"] for task in own} <= set(one["learners"])
        assert one["first"] in [task["command"] for task in own]
    shown = cli("help", "branches")
    assert (shown.code, shown.err) == (0, "")
    assert cli("help", "branch").out == shown.out
    assert "\n\nself-supervised   (book 4.1.3, 8.1, 8.4)\n  learns without labels" in shown.out
    assert "\n  first: dlx train task=digits_gan\n  its tasks: dlx tasks generative\n" in shown.out


def test_one_branch_and_a_learner_of_its_name(cli: Cli) -> None:
    assert cli("help", "generative").out.startswith("generative   (book 8.2, 8.3, 8.5)\n")
    told = cli("help", "supervised").out
    assert told.startswith("learner supervised: ")
    assert "\n\nsupervised   (book 4.1.1" in told
    assert cli("help", "brnches").err.endswith("  try: dlx help branches\n")
