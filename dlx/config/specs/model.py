"""What the options of any model may be made from."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from ...errors import Problem
from ..fields import Chosen, option
from ..files import Where
from .nodes import Known, Node

OUTPUT_LAYER = (
    "add a dense layer of as many units as there are outputs; false: the last layer gives them"
)

Initialiser = Literal[
    "keras", "torch", "glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "orthogonal"
]


@dataclass(frozen=True, kw_only=True)
class Common:
    """Options that every model has, and how its size is told.

    Attributes:
        size: the option that holds the layers' sizes; "" where there is none.
        small: small sizes, in multiples of a width that is no bottleneck (book 3.5.7).
        reads_bytes: whether it takes pictures as they are, and scales them itself.
    """

    size: ClassVar[str] = ""
    small: ClassVar[tuple[tuple[float, ...], ...]] = ()
    reads_bytes: ClassVar[bool] = False

    l1: float = option(0.0, "L1 penalty on the hidden kernels, reported separately", ge=0)
    l2: float = option(0.0, "L2 penalty on the hidden kernels, reported separately", ge=0)
    init: Initialiser = option(
        "keras", "initial weights; keras: Glorot uniform, zero biases, orthogonal recurrent kernels"
    )

    def stacks(self) -> dict[str, Sequence[Chosen]]:
        """The lists of layers that it has, by their keys in the config."""
        return {}

    def part(self, ids: bool) -> tuple[Chosen, ...] | Mapping[str, Node]:
        """What it is as a part of a graph: layers, or nodes that read `input`; no output layer.

        Args:
            ids: whether it reads rows of ids, which are names, else numbers.
        """
        raise NotImplementedError

    def byte_inputs(self, inputs: Collection[str]) -> list[str]:
        """Which inputs it takes as bytes, because it scales pictures itself."""
        return list(inputs) if self.reads_bytes else []

    def check(self, inputs: Known, targets: Sequence[str], where: Where) -> Iterator[Problem]:  # noqa: ARG002
        """What its options allow alone but the whole, or the data, contradict; without torch.

        Args:
            inputs: those of the dataset.
            targets: those of the config.
            where: gives the place where a path was written.
        """
        return iter(())

    def check_outputs(
        self,
        inputs: Known,  # noqa: ARG002
        sizes: Mapping[str, int],  # noqa: ARG002
        where: Where,  # noqa: ARG002
    ) -> Iterator[Problem]:
        """What contradicts the number of outputs; asked where all else is right.

        Args:
            inputs: those of the dataset.
            sizes: how many numbers each answer has; 0 where the data tell.
            where: gives the place where a path was written.
        """
        return iter(())


@dataclass(frozen=True, kw_only=True)
class Layered(Common):
    """Of a model that is layers one after another, on the data's only input.

    Attributes:
        key: of the config, for what is wrong with a layer.
    """

    key: ClassVar[str] = "model"

    @property
    def own_outputs(self) -> bool:
        """Whether its last layer gives the outputs themselves."""
        return False

    @abstractmethod
    def expand(self, ids: bool) -> tuple[Chosen, ...]:
        """The layers, from the input to the last hidden one.

        Args:
            ids: whether the input is rows of ids, which are names, else numbers.
        """

    def part(self, ids: bool) -> tuple[Chosen, ...]:
        """Its layers."""
        return self.expand(ids)

    def stacks(self) -> dict[str, Sequence[Chosen]]:
        """Its layers, as for ids."""
        return {self.key: self.expand(ids=True)}
