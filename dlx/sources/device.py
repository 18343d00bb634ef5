"""The device that is computed on: which one, by which algorithms, with how much memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ..errors import Problem, RunError, UsageError


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that an allocation failed, on the CPU or a GPU."""
    said = r"can't allocate memory|out of memory|_ALLOC_FAILED"
    known = isinstance(error, (MemoryError, torch.OutOfMemoryError))
    return known or bool(re.search(said, str(error)))


@contextmanager
def catch_out_of_memory() -> Iterator[None]:
    """Within it, memory that runs out is told as what it is, whoever reports it.

    Raises:
        RunError: an allocation failed, on the CPU or a GPU.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        said = str(error).strip().splitlines() or ["an allocation failed"]
        hint = "a smaller model, trainer.batch_size or trainer.eval_batch_size"
        problem = Problem(f"out of memory: {said[0][:300]}", hint=hint)
        raise RunError(problem) from error


def choose_device(asked: str) -> torch.device:
    """The device to compute on.

    Args:
        asked: "auto" takes CUDA, else MPS, else the CPU.

    Raises:
        UsageError: the device asked for does not exist.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if asked == "auto":
        asked = next((name for name, here in there.items() if here), "cpu")
    if asked != "cpu" and not there[asked]:
        raise UsageError(
            Problem(
                f"`trainer.device` is {asked}, but torch finds no such device here",
                accepted=", ".join(["auto", "cpu", *(n for n, here in there.items() if here)]),
                hint="`dlx doctor` shows what torch finds",
            )
        )
    return torch.device(asked)


def set_determinism(wanted: bool) -> None:
    """Makes torch use only algorithms that give the same bits every time, or lets it choose."""
    # The other spelling of use_deterministic_algorithms, without its import of the compiler (1 s).
    torch.set_deterministic_debug_mode("error" if wanted else "default")
    # Filling fresh memory finds bugs in torch, and costs time at every allocation.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = not wanted
    torch.backends.cudnn.deterministic = wanted
    if wanted:
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False


@contextmanager
def one_thread() -> Iterator[None]:
    """Within it torch computes by one thread: sums in one order have the same bits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
