"""`dlx runs rm`: deletes runs, and says before what would go and what stays."""

from __future__ import annotations

import shlex
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..config.names import plural
from ..errors import Problem, UsageError
from ..runs import listing
from ..runs.folder import find
from ..runs.remove import Candidate, candidates, clear_leftovers, remove
from .console import say, say_json, show_table, warn
from .runs_filter import describe_no_match, filter_runs

_OF_LISTS = ("sort", "reverse", "limit", "columns", "csv")


def run(args: Namespace) -> int:
    """Removes the runs that names or filters stand for, once the user has said yes."""
    words = args.filters[1:]
    for flag in _OF_LISTS:
        if getattr(args, flag):
            raise UsageError(Problem(f"--{flag} is for listing, not for rm", "command line"))
    root = Path(args.root)
    folders, named = _folders(args, root, words)
    found = candidates(root, folders)
    if named:
        _refuse_kept(found, args.force)
    kept = {one.name: why for one in found if (why := _explain_keeping(one, args.force))}
    going = [one for one in found if one.name not in kept]
    if not args.json:
        _announce(going, kept, args)
    if going and not args.yes and not _confirm(going, args, words):
        say("nothing was deleted")
        return 0
    gone, busy = _remove(root, going) if going else ([], {})
    if args.json:
        say_json({"deleted": [one.name for one in gone], "kept": {**kept, **busy}})
    elif going:
        for name, why in busy.items():
            say(f"keeps {name}: {why}")
        say(f"deleted {_describe_total(gone)}; the ledger keeps their evaluations on test sets")
    return 0


def _announce(going: Sequence[Candidate], kept: Mapping[str, str], args: Namespace) -> None:
    """Says what stays, and what would go."""
    for name, why in kept.items():
        say(f"keeps {name}: {why}")
    if going:
        _list(going)
    else:
        none = describe_no_match(args.root, listing.statuses(Path(args.root)))
        say("nothing to delete" if kept else none)


def _folders(args: Namespace, root: Path, words: Sequence[str]) -> tuple[list[Path], bool]:
    """The folders that are meant, and whether they were named one by one."""
    filters = [word for word in words if "=" in word]
    names = [word for word in words if "=" not in word]
    if bool(names) == bool(filters or args.task or args.state):
        what = "rm takes runs or filters, not both" if names else "rm needs runs or filters"
        hint = "dlx runs rm state=failed older=30d"
        raise UsageError(Problem(what, "command line", "RUN... or key=value...", hint))
    if names:
        return list(dict.fromkeys(find(root, name) for name in names)), True
    every = listing.by_folder(root)
    taken = {id(status) for status in filter_runs(args, filters, list(every.values()))}
    return [folder for folder, status in every.items() if id(status) in taken], False


def _explain_keeping(one: Candidate, force: bool) -> str:
    if one.busy:
        return f"in use by {one.busy}"
    return "" if force else one.kept_by


def _refuse_kept(found: Sequence[Candidate], force: bool) -> None:
    """Runs that were named are deleted all, or none."""
    problems = []
    for one in found:
        if one.busy:
            what = f"a process is using {one.name}: {one.busy}"
            problems.append(
                Problem(what, str(one.folder), hint="wait for it to end, or stop it there")
            )
        elif one.kept_by and not force:
            what = f"{one.name} is still needed: {one.kept_by}"
            problems.append(Problem(what, str(one.folder), hint="--force deletes it anyway"))
    if problems:
        raise UsageError(*problems)


def _list(going: Sequence[Candidate]) -> None:
    rows = [[one.name, one.state, size_text(one.size), one.kept_by] for one in going]
    titles = ["run", "state", "size", "although"]
    if not any(one.kept_by for one in going):
        titles, rows = titles[:-1], [row[:-1] for row in rows]
    show_table(titles, rows, right=("size",))


def _describe_total(going: Sequence[Candidate]) -> str:
    return f"{plural(len(going), 'run')}, {size_text(sum(one.size for one in going))}"


def _confirm(going: Sequence[Candidate], args: Namespace, words: Sequence[str]) -> bool:
    """Whether somebody at a terminal says yes."""
    if args.json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        why = "--json cannot ask" if args.json else "there is no terminal to ask"
        what = f"{_describe_total(going)} would be deleted, and {why}"
        root = [] if args.root == "runs" else ["--root", args.root]
        flags = [f"--{flag}={v}" for flag in ("task", "state") if (v := getattr(args, flag))]
        force = [f"--{flag}" for flag in ("force", "json") if getattr(args, flag)]
        again = shlex.join(["dlx", "runs", "rm", *words, *root, *flags, *force, "--yes"])
        raise UsageError(Problem(what, "command line", "--yes", again))
    try:
        answer = input(f"delete {_describe_total(going)}? [y/N] ")
    except EOFError:
        answer = ""
    return answer.strip().lower() in ("y", "yes")


def _remove(root: Path, going: Sequence[Candidate]) -> tuple[list[Candidate], dict[str, str]]:
    """Deletes runs; those that are gone, and why the others are not."""
    from ..runs import ledger

    clear_leftovers(root)
    for warning in ledger.restore(root):
        warn(warning)
    gone = [one for one in going if remove(one.folder)]
    busy = {one.name: "a process has started to use it" for one in going if one not in gone}
    return gone, busy


def size_text(size: float) -> str:
    """Bytes as "812 B", "3.4 kB" or "1.2 GB"."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return ""
