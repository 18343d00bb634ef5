"""Every test has data and cache folders of its own; those marked `data` see the real files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from dlx.config.fields import Chosen
from dlx.config.specs.datasets import DATASETS, File
from dlx.data.store import folder_of, names_of, state_of

REAL = os.environ.get("DLX_DATA", "")


def choose(name: str, **options: object) -> Chosen:
    return DATASETS.default(name, **options)()


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLX_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("DLX_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def chosen() -> Callable[..., Chosen]:
    """A dataset by name, with its options."""
    return choose


@pytest.fixture
def real(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Chosen]:
    """A dataset whose real files are here; skips the test where they are not."""

    def get(name: str, **options: object) -> Chosen:
        if REAL:
            monkeypatch.setenv("DLX_DATA", REAL)
        else:
            monkeypatch.delenv("DLX_DATA")
        if state_of(name, choose(name, **options).options) not in ("here", "embedded"):
            pytest.skip(f"DLX_DATA holds no {name}: dlx data fetch {name}")
        return choose(name, **options)

    return get


@pytest.fixture
def official(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Writes a made-up sample below DLX_DATA and pins its hashes, as if it were the real thing."""

    def put(name: str) -> Path:
        pick = choose(name)
        folder = folder_of(name, pick.options)
        folder.mkdir(parents=True)
        pick.load().write_sample(folder)
        files = [_pinned(folder / n) for n in names_of(pick.options)]
        kind = DATASETS.entries[name].options
        monkeypatch.setattr(kind, "files", tuple(files))
        contents = pick.load().read(pick.options, folder).source.get("content_sha256", "")
        monkeypatch.setattr(kind, "content_sha256", contents)
        return folder

    return put


def _pinned(path: Path) -> File:
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    return File(
        name=path.name, sha256=digest, size=len(data), url=f"https://example.org/{path.name}"
    )
