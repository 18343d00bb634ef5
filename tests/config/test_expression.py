"""Conditions over a config: what they mean, and that nothing else can be said in them."""

from __future__ import annotations

from typing import Any

import pytest

from dlx.config.expression import MAX_CHARACTERS, Condition
from dlx.errors import UsageError

CONFIG: dict[str, Any] = {
    "optimizer": {"name": "adam", "lr": 0.01},
    "model": {"name": "mlp", "units": [16, 32], "dropout": 0.5},
    "prepare": {"steps": [{"name": "pad", "size": 100}]},
    "seed": 3,
    "test": False,
    "trainer": {"clip_norm": None},
}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("optimizer.lr < 0.1", True),
        ("0.001 < optimizer.lr < 0.005", False),
        ("model.units[0] * 2 == model.units[1]", True),
        ("model.units == [16, 32] and not test", True),
        ("len(model.units) > 2 or seed in (1, 3)", True),
        ("model == 'mlp' and optimizer != 'adam'", False),
        ("sum(model.units) % 10 == 8 and max(model.units) // 3 == 10", True),
        ("prepare.steps[0].size >= 100", True),
        ("trainer.clip_norm == null and test == false", True),
        ("-seed < abs(-2) - 1", True),
        ("model.units[-1] / 2 not in [16]", False),
    ],
)
def test_what_holds(text: str, holds: bool) -> None:
    assert Condition(text, "here").holds(CONFIG) is holds


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "(lambda: 1)()",
        "[x for x in model.units]",
        "seed if test else 1",
        "f'{seed}'",
        "seed ** 99",
        "seed << 99",
        "len(model.units, key=1)",
        "open('x')",
        "model.units.append(1)",
        "(seed := 1)",
        "lambda x: x",
        "{1: 2}",
        "b'x' == seed",
        "1j == seed",
        "...",
    ],
)
def test_what_cannot_be_said(text: str) -> None:
    with pytest.raises(UsageError, match="is not allowed there"):
        Condition(text, "here").holds(CONFIG)


@pytest.mark.parametrize(
    ("text", "what", "hint"),
    [
        ("optimizer.lrr < 1", "there is no key `optimizer.lrr` in `optimizer`", "optimizer.lr"),
        ("optimiser.lr < 1", "there is no key `optimiser`", "optimizer"),
        ("model == convnet", "there is no key `convnet`", "write a text in quotes: 'convnet'"),
        ("model.units.__class__ == 1", "there is no key `model.units.__class__`", ""),
        ("model.units < 3", "it cannot be computed: '<' not supported", ""),
        ("seed / 0 == 1", "it cannot be computed: division by zero", ""),
        ("model.units[7] == 1", "it cannot be computed: list index out of range", ""),
        ("'a' * 99999999 == 1", "it cannot be computed: 'a' is not a number", ""),
        ("1e300 * 1e300 * 1e300 > 1", "it cannot be computed: a number is too large", ""),
        ("seed <", "it cannot be read: invalid syntax", ""),
        ("", "it cannot be read", ""),
        ("seed == 1 and " * 200 + "1", f"it has {14 * 200 + 1:,} characters", ""),
        ("not " * 60 + "seed", "it is nested too deeply", ""),
    ],
)
def test_what_is_wrong_is_told(text: str, what: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        Condition(text, "command line: where").holds(CONFIG)
    problem = caught.value.problems[0]
    assert what in problem.what
    assert (problem.where, problem.hint) == ("command line: where", hint)
    assert problem.what.startswith(f"the condition `{text[:80]}`: ")


def test_brackets_without_end_are_no_crash() -> None:
    with pytest.raises(UsageError, match=r"cannot be read|nested"):
        Condition("(" * (MAX_CHARACTERS - 1) + "1", "here")
