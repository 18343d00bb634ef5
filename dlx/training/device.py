"""Device, determinism, and what is to be known of the machine."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from .. import __version__
from ..errors import Problem, RunError, UsageError
from ..machine import cores


@contextmanager
def memory_told() -> Iterator[None]:
    """Within it, memory that runs out is told as what it is, whoever reports it.

    Raises:
        RunError: an allocation failed, on the CPU or a GPU.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, (MemoryError, torch.OutOfMemoryError)) and not re.search(
            r"can't allocate memory|out of memory", str(error)
        ):
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


def cpu_model() -> str:
    """The processor's name, as well as the system tells it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as stream:
            for line in stream:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def environment(
    device: torch.device, threads: dict[str, Any], deterministic: bool
) -> dict[str, Any]:
    """What a run's numbers may depend on beside its config: for `environment.json`."""
    import numpy as np

    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else None
    level, why = contract(device, deterministic)
    return {
        "dlx": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "platform": platform.platform(),
        "cpu": cpu_model(),
        "cores": cores(),
        "device": device.type,
        "gpu": gpu,
        "threads": threads["count"],
        "threads_chosen": threads,
        "deterministic": deterministic,
        "contract_level": level,
        "contract_why": why,
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "commit": _git_commit(),
        "byte_order": sys.byteorder,
    }


def contract(device: torch.device, deterministic: bool) -> tuple[str, str]:
    """The best level of the contract of reproducibility that a run can claim, and why.

    A: the same bits on this machine, in a new process, resumed or not, and on another number of
    cores. F: the same bits on the same kind of GPU. G: scores alike within their spread.
    """
    if not deterministic:
        return "G", "trainer.deterministic is false: torch may sum in another order"
    if device.type == "cpu":
        return "A", "deterministic algorithms on a CPU, and a recorded thread count"
    if device.type == "cuda":
        return "F", "deterministic algorithms on this kind of GPU, driver and build of torch"
    return "G", f"{device.type} does not guarantee the order of sums"


PROMISES = {
    "A": "the same bits on the same machine and versions, resumed or not, on any number of cores",
    "F": "the same bits on the same kind of GPU, driver and versions",
    "G": "similar scores, within their standard deviation over seeds",
}


def told(level: str, why: str) -> str:
    """A level in a sentence."""
    return f"Level {level} of reproducibility: {PROMISES[level]} ({why})."


def _git_commit() -> dict[str, Any] | None:
    """Commit of the folder the user stands in, and whether it has uncommitted changes."""
    try:
        head = _git("rev-parse", "HEAD")
        return {"id": head, "dirty": bool(_git("status", "--porcelain", "--untracked-files=no"))}
    except (OSError, subprocess.SubprocessError):
        return None


def _git(*arguments: str) -> str:
    done = subprocess.run(  # noqa: S603 - fixed arguments
        ["git", *arguments],  # noqa: S607 - the user's own git
        capture_output=True,
        text=True,
        check=True,
        timeout=5,
        stdin=subprocess.DEVNULL,
    )
    return done.stdout.strip()
