"""Whatever is tried again looks at the test part again, and every look is counted."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

TRAIN = ("task=wine", "trainer.epochs=1", "trainer.threads=1")


def looks(root: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(root / "ledger.sqlite")) as ledger:
        return list(ledger.execute("select run, verb from looks order by id"))


def test_claims_and_locks_count_their_looks_where_asked(cli: Any, here: Path) -> None:
    assert cli("train", *TRAIN, "run.root=evidence").code == 0
    assert cli("lock", "last", "--root", "evidence").code == 0
    (here / "claim.yaml").write_text(
        "title: wine\ntask: wine\noverrides: [trainer.epochs=1, trainer.threads=1]\n"
        "bars: {test/accuracy: 0.0}\n"
    )

    assert cli("reproduce", "dlx.lock", "--root", "evidence").code == 0
    assert cli("reproduce", "claim.yaml", "--root", "evidence").code == 0

    (run,) = here.glob("evidence/wine/*")
    assert looks(here / "evidence") == [
        (f"wine/{run.name}", "train"),
        ("dlx.lock: wine", "reproduce"),
        ("experiments/claim", "reproduce"),
    ]
    assert [p.name for p in here.glob("evidence/wine/*")] == [run.name]
    assert not (here / "runs").exists()
