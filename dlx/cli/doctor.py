"""The verb `dlx doctor`: what dlx finds on this machine, and whether it will do."""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .console import say, say_json

EXAMPLES = """examples:
  dlx doctor
  dlx doctor --json
"""

_PACKAGES = ("torch", "torchvision", "hydra", "omegaconf", "rich", "sklearn", "matplotlib")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's options to its parser."""
    parser.add_argument("--json", action="store_true", help="print JSON, for scripts")


def run(args: argparse.Namespace) -> int:
    """Looks around; exits 1 if something would keep `dlx train` from working."""
    checks = [_check(name, look) for name, look in _LOOKS.items()]
    if args.json:
        say_json(checks)
    else:
        for check in checks:
            say(f"{'ok ' if check['ok'] else 'BAD'}  {check['name']}: {check['found']}")
    return 0 if all(check["ok"] for check in checks) else 1


def _check(name: str, look: Callable[[], str]) -> dict[str, Any]:
    try:
        return {"name": name, "ok": True, "found": look()}
    except Exception as error:  # whatever is wrong is what is to be shown
        return {"name": name, "ok": False, "found": f"{type(error).__name__}: {error}"}


def _packages() -> str:
    from importlib.metadata import version

    names = {"hydra": "hydra-core", "sklearn": "scikit-learn"}
    return ", ".join(f"{name} {version(names.get(name, name))}" for name in _PACKAGES)


def _extras() -> str:
    from ..config.extras import OF_COMMANDS, extras, is_installed

    every = OF_COMMANDS | {name: component.needs for name, component in extras().items()}
    return "; ".join(
        f"{name} is installed"
        if all(map(is_installed, needs))
        else f"{name} is missing (pip install 'dlx[{name}]')"
        for name, needs in every.items()
    )


def _torch() -> str:
    import torch

    x = torch.ones(8, 8)
    if float((x @ x).sum()) != 512.0:
        raise ArithmeticError("torch's matrix multiplication gives wrong results")
    return f"{torch.__version__} works"


def _torchvision() -> str:
    import torchvision

    return f"{torchvision.__version__} imports together with torch"


def _devices() -> str:
    import torch

    found = ["cpu"]
    if torch.cuda.is_available():
        found += [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        found.append("mps")
    return ", ".join(found)


def _processor() -> str:
    import torch

    from ..machine import cores
    from ..running.environment import cpu_model

    return f"{cpu_model()}, {cores()} cores, torch's default is {torch.get_num_threads()} threads"


def _configs() -> str:
    from ..config.paths import search_path

    return ", then ".join(str(folder) for folder in search_path(None))


_READY = ("here", "embedded", "your own")


def _data() -> str:
    from ..config.specs import DATASETS
    from ..data.store import data_root, state_of

    states = {name: state_of(name, entry.options()) for name, entry in DATASETS.entries.items()}
    lacking = [f"{n} is {s}" for n, s in states.items() if s not in _READY]
    text = f"DLX_DATA is {data_root()}"
    return f"{text}; {', '.join(lacking)} (dlx data fetch NAME)" if lacking else text


def _cache() -> str:
    from ..data import picture_cache
    from ..data.store import cache_root

    taken, most = (size / 1e9 for size in (picture_cache.taken(), picture_cache.bound()))
    pictures = f"decoded pictures take {taken:.3g} of {most:.3g} GB ({picture_cache.BOUND})"
    return f"DLX_CACHE is {_writable(cache_root())}; {pictures}"


def _runs() -> str:
    return f"runs are saved in {_writable(Path('runs').resolve())}"


def _writable(folder: Path) -> str:
    existing = folder
    while not existing.exists():
        existing = existing.parent
    if not os.access(existing, os.W_OK):
        raise PermissionError(f"{existing} cannot be written to")
    free = shutil.disk_usage(existing).free / 1e9
    if free < 1:  # a gigabyte holds any run of the book
        raise OSError(f"{existing} has only {free:.2f} GB free")
    return f"{folder}, {free:.0f} GB free"


_LOOKS: dict[str, Callable[[], str]] = {
    "packages": _packages,
    "extras": _extras,
    "torch": _torch,
    "torchvision": _torchvision,
    "devices": _devices,
    "processor": _processor,
    "configs": _configs,
    "data": _data,
    "cache": _cache,
    "runs": _runs,
}
