"""What a file that a stranger may have made may ask for: settings; no code, places or secrets."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .schema import NO_RESULT

_SECTIONS = {*NO_RESULT, "plugins", "workflow", "hydra"} - {"about"}
_WATCHERS = ("tensorboard", "mlflow")


def not_granted(arguments: Sequence[str], watchers: bool = True) -> str:
    """The first argument that only the user may type; "" where there is none.

    Args:
        arguments: overrides in Hydra's grammar, from a file.
        watchers: whether the file may turn on callbacks that write or connect elsewhere; harmless
            where the training is without them.
    """
    for argument in arguments:
        section, *rest = re.split(r"[./@:]", argument.lstrip("+~").partition("=")[0].strip())
        watches = section == "callbacks" and (not rest or rest[0] in _WATCHERS)
        if section in _SECTIONS or "${" in argument or (watches and not watchers):
            return argument
    return ""
