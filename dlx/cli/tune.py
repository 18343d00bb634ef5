"""The verb `dlx tune`: searches settings on validation rows; the test part is left for the best."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config.names import plural
from ..runs.log import silent
from .console import SAMPLE, baseline_text, interval_text, number, say, say_json, show_table, whole
from .hydra_flags import add_flags, marks_of
from .live import open_display
from .multirun import is_significant, show_best, show_failures, show_worth, sweep_flags
from .report import build_at_end
from .train import answer_in, show_answer, train

if TYPE_CHECKING:
    from ..search.final import Claim
    from ..search.tune_plan import TunePlan

EXAMPLES = """examples:
  dlx tune task=digits
  dlx tune task=digits tune.trials=20 tune.pruner=median --train-best
  dlx tune task=digits 'optimizer.lr=tag(log,interval(1e-4,1e-1))' 'model.units=[32],[64],[128]'
  dlx tune task=digits 'search.model.dropout={uniform:[0,0.6]}' jobs=2
  dlx tune task=digits 'tune.objectives=[val/accuracy,parameters]'
  dlx tune task=digits tune.sampler=random tune.storage=sqlite
"""

BEST = 10
"""As many settings are shown at the end; the report has all."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's options to its parser."""
    add_flags(parser)
    add = parser.add_argument
    add(
        "--train-best",
        action="store_true",
        help=(
            "then train the final model with the best settings, and evaluate it on the test set "
            "once"
        ),
    )
    add("--dry-run", action="store_true", help="print the search space and stop")
    add("--fail-fast", action="store_true", help="stop at the first trial that fails")
    add("--retries", metavar="N", help="number of times to retry a trial that crashed")
    add("--json", action="store_true", help="print only the result, as JSON")
    add("--quiet", "-q", action="store_true", help="no progress, only the result")


def run(args: argparse.Namespace) -> int:
    """Searches, shows what was found, and trains the best if asked."""
    from ..config.words import restore_typed
    from ..search.tune_plan import plan_tune

    with restore_typed({f"sweep.retries={args.retries}": f"--retries {args.retries}"}):
        typed = [*args.overrides, *sweep_flags(args)]
        plan = plan_tune(typed, args.config_dir, marks_of(args))
    quiet = args.json or args.quiet
    if args.dry_run:
        from ..search.storage import try_storage

        try_storage(plan.options.storage)
    if args.dry_run and args.json:
        say_json({lever.key: lever.plain() for lever in plan.space})
        return 0
    if args.dry_run or not quiet:
        _announce(plan)
    if args.dry_run:
        return 0
    from ..report import build_sweep
    from ..search.pool import Pool
    from ..search.tune import run_tune

    pool = Pool(None, plan.loaded.config.sweep.jobs)
    with open_display(quiet, plan.most, "search") as shown:
        outcome, best = run_tune(plan, pool, shown)
    report = build_at_end(build_sweep, plan.root / "sweeps" / plan.name)
    if not args.json:
        show_outcome(outcome, plan.root)
        if report is not None:
            say(f"report: {report}")
    trained = _train_best(plan, best, args) if args.train_best and best is not None else None
    if args.json:
        say_json({**outcome, **({"trained": trained} if trained else {})})
    stopped = args.fail_fast and outcome["counts"]["failed"]
    return 1 if best is None or stopped else 0


def _announce(plan: TunePlan) -> None:
    """Says what is going to be searched."""
    options = plan.options
    goals = " and ".join(f"{name} ({direction})" for name, direction in plan.objectives)
    pruner = f", pruner {options.pruner}" if options.pruner != "none" else ""
    say(f"{plural(plan.most, 'trial')} by {options.sampler}{pruner}: {goals}")
    for note in plan.notes:
        say(f"note: {note}")
    own = plan.own or {}
    for lever in plan.space:
        between = " to " if lever.kind != "choice" else ", "
        values = between.join(map(str, lever.values))
        begins = f"; starts with {own[lever.key]}" if lever.key in own else ""
        say(f"  {lever.key}: {lever.kind} {values}{begins}")
    say(f"search: {plan.root / 'sweeps' / plan.name}; a search never uses the test set")


