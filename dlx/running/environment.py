"""What is to be known of the machine, and what a run on it can promise."""

from __future__ import annotations

import platform
import subprocess
import sys
from typing import Any

import torch

from ..machine import cores
from ..optimizers.flat import LIMIT
from ..version import __version__


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
    device: torch.device, threads: dict[str, Any], deterministic: bool, unsteady: str = ""
) -> dict[str, Any]:
    """What a run's numbers may depend on beside its config: for `environment.json`."""
    import numpy as np

    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else None
    level, why = contract(device, deterministic, unsteady)
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
        "flat_below": LIMIT,
        "contract_level": level,
        "contract_why": why,
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "commit": _git_commit(),
        "byte_order": sys.byteorder,
    }


def contract(device: torch.device, deterministic: bool, unsteady: str = "") -> tuple[str, str]:
    """The best level of the contract of reproducibility that a run can claim, and why.

    A: the same bits on this machine, in a new process, resumed or not, and on another number of
    cores. F: the same bits on the same kind of GPU. G: scores alike within their spread.
    """
    if unsteady:
        return "G", unsteady
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


def describe_level(level: str, why: str) -> str:
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
