"""`dlx train -m`: every combination of values trained, and judged on the validation rows alone."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config.names import plural
from ..errors import Problem, UsageError
from .console import SAMPLE, baseline_text, interval_text, number, say, say_json, show_table, whole
from .live import open_display
from .report import build_at_end

if TYPE_CHECKING:
    from ..search.plan import Plan

LISTED = 60
"""As many settings are listed before a sweep starts; --dry-run lists all."""
APART = (
    "{} sweeps: their settings have different scores, data or protocols and cannot be compared, "
    "so each sweep has a best of its own"
)


def run(args: argparse.Namespace) -> int:
    """Runs every combination that is not done yet; the test part is not looked at."""
    if args.cfg or args.info:
        what = "-m runs trials; --cfg and --info show one config"
        raise UsageError(Problem(what, "command line"))
    from ..config.words import restore_typed
    from ..search.plan import plans

    with restore_typed({f"sweep.retries={args.retries}": f"--retries {args.retries}"}):
        found = plans([*args.overrides, *sweep_flags(args)], args.config_dir)
    if args.dry_run:
        return _dry_run(found, args.json)
    outcomes = [_sweep(one, args) for one in found]
    if args.json:
        say_json(outcomes[0] if len(outcomes) == 1 else outcomes)
    elif len(outcomes) > 1:
        say("")
        say(APART.format(len(outcomes)))
    left = [one["counts"][state] for one in outcomes for state in ("failed", "waiting")]
    return 1 if any(left) else 0


def _sweep(plan: Plan, args: argparse.Namespace) -> dict[str, Any]:
    """Runs one sweep, and shows what it found."""
    from ..report import build_sweep
    from ..search.sweep import run_sweep

    quiet = args.json or args.quiet
    if not quiet:
        _announce(plan)
    launcher = plan.options.launcher
    runner = launcher.load()(launcher.options, plan.options.jobs, plan)
    with open_display(quiet, len(plan.trials), "sweep") as shown:
        outcome = run_sweep(plan, runner, shown)
    report = build_at_end(build_sweep, plan.root / "sweeps" / plan.name)
    if not args.json:
        show_outcome(outcome, plan.root)
        if report is not None:
            say(f"report: {report}")
    return outcome


def sweep_flags(args: argparse.Namespace) -> list[str]:
    """Flags as arguments of the section `sweep`."""
    found = ["sweep.fail_fast=true"] if args.fail_fast else []
    return [*found, *([f"sweep.retries={args.retries}"] if args.retries is not None else [])]


def _dry_run(found: Sequence[Plan], as_json: bool) -> int:
    if as_json:
        points = [point for plan in found for point in plan.points]
        say_json([{"shown": p.shown, "changed": p.changed} for p in points])
        return 0
    for plan in found:
        _announce(plan, most=len(plan.points))
    if len(found) > 1:
        say(APART.format(len(found)))
    return 0


def _announce(plan: Plan, most: int = LISTED) -> None:
    """Says what is going to run, before it does."""
    many = plural(len(plan.trials), "trial")
    each = f" ({plural(len(plan.points), 'setting')}, {plan.options.seeds} seeds each)"
    say(f"{many}{each if plan.options.seeds > 1 else ''}; a sweep never uses the test set")
    for note in plan.notes:
        say(f"note: {note}")
    for point in plan.points[:most]:
        say(f"  {point.number:>3}  {' '.join(point.shown) or 'task defaults'}")
    if len(plan.points) > most:
        say(f"  ... and {len(plan.points) - most:,} more: --dry-run lists all")
    say(f"sweep: {plan.root / 'sweeps' / plan.name}")


def show_outcome(outcome: dict[str, Any], root: Path) -> None:
    """Prints the settings, best first, with their spread; then what failed, and what to type."""
    from ..search.table import rank_settings

    points = rank_settings(outcome["points"], outcome["direction"])
    if points:
        say("")
        _show_points(points, outcome)
        show_worth(points[0])
        if len(points) > 1 and is_significant(outcome, points[1], points[0], root) is not True:
            say(
                "its advantage over the second is not significant at 95 %: which is best may be "
                "chance"
            )
    show_failures(outcome["trials"])
    for note in outcome["notes"]:
        say(f"note: {note}")
    if outcome["sample"]:
        say(SAMPLE)
    elif outcome["best"]:
        show_best(outcome["best"], str(outcome.get("fresh") or ""))


def show_best(best: Mapping[str, Any], fresh: str = "") -> None:
    """Says what to type to train the best setting for good, and what that trains at last.

    Args:
        best: as `sweep.json` holds it.
        fresh: what is made anew for the test, where no rows are held out, as in "episode".
    """
    if best.get("final"):
        say(best["final"])
    test = f"tested by fresh {fresh}s" if fresh else "evaluated on the test set once"
    say(f"the best, {test}: {best['command']}")


def is_significant(
    outcome: Mapping[str, Any], own: Mapping[str, Any], best: Mapping[str, Any], root: Path
) -> bool | None:
    """Whether the best differs from another by more than chance; None where that is not known.

    By their runs, paired; where these are gone, by the interval of the best.
    """
    from ..report.noise import settings_apart

    trials = {trial["trial"]: trial for trial in outcome["trials"]}
    first, second = (
        [root / str(trials[one].get("run")) for one in point["trials"] if one in trials]
        for point in (own, best)
    )
    found = settings_apart(first, second, outcome["score"])
    if found is not None or best["interval"] is None:
        return found
    low, high = best["interval"]
    return not low <= own["value"] <= high


def show_worth(best: Mapping[str, Any]) -> None:
    """Says what the best setting is worth beside simpler answers."""
    if best.get("verdict"):
        say(f"the best {best['verdict']}")
    if best.get("use"):
        say(best["use"])


def _show_points(points: Sequence[Any], outcome: dict[str, Any]) -> None:
    """The table of settings; columns that would be empty are left out."""
    score = outcome["score"]
    of = next((p["interval_of"] for p in points if p["interval_of"]), "")
    named = {"seeds": "over seeds", "folds": "over folds", "bootstrap": "of the rows"}.get(of, "")
    shown = {row["point"]: row["shown"] for row in reversed(outcome["trials"])}
    columns: list[tuple[str, list[str]]] = [
        ("setting", [_setting(p, shown[p["point"]]) for p in points]),
        (score if outcome["seeds"] == 1 else f"mean {score}", [number(p["value"]) for p in points]),
        ("std", [number(p["std"]) if p["std"] is not None else "" for p in points]),
        (f"95 % {named}".strip(), [interval_text(p["interval"]) for p in points]),
        ("interquartile mean, 95 %", [_middle(p.get("interquartile")) for p in points]),
        ("baseline", [baseline_text(p.get("baseline")) for p in points]),
        ("seeds", [f"{p['n']} of {len(p['trials'])}" for p in points]),
        ("epoch", [whole(p["epoch"]) for p in points]),
    ]
    if outcome["seeds"] == 1:
        columns = [column for column in columns if column[0] not in ("std", "seeds")]
    kept = [column for column in columns if any(column[1])]
    titles = [title for title, _ in kept]
    rows = list(zip(*(cells for _, cells in kept), strict=True))
    show_table(titles, rows, right=[t for t in titles if t in (columns[1][0], "std", "epoch")])


def _middle(found: dict[str, Any] | None) -> str:
    """An interquartile mean with its interval; nothing where it is the mean."""
    if not found or not found["left_out"]:
        return ""
    interval = interval_text(found["interval"])
    return number(found["mean"]) + f" ({interval})" * bool(interval)


def _setting(point: dict[str, Any], shown: Sequence[str]) -> str:
    """A setting as it is typed, without the seed of its first trial."""
    text = [a for a in shown if not a.startswith("seed=") or "seed" in point["changed"]]
    return " ".join(text) or "task defaults"


def show_failures(
    rows: Sequence[dict[str, Any]], after: str = "; the same command runs only these again"
) -> None:
    """Says which trials failed and why, and how many are left."""
    failed = [row for row in rows if row["state"] == "failed"]
    if failed:
        say("")
        say(f"{len(failed)} of {len(rows)} trials failed{after}")
    width = shutil.get_terminal_size().columns
    for row in failed:
        reason = next(iter(str(row["reason"]).splitlines()), "")
        say(f"  {' '.join(row['shown'])}: {reason}"[: max(width, 160)])
    left = sum(row["state"] == "waiting" for row in rows)
    if left:
        say(f"{plural(left, 'trial')} not run: the same command continues")
