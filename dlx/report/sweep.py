"""The report of a sweep or search: one offline page, made from the sweep's folder alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .blocks import Section
from .page import write_page
from .read import get
from .sweep_answer import answer
from .sweep_evidence import curves, parameters, trade
from .sweep_facts import Sweep, read_sweep
from .sweep_tables import notes, record, settings, show_failures

SECTIONS: tuple[Callable[[Sweep], Section], ...] = (
    answer,
    show_failures,
    notes,
    trade,
    settings,
    parameters,
    curves,
    record,
)
"""What the page shows, from top to bottom; a section that has nothing to show is left out."""


def build_sweep(folder: Path) -> Path:
    """Makes `report.html` and `plots/*.png` of a sweep's folder.

    Reads `sweep.json`, and of the runs that it names those that are still there. Each file is
    whole at any time; the same folders give the same bytes.

    Args:
        folder: `<root>/sweeps/<name>`.

    Returns:
        The path of `report.html`.

    Raises:
        UsageError: the folder holds no `sweep.json`.
        RunError: it is damaged, or the folder cannot be written to.
    """
    sweep = read_sweep(folder)
    texts = {name: get(sweep.facts, name, str) for name in ("title", "task", "source")}
    texts["run"] = get(sweep.facts, "sweep", str)
    interrupted = sweep.facts.get("state") == "interrupted"
    page, flags = folder / "report.html", {"interrupted": interrupted}
    return write_page(page, SECTIONS, sweep, texts, **flags, word=sweep.word)
