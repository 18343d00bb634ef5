"""A finished run, opened to be looked into: its network, its preparation, its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ..config.names import join_names
from ..config.schema import Config
from ..data.columns import Array, Column, Input, Rows
from ..data.fingerprints import row_hashes
from ..data.targets import TargetCodec
from ..errors import Problem, UsageError
from ..learning.learner import Learner
from ..losses import activate
from ..prepare import Pipeline
from ..running.kept import Kept, open_kept
from ..runs import ledger
from ..runs.folder import name_of
from ..sources.batches import Inputs, Part, make_part
from ..sources.data import read_data
from ..sources.fold import FoldData
from .methods import Kind


class UnfitError(Exception):
    """A method that does not fit a run; the message says why."""


class Opened:
    """A finished run: its network with the kept weights, and its rows where they are asked for.

    Args:
        kept: what the run has kept.
    """

    def __init__(self, kept: Kept) -> None:
        self.kept = kept
        self.config: Config = kept.config
        self.device = kept.device
        self.looked = ledger.Seen()
        self._pipeline = kept.pipeline()
        alone = kept.learner_alone(self._pipeline)
        self._learner = alone
        self.learner.networks.eval().requires_grad_(False)

    @cached_property
    def fold(self) -> FoldData:
        """The run's rows, read anew and checked to be those that it was trained on.

        Training and validation rows lie on the device; of the test set nothing does.
        """
        data = read_data(self.config)
        self.kept.earlier.check_data(data)
        return self.kept.place(data)

    @property
    def learner(self) -> Learner:
        """The learner with the kept weights."""
        if self._learner is None:  # of a run folder of an earlier version
            self._learner = self.kept.learner(self.fold.inputs, self.fold.targets)
        return self._learner

    @property
    def network(self) -> nn.Module:
        """The network that takes the inputs; of a GAN its discriminator, of a VAE its encoder.

        Raises:
            UsageError: the learner has none.
        """
        found = self.learner.seeing
        if found is None:
            what = f"learner {self.config.learner.name} has no network that dlx explain can show"
            accepted = "a run whose network takes rows, as of learner supervised or autoencoder"
            hint = f"dlx report {self.kept.run}"
            raise UsageError(Problem(what, str(self.kept.run), accepted, hint))
        return found

    @property
    def pipeline(self) -> Pipeline:
        """The fitted preparation."""
        return self._pipeline

    @property
    def inputs(self) -> Mapping[str, Input]:
        """What the network is told of its inputs."""
        return self._pipeline.inputs or self.fold.inputs

    @property
    def codecs(self) -> dict[str, TargetCodec]:
        """What the values of each target stand for; none where the learner has no targets."""
        if set(self._pipeline.targets) == set(self.config.targets):
            return dict(self._pipeline.targets)
        return {name: one.codec for name, one in self.fold.targets.items()}

    @property
    def kinds(self) -> dict[str, Kind]:
        """What each input is to whoever looks at it."""
        return {name: _kind(found, self._holds(name)) for name, found in self.inputs.items()}

    def _holds(self, name: str) -> str:
        """The kind of an input's column, as its file had it."""
        return self._pipeline.raw[name].kind or self.fold.data.samples.columns[name].kind

    def input_of(self, kind: Kind) -> str:
        """The name of the first input of a kind.

        Raises:
            UnfitError: there is none.
        """
        for name, found in self.kinds.items():
            if found == kind:
                return name
        told = join_names(f"{name} ({found})" for name, found in self.kinds.items())
        raise UnfitError(f"the run has no input of kind {kind}, only {told}")

    def looking(self) -> tuple[str, Part]:
        """Rows to look at: "validation", or "training" where none validate; and these rows."""
        if self.fold.validation is not None:
            return "validation", self.fold.validation
        return "training", self.fold.train

    def rows_looked_at(self, most: int) -> tuple[str, Part]:
        """So many of them at most, evenly spaced, and which they are, in words."""
        name, part = self.looking()
        if len(part) <= most:
            return f"all {len(part):,} {name} rows", part
        places = spread(len(part), most).to(part.numbers.device)
        return f"{len(places):,} of {len(part):,} {name} rows", part.take(places)

    def take(self, rows: Rows) -> Part:
        """Some rows of the dataset, prepared, on the device; of test rows the look is counted.

        Raises:
            UsageError: there is no such row.
        """
        fold = self.fold
        many = len(fold.data.samples)
        if len(rows) and (rows.min() < 0 or rows.max() >= many):
            wrong = int(rows[(rows < 0) | (rows >= many)][0])
            what = f"the dataset has no row {wrong}"
            raise UsageError(Problem(what, "--row", f"0 to {many - 1}"))
        self._count(rows)
        values = {name: one.values for name, one in fold.data.targets.items()}
        return make_part(fold.columns, values, rows, self.device)

    def set_of(self, row: int) -> str:
        """Which of the run's sets a row is in: "training", "validation", "test", or ""."""
        cut, data = self.fold.rows, self.fold.data
        sets = {"training": cut.train, "validation": cut.validation, "test": data.split.test}
        return next((name for name, rows in sets.items() if row in rows), "")

    def _count(self, rows: Rows) -> None:
        """Writes down that test rows are looked at, before they are."""
        data, run = self.fold.data, self.kept.run
        test = rows[np.isin(rows, data.split.test)]
        if len(test) and not data.samples.sample:
            found = ledger.rows_of(row_hashes(data.samples, data.input_hashes, test))
            root = run.parent.parent
            self.looked = ledger.record(root, found, name_of(run), "explain", folder=run)

    @torch.no_grad()
    def scores(self, inputs: Inputs) -> dict[str, Tensor]:
        """The activated answers of the run by target, for some rows; over all its views."""
        logits = self.learner.answer(inputs)
        return {n: activate(c.problem, logits[n].float()) for n, c in self.codecs.items()}


