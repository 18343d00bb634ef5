"""A process that takes part in a study without training anything; started by the tests."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from dlx.cli.console import say
from dlx.config.spaces import Lever
from dlx.search.study import Study, changed_values
from dlx.search.suggest import Tried, suggest

SPACE = (Lever("optimizer.lr", "log", (1e-4, 1e-1)), Lever("model.units", "choice", ([8], [16])))


def main(storage: str, folder: str, most: int, wait: float) -> None:
    """Tries settings until the study has `most`; says the number of each before it ends it."""
    with Study("shared", storage, Path(folder), SPACE, ["max"]) as study:
        while True:
            with study.lock():
                for orphan in study.orphans():
                    study.adopt(orphan.number)
                    say(f"adopted {orphan.number}")
                    study.finish(orphan.number, "done", [0.5], result={"by": "adoption"})
                tried = [
                    Tried(changed_values(t, SPACE), None, running=True) for t in study.trials()
                ]
                if len(tried) >= most:
                    return
                number = study.begin(suggest(SPACE, tried, "max", 0, "random"), most)
            if number is None:
                continue
            say(f"began {number}")
            time.sleep(wait)
            study.finish(number, "done", [number / 100], result={"by": "itself"})


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
