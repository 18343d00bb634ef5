"""One fitted pipeline: from columns as they were read to what a model takes, and to answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..config.fields import Chosen, to_plain
from ..config.specs import STEPS
from ..config.specs.prepare import OnTarget
from ..data.cache import Cache
from ..data.columns import Array, Column, Dense, Input, Rows
from ..data.samples import Frame, Samples
from ..data.targets import Answers, TargetCodec
from ..errors import Problem, RunError, UsageError
from ..files import is_there, read_json
from ..runs.files import compact_text, make_folders, write_text
from .kept import Chain
from .steps import Labels, State, Step, apply_step, fit_apply_step

FOLDER, FILE, OLD_FILE = "prepare", "pipeline.json", "steps.json"

Columns = dict[str, Column]
_SENSELESS = (LookupError, TypeError, ValueError, ArithmeticError, AttributeError)
"""What comes of options or a state that a file was made to hold."""


@dataclass(frozen=True)
class FittedStep:
    """One step on one column, with what it learnt from the training rows."""

    name: str
    column: str
    options: dict[str, Any]
    state: dict[str, Any]

    def apply(self, column: Column) -> Column:
        """What it makes of a column.

        Raises:
            UsageError: the step is not known, or cannot take the column.
            RunError: what it learnt, as a file may hold it, makes no sense.
        """
        try:
            return apply_step(self._make(), column, self.state)
        except _SENSELESS as error:
            raise self._refuse(error) from error

    def remarks(self) -> list[str]:
        """What of what it learnt is worth a word, each with the name of the input."""
        step = self._make()
        told = step.remarks(self.state) if isinstance(step, Step) else []
        return [f"{self.column}: {one}" for one in told]

    def counts(self) -> dict[str, int]:
        """What it counted in the training rows, by name."""
        step = self._make()
        return step.counts(self.state) if isinstance(step, Step) else {}

    def choose(self) -> Chosen:
        """The step as a config chooses it.

        Raises:
            UsageError: it is not known.
            RunError: its options, as a file may hold them, make no sense.
        """
        if str(self.name) not in STEPS.entries:
            raise UsageError(Problem(f"there is no prepare step `{self.name}`"))
        entry = STEPS.entries[self.name]
        try:
            return Chosen(self.name, entry.options(**self.options), entry.target)
        except _SENSELESS as error:
            raise self._refuse(error) from error

    def _make(self) -> Step[Any]:
        chosen = self.choose()
        step: Step[Any] = chosen.load()(chosen.options)
        return step

    def _refuse(self, error: Exception) -> RunError:
        what = f"what prepare step {self.name} learnt does not fit input {self.column}"
        return RunError(Problem(f"{what}: {error!r}", hint="train again"))


@dataclass(frozen=True)
class RawColumn:
    """An input as the file had it: the kind of its column, and what that holds in words.

    Attributes:
        kind: of the column.
        holds: what it holds, in words.
        of: the column of the frame that it is, where it has another name than that.
    """

    kind: str
    holds: str
    of: str = ""

    def plain(self) -> dict[str, str]:
        """As `pipeline.json` holds it."""
        told = {"kind": self.kind, "holds": self.holds}
        return {**told, "of": self.of} if self.of else told


@dataclass(frozen=True)
class Pipeline:
    """Everything between a dataset's columns and a model's answers, fitted on training rows.

    Attributes:
        raw: the inputs, as the file had them.
        steps: what was done to them, in order, and learnt.
        targets: what the values of each target stand for.
        inputs: what a model is told of the inputs.
    """

    raw: dict[str, RawColumn]
    steps: tuple[FittedStep, ...]
    targets: dict[str, TargetCodec] = field(default_factory=dict)
    inputs: dict[str, Input] = field(default_factory=dict)

    @classmethod
    def fit(
        cls,
        steps: Sequence[Chosen],
        samples: Samples,
        train: Rows,
        targets: Mapping[str, TargetCodec] | None = None,
        cache: Cache | None = None,
        labelled: Rows | None = None,
    ) -> tuple[Pipeline, Columns]:
        """Fits each step on the training rows and applies it to all rows.

        Args:
            steps: the steps, in order.
            samples: the dataset.
            train: the rows that may be learnt from.
            targets: what the values of each target stand for.
            cache: where costly results are kept between runs.
            labelled: the rows whose targets may be learnt from; None: `train`.

        Returns:
            The pipeline, and the columns that it makes of all rows.

        Raises:
            UsageError: a step cannot take the column it is given, or the result has holes (NaN)
                or rows of different length.
        """
        columns: Columns = {}
        fitted: list[FittedStep] = []
        rows = train if labelled is None else labelled
        source = _Source(samples, dict(targets or {}), train, rows)
        for name in samples.inputs:
            mine = {
                place: step
                for place, step in enumerate(steps)
                if not step.options.columns or name in step.options.columns
            }
            column, learnt = _fit(mine, name, source, cache)
            with _prefix_input(name):
                columns[name] = column.ready()
            fitted.extend(learnt)
        raw = {name: _raw(samples.columns[name]) for name in samples.inputs}
        inputs = {name: column.describe() for name, column in columns.items()}
        return cls(raw, tuple(fitted), dict(targets or {}), inputs), columns

    def apply(self, frame: Frame, cache: Cache | None = None) -> Columns:
        """The input columns of some rows as a model takes them.

        Args:
            frame: the columns, as they were read; targets may be missing.
            cache: where what costly steps make of a whole dataset is kept.

        Raises:
            UsageError: an input is missing or of another kind, a step is not known or cannot take
                what it is given, or the result has holes.
        """
        columns: Columns = {}
        for name, raw in self.raw.items():
            of = raw.of or name
            if of not in frame.columns:
                found = ", ".join(frame.columns) or "no column"
                raise UsageError(Problem(f"there is no input {of}, only {found}"))
            column = frame.columns[of]
            if raw.holds and replace(_raw(column), of=raw.of) != raw:
                what = f"input {name} holds {column.holds}, not what was prepared in training"
                raise UsageError(Problem(what, "", raw.holds))
            column = self._apply(column, name, of, getattr(frame, "key", ""), cache)
            with _prefix_input(name):
                columns[name] = column.ready()
        return columns

    def _apply(self, column: Column, name: str, of: str, known: str, cache: Cache | None) -> Column:
        """What the steps of one column make of it; `of` is its name in the frame."""
        steps = [step for step in self.steps if step.column == name]

        def run(some: Sequence[FittedStep], column: Column) -> Column:
            for step in some:
                column = step.apply(column)
            return column

        if cache is None or not known:
            return run(steps, column)
        chain = Chain(of, tuple(step.choose() for step in steps), known)
        first, rest = steps[: chain.costly], steps[chain.costly :]
        states, key = [step.state for step in first], chain.key([""] * len(steps), None, None)
        column, _ = chain.make_once(key, cache, lambda: (run(first, column), states))
        return run(rest, column)

    @property
    def read(self) -> tuple[str, ...]:
        """The columns of a frame that it reads."""
        return tuple(dict.fromkeys(raw.of or name for name, raw in self.raw.items()))

    def remarks(self) -> list[str]:
        """What of what was learnt is worth a word."""
        return [told for step in self.steps for told in step.remarks()]

    def counts(self, name: str) -> dict[str, int]:
        """What the steps of an input counted in the training rows, by name."""
        mine = (step.counts() for step in self.steps if step.column == name)
        return {what: many for found in mine for what, many in found.items()}

    def rescale(self, name: str, codec: TargetCodec) -> TargetCodec:
        """A target's codec, with the scale and the thresholds that were learnt of it, if any."""
        learnt = self.targets.get(name, codec)
        scaled = replace(codec, mean=learnt.mean, std=learnt.std, log=learnt.log)
        return replace(scaled, threshold=learnt.threshold)

    def decide(self, thresholds: Mapping[str, tuple[float, ...]]) -> Pipeline:
        """The same, with other thresholds of some targets; see `TargetCodec`."""
        changed = {n: replace(self.targets[n], threshold=one) for n, one in thresholds.items()}
        return replace(self, targets={**self.targets, **changed})

    def decode(self, activated: Mapping[str, Array]) -> dict[str, Answers]:
        """What a model's predictions say, by target; see `TargetCodec.decode`."""
        return {name: self.targets[name].decode(values) for name, values in activated.items()}

    def save(self, folder: Path) -> None:
        """Writes `prepare/pipeline.json` below a folder.

        Raises:
            RunError: it cannot be written.
        """
        make_folders(folder / FOLDER)
        write_text(folder / FOLDER / FILE, compact_text(self.plain()) + "\n")

    def plain(self) -> dict[str, Any]:
        """As `pipeline.json` holds it."""
        return {
            "raw": {name: one.plain() for name, one in self.raw.items()},
            "steps": [vars(one) for one in self.steps],  # `asdict` copies a vocabulary in seconds
            "targets": {name: codec.plain() for name, codec in self.targets.items()},
            "inputs": {name: found.plain() for name, found in self.inputs.items()},
        }

    @classmethod
    def of_plain(cls, saved: Mapping[str, Any]) -> Pipeline:
        """What `plain` told; any error of Python's where it makes no sense."""
        return cls(
            {name: RawColumn(**row) for name, row in saved["raw"].items()},
            tuple(FittedStep(**row) for row in saved["steps"]),
            {name: _codec(**row) for name, row in saved["targets"].items()},
            {name: _input(**row) for name, row in saved["inputs"].items()},
        )

    @classmethod
    def load(cls, folder: Path, inputs: Sequence[str]) -> Pipeline:
        """Reads a pipeline back from a folder.

        Args:
            folder: where it was saved.
            inputs: names of the inputs, which folders of earlier versions do not hold; from those
                come neither targets nor what a model is told.

        Raises:
            RunError: it is damaged.
        """
        file = folder / FOLDER / FILE
        try:
            if not is_there(file):
                file = folder / FOLDER / OLD_FILE
                steps = tuple(FittedStep(**row) for row in read_json(file))
                return cls({name: RawColumn("", "") for name in inputs}, steps)
            return cls.of_plain(read_json(file))
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            what = f"the fitted preparation cannot be read: {error}"
            raise RunError(Problem(what, str(file))) from error


