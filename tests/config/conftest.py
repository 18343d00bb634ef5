"""Composing configs from an empty folder, with files of the user's own where a test writes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dlx.config.load import load
from dlx.errors import UsageError

Told = Callable[..., str]
Write = Callable[[str, str], Path]


@pytest.fixture
def told(here: Path) -> Told:
    """All problems of some arguments, as one text."""

    def problems(*arguments: str, config_dir: str | None = None) -> str:
        with pytest.raises(UsageError) as caught:
            load(arguments, config_dir)
        return str(caught.value)

    return problems


@pytest.fixture
def write(here: Path) -> Write:
    """Writes one of the user's own config files, as in write("task/mine", "seed: 1")."""

    def put(config_path: str, text: str) -> Path:
        file = here / "configs" / f"{config_path}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    return put
