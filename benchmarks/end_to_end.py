"""The whole IMDB job from the shell, nothing cached, against a plain PyTorch script.

    DLX_DATA=FOLDER python benchmarks/end_to_end.py [--rounds 3]

Both start Python, read and prepare the reviews, train 20 epochs on 15,000 with 10,000 for
validation, test on 25,000 and draw the curves. Prints the median seconds and the ratio; the target
is at most 0.5. `dlx` also hashes the file, measures threads, writes checkpoints and predictions,
computes baselines and intervals, and builds its report.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TARGET = 0.5


def seconds(command: list[str], environment: dict[str, str], folder: Path) -> float:
    begun = time.perf_counter()
    done = subprocess.run(
        command, env={**os.environ, **environment}, cwd=folder, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    data = Path(os.environ.get("DLX_DATA", "")).resolve() / "imdb"
    if not (data / "imdb.npz").is_file():
        raise SystemExit("set DLX_DATA to a folder that holds imdb/imdb.npz (dlx data fetch imdb)")
    plain = [
        sys.executable,
        str(Path(__file__).with_name("plain_imdb.py").resolve()),
        str(data),
        ".",
    ]
    dlx = [sys.executable, "-m", "dlx", "train", "task=imdb"]
    pairs = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            fresh = {"DLX_CACHE": f"{folder}/cache", "DLX_DATA": str(data.parent)}
            ours = seconds(dlx, fresh, Path(folder))
            warm = seconds(dlx, fresh, Path(folder))
            theirs = seconds(plain, {}, Path(folder))
            pairs.append((ours, theirs, warm))
            print(f"dlx {ours:.1f} s (again, cached: {warm:.1f} s), plain PyTorch {theirs:.1f} s")
    ratio = statistics.median(a / b for a, b, _ in pairs)
    again = statistics.median(c / b for _, b, c in pairs)
    print(f"ratio {ratio:.3f} (target at most {TARGET}); with the cache {again:.3f}")


if __name__ == "__main__":
    main()
