"""Which source a component's code comes from: in every cache key, so that an edit is noticed."""

from __future__ import annotations

import hashlib
import importlib
import sys
from pathlib import Path
from types import ModuleType
from weakref import WeakKeyDictionary

_KNOWN: WeakKeyDictionary[ModuleType, str] = WeakKeyDictionary()
"""By module as it was imported: a file that is edited later is not the code that runs."""


def is_shipped(target: str) -> bool:
    """Whether a component's code, "module:attribute", is dlx's own and not a plugin's."""
    return target.startswith("dlx.")


def code_digest(target: str) -> str:
    """SHA-256 over the source that a component's code comes from, as it was when first asked.

    Of dlx that is the module; of a plugin every module of its package, as they call each other.
    The component is named as in its table, "module:attribute".

    Returns:
        The digest in hex; "" where there is no source to read, so that nothing can be told.
    """
    module = importlib.import_module(target.partition(":")[0])
    if module not in _KNOWN:
        _KNOWN[module] = _digest(module, is_shipped(target))
    return _KNOWN[module]


def _digest(module: ModuleType, alone: bool) -> str:
    digest = hashlib.sha256()
    try:
        for file in _sources(module, alone):
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    except OSError:
        return ""
    return digest.hexdigest()


def _sources(module: ModuleType, alone: bool) -> list[Path]:
    """The source files of a module, or of the whole package that it is in.

    Raises:
        OSError: it has none.
    """
    own = Path(module.__file__ or "") if hasattr(module, "__file__") else Path()
    if own.suffix != ".py":
        raise FileNotFoundError(module.__name__)
    package = sys.modules[module.__name__.partition(".")[0]]
    folders = () if alone else getattr(package, "__path__", ())
    return sorted({own, *(file for folder in folders for file in Path(folder).rglob("*.py"))})
