"""Networks of torchvision without their classifier, from bytes to channels at places."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from operator import itemgetter
from typing import Any

import torch
from torch import Tensor, nn

from ..config.shapes import Place, Shape
from ..config.specs.layers import take_vector
from ..config.specs.pretrained import KEPT, RANDOM, Pretrained
from ..config.specs.pretrained import Base as Options
from ..data.columns import Input
from ..data.weights import find_weights
from ..errors import Problem, UsageError
from .graph import require_bytes, stack_layers
from .inputs import Batch
from .layers import reader
from .network import BODY, Network, Step, check_penalty, dense_layer, the_only_input
from .sizes import leave_unfilled
from .weights import read_weights, take_weights

_ENDS = (
    *("avgpool", "flatten", "dropout", "classifier", "fc", "head", "heads"),
    *("aux1", "aux2", "AuxLogits"),
)
"""Parts of torchvision's networks that answer; all others act one after another, as they stand."""


class Base(nn.Module):
    """A network without its classifier, which may be cut after a layer.

    Takes bytes as numbers from 0 to 255, of shape (rows, 3, height, width), and gives
    (rows, channels, height, width). What its weights expect of colours is done inside. Weights are
    named as torchvision does. Unless an optimizer's groups free them they stay as they are.

    Args:
        options: its weights are not read yet, and hold anything: see `start_all`.
    """

    starts_frozen = opens = True
    mean: Tensor
    std: Tensor

    def __init__(self, options: Options) -> None:
        super().__init__()
        self.options = options
        for name, layer in _parts_of(options):
            self.add_module(name, layer)
        _cut(self, options.known.last(options.upto))
        turns = [n for n, one in self.named_modules() if type(one).__name__ == "Permute"]
        if turns == [_TURN]:  # cut before channels came last, so they need not come first again
            delattr(self, _TURN)
        for name, values in zip(("mean", "std"), options.scale, strict=True):
            self.register_buffer(name, 255 * torch.tensor(values).view(3, 1, 1))

    def forward(self, pixels: Tensor) -> Tensor:
        """Gives what its last layer does."""
        values = (pixels - self.mean) / self.std
        for layer in self.children():
            values = layer(values)
        return values

    def start_all(self) -> bool:
        """Takes the weights that its options name; whether they are to be drawn no more.

        Raises:
            UsageError: the file is not there, is another than the known one, or of another network.
        """
        if self.options.weights == RANDOM:
            return False
        if self.options.sha256 != KEPT:
            file, digest = find_weights(self.options)
            own = {n: one for n, one in self.state_dict().items() if n not in ("mean", "std")}
            take_weights(own, read_weights(file, digest), file)
        return True

    def describe_start(self) -> str:
        """What it starts from, as a line; "" where that is not read any more."""
        options = self.options
        if options.sha256 == KEPT:
            return ""
        cut = f" up to {options.upto}" if options.upto else ""
        start = "random numbers" if options.weights == RANDOM else f"weights {options.weights}"
        digest = f", SHA-256 {options.sha256[:16]}..." if options.sha256 else ""
        return f"the base {options.network}{cut} starts from {start}{digest}"


def make_base(options: Options) -> Base:
    """A base with its weights, frozen and in evaluation mode.

    Args:
        options: name network, weights, and where it is cut. Random weights are left to be drawn.

    Raises:
        UsageError: its file of weights is not there, or does not fit.
    """
    base = Base(options)
    base.start_all()
    return base.eval().requires_grad_(False)


def _parts_of(options: Options) -> list[tuple[str, nn.Module]]:
    """What acts before the classifier, in order, by torchvision's names."""
    from torchvision.models import get_model

    sized = {"image_size": options.side} if options.network.startswith("vit_") else {}
    if options.network in ("googlenet", "inception_v3"):
        sized = {"init_weights": False, "aux_logits": False}
    with torch.device("cpu"), leave_unfilled():  # torch's own generator is for dropout alone
        whole = get_model(options.network, weights=None, **sized)
    whole = whole.to(torch.get_default_device())  # some cannot be built on the meta device
    parts = {name: part for name, part in whole.named_children() if name not in _ENDS}
    if options.network.startswith("densenet"):
        parts["relu"] = nn.ReLU()
    elif options.network.startswith("maxvit"):
        parts["blocks"] = nn.Sequential(*whole.blocks)
    elif options.network.startswith("vit_"):
        parts["encoder"] = _Encoder(whole.class_token, whole.encoder)
    return list(parts.items())


