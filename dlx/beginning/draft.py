"""A task file as it will be written: values by section, with remarks above their lines."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from ..config.scalars import guess_scalar
from ..printable import printable_line

WIDTH = 100
"""Characters of a line."""
Key = tuple[str, ...]

_PLAIN = re.compile(r"(\./|[A-Za-z_/])[\w./%-]*( [\w./%-]+)*")
_WORDS = ("null", "~", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf")
_REFERENCE = re.compile(r"(\\*)\$\{")


@dataclass
class Draft:
    """A task file.

    Attributes:
        head: lines of its first comment: what it is, and what to type.
        values: by section, in the order in which they are written.
        remarks: sentences that stand above the line of a key, by its path.
    """

    head: list[str]
    values: dict[str, Any]
    remarks: dict[Key, list[str]] = field(default_factory=dict)

    def remark(self, path: Sequence[str], *sentences: str) -> None:
        """Puts sentences above a line."""
        self.remarks.setdefault(tuple(path), []).extend(filter(None, sentences))

    def text(self, remarked: bool = True) -> str:
        """The file.

        Args:
            remarked: whether remarks within sections are told; a table of thousands of columns
                would fill the file with them.
        """
        told = self.remarks if remarked else {k: v for k, v in self.remarks.items() if len(k) < 2}
        head = [f"# {printable_line(line)}".rstrip() for line in self.head]
        around = frozenset(key[:end] for key in told for end in range(len(key)))
        about = {key: self.values[key] for key in ("about",) if key in self.values}
        values = {**_escape(self.values), **about}  # of a title nothing is ever replaced
        return "\n".join([*head, *_mapping(values, (), told, around)]) + "\n"


def _escape(value: Any) -> Any:
    """A value in whose texts ${...} stands for itself, as in the name of a file."""
    if isinstance(value, dict):
        return {key: _escape(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_escape(one) for one in value]
    return _REFERENCE.sub(r"\1\1\\${", value) if isinstance(value, str) else value


def _mapping(
    values: Mapping[str, Any], path: Key, remarks: Mapping[Key, list[str]], around: Set[Key]
) -> Iterator[str]:
    """A mapping as lines, a key on each.

    Args:
        values: the mapping.
        path: where it stands.
        remarks: what is told above keys.
        around: the keys of sections that have such a key in them.
    """
    for key, value in values.items():
        here, indent = (*path, key), "  " * len(path)
        for sentence in remarks.get(here, ()):
            yield from _comment(sentence, indent)
        start = f"{indent}{scalar(key)}:"
        line = f"{start} {flow(value)}"
        short = len(line) <= WIDTH and here not in around
        if not isinstance(value, (dict, list)) or short or not value:
            yield line
        elif isinstance(value, dict):
            yield start
            yield from _mapping(value, here, remarks, around)
        else:
            yield start
            yield from (f"{indent}  - {flow(item)}" for item in value)


def _comment(sentence: str, indent: str) -> Iterator[str]:
    lead = f"{indent}# "
    yield from textwrap.wrap(
        printable_line(sentence),
        WIDTH,
        initial_indent=lead,
        subsequent_indent=f"{lead}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def flow(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, dict):
        inner = ", ".join(f"{scalar(key)}: {flow(one)}" for key, one in value.items())
        return f"{{{inner}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(flow, value))}]"
    return scalar(value)


def scalar(value: Any) -> str:
    """A lone value, in quotes where any reader of YAML might take it for something else."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        return f"{value:.12g}" if isinstance(value, float) else str(value)
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS and guess_scalar(value) is None:
        return value
    return json.dumps(value, ensure_ascii=False)
