"""Where weights of networks lie that were trained on other data, and whether they are right."""

from __future__ import annotations

import shlex
from pathlib import Path

from ..config.fields import Chosen
from ..config.specs.dataset import Dataset
from ..config.specs.networks import Weights, networks
from ..config.specs.pretrained import Base
from ..errors import Problem, UsageError
from ..files import is_file
from . import store
from .hashes import known_digest


def find_weights(options: Base) -> tuple[Path, str]:
    """The file of a base's weights, which is the one that it is said to be, and its digest.

    Args:
        options: name the network and its weights, which are not random.

    Raises:
        UsageError: it is not on this machine, or holds something else.
    """
    named = options.named
    file = Path(options.weights).absolute() if named is None else path_of(named)
    if not is_file(file):
        raise UsageError(_missing(options, file))
    digest = known_digest(file, options.sha256, "weights")
    if named is not None and not digest.startswith(named.file.sha256):
        what = f"{file.name} is not the official file of {options.network}: its SHA-256 is {digest}"
        accepted = f"SHA-256 {named.file.digest}"
        hint = f"`{store.fetch_command(name_of(options))}` downloads it again"
        raise UsageError(Problem(what, str(file), accepted, hint if named.file.url else ""))
    return file, digest


def path_of(weights: Weights) -> Path:
    """Where a file of weights that has a name lies, or is to lie."""
    return store.data_root() / weights.folder / weights.file.name


def label_of(options: Base) -> str:
    """The name of weights that have one; "" of a file of the user's own."""
    return "" if options.is_file else options.weights or next(iter(options.known.weights))


def name_of(options: Base) -> str:
    """How `dlx data` calls named weights: the network, with those that are not its first."""
    first = next(iter(options.known.weights))
    return options.network + ("" if options.weights in ("", first) else f".{options.weights}")


def _missing(options: Base, file: Path) -> Problem:
    named = options.named
    if named is None:
        accepted, hint = "a file of weights with torchvision's names, .pth or .safetensors", ""
        if options.sha256:  # a run's, which was trained with it
            accepted += f", SHA-256 {options.sha256}"
            hint = f"where it is now, as FILE: ln -s FILE {shlex.quote(str(file))}"
        return Problem(f"there is no file {options.weights}", str(file), accepted, hint)
    known = networks()[options.network].weights
    what = f"the weights {label_of(options)} of {options.network} are not on this machine"
    accepted = f"{file.name}, SHA-256 {named.file.digest}"
    by_hand = "put it there by hand"
    if named.file.url:
        accepted += f"\n      {named.file.url}"
        by_hand = f"`{store.fetch_command(name_of(options))}`, or {by_hand}"
    here = [name for name, one in known.items() if is_file(path_of(one))]
    others = "".join(f"; or weights: {name}, which is here" for name in here)
    return Problem(what, str(file.parent), accepted, f"{by_hand}{others}")


class OfNetwork(Dataset):
    """A file of weights as `dlx data` knows files: it has no rows."""

    kind, noun = "weights", "network"
    inputs = ()
    terms = "of torchvision: BSD 3-Clause; ImageNet's own for research"


def files_of(name: str) -> Chosen | None:
    """What `dlx data` fetches and verifies of a network; None where there is no such.

    Args:
        name: of a network, or with the name of weights after it: "resnet50.IMAGENET1K_V1".
    """
    network, _, label = name.partition(".")
    known = networks()[network].weights if network in networks() else {}
    weights = known.get(label or next(iter(known), ""))
    if weights is None:
        return None
    told = {"__doc__": f"Weights of {network}, trained on ImageNet.", "targets": {}}
    own = {"files": (weights.file,), "folder": weights.folder, **told}
    return Chosen(name, type("OfOne", (OfNetwork,), own)(), "")