class _Encoder(nn.Module):
    """The encoder of a vision Transformer, from patches at their places to the same.

    Args:
        token: stands before the patches of every row; what it becomes is for the classifier.
        encoder: of torchvision.
    """

    def __init__(self, token: nn.Parameter, encoder: Any) -> None:
        super().__init__()
        self.class_token, self.pos_embedding = token, encoder.pos_embedding
        self.dropout: nn.Module = encoder.dropout
        self.layers: nn.Module = encoder.layers
        self.ln: nn.Module = encoder.ln

    def forward(self, patches: Tensor) -> Tensor:
        """Gives each patch what it has learnt of all others."""
        first = self.class_token.expand(len(patches), -1, -1)
        tokens = torch.cat([first, patches.flatten(2).transpose(1, 2)], dim=1)
        tokens = self.layers(self.dropout(tokens + self.pos_embedding))
        found: Tensor = self.ln(tokens)
        return found[:, 1:].transpose(1, 2).reshape(patches.shape)


_TURN = "permute"
"""Swin's last part: channels come first again. It stays wherever the network is cut."""


def _is_list(module: nn.Module) -> bool:
    """Whether it is layers one after another and nothing else."""
    return type(module).forward is nn.Sequential.forward


def layers_of(base: nn.Module, prefix: str = "") -> list[str]:
    """The names of the layers after which a base can be cut, in order."""
    found = []
    for name, layer in base.named_children():
        inner = layers_of(layer, f"{prefix}{name}.") if _is_list(layer) else [f"{prefix}{name}"]
        found += [] if name == _TURN else inner
    return found


def _cut(module: nn.Module, last: str) -> None:
    """Takes away all layers behind one."""
    name, _, rest = last.partition(".")
    names = list(module._modules)
    for behind in names[names.index(name) + 1 :]:
        if behind != _TURN:
            del module._modules[behind]
    if rest:
        _cut(module._modules[name], rest)  # type: ignore[arg-type]


@lru_cache(maxsize=32)
def _shape_of(network: str, weights: str, upto: str, height: int, width: int) -> Shape:
    """What a base gives of pictures of a size: told by shapes alone."""
    with torch.device("meta"), torch.no_grad():
        base = Base(Options(network=network, weights=weights, upto=upto)).eval()
        given = base(torch.zeros(1, 3, height, width))
    return Shape("image", tuple(given.shape[1:]))


class Based(Network):
    """A network whose only input passes through a base first; its weights are named `base...`."""

    base: Base

    def hidden(self, inputs: Batch) -> dict[str, Any]:
        """What each target's output layer reads."""
        return super().hidden({name: self.base(given) for name, given in inputs.items()})


def base_layer(options: Pretrained, shape: Shape, place: Place) -> tuple[Base, Shape]:
    """A base as a layer of a node."""
    options.after(shape, place)
    return Base(options), shape_after(options, "its node", shape, place.key)


def build(options: Pretrained, inputs: Mapping[str, Input], outputs: Mapping[str, int]) -> Network:
    """Builds a base that reads pictures, layers after it, and a head for each target.

    Args:
        options: checked options.
        inputs: name -> description of exactly one input: pictures of 3 channels, as bytes.
        outputs: target -> number of logits.

    Raises:
        UsageError: there is not exactly one input, its pictures do not fit the network, a layer
            cannot take what reaches it, or a penalty has no hidden layer to act on.
    """
    name, found = the_only_input(inputs, "pretrained")
    _, shape = reader(name, found, images=True)
    require_bytes(options, name, found)
    after = shape_after(options, name, shape, "model.network")
    modules, end = stack_layers(options.layers, after, options.key)
    width = take_vector(end, options.key).sizes[0]
    heads = {t: (BODY, dense_layer(width, size, False)) for t, size in outputs.items()}
    network = Based({BODY: modules}, [Step(BODY, itemgetter(name), BODY, (name,))], heads)
    network.base = Base(options)
    return check_penalty(options, network)


def shape_after(options: Options, name: str, shape: Shape, key: str) -> Shape:
    """What a base gives of pictures of a size.

    Args:
        options: of the base.
        name: of the input.
        shape: of a row of it.
        key: of the config, for messages.

    Raises:
        UsageError: they are no pictures in colour, or of a size that the network cannot take.
    """
    options.take_pictures(name, shape, key)
    height, width = shape.places
    try:
        return _shape_of(options.network, options.weights, options.upto, height, width)
    except RuntimeError as error:
        what = f"the pictures of {name} are {height} x {width}, too small for {options.network}"
        accepted = f"at least {options.side} x {options.side} pixels"
        raise UsageError(Problem(what, key, accepted, f"dataset.size={options.side}")) from error
