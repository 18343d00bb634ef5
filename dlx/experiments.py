"""Claims in `experiments/*.yaml`: a task, its overrides, published figures, and our own.

A figure is named by what it says: "test/accuracy", "val/loss.best", "val/loss.best_epoch",
"val/loss.final", "train/accuracy.final", "val/mae.smoothed", "baseline/shuffled";
"lead/test/probe", by how much a score is better than the best simpler answer; "epochs", which were
trained; of the data "rows/train", and of what an input is prepared to "input/text.axis1" (its size
along the first axis of a row) and "input/text.tokens" (different tokens in training texts);
"model/parameters".
"""

from __future__ import annotations

import fnmatch
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from .config.files import BadFile, scan
from .config.names import find_nearest, join_names
from .config.paths import find_shipped
from .errors import Problem, UsageError

_COUNTED = ("tokens", "shared")
"""What preparation counts in an input of texts: different tokens, those that share an id."""
NAME = re.compile(r"[a-z0-9][a-z0-9_]*(\.[a-z0-9_]+)*")
KEYS = ("title", "task", "overrides", "seeds", "source", "published", "bars", "claims", "ours")


@dataclass(frozen=True)
class Claim:
    """A comparison that must hold: `figure` is above or below one of another, or its own.

    Attributes:
        figure: as in "val/loss.final".
        relation: "above", "below" or "equal".
        other: name of the other experiment.
        by: least distance.
        its: the other experiment's figure, where it is not the same one.
    """

    figure: str
    relation: str
    other: str
    by: float = 0.0
    its: str = ""

    @property
    def theirs(self) -> str:
        """The other experiment's figure."""
        return self.its or self.figure

    def __str__(self) -> str:
        far = f" by {self.by:g} or more" if self.by else ""
        to = " to" if self.relation == "equal" else ""
        return f"{self.figure} is {self.relation}{to} {self.its or 'that'} of {self.other}{far}"

    def holds(self, mine: float, others: float) -> bool:
        """Whether it holds between two measured figures."""
        if self.relation == "equal":
            return mine == others
        return mine - others >= self.by if self.relation == "above" else others - mine >= self.by


@dataclass(frozen=True)
class Experiment:
    """One claim.

    Attributes:
        name: the file's name, as in "ch4.imdb.dropout".
        title: one line.
        task: the task it trains.
        overrides: arguments after `task=`.
        seeds: those it is measured with.
        source: where it is published.
        published: figures by name.
        bars: figures that ours must reach, by name.
        claims: comparisons with other experiments.
        ours: measured figures: mean, standard deviation, seeds, tolerance.
        about: the comment that its file begins with.
    """

    name: str
    title: str
    task: str
    overrides: tuple[str, ...] = ()
    seeds: tuple[int, ...] = (0,)
    source: str = ""
    published: Mapping[str, float] = field(default_factory=dict)
    bars: Mapping[str, float] = field(default_factory=dict)
    claims: tuple[Claim, ...] = ()
    ours: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    about: str = ""

    def arguments(self) -> list[str]:
        """What `dlx train` takes to train it."""
        return [f"task={self.task}", *self.overrides]

    @property
    def section(self) -> str:
        """The section of the book that it is from, as in "3.5"; "" where it is from none."""
        found = re.search(r"\b\d+\.\d+\b", self.source)
        return found[0] if found else ""

    def list_figures(self) -> list[str]:
        """The figures worth a line: published ones and bars, else those measured best."""
        asked = dict.fromkeys([*self.published, *self.bars])
        return [*asked] or [name for name in self.ours if ".best" in name] or [*self.ours]

    def is_proven(self) -> bool | None:
        """Whether the recorded figures reach the bars and hold the comparisons; None without."""
        known = [(one, self.compare(one)) for one in self.claims]
        return _all_true([self.reaches_bars(), *(one.holds(*both) for one, both in known if both)])

    def reaches_bars(self) -> bool | None:
        """Whether our figures reach the bars; None where none is set or measured."""
        return _all_true(map(self.reaches_bar, self.bars))

    def reaches_bar(self, figure: str) -> bool | None:
        """Whether a figure of ours reaches its bar; None where either is missing."""
        known = figure in self.bars and figure in self.ours
        return reaches(figure, self.ours[figure]["mean"], self.bars[figure]) if known else None

    def compare(self, claim: Claim) -> tuple[float, float] | None:
        """What a comparison is of, our figure and the other's; None where one is not recorded."""
        mine, theirs = self.ours.get(claim.figure), find(claim.other).ours.get(claim.theirs)
        return (mine["mean"], theirs["mean"]) if mine and theirs else None


