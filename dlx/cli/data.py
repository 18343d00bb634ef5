"""The verb `dlx data`: which datasets there are, where they lie, and how to get them."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from ..config.fields import Chosen
    from ..config.specs.datasets import Dataset, File

EXAMPLES = """examples:
  dlx data list
  dlx data fetch imdb
  dlx data verify imdb --json
  ls "$(dlx data path imdb)"
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's actions and options to its parser."""
    parser.epilog = EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = actions.add_parser
    listing = add("list", help="every dataset: rows, size, whether it is here, terms")
    fetch = add("fetch", help="download a dataset's official files, resuming what was begun")
    verify = add("verify", help="hash the files that are here; exit 1 if one is wrong")
    path = add("path", help="print the folder that holds, or is to hold, a dataset's files")
    for action in (fetch, path):
        action.add_argument("name", metavar="NAME", help="a dataset, as in `dlx data list`")
    verify.add_argument("name", metavar="NAME", nargs="?", help="default: every dataset here")
    for action in (listing, verify):
        action.add_argument("--json", action="store_true", help="print JSON, for scripts")
    for action in (listing, fetch, verify, path):
        told = "packages of your own that bring datasets"
        action.add_argument("--plugins", nargs="*", default=[], metavar="NAME", help=told)


def run(args: argparse.Namespace) -> int:
    """Carries out `dlx data ACTION`.

    Args:
        args: as parsed by `add_arguments`.

    Returns:
        0; or 1 where `verify` found something wrong.

    Raises:
        DlxError: an unknown dataset (exit 2), or a download that failed (exit 1).
    """
    from rich.console import Console

    from ..config.plugins import load_plugins
    from ..errors import UsageError

    if problems := load_plugins(args.plugins, "command line: --plugins"):
        raise UsageError(*problems)
    console = Console()
    actions = {"list": _list, "fetch": _fetch, "verify": _verify, "path": _path}
    return actions[args.action](args, console)


def _chosen(args: argparse.Namespace) -> Chosen:
    """The dataset that the command names, with default options."""
    from ..config.names import listed, nearest
    from ..config.specs.datasets import DATASETS
    from ..errors import Problem, UsageError

    if args.name in DATASETS.entries:
        return DATASETS.default(args.name)()
    near = nearest(args.name, DATASETS.entries)
    raise UsageError(
        Problem(
            f"there is no dataset {args.name!r}",
            where=f"dlx data {args.action} {args.name}",
            accepted=listed(DATASETS.entries),
            hint=f"dlx data {args.action} {near}" if near else "dlx data list",
        )
    )


def _list(args: argparse.Namespace, console: Console) -> int:
    from ..config.specs.datasets import DATASETS
    from ..data.store import data_root

    rows = [_row(name) for name in DATASETS.entries]
    if args.json:
        console.out(json.dumps(rows, indent=2), highlight=False)
        return 0
    cells = [
        [row["name"], row["rows"], _size(row["bytes"]), row["state"], row["terms"]] for row in rows
    ]
    titles = ["name", "rows", "size", "state", "terms"]
    if console.is_terminal:
        _print_table(console, titles, cells)
        console.print(f"real files lie in {data_root()}", highlight=False, markup=False)
    else:
        _print_aligned(console, [titles, *cells])
    return 0


def _row(name: str) -> dict[str, Any]:
    from ..config.specs.datasets import DATASETS
    from ..data.store import folder_of, state_of

    options: Dataset = DATASETS.default(name)().options
    return {
        "name": name,
        "summary": DATASETS.entries[name].summary,
        "rows": options.rows,
        "bytes": sum(f.size for f in options.files),
        "state": state_of(name, options),
        "terms": options.terms,
        "folder": str(folder_of(name, options)),
    }


def _size(count: int) -> str:
    """Bytes in a unit that is easy to read; nothing for what is embedded."""
    if not count:
        return "-"
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"


def _print_table(console: Console, titles: list[str], rows: list[list[str]]) -> None:
    from rich.table import Table
    from rich.text import Text

    colours = {"here": "green", "embedded": "green", "missing": "dim"}
    table = Table(box=None)
    for title in titles:
        table.add_column(title, justify="right" if title in ("rows", "size") else "left")
    for name, count, size, state, terms in rows:
        table.add_row(name, count, size, Text(state, colours.get(state, "yellow")), terms)
    console.print(table)


