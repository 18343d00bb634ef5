"""The drawing of networks: a box for each layer, a line for what flows between two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

from ..models.diagram import Box, Diagram
from .canvas import INK, MUTED, render
from .layered import Layout, lay_out

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Format = Literal["svg", "png"]
_LETTER, _SMALL, _LINE = 0.073, 0.060, 0.145  # inches of a letter, of a small one, of a line
_PAD, _GAP, _DROP, _EDGE = 0.1, 0.22, 0.24, 0.15  # inches
_FILLS = {"input": "#e8f1fa", "layer": "#ffffff", "join": "#fdf3dc", "output": "#e6f4ea"}
_LINES = {"input": "#0072b2", "layer": "#8a929b", "join": "#b07d00", "output": "#2e7d4f"}


def draw_networks(diagrams: Mapping[str, Diagram], shapes: bool, form: Format) -> bytes:
    """The file of a picture of networks, beside each other.

    Args:
        diagrams: by the networks' names; "" where there is one.
        shapes: whether each box tells the shape of what it gives for a sample.
        form: of the file.
    """
    return render(lambda: _draw(diagrams, shapes), form)


def _draw(diagrams: Mapping[str, Diagram], shapes: bool) -> Figure:
    from matplotlib.figure import Figure

    parts = [part for name, one in diagrams.items() for part in _split(name, one)]
    placed = [(one, _texts(one, shapes)) for one in parts]
    laid = [_Placed(one, texts) for one, texts in placed]
    width = sum(one.width for one in laid) + _GAP * (len(laid) - 1) + 2 * _EDGE
    height = max(one.height for one in laid) + 2 * _EDGE
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.axis("off")
    left = _EDGE
    for one in laid:
        one.paint(axes, left, _EDGE)
        left += one.width + _GAP
    return figure


def _split(name: str, diagram: Diagram) -> list[Diagram]:
    """The parts of a diagram that nothing joins, in order; titles begin with the network's name."""
    import networkx as nx

    whole = Diagram()
    whole.merge(diagram, f"{name}." if name else "")
    graph = nx.Graph((one, n) for n, sources in whole.reads.items() for one in sources)
    graph.add_nodes_from(whole.boxes)
    parts = []
    for names in nx.connected_components(graph):
        inner = [one for one in whole.boxes if one in names]
        parts.append(
            Diagram({n: whole.boxes[n] for n in inner}, {n: whole.reads[n] for n in inner})
        )
    return sorted(parts, key=lambda part: [*whole.boxes].index(next(iter(part.boxes))))


def _texts(diagram: Diagram, shapes: bool) -> dict[str, list[tuple[str, dict[str, Any]]]]:
    """The lines of each box, with how they are written."""
    found = {}
    for name, box in diagram.boxes.items():
        lines: list[tuple[str, dict[str, Any]]] = []
        if box.title:
            bold = {"color": INK, "weight": "bold"} if box.kind in ("input", "output") else {}
            lines.append((box.title, {"size": 7, "color": MUTED} | bold))
        lines += [(one, {"size": 8.5}) for one in box.lines]
        if box.shared:
            lines.append(("shared", {"size": 7, "style": "italic", "color": MUTED}))
        if shapes and box.shape:
            lines.append((" x ".join(map(str, box.shape)), {"size": 7.5, "color": "#0b5394"}))
        found[name] = lines
    return found


class _Placed:
    """A diagram with a place for each box, in inches."""

    def __init__(
        self, diagram: Diagram, texts: Mapping[str, Sequence[tuple[str, dict[str, Any]]]]
    ) -> None:
        self.diagram, self.texts = diagram, texts
        self.widths = {n: _width(lines) for n, lines in texts.items()}
        self.heights = {n: len(lines) * _LINE + _PAD for n, lines in texts.items()}
        self.layout: Layout = lay_out(diagram.reads, self.widths, _GAP)
        across = self.layout.across
        self.left = min(across[n] - w / 2 for n, w in self.widths.items())
        right = max(across[n] + w / 2 for n, w in self.widths.items())
        bends = [place for name, place in across.items() if not isinstance(name, str)]
        self.left, right = min([self.left, *bends]), max([right, *bends])
        self.width = right - self.left
        tall = [max(self.heights.get(n, 0.0) for n in level) for level in self.layout.ranks]  # type: ignore[arg-type]
        self.down: dict[Any, float] = {}
        self.tops: list[tuple[float, float]] = []
        at = 0.0
        for level, high in zip(self.layout.ranks, tall, strict=True):
            self.down |= dict.fromkeys(level, at + high / 2)
            self.tops.append((at, at + high))
            at += high + _DROP
        self.height = at - _DROP

    def paint(self, axes: Axes, left: float, top: float) -> None:
        """Draws all lines, then the boxes over them."""
        shift = left - self.left
        for line in self.layout.lines.values():
            self._line(axes, line, shift, top)
        for name, box in self.diagram.boxes.items():
            self._box(axes, name, box, shift + self.layout.across[name], top + self.down[name])

    def _line(self, axes: Axes, line: Sequence[Any], shift: float, top: float) -> None:
        from matplotlib.patches import FancyArrowPatch
        from matplotlib.path import Path

        rank = {name: i for i, level in enumerate(self.layout.ranks) for name in level}
        across = self.layout.across
        first, last = line[0], line[-1]
        points = [(across[first], self.down[first] + self.heights[first] / 2)]
        for one in line[1:-1]:
            points += [(across[one], end) for end in self.tops[rank[one]]]
        points.append((across[last], self.down[last] - self.heights[last] / 2))
        moved = [(x + shift, y + top) for x, y in points]
        vertices, codes = [moved[0]], [Path.MOVETO]
        for (x0, y0), (x1, y1) in pairwise(moved):
            middle = (y0 + y1) / 2
            vertices += [(x0, middle), (x1, middle), (x1, y1)]
            codes += [Path.CURVE4] * 3
        style: Any = {"arrowstyle": "-|>", "mutation_scale": 7, "shrinkA": 0, "shrinkB": 0}
        path = Path(vertices, codes)
        axes.add_patch(FancyArrowPatch(path=path, lw=0.9, color=MUTED, zorder=1, **style))

    def _box(self, axes: Axes, name: str, box: Box, across: float, down: float) -> None:
        from matplotlib.patches import FancyBboxPatch

        wide, high = self.widths[name], self.heights[name]
        corner = (across - wide / 2, down - high / 2)
        style = "round,pad=0,rounding_size=0.06"
        dashes: Any = (0, (4, 2)) if box.shared else "-"
        fill: Any = {"fc": _FILLS[box.kind], "ec": _LINES[box.kind], "ls": dashes, "lw": 0.9}
        axes.add_patch(FancyBboxPatch(corner, wide, high, boxstyle=style, zorder=2, **fill))
        at = corner[1] + _PAD / 2 + _LINE / 2
        for text, how in self.texts[name]:
            axes.text(across, at, text, ha="center", va="center_baseline", zorder=3, **how)
            at += _LINE


def _width(lines: Sequence[tuple[str, Mapping[str, Any]]]) -> float:
    """Inches of a box: the room of its longest line."""
    sizes = [(_SMALL if how["size"] < 8 else _LETTER) * len(text) for text, how in lines]
    return max([0.5, *sizes]) + 2 * _PAD
