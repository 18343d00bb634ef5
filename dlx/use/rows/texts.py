"""New texts: files, folders of them, or lines of standard input."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from ...config.specs.texts import Texts
from ...data.columns import Text
from ...data.encodings import NoTextError
from ...data.readers.listing import ends_with
from ...data.readers.text_folders import EMPTY, read_text
from ...data.samples import Frame
from ...data.tables.block import BREAK
from .base import STANDARD_INPUT, Asked, Broken, Rows
from .files import FileReader, UnreadableError, bytes_of

_TABLES = ("csv", "tsv", "tab", "jsonl", "ndjson", "parquet", "pq", "gz")
"""What names of tables end in, whose columns are found by the names of the inputs."""

LINES = 4096
"""Lines that are predicted at once."""


class TextReader(FileReader):
    """Texts in files, in any encoding that training takes."""

    noun = "text"

    @classmethod
    def takes(cls, asked: Asked) -> bool:
        """Whether the run's only input is a text, and the files are no tables."""
        named = all(ends_with(path.name, _TABLES) for path in asked.paths)
        return [one.kind for one in asked.wanted] == ["text"] and not named

    def __init__(self, asked: Asked) -> None:
        super().__init__(asked)
        self.lines = [path for path in asked.paths if asked.name(path) == STANDARD_INPUT]
        self.names = [one for one in self.names if one[1] not in self.lines]
        self.called = "path" if self.names else "row"

    def blocks(self) -> Iterator[Rows]:
        """Some files at a time; of standard input, where there is no file, some lines."""
        yield from super().blocks()
        for path in self.lines:
            text = self.read(bytes_of(path))
            every = BREAK.split(str(text))
            if not every[-1]:  # what the last line ends with begins no other
                every.pop()
            for start in range(0, len(every), LINES):
                yield self._lines(every[start : start + LINES], start)

    def _lines(self, lines: list[str], start: int) -> Rows:
        full = [place for place, line in enumerate(lines) if line.strip()]
        blank = [place for place, line in enumerate(lines) if not line.strip()]

        def where(place: int) -> str:
            return f"{STANDARD_INPUT}, line {start + full[place] + 1:,}"

        broken = [Broken(f"{STANDARD_INPUT}, line {start + at + 1:,}", EMPTY) for at in blank]
        columns = {self.asked.wanted[0].name: Text([lines[place] for place in full])}
        return Rows(Frame(columns if full else {}), [start + at for at in full], {}, where, broken)

    def fits(self, name: str) -> bool:
        """Whether its name is that of a text."""
        options = self.asked.config.dataset.options
        return ends_with(name, options.endings if isinstance(options, Texts) else Texts().endings)

    def read(self, data: bytes) -> object:
        """The text."""
        options = self.asked.config.dataset.options
        try:
            return read_text(data, options.encoding if isinstance(options, Texts) else "auto")[0]
        except NoTextError as error:
            raise UnreadableError(str(error)) from error

    def column(self, found: list[object]) -> Text:
        """The texts."""
        return Text(cast("list[str]", found))
