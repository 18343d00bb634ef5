"""The second witness of looks at test rows: each run folder keeps its own, `looks.json`.

The ledger is one file, and a power cut may take its end. What it lacks is found here again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..files import read_bytes, read_json
from .files import write_bytes, write_json
from .folder import all_runs

NAME = "looks.json"


@dataclass(frozen=True)
class Entry:
    """One look, as it is written down.

    Attributes:
        token: what it is known by in both places; "" for one of an older dlx.
        test_part: the key of its rows.
        run: the run's name below the root.
        verb: "train", "test", "workflow", ...
        at: when.
        weights: which weights of the run were looked with; None where each look counts.
    """

    token: str
    test_part: str
    run: str
    verb: str
    at: str
    weights: str | None = None


@dataclass(frozen=True)
class Told:
    """What the run folders below a root tell.

    Attributes:
        looks: every look, with the folder that tells of it.
        damaged: files that cannot be read.
    """

    looks: tuple[tuple[Entry, Path], ...] = ()
    damaged: tuple[Path, ...] = ()


def tell(folder: Path, entry: Entry, rows: bytes) -> None:
    """Writes a look into a run folder, with the digests of its rows, beside earlier ones.

    Raises:
        RunError: it cannot be written.
    """
    known = _read(folder / NAME) or {"looks": [], "rows": {}}
    digest = hashlib.sha256(rows).hexdigest()
    if known["rows"].get(entry.test_part) != digest:
        write_bytes(_rows_file(folder, entry.test_part), rows)
    told = {
        "schema_version": 1,
        "looks": [*known["looks"], asdict(entry)],
        "rows": {**known["rows"], entry.test_part: digest},
    }
    write_json(folder / NAME, told)


def read_witnesses(root: Path) -> Told:
    """What every run folder below a root tells."""
    looks: list[tuple[Entry, Path]] = []
    damaged = []
    for folder in all_runs(root):
        found = _read(folder / NAME)
        if found is None:
            damaged.append(folder / NAME)
        else:
            looks += [(Entry(**one), folder) for one in found["looks"]]
    return Told(tuple(looks), tuple(damaged))


def read_rows(folder: Path, test_part: str) -> bytes | None:
    """The digests of a look's rows; None where they are not there as they were written."""
    known = _read(folder / NAME)
    try:
        rows = read_bytes(_rows_file(folder, test_part))
    except OSError:
        return None
    whole = known is not None and known["rows"].get(test_part) == hashlib.sha256(rows).hexdigest()
    return rows if whole else None


def _rows_file(folder: Path, test_part: str) -> Path:
    name = hashlib.sha256(test_part.encode()).hexdigest()[:16]  # a key may be any text
    return folder / f"looks-{name}.u64"


def _read(file: Path) -> dict[str, Any] | None:
    """What a file tells: nothing where there is none; None where it cannot be read."""
    try:
        found = read_json(file)
    except FileNotFoundError:
        return {"looks": [], "rows": {}}
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and _is_whole(found) else None


def _is_whole(found: Mapping[str, Any]) -> bool:
    looks, rows = found.get("looks"), found.get("rows")
    return isinstance(rows, dict) and isinstance(looks, list) and all(map(_is_look, looks))


def _is_look(one: object) -> bool:
    if not isinstance(one, dict) or set(one) != set(Entry.__dataclass_fields__):
        return False
    weights = one["weights"]
    texts = all(isinstance(value, str) for key, value in one.items() if key != "weights")
    return texts and bool(one["token"]) and (weights is None or isinstance(weights, str))
