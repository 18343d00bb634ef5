"""The verb `dlx reproduce`: a run trained again, or a claim checked; exit 3 where it is not so."""

from __future__ import annotations

import argparse
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import Problem, UsageError
from ..experiments import names
from ..runs.log import silent
from .console import number, say, say_json, show_table
from .hydra_flags import positive

if TYPE_CHECKING:
    from ..reproduce.again import Verdict

EXAMPLES = """examples:
  dlx reproduce last
  dlx reproduce 1a2b3c4d --tolerance 0.01
  dlx reproduce ch3.imdb
  dlx reproduce 'ch3.*' --seeds 1 --junit claims.xml
  dlx reproduce dlx.lock

exit codes: 0 reproduced, 3 not reproduced
"""

NOT_REPRODUCED = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's options to its parser."""
    add = parser.add_argument
    add("what", metavar="WHAT", nargs="+", help="a run, experiments, or a lock file")
    add(
        "--tolerance",
        type=_share,
        metavar="SHARE",
        help="largest allowed difference of a run's scores",
    )
    add("--seeds", type=positive, metavar="N", help="only the first N seeds of each claim")
    add(
        "--statistical",
        action="store_true",
        help="check a lock file's scores against their intervals",
    )
    add("--junit", metavar="FILE", help="write the claims as JUnit XML, for CI")
    add("--root", default="runs", metavar="DIR", help="folder of the runs (default: runs)")
    add("--plugins", nargs="*", default=[], metavar="NAME", help="your own packages that it needs")
    add("--json", action="store_true", help="print JSON, for scripts")


def _share(text: str) -> float:
    value = float(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number between 0 and 1")
    return value


def run(args: argparse.Namespace) -> int:
    """Tries again, and says whether it is so."""
    if all(one.endswith(".lock") for one in args.what):
        return _lock(args)
    known = names()
    if any(one.endswith((".yaml", ".yml")) or "*" in one or one in known for one in args.what):
        return _claims(args)
    if len(args.what) > 1:
        raise UsageError(Problem("runs are reproduced one at a time", " ".join(args.what), "a run"))
    return _run(args)


def _run(args: argparse.Namespace) -> int:
    _refuse(args, "seeds", "junit", "statistical")
    from ..reproduce.again import reproduce
    from ..runs.folder import find
    from .progress import progress

    folder = find(Path(args.root), args.what[0])
    asked: dict[str, Any] = {"plugins": args.plugins, "tolerance": args.tolerance}
    if args.json:
        found = reproduce(folder, silent, **asked)
        say_json(asdict(found))
    else:
        with closing(progress()) as shown:
            found = reproduce(folder, say, [shown], **asked)
        _show(found)
    return 0 if found.holds else NOT_REPRODUCED


def _refuse(args: argparse.Namespace, *names: str) -> None:
    """An option that would do nothing is a mistake."""
    for name in names:
        if getattr(args, name):
            what = f"--{name} does nothing here"
            raise UsageError(Problem(what, " ".join(args.what), hint="dlx reproduce --help"))


def _show(found: Verdict) -> None:
    say("")
    rows = [[name, *map(_exact, both)] for name, both in found.scores.items()]
    show_table(("score", "was", "is"), rows, right=("was", "is"))
    for warning in found.warnings:
        say(f"warning: {warning}")
    if found.identical:
        say(f"identical: every loss, score and weight of {found.run} is the same to the bit")
        return
    say("within the tolerance, not identical:" if found.holds else "not reproduced:")
    for one in found.differences:
        say(f"  {one.text}" + (f" ({one.where})" if one.where not in one.text else ""))
    say("what has changed: " + ("; ".join(found.changed) or "nothing that dlx checks"))
    say(f"level {found.level} of reproducibility (docs/reliability.md): {found.why}")


def _exact(value: float) -> str:
    """A score in all its digits."""
    return "undefined" if value != value else repr(value)


def _claims(args: argparse.Namespace) -> int:
    _refuse(args, "tolerance", "statistical", "plugins")
    from ..reproduce.claims import check, files_of, junit

    said = silent if args.json else say
    results = check(files_of(args.what), args.seeds, Path(args.root), said)
    if args.junit:
        junit(results, Path(args.junit))
    if args.json:
        say_json([asdict(one) for one in results])
    else:
        rows = [
            [
                one.claim,
                one.figure,
                number(one.measured),
                f"{number(one.recorded)} ± {number(one.tolerance)}" if one.tolerance else "",
                one.verdict,
            ]
            for one in results
        ]
        say("")
        show_table(("claim", "figure", "now", "recorded", ""), rows, right=("now",))
        missed = sum(not one.holds for one in results)
        say(f"{len(results) - missed} of {len(results)} hold")
    return 0 if all(one.holds for one in results) else NOT_REPRODUCED


def _lock(args: argparse.Namespace) -> int:
    _refuse(args, "tolerance", "seeds", "junit", "plugins")
    from ..reproduce.lock import check

    said = silent if args.json else say
    root = Path(args.root)
    results = [one for file in args.what for one in check(Path(file), args.statistical, root, said)]
    if args.json:
        say_json([asdict(one) for one in results])
    else:
        show_table(("entry", "", "what was found"), [[r.name, r.verdict, r.text] for r in results])
    return 0 if all(one.holds for one in results) else NOT_REPRODUCED