def _print_aligned(console: Console, rows: list[list[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        console.out(line.rstrip(), highlight=False)


def _path(args: argparse.Namespace, console: Console) -> int:
    from ..data.store import folder_of

    chosen = _chosen(args)
    console.out(str(folder_of(chosen.name, chosen.options)), highlight=False)
    return 0


def _verify(args: argparse.Namespace, console: Console) -> int:
    from ..config.specs.datasets import DATASETS

    every = [DATASETS.default(name)() for name in DATASETS.entries]
    checks = [_check(chosen) for chosen in ([_chosen(args)] if args.name else every)]
    if args.json:
        console.out(json.dumps(checks, indent=2), highlight=False)
    else:
        for check in checks:
            _print_check(console, check, bool(args.name))
    # what was never fetched is wrong only for one who asks for it by name
    wrong = ("wrong", "missing") if args.name else ("wrong",)
    return 1 if any(check["state"] in wrong for check in checks) else 0


def _check(chosen: Chosen) -> dict[str, Any]:
    import dataclasses

    from ..data.reading import verify
    from ..data.store import state_of

    problems = verify(chosen)
    missing = state_of(chosen.name, chosen.options) == "missing"
    state = ("missing" if missing else "wrong") if problems else _certainty(chosen.options)
    return {
        "name": chosen.name,
        "state": state,
        "problems": [dataclasses.asdict(problem) for problem in problems],
    }


def _certainty(options: Dataset) -> str:
    """What it means that nothing is wrong with a dataset's files."""
    pinned = options.content_sha256 or all(file.sha256 for file in options.files)
    return "right" if pinned else "here, but no SHA-256 is pinned"


def _print_check(console: Console, check: dict[str, Any], asked_for: bool) -> None:
    from ..errors import Problem

    console.out(f"{check['name']}: {check['state']}", highlight=False)
    for problem in check["problems"] if asked_for or check["state"] == "wrong" else ():
        for line in Problem(**problem).lines():
            console.out(f"  {line}", highlight=False)


def _fetch(args: argparse.Namespace, console: Console) -> int:
    from ..data.fetch import fetch

    chosen = _chosen(args)
    if chosen.options.embedded:
        console.out(f"{chosen.name} comes with scikit-learn: nothing to fetch", highlight=False)
        return 0
    watcher = _Bar(console) if console.is_terminal else _Lines(console)
    with watcher:
        fetch(chosen, watcher)
    return 0


def _here(path: Path, verified: bool) -> str:
    return f"{path.name}: {'verified' if verified else 'here'}, in {path.parent}"


class _Lines:
    """Tells of downloads in plain lines: where from, each tenth, and where to."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._total = self._tenths = 0

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def here(self, path: Path, verified: bool) -> None:
        """The file is here; verified, it is the official one."""
        self._console.out(_here(path, verified), highlight=False)

    def begins(self, file: File, have: int, total: int) -> None:
        """A download begins with `have` bytes here already, of `total`."""
        self._total, self._tenths = total, 10 * have // max(total, 1)
        resumed = f", {have:,} of them here already," if have else ""
        size = f"{total:,} bytes" if total else "a size that is not told,"
        line = f"{file.name}: {size}{resumed} from {file.url}"
        self._console.out(line, highlight=False)

    def received(self, have: int) -> None:
        """So many bytes are here now."""
        tenths = 10 * have // self._total if self._total else 0
        if tenths > self._tenths:
            self._tenths = tenths
            self._console.out(f"  {tenths}0 %, {have:,} bytes", highlight=False)


class _Bar:
    """Shows downloads as bars on a terminal."""

    def __init__(self, console: Console) -> None:
        self._progress = _progress(console)
        self._task: Any = None

    def __enter__(self) -> _Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def here(self, path: Path, verified: bool) -> None:
        """The file is here; verified, it is the official one."""
        self._progress.console.out(_here(path, verified), highlight=False)

    def begins(self, file: File, have: int, total: int) -> None:
        """A download begins with `have` bytes here already, of `total`."""
        self._task = self._progress.add_task(file.name, completed=have, total=total or None)

    def received(self, have: int) -> None:
        """So many bytes are here now."""
        self._progress.update(self._task, completed=have)


def _progress(console: Console) -> Progress:
    from rich import progress

    return progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
        progress.TimeRemainingColumn(),
        console=console,
    )
