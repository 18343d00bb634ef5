"""dlx in Python and notebooks: what the commands do, as functions that return what they found.

A thin layer over the command line: arguments are those that are typed there, errors are the same
(`dlx.errors.DlxError`, whose text says what was found, where, what is accepted and what to do).
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .cli.main import answer_json
from .errors import DlxError, Problem, UsageError
from .runs import listing
from .runs.files import write_text
from .runs.folder import find, name_of

if TYPE_CHECKING:
    from .training.callbacks import Callback

Argument = str | Mapping[str, Any]
"""As typed, "optimizer.lr=0.1"; or several keys with their values, {"optimizer.lr": 0.1}."""
Row = dict[str, Any]


def call(command: str, *arguments: Argument) -> Any:
    """Runs any command and returns what it prints with `--json`.

    Args:
        command: its name, as "tune".
        arguments: as they are typed, each word a text of its own.

    Raises:
        DlxError: as the command tells it.
    """
    return answer_json([command, *_words(arguments)])


def train(*arguments: Argument, quiet: bool = False, watchers: Sequence[Callback] = ()) -> Run:
    """Trains, validates and tests a task, as `dlx train` does.

    Args:
        arguments: as "task=digits", "model.units=[32,32]", or {"optimizer.lr": 0.01}.
        quiet: whether no progress is shown.
        watchers: callbacks of your own, beside those of the config.

    Returns:
        The finished run.

    Raises:
        UsageError: the config or the data cannot be used; nothing is written.
        MethodError: the data show a leak; nothing is written.
        RunError: the run failed; its folder says so.
        Interrupted: it was asked to stop; `resume` goes on.
    """
    from .cli.train import show_answer
    from .cli.train import train as train_loaded
    from .config.words import refuse
    from .data.origins import load
    from .experiments import expand

    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read by CUDA when it starts
    words = _words(arguments)
    refuse(words)
    if any(word.startswith("experiment=") for word in words):
        _, words = expand(words)
    done = train_loaded(load(words, None), quiet=quiet, watchers=watchers)
    if not quiet:
        show_answer(done)
    return Run(done.folder)


def load_run(name: str | Path = "last", root: str | Path = "runs") -> Run:
    """A run that there is.

    Args:
        name: `last`, a unique part of a run's name, or a run folder.
        root: folder of the runs.

    Raises:
        UsageError: there is none, or several are meant.
    """
    return Run(find(Path(root), str(name)))


def list_runs(*filters: str, root: str | Path = "runs") -> list[Run]:
    """The runs below a folder, oldest first.

    Args:
        filters: as of `dlx runs`: "task=digits", "state=done".
        root: folder of the runs.
    """
    every = listing.by_folder(Path(root))
    asked = listing.parse(list(filters), list(every.values()))
    found = [(f, s) for f, s in every.items() if all(one.takes(s) for one in asked)]
    return [Run(folder) for folder, _ in found]


def resume(name: str | Path = "last", *arguments: Argument, root: str | Path = "runs") -> Run:
    """Goes on with a run that was interrupted, as `dlx resume` does."""
    told = call("resume", str(find(Path(root), str(name))), *arguments)
    return Run(Path(told["folder"]))


@dataclass(frozen=True)
class Run:
    """A run folder.

    Attributes:
        folder: where it lies; read each time, so that nothing is stale.
    """

    folder: Path

    @property
    def name(self) -> str:
        """As commands take it."""
        return name_of(self.folder)

    @property
    def status(self) -> dict[str, Any]:
        """What `dlx runs --json` tells of it."""
        return listing.status_of(self.folder) or {}

    @property
    def report(self) -> dict[str, Any]:
        """All facts of the report, as `report.json` has them.

        Raises:
            UsageError: it is not finished.
        """
        from .report.read import read

        return dict(read(self.folder).report)

    @property
    def scores(self) -> dict[str, float]:
        """The scores of the kept weights, as {"test/accuracy": 0.98}."""
        return {one["name"]: one["value"] for one in self.report["scores"]}

    @property
    def baselines(self) -> dict[str, float]:
        """The best simpler answer's value by score, where there is one."""
        scores = self.report["scores"]
        return {one["name"]: one["baseline"]["value"] for one in scores if one["baseline"]}

    @property
    def verdict(self) -> str:
        """What the score is worth, in a sentence."""
        power = self.report.get("power") or {}
        return ". ".join(filter(None, (power.get("use"), power.get("text"))))

    @property
    def epochs(self) -> list[Row]:
        """What was measured in each epoch."""
        from .report.read import read

        return [dict(row) for row in read(self.folder).epochs]

    @property
    def inputs(self) -> tuple[str, ...]:
        """The columns of a table that `predict` reads; of other inputs their names.

        Raises:
            UsageError: it is not finished, or predicts nothing.
        """
        from .use.predictor import Predictor

        wanted = Predictor.open(self.folder, "cpu").inputs
        return tuple(dict.fromkeys(name for one in wanted for name in one.columns or (one.name,)))

    @property
    def page(self) -> Path:
        """The report as an HTML file."""
        return self.folder / "report.html"

    def predict(
        self,
        rows: Any,
        *,
        top_k: int = 0,
        probabilities: bool = False,
        interval: float = 0.9,
        abstain: float = 0.0,
        keep: Sequence[str] = (),
        skip_broken: bool = False,
    ) -> Any:
        """What it answers to new rows, as `dlx predict` does.

        Args:
            rows: a pandas DataFrame, a list of rows as {column: value}, or one file or several.
            top_k: so many of the most probable classes too.
            probabilities: whether the probability of every class too.
            interval: the share of rows whose interval or set of classes is to hold the truth.
            abstain: the share of rows, the least sure, that are marked.
            keep: columns of the rows that are handed through.
            skip_broken: whether rows that cannot be predicted are left out.

        Returns:
            A DataFrame for a DataFrame, with its index; else a list of rows.

        Raises:
            UsageError: it is not finished, columns are missing, or a row cannot be predicted.
        """
        words = ["--interval", str(interval)]
        words += ["--top-k", str(top_k)] if top_k else []
        words += ["--abstain", str(abstain)] if abstain else []
        words += ["--keep", ",".join(keep)] if keep else []
        words += ["--probabilities"] if probabilities else []
        words += ["--skip-broken"] if skip_broken else []
        with tempfile.TemporaryDirectory(prefix="dlx-") as place:
            files = _as_files(rows, Path(place))
            out = Path(place) / "predictions.jsonl"
            try:
                call("predict", str(self.folder), *map(str, files), "--out", str(out), *words)
            except DlxError as error:
                raise type(error)(
                    *(_without(one, files, place) for one in error.problems)
                ) from None
            with out.open(encoding="utf-8") as lines:
                found = [json.loads(line) for line in lines]
        return _as_frame(found, rows) if _is_frame(rows) else found

    def test(self, weights: str = "") -> dict[str, Any]:
        """Evaluates it on the test set once more; the look is counted."""
        chosen = ["--weights", weights] if weights else []
        found: dict[str, Any] = call("test", str(self.folder), *chosen)
        return found

    def reproduce(self) -> dict[str, Any]:
        """Trains it again and compares it to the bit."""
        found: dict[str, Any] = call("reproduce", str(self.folder))
        return found

    def explain(self, *files: str | Path, method: Sequence[str] = ()) -> Path:
        """Shows what its network sees; returns the page."""
        chosen = [word for one in method for word in ("--method", one)]
        return Path(call("explain", str(self.folder), *map(str, files), *chosen)["page"])

    def generate(self, prompt: str | None = None, *arguments: Argument) -> str:
        """What a language model writes on; further arguments as of `dlx generate`."""
        asked = [] if prompt is None else ["--prompt", prompt]
        return str(call("generate", str(self.folder), *asked, *arguments)["text"])

    def _repr_html_(self) -> str:
        """Its verdict, scores and curves, for a notebook."""
        from .report.inline import build_inline

        return build_inline(self.folder)