def _codec(classes: Sequence[str], **rest: Any) -> TargetCodec:
    for name in _NUMBERS:
        rest[name] = tuple(map(float, rest.get(name, ())))
    return TargetCodec(classes=tuple(classes), **rest)


_NUMBERS = ("mean", "std", "threshold", "quantiles")


def _input(shape: Sequence[int], **rest: Any) -> Input:
    return Input(shape=tuple(shape), **rest)


def _raw(column: Column) -> RawColumn:
    return RawColumn(column.fed_as or column.kind, column.holds)


@contextmanager
def _prefix_input(name: str) -> Iterator[None]:
    """Puts the input before what a column says of itself."""
    try:
        yield
    except UsageError as error:
        told = (replace(one, what=f"input {name} {one.what}") for one in error.problems)
        raise UsageError(*told) from None


@contextmanager
def _place_step(place: int) -> Iterator[None]:
    """Says which step it is that cannot take a column."""
    try:
        yield
    except UsageError as error:
        here = f"prepare.steps.{place}"
        raise UsageError(
            *(replace(one, where=one.where or here) for one in error.problems)
        ) from None


@dataclass(frozen=True)
class _Source:
    """What steps learn from.

    Attributes:
        samples: the dataset.
        targets: what the values of each target stand for.
        train: the rows that may be learnt from.
        labelled: those whose targets may be learnt from.
    """

    samples: Samples
    targets: Mapping[str, TargetCodec]
    train: Rows
    labelled: Rows

    def target_of(self, step: Chosen) -> str:
        """The name of the target that a step learns from; "" of one that learns from none.

        Raises:
            UsageError: there is no target that it can learn from.
        """
        if not isinstance(step.options, OnTarget):
            return ""
        try:
            return step.options.choose_target({n: c.problem for n, c in self.targets.items()})
        except UsageError as error:
            told = (replace(p, what=f"prepare step {step.name} {p.what}") for p in error.problems)
            raise UsageError(*told) from None

    def fit_apply(self, step: Step[Any], target: str, column: Column) -> tuple[State, Column]:
        """What a step learns, and what it makes of all rows."""
        if not target:
            return fit_apply_step(step, column, self.train)
        ids = self.samples.columns[target]
        assert isinstance(ids, Dense), "a target has numbers"
        labels = Labels(ids.values, self.targets[target].classes)
        return fit_apply_step(step, column, self.labelled, labels)


