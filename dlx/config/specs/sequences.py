"""Models of sequences by a few options each; what they are is a list of layers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ...errors import Problem, UsageError
from ..fields import Chosen, option
from ..files import Where
from ..shapes import Shape, shape_of
from .attention import LENGTH_OF_ROWS
from .graphs import locate
from .layers import choose, follow, take_vector
from .model import Layered
from .nodes import Known
from .recurrent import Activation, Ways

_SIZES = "one whole number >= 1 or several"
_CELLS = ("rnn", "lstm", "gru")
_EMBEDDING = "length of a learned vector for each id; of numbers, "
_STATE = "share of {} set to zero in training, the same at all steps of a row"
_INPUTS, _STATES = _STATE.format("a recurrent layer's inputs"), _STATE.format("its state")


@dataclass(frozen=True, kw_only=True)
class Sequences(Layered):
    """Of a model of rows of ids, or of sequences of numbers."""

    end_dropout: float = option(0.0, "share set to zero before the output layer", ge=0, lt=1)

    def expand(self, ids: bool) -> tuple[Chosen, ...]:
        """The layers, with dropout after them where it is asked for."""
        end = choose(("dropout", {"rate": self.end_dropout})) if self.end_dropout else ()
        return (*self.layers(ids), *end)

    @abstractmethod
    def layers(self, ids: bool) -> tuple[Chosen, ...]:
        """The layers before that; see `expand`."""

    def take(self, name: str, shape: Shape) -> Shape:
        """Hands back the shape of an input if it has steps.

        Raises:
            UsageError: it has none.
        """
        if shape.kind in ("ids", "sequence"):
            return shape
        what = f"this model reads steps, but the rows of the input {name} are {shape}"
        accepted = "rows of ids, or sequences (time, features)"
        hint = "model=mlp; of word ids the step truncate in place of multi_hot keeps the order"
        raise UsageError(Problem(what, "model", accepted, hint))

    def check(self, inputs: Known, targets: Sequence[str], where: Where) -> Iterator[Problem]:  # noqa: ARG002
        """An input without steps, and layers that it does not fit, as far as its shape is known."""
        try:
            for name, sizes in inputs.items() if len(inputs) == 1 else ():
                if sizes is not None:
                    shape = self.take(name, shape_of(sizes, images=False))
                    (end,) = follow(self.expand(ids=False), [shape], self.key)
                    take_vector(end, self.key)
        except UsageError as error:
            yield from locate(error, where)

    def refuse(self, option_: str, why: str, where: Where) -> Iterator[Problem]:
        """An option that would have no effect."""
        default = getattr(type(self)(), option_)
        if (value := getattr(self, option_)) != default:
            key, accepted = f"model.{option_}", "null" if default is None else f"{default}"
            what = f"`{key}` is {value}, but {why}"
            yield Problem(what, where(("model", option_)), accepted, f"{key}={accepted}")


@dataclass(frozen=True, kw_only=True)
class Recurrent(Sequences):
    """Recurrent layers one after another, the last output of the last (book 6.2, 6.3)."""

    size = "units"
    small = ((1,), (2,), (1, 1))

    cell: Literal["rnn", "lstm", "gru"] = option("lstm", "the kind of its layers")
    units: tuple[int, ...] = option((32,), "length of each layer's state", ge=1)
    embedding: int = option(32, f"{_EMBEDDING}of no effect", ge=1)
    bidirectional: Ways = option(
        "none", "read both ways, the outputs side by side (concat) or added (sum)"
    )
    reverse: bool = option(False, "read each row from its last step to its first")
    activation: Activation = option("tanh", "of the candidates of rnn and gru; relu: by a loop")
    dropout: float = option(0.0, _INPUTS, ge=0, lt=1)
    recurrent_dropout: float = option(0.0, _STATES, ge=0, lt=1)

    def layers(self, ids: bool) -> tuple[Chosen, ...]:
        """An embedding of ids, and the recurrent layers."""
        shared = {name: getattr(self, name) for name in ("dropout", "recurrent_dropout")}
        shared |= {} if self.cell == "lstm" else {"activation": self.activation}
        shared |= {"bidirectional": self.bidirectional}
        return choose(
            *([("reverse", {})] if self.reverse else ()),
            *([("embedding", {"dim": self.embedding})] if ids else ()),
            *(
                (self.cell, {"units": units, "sequence": number < len(self.units), **shared})
                for number, units in enumerate(self.units, start=1)
            ),
        )

    def check(self, inputs: Known, targets: Sequence[str], where: Where) -> Iterator[Problem]:
        """No layer, or an activation that its cell has not."""
        if not self.units:
            hint = "model.units=[32]"
            yield Problem("`model.units` is empty", where(("model", "units")), _SIZES, hint)
            return
        if self.cell == "lstm":
            yield from self.refuse("activation", "an lstm has no other", where)
        yield from super().check(inputs, targets, where)


@dataclass(frozen=True, kw_only=True)
class Conv1d(Sequences):
    """Convolutions over time with pooling between them, then one number a channel (book 6.4)."""

    size = "channels"
    small = ((1,), (1, 1), (2, 2))
    channels: tuple[int, ...] = option((32, 32), "filters of each convolution", ge=1)
    kernel: int = option(7, "window of the convolutions", ge=1, aliases=("kernel_size",))
    pool: int = option(5, "max-pooling between two convolutions; 1 for none", ge=1)
    embedding: int = option(128, f"{_EMBEDDING}of no effect", ge=1)
    end: Literal["global_max", "global_avg", "attention", "rnn", "lstm", "gru"] = option(
        "global_max", "over all places: the largest value, the mean, or a recurrent layer"
    )
    units: int | None = option(None, "length of a recurrent end's state; null: 32", ge=1)
    dropout: float = option(
        0.0,
        "share set to zero before the end; before a recurrent one the same at all steps",
        ge=0,
        lt=1,
    )
    recurrent_dropout: float = option(0.0, _STATES, ge=0, lt=1)

    def layers(self, ids: bool) -> tuple[Chosen, ...]:
        """An embedding of ids, the convolutions, and the end."""
        found: list[tuple[str, dict[str, Any]]] = []
        for channels in self.channels:
            pool = [("max_pool1d", {"size": self.pool})] if found and self.pool > 1 else []
            window = {"channels": channels, "kernel": self.kernel}
            found += [*pool, ("conv1d", window), ("relu", {})]
        if self.dropout and self.end not in _CELLS:
            found.append(("dropout", {"rate": self.dropout}))
        embedding = [("embedding", {"dim": self.embedding})] if ids else []
        return choose(*embedding, *found, self._ending())

    def _ending(self) -> tuple[str, dict[str, Any]]:
        if self.end not in _CELLS:
            return f"{self.end}_pool", {}
        drops = {"dropout": self.dropout, "recurrent_dropout": self.recurrent_dropout}
        return self.end, {"units": self.units or 32, **drops}

    def check(self, inputs: Known, targets: Sequence[str], where: Where) -> Iterator[Problem]:
        """Options of a recurrent end where there is none."""
        for name in ("units", "recurrent_dropout") if self.end not in _CELLS else ():
            yield from self.refuse(name, f"the end {self.end} is not recurrent", where)
        yield from super().check(inputs, targets, where)


@dataclass(frozen=True, kw_only=True)
class Transformer(Sequences):
    """Transformer encoder: positions, blocks of attention, then one number a feature."""

    size = "units"
    small = ((2,), (4,), (2, 2))

    embedding: int = option(64, f"{_EMBEDDING}of a dense layer at each step", ge=1)
    position: Literal["none", "sinusoidal", "learned"] = option(
        "learned", "what tells a step's place"
    )
    length: int | None = option(
        None, f"places that have a learned vector; null: {LENGTH_OF_ROWS}", ge=1
    )
    units: tuple[int, ...] = option((32,), "units of the dense layer in each block", ge=1)
    heads: int = option(2, "attention heads of each block", ge=1)
    key_size: int | None = option(
        None, "length of each head's queries, keys and values; null: embedding / heads", ge=1
    )
    norm: Literal["post", "pre"] = option("post", "normalise after each sum, or before each part")
    dropout: float = option(0.0, "share of each part's output set to zero", ge=0, lt=1)
    end: Literal["global_max", "global_avg", "attention"] = option(
        "global_max", "over all steps: the largest value, the mean, or a mean weighted by scores"
    )

    def layers(self, ids: bool) -> tuple[Chosen, ...]:
        """An embedding of ids, else a dense layer; positions, the blocks, and the end."""
        block: dict[str, Any] = {"heads": self.heads, "key": self.key_size}
        block |= {"norm": self.norm, "dropout": self.dropout}
        places = {"kind": self.position, "length": self.length}
        return choose(
            ("embedding", {"dim": self.embedding})
            if ids
            else ("linear", {"units": self.embedding}),
            *([] if self.position == "none" else [("position", places)]),
            *(("transformer", {"dense": units, **block}) for units in self.units),
            (f"{self.end}_pool", {}),
        )

    def check(self, inputs: Known, targets: Sequence[str], where: Where) -> Iterator[Problem]:
        """A length of places that are not learned, and heads that cannot share the features."""
        if self.key_size is None and self.embedding % self.heads:
            even = max(n for n in range(1, self.heads) if not self.embedding % n)
            what = f"{self.heads} heads cannot share {self.embedding} features"
            accepted = f"heads that divide {self.embedding}, or a model.key_size"
            here = where(("model", "heads")) or where(("model",))
            yield Problem(what, here, accepted, f"model.heads={even}")
            return
        if self.position != "learned":
            yield from self.refuse("length", f"the position is {self.position}", where)
        yield from super().check(inputs, targets, where)
