"""A run as a notebook shows it: its verdict, its scores, and what it has drawn."""

from __future__ import annotations

import base64
from html import escape
from pathlib import Path

from ..files import is_folder, names_in, read_bytes
from .read import Run, read
from .words import number

MOST = 6
"""Pictures of each kind that are shown."""


def build_inline(folder: Path) -> str:
    """A piece of HTML without script or style sheet; pictures are in it.

    Args:
        folder: of a finished run.

    Raises:
        UsageError: it holds no `report.json`.
    """
    found = read(folder)
    power = found.report.get("power") or {}
    told = [power.get("use"), power.get("text")]
    lines = "".join(f"<p>{escape(str(one))}</p>" for one in told if one)
    title = escape(str(found.report.get("title") or folder.name))
    page = escape(str(folder / "report.html"))
    shown = f"<h4>{title}</h4>{lines}{_scores(found)}{_pictures(found)}"
    return f"{shown}<p>report: <code>{page}</code></p>"


def _scores(found: Run) -> str:
    rows = []
    for score in found.report.get("scores") or []:
        beside = score.get("baseline") or {}
        cells = [score["name"], number(score["value"])]
        cells += [number(beside["value"]), beside["name"]] if beside else ["", ""]
        rows.append("".join(f"<td>{escape(str(cell))}</td>" for cell in cells))
    titles = "".join(f"<th>{one}</th>" for one in ("score", "value", "baseline", ""))
    return f"<table><tr>{titles}</tr>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"


def _pictures(found: Run) -> str:
    """The curves, and the pictures that are of the kept weights."""
    plots = found.folder / "plots"
    curves = [plots / name for name in sorted(names_in(plots))] if is_folder(plots) else []
    made = [found.folder / one.file for one in found.artifacts if not one.epoch]
    groups = (curves, made)
    files = [file for group in groups for file in [f for f in group if f.suffix == ".png"][:MOST]]
    return "".join(
        f'<img alt="{escape(file.stem)}" style="max-width:320px" '
        f'src="data:image/png;base64,{base64.b64encode(read_bytes(file)).decode()}">'
        for file in files
    )
