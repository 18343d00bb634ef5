"""Builds a run's page: reads the folder, makes the sections, fills the template, writes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from ..errors import DlxError
from ..files import fence
from ..runs.files import make_folders, write_bytes
from . import artifacts
from .answer import answer
from .blocks import Alerts, Picture, Section
from .calibration import calibration
from .canvas import stamped
from .checks import checks
from .curves import curves
from .errors import errors
from .folds import folds
from .outcome import notes, scores
from .read import Run, get, read
from .record import data, machine, model, repeat, setup
from .workflow import workflow

if TYPE_CHECKING:
    from .sweep_facts import Sweep

T = TypeVar("T", Run, "Sweep")

SECTIONS: tuple[Callable[[Run], Section], ...] = (
    answer,
    notes,
    workflow,
    curves,
    folds,
    errors,
    artifacts.SECTIONS[0],
    calibration,
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
    sections = made(SECTIONS, contents)
    return write_page(run, _page(contents, sections), sections)


def made(makers: Sequence[Callable[[T], Section]], contents: T) -> list[Section]:
    """The sections that have something to show; one that cannot be made says so in its place.

    Args:
        makers: a function a section, named as its anchor is.
        contents: what they show.
    """
    with stamped(contents.sample):
        found = [_made(make, contents) for make in makers]
    return named([section for section in found if section.full])


def _made(make: Callable[[T], Section], contents: T) -> Section:
    try:
        return make(contents)
    except Exception as error:  # Matplotlib's, or a number nobody thought of: the rest still counts
        said = str(error).strip().partition("\n")[0]
        told = f"This section could not be made: {': '.join(filter(None, (_kind(error), said)))}"
        name = make.__name__
        return Section(name, name.capitalize().replace("_", " "), [Alerts([told])])


def _kind(error: Exception) -> str:
    return "" if isinstance(error, DlxError) else type(error).__name__


def write_page(folder: Path, text: str, sections: Sequence[Section]) -> Path:
    """Writes `report.html` and the pictures of its sections below `plots/`.

    Returns:
        The path of the page.

    Raises:
        RunError: the folder cannot be written to.
    """
    page = fence(folder) / "report.html"
    pictures = [b for section in sections for b in section.blocks if isinstance(b, Picture)]
    files = {folder / "plots" / f"{picture.name}.png": picture.png for picture in pictures}
    write_files({**files, page: text.encode("utf-8", "replace")})
    return page


def named(sections: Sequence[Section]) -> list[Section]:
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


def _page(run: Run, sections: Sequence[Section]) -> str:
    texts = {name: get(run.report, name, str) for name in ("title", "task", "source", "run")}
    interrupted = run.report.get("state") == "interrupted"
    return render(texts, sections, sample=run.sample, interrupted=interrupted)


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
        texts: `title`, `task`, `source` and `run`; any may be "".
        sections: what it shows.
        sample: whether to say at the top that the data are made up.
        interrupted: whether to say that it did not finish.
        word: what the page is of.
    """
    flags = {"sample": sample, "interrupted": interrupted}
    return _template().render(**texts, **flags, word=word, sections=sections)


@cache
def _template() -> Template:
    loader = FileSystemLoader(Path(__file__).parent)
    jinja = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    jinja.trim_blocks = jinja.lstrip_blocks = True
    return jinja.get_template("template.html")


def write_files(files: Mapping[Path, bytes]) -> None:
    """Writes each file whole.

    Raises:
        RunError: one cannot be written.
    """
    for path, contents in files.items():
        make_folders(path.parent)
        write_bytes(path, contents)
