"""Numbers as the page writes them."""

from __future__ import annotations

import math

import pytest

from dlx.report.words import duration, measure, number, part, sentence, shorten, tally


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.88124, "0.8812"),
        (0.5, "0.5000"),
        (2.0, "2.000"),
        (123.456, "123.5"),
        (999.96, "1000"),
        (12345.678, "12,346"),
        (1e12, "1.000e+12"),
        (0.00012345, "0.0001234"),
        (1.5e-7, "1.500e\N{MINUS SIGN}07"),
        (-0.25, "\N{MINUS SIGN}0.2500"),
        (0.0, "0"),
        (160305, "160,305"),
        (-1234, "\N{MINUS SIGN}1,234"),
        (True, "yes"),
        (None, "\N{EN DASH}"),
        (math.nan, "not a number"),
        (math.inf, "infinite"),
        ("a-b", "a-b"),
        ([1, "é"], "1, é"),
        ({"count": 1000, "how": None}, "count: 1,000, how: \N{EN DASH}"),
    ],
)
def test_number(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.214, "0.21 s"),
        (12.34, "12.3 s"),
        (59.96, "1 min 00 s"),
        (185.2, "3 min 05 s"),
        (7500, "2 h 05 min"),
        (math.nan, "not a number"),
    ],
)
def test_duration(seconds, text):
    assert duration(seconds) == text


def test_names():
    assert [tally(1, "epoch"), tally(2000, "step")] == ["1 epoch", "2,000 steps"]
    assert [measure("test/accuracy"), measure("val/age/mae"), measure("odd")] == [
        "accuracy",
        "age: mae",
        "odd",
    ]
    assert [part("val/loss"), part("loss")] == ["validation set", ""]
    assert [shorten("a\n b", 5), shorten("abcdefgh", 5)] == ["a b", "abcd…"]


def test_a_sentence_leaves_the_name_of_a_score_as_it_is():
    said = {"val/loss: in nats": "val/loss: in nats.", "best of 3": "Best of 3.", "": ""}
    assert {text: sentence(text) for text in said} == said
