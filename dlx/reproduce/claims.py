"""Claims in `experiments/`: measured over their seeds, held against what is recorded, recorded."""

from __future__ import annotations

import fnmatch
import glob
import json
import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from ..data.origins import load
from ..data.store import require
from ..errors import Problem, UsageError
from ..experiments import Experiment, figures, file_of, find, is_count, names, reaches, read
from ..files import read_text
from ..runs.files import write_bytes, write_text
from ..runs.source import quote
from .replay import replay

Say = Callable[[str], None]
Figures = dict[str, list[float]]

SPREADS = 3.0
"""Standard deviations over seeds that a first recorded tolerance allows."""
LEAST_SHARE, LEAST_EPOCHS = 0.005, 3.0
"""What it allows at least: a share of the figure, or epochs."""


@dataclass(frozen=True)
class Result:
    """One figure, or one comparison, held against its record.

    Attributes:
        claim: the experiment's name.
        figure: the figure's name, or the comparison in words.
        measured: its mean over the seeds tried.
        recorded: the recorded mean; None where a bar or a comparison is checked.
        tolerance: how far it may be off; None where it may not be on one side only.
        verdict: "holds", "off", "below its bar", "does not hold", or why it could not be checked.
        holds: whether it counts as reproduced.
    """

    claim: str
    figure: str
    measured: float
    recorded: float | None
    tolerance: float | None
    verdict: str
    holds: bool


def files_of(patterns: Sequence[str]) -> list[Path]:
    """The files that experiments' names, paths and globs of either stand for, each once.

    Raises:
        UsageError: one stands for none.
    """
    found: dict[Path, None] = {}
    for pattern in patterns:
        known = fnmatch.filter(names(), _name_of(pattern))
        matching = [Path(one) for one in sorted(glob.glob(pattern))] or [*map(file_of, known)]
        if not matching or not all(one.is_file() for one in matching):
            what = f"there is no experiment or file {pattern}"
            hint = "dlx experiments lists the experiments"
            raise UsageError(Problem(what, "command line", "NAME, experiments/NAME.yaml", hint))
        found |= dict.fromkeys(matching)
    return list(found)


def _name_of(pattern: str) -> str:
    """The name that stands in `experiments/NAME.yaml`, where no such folder may be here."""
    return pattern.removeprefix("experiments/").removesuffix(".yaml")


def check(files: Sequence[Path], seeds: int | None, root: Path, say: Say) -> list[Result]:
    """Runs claims, and holds every recorded figure, bar and comparison against what they give.

    Args:
        files: the experiments' files.
        seeds: only so many of each one's seeds; None for all.
        root: the folder of runs whose ledger counts the looks.
        say: told how it gets on.

    Raises:
        UsageError: a file is no experiment, or records nothing to check.
    """
    every = [read(file) for file in files]
    empty = [one.name for one in every if not (one.ours or one.bars or one.claims)]
    if empty:
        hint = f"dlx experiments record {empty[0]}"
        raise UsageError(Problem(f"{empty[0]} has no recorded figure to check", "", "ours", hint))
    require_data(every)
    measured: dict[str, Figures] = {}
    results: list[Result] = []
    for one in every:
        say(f"{one.name}: {one.title}")
        measured[one.name] = measure(one, one.seeds[:seeds], root, say)
        results += _against_record(one, measured[one.name])
    for one in every:
        results += _comparisons(one, measured)
    return results


def require_data(every: Sequence[Experiment]) -> None:
    """Refuses experiments whose data are not there, before the first is trained.

    Raises:
        UsageError: with one problem for each dataset that is missing, or what is wrong in a config.
    """
    require(load(one.arguments()).config.dataset for one in every)


def measure(one: Experiment, seeds: Sequence[int], root: Path, say: Say) -> Figures:
    """Every figure of an experiment for each seed; the runs are not kept, looks are counted."""
    found: Figures = {}
    for seed in seeds:
        loaded = load([*one.arguments(), f"seed={seed}", f"run.root={quote(str(root))}"])
        with replay(loaded, root, f"experiments/{one.name}") as run:
            lines = read_text(run.folder / "metrics.jsonl").splitlines()
        given = figures(run.facts, [json.loads(line) for line in lines])
        for name, value in given.items():
            found.setdefault(name, []).append(value)
        say(f"  seed {seed}: {_shorten(one, given)}")
    return found


def _shorten(one: Experiment, given: dict[str, float]) -> str:
    shown = [name for name in (one.ours or one.published or one.bars or given) if name in given]
    return "  ".join(f"{name} {given[name]:.4g}" for name in shown[:3])


