"""Seconds of processor time that a language model takes to write 1,000 characters.

    python benchmarks/generate.py [--characters 1000]

An LSTM of 128 units, as the book's: with its state carried on, and as one that has learnt to tell
only what follows 60 characters; and a Transformer of two blocks. Weights are random: the time does
not depend on them.
"""

from __future__ import annotations

import argparse
import time
from itertools import islice

import torch

from dlx.config.specs.language import LANGUAGE_NETWORKS
from dlx.learning.writing import Drawing, write

IDS, READ = 58, 60


def measure(network: str, characters: int, fresh: int) -> float:
    """Seconds of processor time that one network takes."""
    chosen = LANGUAGE_NETWORKS.default(network)()
    model = chosen.load()("text", IDS, chosen.options, READ).eval()
    begun = time.process_time()
    for _ in islice(write(model, [1] * READ, [Drawing(0.5)], 0, fresh), characters):
        pass
    return time.process_time() - begun


def main() -> None:
    """Prints a line for each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--characters", type=int, default=1000)
    torch.set_num_threads(1)  # as a training's threads are measured: such steps are small
    many = parser.parse_args().characters
    for network, fresh in (("lstm", 0), ("lstm", READ), ("gru", 0), ("transformer", 0)):
        told = f"{network}, {READ} characters read for each" if fresh else network
        print(f"{told}: {measure(network, many, fresh):.2f} s for {many:,} characters")


if __name__ == "__main__":
    main()