def show_outcome(outcome: Mapping[str, Any], root: Path) -> None:
    """Prints the best settings, the task's own, the front where there is one, and what to type."""
    ended = {state: many for state, many in outcome["counts"].items() if many}
    say("")
    say(", ".join(f"{many} {state}" for state, many in ended.items()))
    if outcome["front"]:
        say("the Pareto front: no setting here is better than another in every objective")
        _show(outcome, outcome["front"])
    elif ranking := _ranking(outcome):
        _show(outcome, ranking[:BEST])
        if lead := _lead(outcome, ranking[0], root):
            say(lead)
        show_worth(next(one for one in outcome["points"] if one["point"] == ranking[0]))
    failed = {row["state"] for row in outcome["trials"]} == {"failed"}
    again = ": there is no best setting; the same command tries them again"
    show_failures(outcome["trials"], after=again if failed else "")
    if outcome["sample"]:
        say(SAMPLE)
    elif outcome["best"]:
        show_best(outcome["best"], str(outcome.get("fresh") or ""))


def _lead(outcome: Mapping[str, Any], best: int, root: Path) -> str:
    """Whether the best is ahead of the task defaults by more than chance."""
    points = {point["point"]: point for point in outcome["points"]}
    own, name = points.get(outcome["default"]), outcome["score"]
    if name != outcome["objectives"][0]["name"]:
        return ""
    if own is None or own["value"] is None or best == own["point"]:
        return "no setting beats the task defaults" if own and best == own["point"] else ""
    lead = abs(points[best]["value"] - own["value"])
    told = f"ahead of the task defaults by {number(lead)} in {name}"
    significant = is_significant(outcome, own, points[best], root)
    if significant is None:
        return f"{told}; its uncertainty is not known"
    if not significant:
        return f"{told}, not significant at 95 %: it may be chance"
    return f"{told}; the best of many settings looks better on the validation set than on new data"


def _ranking(outcome: Mapping[str, Any]) -> list[int]:
    from ..search.table import rank_settings

    goal = outcome["objectives"][0]
    points = [{**p, "value": p["values"].get(goal["name"])} for p in outcome["points"]]
    return [point["point"] for point in rank_settings(points, goal["direction"])]


def _show(outcome: Mapping[str, Any], numbers: Sequence[int]) -> None:
    """Some settings as a table; the task's own below, where it is not among them."""
    from ..search.space import format_value

    own = outcome["default"]
    points = {point["point"]: point for point in outcome["points"]}
    beside = own is not None and own not in numbers and not outcome["front"]
    shown = [*numbers, *([own] if beside else [])]
    goals = [goal["name"] for goal in outcome["objectives"]]
    keys = outcome["keys"]
    columns = [["trial", *(str(place) for place in shown)]]
    columns += [[name, *(number(points[p]["values"].get(name)) for p in shown)] for name in goals]
    columns.append(["95 %", *(interval_text(points[p]["interval"]) for p in shown)])
    columns.append(["baseline", *(baseline_text(points[p].get("baseline")) for p in shown)])
    columns.append(["epoch", *(whole(points[p]["epoch"]) for p in shown)])
    columns += [
        [key, *(format_value(points[p]["changed"].get(key)) for p in shown)] for key in keys
    ]
    columns.append(["", *("task defaults" if place == own else "" for place in shown)])
    kept = [column for column in columns if any(column[1:])]
    titles, *cells = zip(*kept, strict=True)
    show_table(titles, cells, right=("trial", *goals, "epoch"))


def _train_best(plan: TunePlan, best: Sequence[str], args: argparse.Namespace) -> Mapping[str, Any]:
    """Trains the best setting for good, unless a process of the search has done so already."""
    from ..search.final import claim_final

    quiet = args.json or args.quiet
    with claim_final(plan, best, silent if quiet else say) as claim:
        if claim.answer is None and (run := claim.done_in()) is not None:
            claim.finish(answer_in(run))
        if claim.answer is None:
            return _train_final(plan, claim, best, args)
        if not args.json:
            _show_trained(claim.answer)
        return claim.answer


def _train_final(
    plan: TunePlan, claim: Claim, best: Sequence[str], args: argparse.Namespace
) -> dict[str, Any]:
    """Trains it: the one look at the test set."""
    from ..data.origins import load
    from ..training.callbacks import Callback

    class Beats(Callback):
        def on_epoch_end(self, training: Any, scores: Mapping[str, float]) -> None:  # noqa: ARG002
            claim.beat()

    done = train(
        load(best, args.config_dir),
        quiet=args.json or args.quiet,
        resume=claim.find_unfinished(),
        watchers=[Beats()],
        marks={"best_of": plan.name, **plan.marks},
        begun=claim.begin,
    )
    found = answer_in(done.folder)
    claim.finish(found)
    if not args.json:
        show_answer(done)
    return found


def _show_trained(found: Mapping[str, Any]) -> None:
    """Says what the process found that has trained the best; there is no second look."""
    scores = ", ".join(f"{name} {number(value)}" for name, value in found["scores"].items())
    say(f"the best setting is trained already, in run {found['run']}: {scores}")
    say(f"report: {found['report']}")