def _against_record(one: Experiment, measured: Figures) -> list[Result]:
    results = []
    for name, record in one.ours.items():
        if name not in measured:
            results.append(Result(one.name, name, math.nan, record["mean"], None, "missing", False))
            continue
        mean, allowed = statistics.fmean(measured[name]), tolerance_of(name, record)
        near = abs(mean - record["mean"]) <= allowed
        verdict = "holds" if near else "off"
        results.append(Result(one.name, name, mean, record["mean"], allowed, verdict, near))
    for name, bar in one.bars.items():
        mean = statistics.fmean(measured[name]) if name in measured else math.nan
        held = reaches(name, mean, bar)
        told = f"reaches its threshold, {bar:g}" if held else f"misses its threshold, {bar:g}"
        results.append(Result(one.name, name, mean, None, None, told, held))
    return results


def _comparisons(one: Experiment, measured: dict[str, Figures]) -> list[Result]:
    """Claims against other experiments: as measured now, else as recorded."""
    results = []
    for claim in one.claims:
        mine = statistics.fmean(measured[one.name].get(claim.figure, [math.nan]))
        others = measured.get(claim.other, {}).get(claim.theirs)
        if others is None:
            record = find(claim.other).ours.get(claim.theirs)
            others = [record["mean"]] if record else [math.nan]
        held = claim.holds(mine, statistics.fmean(others))
        verdict = "holds" if held else f"does not hold: {statistics.fmean(others):.4g} there"
        results.append(Result(one.name, str(claim), mine, None, None, verdict, held))
    return results


def tolerance_of(name: str, record: dict[str, float] | object) -> float:
    """How far a figure may be off: as recorded, else three standard deviations over seeds."""
    assert isinstance(record, dict)
    if "tolerance" in record:
        return float(record["tolerance"])
    if is_count(name):
        return 0.0
    least = (
        LEAST_EPOCHS if name.endswith(("_epoch", "epochs")) else LEAST_SHARE * abs(record["mean"])
    )
    return max(SPREADS * record["std"], least)


def record(one: Experiment, file: Path, measured: Figures) -> list[str]:
    """Writes `ours` as the last block of an experiment's file; all else stays as it is.

    A tolerance that is there stays as it is, and a figure beyond it is not written over.

    Args:
        one: the experiment as its file says.
        file: its file.
        measured: every figure for each seed.

    Returns:
        Figures that are further off than their recorded tolerance; their old record stays.
    """
    before = one.ours
    lines, beyond = [], []
    for name in sorted(worth_keeping(one) & set(measured)):
        values = measured[name]
        spread = statistics.stdev(values) if len(values) > 1 else 0.0
        new = {"mean": statistics.fmean(values), "std": spread, "seeds": float(len(values))}
        old = dict(before.get(name, {}))
        allowed = tolerance_of(name, old or new)
        if old and abs(new["mean"] - old["mean"]) > allowed:
            beyond.append(
                f"{name} is {new['mean']:.5g}, recorded {old['mean']:.5g} ± {allowed:.3g}"
            )
            new = old
        digits = 12 if is_count(name) else 5
        lines.append(
            f"  {name}: {{mean: {_yaml(new['mean'], digits)}, std: {_yaml(new['std'], 2)}, "
            f"seeds: {new['seeds']:.0f}, tolerance: {_yaml(allowed, 3)}}}\n"
        )
    text = file.read_text(encoding="utf-8").split("\nours:")[0].rstrip()
    write_text(file, f"{text}\nours:\n{''.join(lines)}")
    return beyond


def _yaml(value: float, digits: int) -> str:
    """A number that YAML 1.1 takes for one: 1e-09 would be a text, 1.0e-09 is a number."""
    mantissa, letter, exponent = f"{value:.{digits}g}".partition("e")
    return f"{mantissa}.0e{exponent}" if letter and "." not in mantissa else f"{value:.{digits}g}"


def worth_keeping(one: Experiment) -> set[str]:
    """The figures that are published, asked for or compared, and the usual ones."""
    usual = {f"val/{m}.{how}" for m in ("accuracy", "loss", "mae") for how in ("best", "final")}
    usual |= {"val/accuracy.best_epoch", "val/loss.best_epoch", "test/accuracy", "test/mae"}
    claims = [claim for other in map(find, names()) for claim in other.claims]
    compared = {figure for claim in claims for figure in (claim.figure, claim.theirs)}
    return {*one.published, *one.bars, *usual, *compared}


def junit(results: Sequence[Result], file: Path) -> None:
    """Writes results as JUnit XML: a suite for the claims, a case a figure."""
    missed = [one for one in results if not one.holds]
    suite = ElementTree.Element(
        "testsuite", name="dlx reproduce", tests=str(len(results)), failures=str(len(missed))
    )
    for one in results:
        case = ElementTree.SubElement(suite, "testcase", classname=one.claim, name=one.figure)
        if not one.holds:
            told = f"{one.measured:.6g}: {one.verdict}"
            if one.recorded is not None and one.tolerance is not None:
                told += f"; recorded {one.recorded:.6g} ± {one.tolerance:.3g}"
            ElementTree.SubElement(case, "failure", message=told)
    ElementTree.indent(suite)
    write_bytes(file, ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True))
