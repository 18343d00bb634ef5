"""The modules of the layers that make pictures of numbers."""

from __future__ import annotations

from torch import Tensor, nn

from ..config.shapes import Place, Shape
from ..config.specs import growing as specs

Made = tuple[nn.Module, Shape]


class ConvTranspose2d(nn.ConvTranspose2d):
    """Transposed convolution over (B, C, H, W), cut or filled as TensorFlow does.

    It is the gradient of a convolution with the same padding, which puts an odd zero after the
    image: of an odd number of rows that are too many, more go at the end.
    """

    def __init__(
        self, channels: int, filters: int, kernel: int, stride: int, same: bool, bias: bool
    ) -> None:
        more = max(kernel - stride, 0) if same else 0
        missing = max(stride - kernel, 0)
        super().__init__(
            *(channels, filters, kernel, stride, more // 2), output_padding=missing, bias=bias
        )
        self.odd = more % 2

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:  # noqa: A002
        """Gives (B, filters, ...)."""
        made = super().forward(input, output_size)
        return made[..., : -self.odd, : -self.odd] if self.odd else made


class Reshape(nn.Module):
    """The numbers of each row in another shape."""

    def __init__(self, sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.sizes = sizes

    def forward(self, x: Tensor) -> Tensor:
        """Gives (B, *sizes)."""
        return x.reshape(len(x), *self.sizes)

    def extra_repr(self) -> str:
        """The sizes, for whoever prints a model."""
        return f"sizes={self.sizes}"


def conv_transpose2d(options: specs.ConvTranspose2d, shape: Shape, place: Place) -> Made:
    """Transposed convolution over an image."""
    same = options.padding == "same"
    window = (options.channels, options.kernel, options.stride, same, options.bias)
    return ConvTranspose2d(shape.channels, *window), options.after(shape, place)


def upsample(options: specs.Upsample, shape: Shape, place: Place) -> Made:
    """An image of more pixels."""
    module = nn.Upsample(scale_factor=options.factor, mode=options.mode)
    return module, options.after(shape, place)


def reshape(options: specs.Reshape, shape: Shape, place: Place) -> Made:
    """The numbers of each row in another shape."""
    return Reshape(options.sizes), options.after(shape, place)