_SMALL = re.compile(
    r"/(mae|mse|rmse|loss|penalty|bits|bound|iw_bound|frechet|reconstruction|kl|alignment)$"
)
"""Names of scores that are to be small, in files that stand without a run. A test holds them
against what learners say of their scores."""


def is_count(figure: str) -> bool:
    """Whether a figure counts rows, places or parameters, and so is exact."""
    return figure.startswith(("rows/", "input/", "model/"))


def _all_true(found: Iterable[bool | None]) -> bool | None:
    known = [one for one in found if one is not None]
    return all(known) if known else None


def reaches(figure: str, value: float, bar: float) -> bool:
    """Whether a figure is as good as a bar: errors and losses from above, scores from below."""
    score = figure.removesuffix(".final").removesuffix(".best")
    return value <= bar if is_small_good(score) else value >= bar


def is_small_good(score: str) -> bool:
    """Whether a score, as "val/loss", is to be small. A lead over others is to be large, always."""
    return bool(_SMALL.search(score)) and not score.startswith("lead/")


def folders() -> list[Path]:
    """The folders of experiments, the first match winning: `./experiments`, then dlx's own."""
    own, default = Path.cwd() / "experiments", find_shipped("experiments")
    return [folder for folder in dict.fromkeys((own, default)) if folder.is_dir()]


def names() -> list[str]:
    """Every experiment there is."""
    found = {file.stem for folder in folders() for file in folder.glob("*.yaml")}
    return sorted(name for name in found if NAME.fullmatch(name))


def find_matching(words: Sequence[str]) -> list[str]:
    """The experiments that words stand for, each once: patterns as `ch4.*`, or parts of names.

    Raises:
        UsageError: one stands for none.
    """
    every, found = names(), set()
    for word in words:
        some = fnmatch.filter(every, word) or [name for name in every if word in name]
        if not some:
            near = find_nearest(word, every, 0.5)
            what = f"no experiment has `{word}` in its name"
            hint = f"dlx experiments {near}" if near else "dlx experiments"
            raise UsageError(Problem(what, "command line", join_names(every), hint))
        found |= {*some}
    return [name for name in every if name in found] if words else every


def find(name: str) -> Experiment:
    """An experiment by its name.

    Raises:
        UsageError: there is none of this name, or its file is wrong.
    """
    return read(file_of(name))


def file_of(name: str) -> Path:
    """The file of an experiment.

    Raises:
        UsageError: there is none of this name.
    """
    if NAME.fullmatch(name):
        for folder in folders():
            file = folder / f"{name}.yaml"
            if file.is_file():
                return file
    near = find_nearest(name, names(), 0.5)
    what = f"there is no experiment `{name}`"
    hint = f"experiment={near}" if near else "dlx experiments lists them"
    raise UsageError(Problem(what, "command line", join_names(names()), hint))


def read(file: Path) -> Experiment:
    """Reads an experiment's file.

    Raises:
        UsageError: it is no YAML, or not what an experiment is; with the line.
    """
    shown = f"experiments/{file.name}"
    try:
        lines = scan(file, shown)
    except BadFile as error:
        raise UsageError(error.problem) from None
    text = file.read_text(encoding="utf-8")
    values = yaml.safe_load(text) or {}
    problems = list(_problems(values, lines, shown))
    if problems:
        raise UsageError(*problems)
    claims = tuple(
        Claim(c["figure"], c["is"], c["than"], float(c.get("by", 0)), c.get("its", ""))
        for c in values.get("claims", [])
    )
    rest: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    rest |= {"claims": claims, "about": _read_comment(text)}
    return Experiment(name=file.stem, **rest)


def _read_comment(text: str) -> str:
    """The comment that a file begins with, on one line."""
    lines = itertools.takewhile(lambda line: line.startswith("#"), text.splitlines())
    return " ".join(line.lstrip("# ").rstrip() for line in lines).strip()


