"""Builds a run's page: reads the folder, makes the sections, fills the template, writes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Protocol, TypeVar

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from ..errors import DlxError
from ..files import fence
from ..runs.files import make_folders, write_bytes
from . import artifacts
from .answer import answer
from .blocks import Alerts, Picture, Section
from .calibration import calibration
from .canvas import stamp
from .checks import checks
from .curves import curves
from .errors import errors
from .folds import folds
from .outcome import notes, scores
from .read import Run, get, read
from .record import data, machine, model, repeat, setup
from .trust import trust
from .workflow import workflow


class Contents(Protocol):
    """What a page shows."""

    @property
    def sample(self) -> bool:
        """Whether its data were made up."""


T = TypeVar("T", bound=Contents)

SECTIONS: tuple[Callable[[Run], Section], ...] = (
    answer,
    notes,
    workflow,
    curves,
    folds,
    errors,
    artifacts.SECTIONS[0],
    calibration,
    trust,
    *artifacts.SECTIONS[1:],
    scores,
    checks,
    setup,
    data,
    model,
    machine,
    repeat,
)
"""What the page shows, from top to bottom; a section that has nothing to show is left out."""


def build(run: Path) -> Path:
    """Makes `report.html` and `plots/*.png` of a run folder from what lies in it.

    Each file is whole at any time; the same folder gives the same bytes.

    Args:
        run: a folder with `report.json`, and perhaps `metrics.jsonl` and `predictions.csv`.

    Returns:
        The path of `report.html`.

    Raises:
        UsageError: the folder holds no `report.json`.
        RunError: a file in the folder is damaged, or the folder cannot be written to.
    """
    contents = read(run)
    texts = {name: get(contents.report, name, str) for name in ("title", "task", "source", "run")}
    interrupted = contents.report.get("state") == "interrupted"
    return write_page(run / "report.html", SECTIONS, contents, texts, interrupted=interrupted)


def write_page(
    page: Path,
    makers: Sequence[Callable[[T], Section]],
    contents: T,
    texts: Mapping[str, str],
    *,
    interrupted: bool = False,
    word: str = "run",
    plots: bool = True,
) -> Path:
    """Writes a page, and beside it the pictures of its sections below `plots/`.

    Args:
        page: the file.
        makers: a function a section, named as its anchor is; one that has nothing to show is left
            out, and one that cannot be made says so in its place.
        contents: what they show.
        texts: as for `render`.
        interrupted: as for `render`.
        word: as for `render`.
        plots: whether the pictures are written as files too.

    Returns:
        The path of the page.

    Raises:
        RunError: the folder cannot be written to.
    """
    with stamp(contents.sample):
        found = [_make_section(make, contents) for make in makers]
    sections = name_pictures([section for section in found if section.full])
    flags = {"sample": contents.sample, "interrupted": interrupted}
    text = render(texts, sections, **flags, word=word)
    pictures = [b for section in sections for b in section.blocks if isinstance(b, Picture)]
    folder = fence(page.parent) if plots else page.parent  # a page alone may lie anywhere
    files = {folder / "plots" / f"{one.name}.png": one.png for one in pictures if plots}
    for path, content in {**files, page: text.encode("utf-8", "replace")}.items():
        make_folders(path.parent)
        write_bytes(path, content)
    return page


def _make_section(make: Callable[[T], Section], contents: T) -> Section:
    try:
        return make(contents)
    except Exception as error:  # Matplotlib's, or a number nobody thought of: the rest still counts
        said = str(error).strip().partition("\n")[0]
        told = f"This section could not be made: {': '.join(filter(None, (_kind(error), said)))}"
        name = make.__name__
        return Section(name, name.capitalize().replace("_", " "), [Alerts([told])])


def _kind(error: Exception) -> str:
    return "" if isinstance(error, DlxError) else type(error).__name__


def name_pictures(sections: Sequence[Section]) -> list[Section]:
    """The same sections, each picture with a file name that is safe and its own."""
    taken: set[str] = set()
    named = []
    for section in sections:
        blocks = list(section.blocks)
        for index, block in enumerate(blocks):
            if isinstance(block, Picture):
                blocks[index] = replace(block, name=_free(block.name, taken))
        named.append(replace(section, blocks=blocks))
    return named


def _free(name: str, taken: set[str]) -> str:
    base = re.sub("[^a-z0-9_]+", "-", name.lower()).strip("-")[:60]
    found, number = base, 1
    while found in taken:
        number += 1
        found = f"{base}-{number}"
    taken.add(found)
    return found


def render(
    texts: Mapping[str, str],
    sections: Sequence[Section],
    *,
    sample: bool = False,
    interrupted: bool = False,
    word: str = "run",
) -> str:
    """The page as HTML.

    Args:
        texts: `title`, `task`, `source` and `run`; any may be missing.
        sections: what it shows.
        sample: whether to say at the top that the data are made up.
        interrupted: whether to say that it did not finish.
        word: what the page is of.
    """
    flags = {"sample": sample, "interrupted": interrupted}
    head = {"title": "", "task": "", "source": "", "run": "", **texts}
    return _template().render(**head, **flags, word=word, sections=sections)


@cache
def _template() -> Template:
    loader = FileSystemLoader(Path(__file__).parent)
    jinja = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    jinja.trim_blocks = jinja.lstrip_blocks = True
    return jinja.get_template("template.html")
