"""What the network of an earlier run makes of each row: a preparation step.

What it learns is that network itself, with the preparation of its rows, as text: so whoever has
the preparation has all that makes features of new rows, and the run may be gone.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ..config.fields import to_plain
from ..config.load import load_saved, load_values
from ..config.names import did_you_mean, join_names
from ..config.specs.features import RunFeatures as Options
from ..data.code import code_digest
from ..data.columns import Column, Dense
from ..data.feature_runs import KEY
from ..data.origins import forget_files
from ..data.samples import Frame
from ..data.targets import EncodedTarget
from ..errors import Problem, RunError, UsageError
from ..files import read_bytes
from ..interrupts import check
from ..models.inputs import Padded
from ..models.network import flatten
from ..prepare import Pipeline
from ..prepare.steps import State, Step
from ..progress import tell
from ..runs.source import find_finished, read_weights
from ..sources.batches import Inputs, Part, make_part
from ..sources.device import one_thread
from .learner import Learner

ROWS = 256
"""Rows that the network is given at once, always as many: others would give other bits."""
TOLD = "features of rows computed"
LARGEST = 100_000_000
"""Bytes of weights that the preparation has room for."""
_SHOWN = 30

Floats = npt.NDArray[np.float32]


class RunFeatures(Step[Options]):
    """Numbers of each row, (numbers,): what comes before the answer of a run's network, or a layer.

    On a CPU one thread computes, always of as many rows, so that neither the number of threads nor
    that of the rows changes a bit; the place of a row within a block may change the last digit.
    """

    costly = True
    slow = True
    fitted = False

    def depends_on(self) -> list[str]:
        """The digest of the weights, the code that builds the network, and torch."""
        code = [code_digest(f"{module}:") for module in (__name__, "dlx.models.network")]
        return [self.options.sha256, *code, version("torch")]

    def fit(self, column: Column) -> State:  # noqa: ARG002 - nothing is learnt from rows
        """The run's network, its config, and how it prepares rows.

        Raises:
            UsageError: the run is gone or has changed.
            RunError: it is damaged.
        """
        source = find_finished(Path(), self.options.run, self.options.sha256, KEY)
        config = load_saved(source.folder / "config.yaml", f"{source.folder.name}/config.yaml")
        read_weights(source)  # every byte is as it was recorded
        content = read_bytes(source.file, None)
        if len(content) > LARGEST:
            what = f"the weights of run {source.name} have {len(content):,} bytes"
            accepted = f"at most {LARGEST:,}, as the preparation keeps them"
            raise UsageError(Problem(what, KEY, accepted, "from_run starts from them"))
        pipeline = Pipeline.load(source.folder, config.dataset.options.inputs)
        return {
            "run": source.name,
            "config": to_plain(config),
            "pipeline": pipeline.plain(),
            "weights": base64.b64encode(content).decode("ascii"),
        }

    def apply(self, column: Column, state: State) -> Column:
        """A row of numbers for each row.

        Raises:
            UsageError: the network cannot take them, or there is no such layer.
            RunError: what is kept of the network is damaged.
            Interrupted: a signal asked to stop.
        """
        device = _device(self.options.device)
        network = _Network.of(state, device, self.options.layer)
        (name,) = network.pipeline.read
        rows = np.arange(len(column))
        prepared = network.pipeline.apply(Frame({name: column}))
        with one_thread():
            return Dense(_compute(network, make_part(prepared, {}, rows, device)))


@dataclass(frozen=True)
class _Network:
    """A run's network, and what comes before it.

    Attributes:
        learner: with the kept weights.
        pipeline: prepares its rows.
        layer: whose answer is taken; None: what the learner calls features.
    """

    learner: Learner
    pipeline: Pipeline
    layer: nn.Module | None

    @classmethod
    def of(cls, state: State, device: torch.device, layer: str | None) -> _Network:
        """The network that a step has kept.

        Raises:
            UsageError: it has no such layer.
            RunError: what is kept makes no sense.
        """
        from .build import build_learner  # whose learners may have such steps

        try:
            told = f"run {state['run']}, whose features the preparation computes"
            config = forget_files(load_values(state["config"], told))
            pipeline = Pipeline.of_plain(state["pipeline"])
            weights = _read(state["weights"])
            none = np.zeros(0, dtype=np.float32)
            targets = {name: EncodedTarget(none, one) for name, one in pipeline.targets.items()}
            learner = build_learner(config, pipeline.inputs, targets, device)
            learner.load_weights(weights)
        except (ValueError, TypeError, KeyError, AttributeError, RuntimeError) as error:
            what = f"what prepare step run_features has kept makes no sense: {error!r}"
            raise RunError(Problem(what, hint="train again")) from error
        return cls(learner, pipeline, _layer_of(learner, layer, str(state["run"])))

    @torch.no_grad()
    def __call__(self, inputs: Inputs) -> Tensor:
        """Features of some rows, (rows, numbers)."""
        if self.layer is None:
            return self.learner.encode(inputs)
        found: list[Any] = []
        hook = self.layer.register_forward_hook(lambda _, __, output: found.append(output))
        try:
            self.learner.encode(inputs)
        finally:
            hook.remove()
        if not found or not isinstance(found[-1], Tensor):
            what = f"layer {self._told} gives no row of numbers for each row"
            kind = "rows of different length" if found and isinstance(found[-1], Padded) else ""
            raise UsageError(Problem(f"{what}{kind and f', but {kind}'}", KEY, "another layer"))
        return flatten(found[-1]).float()

    @property
    def _told(self) -> str:
        assert self.learner.seeing is not None
        named: Iterator[tuple[str, nn.Module]] = self.learner.seeing.named_modules()
        return next(name for name, one in named if one is self.layer)


def _read(content: str) -> Mapping[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        return load(base64.b64decode(content, validate=True))
    except SafetensorError as error:
        raise ValueError(str(error)) from error


def _layer_of(learner: Learner, name: str | None, run: str) -> nn.Module | None:
    """A layer by its name in the network that reads rows.

    Raises:
        UsageError: with the nearest name.
    """
    if name is None:
        return None
    network = learner.seeing
    known: dict[str, nn.Module] = dict(network.named_modules()) if network is not None else {}
    if name and name in known:
        return known[name]
    names = [one for one in known if one]
    what = f"prepare step run_features: run {run} has no layer `{name}`"
    more = ", ..." if names[_SHOWN:] else ""
    raise UsageError(
        Problem(what, KEY, join_names(names[:_SHOWN]) + more, did_you_mean(name, names))
    )


def _device(asked: str) -> torch.device:
    """The device that is asked for, where it is there; a run may have been trained elsewhere."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    return torch.device(asked if there.get(asked) else "cpu")


def _compute(network: _Network, part: Part) -> Floats:
    """The features of all rows, in order; the last rows of a block are filled up."""
    found: list[Floats] = []
    many = len(part)
    tell(TOLD, 0, many)
    for start in range(0, many, ROWS):
        check()
        places = torch.arange(start, start + ROWS).clamp(max=many - 1)
        some = part.take(places.to(part.numbers.device)).fetch()
        features = network(some.batch(0, ROWS).inputs)
        end = min(start + ROWS, many)
        found.append(features[: end - start].float().cpu().numpy())
        tell(TOLD, end, many)
    return np.concatenate(found)
