"""IMDB as a plain PyTorch script: dense multi-hot matrices, 20 epochs, test, two curves.

    python benchmarks/plain_imdb.py FOLDER_OF_IMDB_NPZ OUTPUT_FOLDER

What `dlx train task=imdb` is measured against (`end_to_end.py`). It does the same work: reads
Keras' file in Keras' order, holds 10,000 reviews out, trains 16-16-1 on the other 15,000, keeps the
best epoch, tests once, and draws the curves.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
from torch import nn

mpl.use("Agg")
from matplotlib import pyplot as plt

SHA256 = "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f"
WORDS = 10_000


def read(file: Path) -> tuple[torch.Tensor, ...]:
    if hashlib.sha256(file.read_bytes()).hexdigest() != SHA256:
        raise SystemExit(f"{file} is not Keras' imdb.npz")
    with np.load(file, allow_pickle=True) as data:  # the hash is verified
        arrays = [data[key] for key in ("x_train", "y_train", "x_test", "y_test")]
    random = np.random.RandomState(113)
    for index in (0, 2):
        order = np.arange(len(arrays[index]))
        random.shuffle(order)
        arrays[index], arrays[index + 1] = arrays[index][order], arrays[index + 1][order]
    return (
        multi_hot(arrays[0]),
        torch.tensor(arrays[1], dtype=torch.float32),
        multi_hot(arrays[2]),
        torch.tensor(arrays[3], dtype=torch.float32),
    )


def multi_hot(reviews: np.ndarray) -> torch.Tensor:
    rows = torch.zeros(len(reviews), WORDS)
    for number, review in enumerate(reviews):
        ids = np.asarray([1] + [i + 3 for i in review])
        ids[ids >= WORDS] = 2
        rows[number, torch.from_numpy(ids)] = 1.0
    return rows


@torch.no_grad()
def evaluate(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> tuple[float, float]:
    model.eval()
    logits = torch.cat([model(batch)[:, 0] for batch in x.split(1024)])
    loss = nn.functional.binary_cross_entropy_with_logits(logits, y)
    return float(loss), float(((logits > 0) == (y > 0.5)).float().mean())


def main(folder: Path, output: Path) -> None:
    torch.manual_seed(0)
    x, y, x_test, y_test = read(folder / "imdb.npz")
    x_val, y_val, x, y = x[:10_000], y[:10_000], x[10_000:], y[10_000:]
    model = nn.Sequential(
        nn.Linear(WORDS, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 1)
    )
    optimizer = torch.optim.RMSprop(model.parameters(), lr=0.001, alpha=0.9, eps=1e-7)
    loss_of = nn.BCEWithLogitsLoss()
    history, best, weights = [], float("inf"), model.state_dict()
    for epoch in range(20):
        model.train()
        total, right = 0.0, 0
        for rows in torch.randperm(len(x)).split(512):
            xb, yb = x[rows], y[rows]
            optimizer.zero_grad()
            logits = model(xb)[:, 0]
            loss = loss_of(logits, yb)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
            right += int(((logits > 0) == (yb > 0.5)).sum())
        val_loss, val_accuracy = evaluate(model, x_val, y_val)
        history.append((total / len(x), right / len(x), val_loss, val_accuracy))
        if val_loss < best:
            best, weights = val_loss, {k: v.clone() for k, v in model.state_dict().items()}
        print(f"epoch {epoch + 1}: val/loss {val_loss:.4f} val/accuracy {val_accuracy:.4f}")
    model.load_state_dict(weights)
    print("test: loss {:.4f} accuracy {:.4f}".format(*evaluate(model, x_test, y_test)))
    torch.save(weights, output / "weights.pt")
    for name, train, val in (("loss", 0, 2), ("accuracy", 1, 3)):
        figure = plt.figure()
        plt.plot([row[train] for row in history], "o", label="training")
        plt.plot([row[val] for row in history], label="validation")
        plt.legend()
        figure.savefig(output / f"{name}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
