"""What a section of the page is made of. `template.html` holds one macro for each kind of block."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

_SCALE = 0.72  # pixels of a page for one of a picture, which has 160 an inch


@dataclass(frozen=True, kw_only=True)
class Block:
    """One part of a section.

    Attributes:
        kind: the macro that draws it.
        content: the field without which there is nothing to show; "" where there always is.
        wide: whether it takes the page's whole width, not half, on a broad screen.
    """

    kind: ClassVar[str]
    content: ClassVar[str] = ""
    wide: bool = True

    @property
    def full(self) -> bool:
        """Whether there is anything to show; a page leaves out what is empty."""
        return not self.content or any(getattr(self, self.content))


@dataclass(frozen=True)
class Text(Block):
    """Paragraphs."""

    kind, content = "text", "paragraphs"
    paragraphs: Sequence[str]


@dataclass(frozen=True)
class Alerts(Block):
    """What must not be overlooked, each in a frame of its own."""

    kind, content = "alerts", "texts"
    texts: Sequence[str]


@dataclass(frozen=True)
class Heading(Block):
    """A heading within a section, with what it says in a line.

    Attributes:
        title: the heading.
        text: the line below it.
        tone: "good", "bad" or "open": the colour of the state.
        state: a word on it.
    """

    kind = "heading"
    title: str
    text: str = ""
    tone: str = ""
    state: str = ""


@dataclass(frozen=True)
class Card:
    """A sample shown as what it is.

    Attributes:
        title: which row.
        image: a PNG as base64; "" where it is no image.
        text: an excerpt; "" where it is no text.
        facts: names and values.
        inputs: names and values of the features, in small letters.
        alt: what the image shows; "" where the title says it.
    """

    title: str
    image: str = ""
    text: str = ""
    facts: Sequence[tuple[str, str]] = ()
    inputs: Sequence[tuple[str, str]] = ()
    alt: str = ""


@dataclass(frozen=True)
class Gallery(Block):
    """Samples beside each other.

    Attributes:
        title: its caption.
        cards: the samples.
        broad: whether each needs the room of a text.
        whole: whether each is a picture that takes the page's width.
    """

    kind, content = "gallery", "cards"
    title: str
    cards: Sequence[Card]
    broad: bool = False
    whole: bool = False


@dataclass(frozen=True)
class Facts(Block):
    """Names and values, one pair a line."""

    kind, content = "facts", "rows"
    title: str
    rows: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Table(Block):
    """A table that scrolls inside its box.

    Attributes:
        title: its caption.
        head: the columns' names.
        rows: cells; the first of a row names it.
        texts: the columns that hold texts; the others hold numbers and are aligned as such.
        total: whether the last row is the sum of the others.
        folded: whether it shows its title alone until it is opened.
        marked: the row that was chosen, if one was.
    """

    kind, content = "table", "rows"
    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    texts: Sequence[int] = (0,)
    total: bool = False
    folded: bool = False
    marked: int | None = None


@dataclass(frozen=True)
class Picture(Block):
    """A picture with its caption.

    Attributes:
        name: of its file below `plots/`, without the ending.
        png: the file's bytes.
        caption: what to know when looking at it.
        alt: what it shows, for those who cannot see it; "" where the caption says it.
        broad: whether it is too fine for a narrow screen, and scrolls there.
    """

    kind = "picture"
    name: str
    png: bytes
    caption: str
    alt: str = ""
    broad: bool = False

    @property
    def data(self) -> str:
        """The file as base64, for a data address."""
        return base64.b64encode(self.png).decode("ascii")

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in the page's pixels, at which its letters are as large as the page's.

        A PNG file holds both behind its signature; letters of 8 points become 13 pixels.
        """
        wide, high = (int.from_bytes(self.png[at : at + 4], "big") for at in (16, 20))
        return round(wide * _SCALE), round(high * _SCALE)


@dataclass(frozen=True)
class Series:
    """What is of one colour: (x, y, what it is) of dots, perhaps a path of "x,y" pairs, a band."""

    name: str
    dots: Sequence[tuple[float, float, str]]
    path: str = ""
    band: str = ""


@dataclass(frozen=True)
class Chart(Block):
    """Lines or points, in a box of 480 x 310.

    Attributes:
        title: its caption.
        series: what is drawn, a colour each.
        names: of the axes across and up.
        across: (place, number) along the axis across.
        up: the same along the one up.
        note: what to know when looking at it.
        radius: of a dot.
    """

    kind = "chart"
    title: str
    series: Sequence[Series]
    names: tuple[str, str]
    across: Sequence[tuple[float, str]]
    up: Sequence[tuple[float, str]]
    note: str = ""
    radius: float = 3.0


@dataclass(frozen=True)
class Words(Block):
    """A text whose words are coloured by their weights.

    Attributes:
        words: each with its share of the largest weight, from -1 (blue) to 1 (red), and the weight.
    """

    kind, content = "words", "words"
    words: Sequence[tuple[str, float, str]]


@dataclass(frozen=True)
class Code(Block):
    """Text as typed or as in a file, in letters of one width; folded where it has a title."""

    kind, content = "code", "text"
    text: str
    title: str = ""


@dataclass(frozen=True)
class Mark:
    """A place on the answer's scale: what lies there, from where and how far, in percent."""

    name: str
    at: float
    width: float = 0.0


@dataclass(frozen=True)
class Answer(Block):
    """The score in large print, and what it is to be compared with.

    Attributes:
        value: the score.
        label: what it measures, and on which rows.
        beside: (name, value) of the interval, the baseline and the direction.
        verdict: how it compares with the baseline; "" where that is not known.
        tone: "good" or "bad": the verdict's colour.
        marks: the score, its interval and the baseline on one scale.
        remarks: what must be known to read it rightly.
    """

    kind = "answer"
    value: str
    label: str
    beside: Sequence[tuple[str, str]]
    verdict: str
    tone: str
    marks: Sequence[Mark]
    remarks: Sequence[str]


@dataclass(frozen=True)
class Section:
    """A part of the page under a heading of its own.

    Attributes:
        id: its anchor: small letters.
        title: its heading.
        blocks: what it shows, from top to bottom.
    """

    id: str
    title: str
    blocks: Sequence[Block]

    @property
    def full(self) -> bool:
        """Whether one of its blocks has anything to show."""
        return any(block.full for block in self.blocks)
