"""The documentation site: built without a warning, offline, whole, and none of its links broken."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import yaml

from dlx.cli.main import VERBS
from dlx.config.fields import options_of
from dlx.config.keys import dotted_keys
from dlx.config.specs import TABLES

TOP = Path(__file__).resolve().parent.parent
pytest.importorskip("zensical")


@dataclass(frozen=True)
class Page:
    """What a page has: places that can be linked to, links, and what a browser loads with it."""

    places: set[str]
    links: list[str]
    loaded: list[str]


def read_page(file: Path) -> Page:
    text = file.read_text("utf-8")
    tags = re.findall(r"<(?:link|script|img|iframe|source)\b[^>]*>", text)
    asked = [one for tag in tags for one in re.findall(r'\b(?:src|href)="([^"]*)"', tag)]
    links = re.findall(r'<a\b[^>]*?\bhref="([^"]*)"', text)
    return Page(set(re.findall(r'\bid="([^"]*)"', text)), links, asked)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the docs, and their site."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(TOP / "docs", folder / "docs", ignore=shutil.ignore_patterns("reference"))
    shutil.copy(TOP / "mkdocs.yml", folder)
    done = subprocess.run(
        [sys.executable, "docs/build.py"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(TOP)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "built: site/index.html\n", "")
    return folder


@pytest.fixture(scope="module")
def pages(built: Path) -> dict[Path, Page]:
    every = (built / "site").rglob("*.html")
    return {one: read_page(one) for one in every if one.name != "404.html"}


def list_nav(entry: Any) -> list[str]:
    """The files that `mkdocs.yml` lists."""
    if isinstance(entry, str):
        return [entry]
    inner = entry.values() if isinstance(entry, dict) else entry
    return [file for one in inner for file in list_nav(one)]


def is_broken(link: str, page: Path, pages: dict[Path, Page]) -> bool:
    """Whether a link of a page leads to no page or picture, or to a place that its page has not."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return False
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if target not in pages:
        return not target.is_file()
    return bool(parts.fragment) and unquote(parts.fragment) not in pages[target].places


def test_every_page_is_in_the_navigation_once(built: Path) -> None:
    docs = built / "docs"
    listed = list_nav(yaml.safe_load((TOP / "mkdocs.yml").read_text("utf-8"))["nav"])
    assert sorted(listed) == sorted(str(one.relative_to(docs)) for one in docs.rglob("*.md"))


def test_no_link_is_broken(pages: dict[Path, Page]) -> None:
    broken = [
        f"{page.name}: {link}"
        for page, found in pages.items()
        for link in (*found.links, *found.loaded)
        if is_broken(link, page, pages)
    ]
    assert broken == []


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_no_link_into_the_docs_is_broken(name: str, built: Path, pages: dict[Path, Page]) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", (TOP / name).read_text("utf-8"))
    for link in links:
        file, _, place = link.partition("#")
        assert not file or "://" in file or (TOP / file).exists(), link
        if file.startswith("docs/") and place:
            page = built / "site" / Path(file).relative_to("docs").with_suffix(".html")
            assert place in pages[page].places, link


def test_nothing_is_loaded_from_elsewhere(built: Path, pages: dict[Path, Page]) -> None:
    loaded = {one for found in pages.values() for one in found.loaded}
    assert loaded
    assert [one for one in loaded if urlsplit(one).netloc] == []
    for style in (built / "site").rglob("*.css"):
        asked = re.findall(r"(?:url\(|@import )[\"']?(?:https?:)?//", style.read_text("utf-8"))
        assert asked == [], style.name


def test_the_reference_tells_of_every_key_component_and_command(built: Path) -> None:
    texts = {one.stem: one.read_text("utf-8") for one in (built / "docs/reference").glob("*.md")}
    for key in (one for one in dotted_keys() if one.count(".") < 2):  # others are of components
        first, *rest = key.split(".")
        page = texts[first if first in texts else "index"]
        assert f"`{key}`" in page or f"`{rest[-1]}" in page, key
    told = "\n".join(texts.values())
    for table in TABLES.values():
        for name, component in table.entries.items():
            sections = re.findall(rf"^##+ `{name}`\n(.*?)(?=^##|\Z)", told, re.M | re.S)
            assert any(
                all(f"`{option}" in section for option in options_of(component.options))
                for section in sections
            ), name
    for verb in VERBS:
        assert f"## `dlx {verb}`" in texts["commands"]
