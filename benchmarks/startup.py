"""How long dlx takes to answer, against bare Python and `import torch`.

    DLX_DATA=FOLDER python benchmarks/startup.py [--rounds 7]

Targets: help at most Python + 0.15 s; a config error at most Python + 0.6 s; the first batch, with
prepared data cached, at most `import torch` + 1.5 s. The first batch is reached when the first
epoch of IMDB begins: measured from outside, by a plugin callback that ends the process there.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

PLUGIN = textwrap.dedent(
    '''
    """Ends the process after the first step: everything before it is start-up."""
    import os
    from dataclasses import dataclass

    from dlx.config.fields import Component
    from dlx.training.callbacks import Callback


    @dataclass(frozen=True, kw_only=True)
    class Options:
        """Ends the process after the first step."""


    class FirstStep(Callback):
        def __init__(self, options, monitor, direction):
            pass

        def on_step_end(self, training):
            os._exit(0)


    DLX_COMPONENTS = {"callback": {"first_step": Component(Options, "first_step:FirstStep")}}
    '''
)


def seconds(
    command: list[str], environment: dict[str, str], folder: Path, rounds: int, code: int = 0
) -> float:
    """The median time of a command that must end with this exit code."""
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        done = subprocess.run(
            command, env={**os.environ, **environment}, cwd=folder, capture_output=True, text=True
        )
        times.append(time.perf_counter() - begun)
        if done.returncode != code:
            raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    python, dlx = [sys.executable], [sys.executable, "-m", "dlx"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "first_step.py").write_text(PLUGIN)
        here = {"PYTHONPATH": name, "DLX_CACHE": f"{name}/cache"}
        data = (
            {"DLX_DATA": str(Path(os.environ["DLX_DATA"]).resolve())}
            if "DLX_DATA" in os.environ
            else {}
        )
        first = [*dlx, "train", "task=imdb", "plugins=[first_step]", "callbacks.first_step={}"]
        first += [] if data else ["dataset.sample=true"]
        bare = seconds([*python, "-c", "pass"], {}, folder, rounds)
        torch = seconds([*python, "-c", "import torch"], {}, folder, rounds)
        cold = seconds(first, {**here, **data}, folder, 1)
        rows = [
            ("python -c pass", bare, None),
            ('python -c "import torch"', torch, None),
            ("dlx --help", seconds([*dlx, "--help"], here, folder, rounds), bare + 0.15),
            ("dlx tasks", seconds([*dlx, "tasks"], here, folder, rounds), None),
            (
                "a config error",
                seconds([*dlx, "train", "task=imdb", "optimiser.lr=1"], here, folder, rounds, 2),
                bare + 0.6,
            ),
            ("first batch, nothing cached", cold, None),
            (
                "first batch, prepared data cached",
                seconds(first, {**here, **data}, folder, rounds),
                torch + 1.5,
            ),
        ]
    print(f"{'command':36} {'seconds':>8} {'target':>8}")
    for name, value, target in rows:
        print(f"{name:36} {value:8.3f} {'' if target is None else f'{target:8.3f}'}")


if __name__ == "__main__":
    main()
