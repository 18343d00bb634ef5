"""Tensors that stay as they are for long are written once, each chunk as a file."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from torch import Tensor

from dlx.state import State
from dlx.training import checkpoint, snapshot

PROGRESS = State(facts={"epoch": 1, "step": 5})


def states(chunks: list[dict[str, Tensor]], step: int = 5) -> snapshot.States:
    tensors = {"weight": torch.ones(2), "noise": torch.arange(3.0)}
    tensors |= {name: one for chunk in chunks for name, one in chunk.items()}
    learner = State(tensors, {"added": 7}, [[*chunk] for chunk in chunks])
    return {"learner": learner, "progress": State(facts={"epoch": 1, "step": step})}


def write(folder: Path, found: snapshot.States) -> set[str]:
    tensors, facts = snapshot.pack(found, {"weight"})
    checkpoint.save(folder, tensors, facts)
    return {name for name in os.listdir(folder) if name.startswith("chunk-")}


def test_chunks_come_back_among_the_tensors_of_their_part(tmp_path: Path) -> None:
    given = states([{"0/a": torch.zeros(4)}, {"1/a": torch.ones(4), "1/b": torch.ones(2)}])

    write(tmp_path, given)

    tensors, facts = checkpoint.load(tmp_path)
    found = snapshot.unpack(tensors, facts)["learner"]
    expected = given["learner"].tensors
    assert found.tensors.keys() == expected.keys()
    assert all(torch.equal(found.tensors[name], one) for name, one in expected.items())
    assert found.facts == {"added": 7}
    assert tensors["weights"].keys() == {"weight"}


def test_a_chunk_that_stays_is_not_written_again(tmp_path: Path) -> None:
    full, before, after = torch.zeros(4), torch.ones(4), torch.full((4,), 2.0)
    first = write(tmp_path, states([{"0/a": full}, {"1/a": before}], step=5))
    times = {name: (tmp_path / name).stat().st_mtime_ns for name in first}

    second = write(tmp_path, states([{"0/a": full}, {"1/a": after}], step=6))

    (stayed,) = first & second
    assert (tmp_path / stayed).stat().st_mtime_ns == times[stayed]
    assert len(first) == len(second) == 2