def _words(arguments: Iterable[Argument]) -> list[str]:
    """Arguments as they are typed."""
    from .config.scalars import format_scalar

    def write(value: Any) -> str:
        if isinstance(value, Mapping):
            return "{" + ",".join(f"{key}:{write(one)}" for key, one in value.items()) + "}"
        if isinstance(value, (list, tuple)):
            return "[" + ",".join(map(write, value)) + "]"
        return "null" if value is None else format_scalar(value)

    words: list[str] = []
    for one in arguments:
        if isinstance(one, Mapping):
            words += [f"{key}={write(value)}" for key, value in one.items()]
        else:
            words.append(str(one))
    return words


def _without(problem: Problem, files: Iterable[Path], place: str) -> Problem:
    """A problem that names rows, and not the file that they were handed over in."""
    where = problem.where
    for file in files:
        if str(file).startswith(place):
            where = where.replace(str(file), "rows").replace(file.name, "rows")
    return replace(problem, where=where)


def _is_frame(rows: Any) -> bool:
    return type(rows).__name__ == "DataFrame" and hasattr(rows, "to_json")


def _as_files(rows: Any, place: Path) -> list[Path]:
    """The files that rows lie in, or are written to."""
    if isinstance(rows, (str, Path)):
        return [Path(rows)]
    if _is_frame(rows):
        rows = rows.astype(object).where(rows.notna(), None).to_dict("records")
    given = list(rows) if isinstance(rows, Iterable) else []
    if given and all(isinstance(one, (str, Path)) for one in given):
        return [Path(one) for one in given]
    if not given or not all(isinstance(one, Mapping) for one in given):
        what = f"rows are {type(rows).__name__}" if not given else "a row is no {column: value}"
        accepted = "a DataFrame, a list of {column: value}, or files"
        raise UsageError(Problem(what, "rows", accepted))
    file = place / "rows.jsonl"
    write_text(file, "".join(json.dumps(one, default=str) + "\n" for one in given))
    return [file]


def _as_frame(found: list[Row], rows: Any) -> Any:
    """Predictions as a DataFrame, with the index of the rows that they are of."""
    import pandas

    frame = pandas.DataFrame(found)
    places = frame.pop(frame.columns[0])  # the numbers of the rows
    frame.index = rows.index[places.to_numpy()]
    return frame
