"""The keys of the schema, dotted: "optimizer.lr"; components' options are among them."""

from __future__ import annotations

import dataclasses
from typing import get_args, get_origin

from .fields import Chosen, Option, alternatives, options_of
from .schema import Config

SHORT: dict[tuple[str, ...], str] = {("from_run",): "run"}
"""Path of each section that a text may stand for -> the option that the text is."""


def implied_names() -> dict[tuple[str, ...], str]:
    """Path of each component that has a default -> the default's name."""
    options = options_of(Config).items()
    return {(key,): opt.default.name for key, opt in options if isinstance(opt.default, Chosen)}


def dotted_keys() -> tuple[str, ...]:
    """Every key of the schema, components' options included: "optimizer.lr", "trainer.epochs"."""
    return tuple(every_option())


def is_key(key: str) -> bool:
    """Whether a key stands for something in a config.

    Items of lists are counted (prepare.steps.0.size), sections that the user names are named
    (model.nodes.left.layers), and so are lists that are named so (prepare.augment.image).
    """
    parts = key.split(".")
    number = next((i for i, part in enumerate(parts) if part.isdecimal()), len(parts))
    known, head = every_option(), parts[:number]
    for end in range(1, len(head) - 1):
        section = section_of(known.get(".".join(head[:end])))
        if section is not None and head[end + 1] in options_of(section):
            return len(head) == end + 2
    return ".".join(head) in known or lists_by_name(known.get(".".join(head[:-1])))


def section_of(option: Option | None) -> type | None:
    """The section behind a mapping of names to sections; None for any other option."""
    inner = get_args(option.hint)[1] if option and get_origin(option.hint) is dict else None
    return inner if isinstance(inner, type) and dataclasses.is_dataclass(inner) else None


def lists_by_name(option: Option | None) -> bool:
    """Whether it is a mapping of names to lists."""
    return bool(
        option and get_origin(option.hint) is dict and get_origin(get_args(option.hint)[1]) is tuple
    )


def every_option() -> dict[str, Option | None]:
    """The option behind every dotted key, of the first component that has it; None for a name."""
    found: dict[str, Option | None] = {}
    _visit(Config, "", found)
    return found


def aliases() -> dict[str, str]:
    """What other tools call a key -> the key: "optimizer.learning_rate" -> "optimizer.lr"."""
    named = ((key, opt) for key, opt in every_option().items() if opt is not None)
    return {
        f"{key.rpartition('.')[0]}.{name}": key for key, opt in named for name in opt.meta.aliases
    }


def _visit(cls: type, prefix: str, found: dict[str, Option | None]) -> None:
    for name, opt in options_of(cls).items():
        key = f"{prefix}{name}"
        found.setdefault(key, opt)
        if Chosen in alternatives(opt.hint) and opt.meta.table is not None:
            for entry in opt.meta.table.entries.values():
                _visit(entry.options, f"{key}.", found)
        elif opt.meta.table is not None and get_args(opt.hint)[1:] == (Chosen,):
            for chosen, entry in opt.meta.table.entries.items():
                found[f"{key}.{chosen}"] = None
                _visit(entry.options, f"{key}.{chosen}.", found)
        elif dataclasses.is_dataclass(opt.hint):
            _visit(opt.hint, f"{key}.", found)  # type: ignore[arg-type]