def _fit(
    chosen: Mapping[int, Chosen], name: str, source: _Source, cache: Cache | None
) -> tuple[Column, list[FittedStep]]:
    """Runs steps, by their place, on one column; what costly ones gave is taken from the cache."""
    places, given = list(chosen), source.samples.columns[name]
    chain = Chain(name, tuple(chosen.values()), source.samples.key)
    targets = [source.target_of(step) for step in chain.steps]
    states: list[State] = []

    def run(column: Column, first: int, last: int) -> Column:
        for index in range(first, last):
            step = chain.built[index]
            # a step that takes no missing values would spread them over all rows
            with _prefix_input(name):
                column.check(missing_allowed=getattr(step, "takes_missing", False))
            with _place_step(places[index]):
                state, column = source.fit_apply(step, targets[index], column)
            states.append(state)
        return column

    if not chain.steps:
        with _prefix_input(name):
            given.check()
    key, first = chain.key(targets, source.train, source.labelled), chain.costly
    column, states[:] = chain.make_once(key, cache, lambda: (run(given, 0, first), [*states]))
    column = run(column, first, len(chain.steps))
    learnt = zip(chain.steps, states, strict=True)
    return column, [_make_step(step, name, state) for step, state in learnt]


def _make_step(step: Chosen, column: str, state: dict[str, Any]) -> FittedStep:
    told = to_plain(step.options, newer=False)  # else every new option changes earlier runs' files
    left = ("columns", *getattr(step.options, "places", ()))
    options = {k: v for k, v in told.items() if k not in left}
    return FittedStep(step.name, column, options, state)
