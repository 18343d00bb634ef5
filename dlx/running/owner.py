"""Whose a run folder is: made here, with a key that lies in the user's cache, or a stranger's.

What a run folder of the user's own asks for is done when it is resumed; a stranger's may not say
where a run is told of. Whoever loses the key is asked once more.
"""

from __future__ import annotations

import hmac
import secrets
from contextlib import suppress
from pathlib import Path

from ..data.store import cache_root
from ..files import create_private, fence, make_folder, read_bytes, read_json, remove_file
from ..runs.files import write_json

FILE, KEY = "owner.json", "owner.key"
_BYTES = 32


def sign(run: Path) -> None:
    """Marks a run folder as the user's own, with the config that it has now.

    Raises:
        RunError: the folder cannot be written to.
    """
    try:
        code = _code(run)
    except OSError:  # without a cache nothing is known of the user
        return
    write_json(run / FILE, {"schema_version": 1, "config": code})


def is_own(run: Path) -> bool:
    """Whether a run folder was made by this user, and has the config that it was made with."""
    try:
        return hmac.compare_digest(
            str(read_json(run / FILE)["config"]).encode(), _code(run).encode()
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _code(run: Path) -> str:
    return hmac.new(_key(), read_bytes(run / "config.yaml"), "sha256").hexdigest()


def _key() -> bytes:
    """The user's key, made when it is first asked for; nobody else may read it."""
    file = fence(cache_root()) / KEY
    with suppress(FileNotFoundError):
        if _is_whole(key := read_bytes(file)):
            return key
        remove_file(file)  # cut or zeroed, as by a power cut: a new one is made
    make_folder(file.parent)
    with suppress(FileExistsError):
        create_private(file, secrets.token_bytes(_BYTES))
    if _is_whole(key := read_bytes(file)):
        return key
    raise OSError("the key is not valid")


def _is_whole(key: bytes) -> bool:
    return len(key) == _BYTES and any(key)
