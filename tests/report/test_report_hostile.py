"""Texts of a run are texts: nothing in them becomes a tag, an attribute or an address."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from dlx.report import build

NASTY = (
    "<script>alert(1)</script></style></title></textarea><svg/onload=alert(1)>"
    "\" onload=\"alert(1)\" ' onerror='alert(1)' <img src=x onerror=alert(1)>"
    "<a href=javascript:alert(1)>http://example.org/x.png {{ 7*7 }} {% raw %} --> ]]>"
    " $\\frac{$ \x00\x1b[31m\ud800\u202e\u2028 \N{PILE OF POO} ../../etc/passwd"
)
# words that decide which parts the page has
MEANT = {"test/accuracy", "val/accuracy", "test/loss", "test", "val", "best", "max", "min"}
MEANT |= {"binary", "done"}


def spoilt(tree: Any, nasty: str) -> Any:
    """The same tree with a nasty end to every text in it, and to every key that is free."""
    if isinstance(tree, dict):
        free = {"negative", "positive", "sentiment", "train-test", "train", "python", "threads"}
        return {k + nasty if k in free else k: spoilt(v, nasty) for k, v in tree.items()}
    if isinstance(tree, list):
        return [spoilt(item, nasty) for item in tree]
    return tree + nasty if isinstance(tree, str) and tree not in MEANT else tree


def rows(nasty: str) -> list[list[object]]:
    names = [f"negative{nasty}", f"positive{nasty}"]
    head: list[object] = ["row", "true", "predicted", "probability"]
    return [head, *([i, names[i % 2], names[i // 2 % 2], 0.5] for i in range(8))]


def epochs(nasty: str) -> list[dict[str, Any]]:
    return [{"epoch": e, f"train/loss{nasty}": 1 / e, "val/accuracy": 0.5} for e in (1, 2)]


@pytest.fixture(scope="module")
def pages(make_run, page):
    """The page of a harmless run, and of the same run with nasty texts."""
    found = []
    report = json.loads((make_run() / "report.json").read_text("utf-8"))
    for nasty in (" plain", NASTY):
        csv_safe = nasty.replace("\ud800", "\ufffd").replace("\x00", "\ufffd")
        folder = make_run(spoilt(report, nasty), epochs(nasty), rows(csv_safe))
        build(folder)
        found.append((folder, page(folder / "report.html")))
    return found


def test_no_text_adds_a_tag_or_an_attribute(pages):
    (_, plain), (_, nasty) = pages

    def shape(found: Any) -> Counter[tuple[str, ...]]:
        return Counter((tag, *sorted(attributes)) for tag, attributes in found.tags)

    assert shape(nasty) == shape(plain)
    assert nasty.open == []
    assert nasty.style == plain.style
    assert not [a for _, attributes in nasty.tags for a in attributes if a.startswith("on")]


def test_no_text_becomes_an_address(pages):
    _, (_, nasty) = pages
    links = {
        value
        for _, attributes in nasty.tags
        for name, value in attributes.items()
        if name in ("href", "src", "action", "formaction", "poster", "srcset", "data", "xlink:href")
    }
    assert links
    assert all(v.startswith(("#", "data:image/png;base64,")) for v in links)
    assert all(" " not in v and "(" not in v for v in links)


def test_every_text_is_still_there_to_read(pages):
    _, (_, nasty) = pages
    for start in ("positive or negative film", "dlx train task=imdb", "mse works", "body.0"):
        assert any(t.startswith(start) and "<script>alert(1)</script>" in t for t in nasty.texts)
    assert "{{ 7*7 }}" in nasty.text
    assert not set("\x00\x1b\ud800\u202e") & set(nasty.text)


def test_no_text_leads_out_of_the_folder(pages):
    _, (folder, _) = pages
    names = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    pictures = [name for name in names if name.startswith("plots/")]
    assert len(pictures) == 4
    assert all(set(n[6:-4]) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_") for n in pictures)
    assert names == [
        "metrics.jsonl",
        *pictures,
        "predictions.csv",
        "report.html",
        "report.json",
    ]


def test_measures_with_like_names_keep_a_picture_each(make_run):
    folder = make_run(metrics=[{"train/a b": 1.0, "train/a/b": 2.0, "train/A-B": 3.0}])
    build(folder)
    found = sorted(p.name for p in (folder / "plots").glob("curve*"))
    assert found == ["curve-a-b-2.png", "curve-a-b-3.png", "curve-a-b.png"]