def _kind(found: Input, holds: str) -> Kind:
    if found.kind == "steps":
        return "series"
    if found.kind == "ids" or holds in ("text", "sequence"):
        return "text"
    return "image" if len(found.shape) in (2, 3) else "table"


def spread(rows: int, most: int) -> Tensor:
    """The places of so many of some rows at most, evenly spaced."""
    return torch.linspace(0, max(0, rows - 1), min(rows, most)).round().long()


def open_run(run: Path, weights: str | None = None, plugins: Sequence[str] = ()) -> Opened:
    """Opens a finished run to be looked into.

    Args:
        run: the run folder.
        weights: "best" or "last"; None takes the best where there are any.
        plugins: packages that the user allows now.

    Raises:
        UsageError: there are no such weights, or the config or the data have changed.
        RunError: the run folder is damaged.
    """
    return Opened(open_kept(run, weights, plugins))


@dataclass(frozen=True)
class Subject:
    """One thing that is looked at: a row of the dataset, or a file.

    Attributes:
        title: "row 12 (validation)", or the file's name.
        slug: of it, in the names of files.
        inputs: a batch of one row, as the network takes it.
        truth: what is true of it, by target; empty where that is not known.
        row: its number in the dataset; None of a file.
        pictures: of a file, its pixels by input, as the preparation was given them.
        columns: of a file or a text, its inputs as prepared; of a row they are among the run's.
    """

    title: str
    slug: str
    inputs: Inputs
    truth: Mapping[str, str] = field(default_factory=dict)
    row: int | None = None
    pictures: Mapping[str, Array] = field(default_factory=dict)
    columns: Mapping[str, Column] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """What was asked for.

    Attributes:
        subjects: what is looked at, by methods that look at one thing after the other.
        layer: the layer to look at; "": as the method chooses.
        label: the class to speak of; "": the one with the highest score.
        seed: of what is drawn at random.
        baseline: what rows are compared with; "": the usual one of each kind of input.
    """

    subjects: tuple[Subject, ...] = ()
    layer: str = ""
    label: str = ""
    seed: int = 0
    baseline: str = ""