def _problems(values: Mapping[str, Any], lines: Any, shown: str) -> Sequence[Problem]:
    def where(key: str) -> str:
        line = lines.get((key,))
        return f"{shown}:{line}" if line else shown

    found = []
    for key in values:
        if key not in KEYS:
            near = find_nearest(str(key), KEYS)
            hint = f"did you mean {near}?" if near else ""
            found.append(Problem(f"unknown key `{key}`", where(str(key)), join_names(KEYS), hint))
    missing = [key for key in ("title", "task") if not isinstance(values.get(key), str)]
    found += [Problem(f"`{key}` is missing", shown, "a text") for key in missing]
    overrides = values.get("overrides", [])
    if not isinstance(overrides, list) or not all(isinstance(one, str) for one in overrides):
        found.append(
            Problem("`overrides` is not a list of texts", where("overrides"), "[key=value]")
        )
    seeds = values.get("seeds", [0])
    if not isinstance(seeds, list) or not all(type(one) is int and one >= 0 for one in seeds):
        found.append(Problem("`seeds` is not a list of seeds", where("seeds"), "[0, 1, 2]"))
    for key in ("published", "bars"):
        figures = values.get(key, {})
        if not isinstance(figures, dict) or not all(
            isinstance(value, (int, float)) for value in figures.values()
        ):
            told = "{test/accuracy: 0.88}"
            found.append(Problem(f"`{key}` is not a list of figures", where(key), told))
    ours = values.get("ours", {})
    if not isinstance(ours, dict) or not all(map(_is_record, ours.values())):
        told = "{test/accuracy: {mean: 0.88, std: 0.001, seeds: 3, tolerance: 0.003}}"
        found.append(Problem("`ours` is not a list of measured figures", where("ours"), told))
    for claim in values.get("claims", []):
        if not isinstance(claim, dict) or not {"figure", "is", "than"} <= set(claim):
            told = "{figure: val/loss.final, is: below, than: ch4.imdb.original}"
            found.append(Problem("a claim lacks a key", where("claims"), told))
        elif claim["is"] not in ("above", "below", "equal"):
            what = f"a claim says `is: {claim['is']}`"
            found.append(Problem(what, where("claims"), "above, below, equal"))
    return found


def _is_record(value: Any) -> bool:
    needed = {"mean", "std", "seeds"}
    return (
        isinstance(value, dict)
        and needed <= set(value) <= {*needed, "tolerance"}
        and all(type(one) in (int, float) for one in value.values())
    )


def expand(arguments: Sequence[str]) -> tuple[Experiment, list[str]]:
    """Puts an experiment's arguments in the place of `experiment=NAME`, before all others.

    Args:
        arguments: what was typed; one names an experiment.

    Returns:
        The experiment, and the arguments; its first seed is among them.

    Raises:
        UsageError: there is no such experiment, or two are named.
    """
    named = [a.partition("=")[2] for a in arguments if a.startswith("experiment=")]
    if len(named) > 1:
        raise UsageError(Problem(f"two experiments are named: {join_names(named)}", "command line"))
    found = find(named[0])
    rest = [a for a in arguments if not a.startswith("experiment=")]
    keys = {a.partition("=")[0] for a in rest}
    if "task" in keys:
        what = f"experiment {found.name} has a task of its own, {found.task}"
        raise UsageError(Problem(what, "command line: task=", hint="leave out one of the two"))
    own = [a for a in found.arguments() if a.partition("=")[0] not in keys]
    seed = [] if "seed" in keys else [f"seed={found.seeds[0]}"]
    return found, [*own, *seed, *rest]


def figures(report: Mapping[str, Any], epochs: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Every figure that a finished run gives.

    Args:
        report: its `report.json`.
        epochs: the rows of its `metrics.jsonl`.
    """
    found: dict[str, float] = {"epochs": float(len(epochs))}
    for key in epochs[-1] if epochs else ():
        values = [row.get(key) for row in epochs]
        if "/" not in key or not all(isinstance(value, (int, float)) for value in values):
            continue
        known = [float(value) for value in values if value is not None]
        best = min(known) if is_small_good(key) else max(known)
        found[f"{key}.final"] = known[-1]
        found[f"{key}.best"] = best
        found[f"{key}.best_epoch"] = float(known.index(best) + 1)
    for score in report.get("scores", []):
        if score["name"].startswith("test/"):
            found[score["name"]] = score["value"]
            found |= _lead(score)
    for baseline in report.get("baselines", []):
        found[f"baseline/{baseline['name']}"] = baseline["value"]
    if parameters := (report.get("model") or {}).get("parameters"):
        found["model/parameters"] = float(parameters)
    for name, rows in report.get("data", {}).get("rows", {}).items():
        found[f"rows/{name}"] = float(rows)
    for name, one in report.get("inputs", {}).items():
        found |= {f"input/{name}.axis{n}": float(size) for n, size in enumerate(one["shape"], 1)}
        found |= {f"input/{name}.{key}": float(one[key]) for key in _COUNTED if key in one}
    for name, smooth in (report.get("smoothed") or {}).items():
        found[f"{name}.smoothed"] = smooth["minimum"]
        found[f"{name}.smoothed_epoch"] = float(smooth["minimum_epoch"])
    return found


def _lead(score: Mapping[str, Any]) -> dict[str, float]:
    """By how much a score is better than the best simpler answer's, where there is one."""
    baseline = score.get("baseline")
    if not baseline:
        return {}
    more = score["value"] - baseline["value"]
    return {f"lead/{score['name']}": more if score["direction"] == "max" else -more}
