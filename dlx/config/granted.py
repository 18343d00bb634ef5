"""What a file that a stranger may have made may ask for: settings; no code, places or secrets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from hydra.core.override_parser.types import Override

from .arguments import parse
from .schema import NO_RESULT

_SECTIONS = {*NO_RESULT, "plugins", "workflow", "hydra"} - {"about"}
_NAMING_PLACES = ("from_run", "model", "learner", "prepare", "dataset")
"""Of a run, of vectors and weights that a model starts from or a step reads, of pictures."""
_WATCHERS = ("tensorboard", "mlflow")


def find_forbidden(arguments: Sequence[str], watchers: bool = True) -> str:
    """The first argument that only the user may type; "" where there is none.

    Args:
        arguments: overrides in Hydra's grammar, from a file; what is not in it is left to those
            who load it.
        watchers: whether the file may turn on callbacks that write or connect elsewhere; harmless
            where the training is without them.
    """
    for argument in map(str, arguments):
        # As it will be read, not as it is written: a value can hide its `${` behind backslashes.
        asked = parse([argument], [])
        if "${" in argument or any(not _is_granted(one, watchers) for one in asked):
            return argument
    return ""


def _is_granted(override: Override, watchers: bool) -> bool:
    section, *rest = re.split("[./]", override.key_or_group)
    watches = section == "callbacks" and (not rest or rest[0] in _WATCHERS)
    if section in _SECTIONS or (watches and not watchers):
        return False
    texts = _texts(override.value())
    if section in _NAMING_PLACES and any(map(_leads_elsewhere, texts)):  # else below the root
        return False
    return not any("${" in text for text in texts)


def _leads_elsewhere(text: str) -> bool:
    return text.startswith(("/", "~", "./")) or ".." in text.split("/")


def _texts(value: Any) -> list[str]:
    """Every text in a value, the keys of its mappings among them."""
    if isinstance(value, dict):
        return [text for pair in value.items() for one in pair for text in _texts(one)]
    if isinstance(value, list):
        return [text for one in value for text in _texts(one)]
    return [value] if isinstance(value, str) else []
