"""The verb `dlx data`: which datasets there are, where they lie, how to get and look at them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import data_describe, data_preview
from .console import console, say, say_json, show_table
from .streams import is_screen

if TYPE_CHECKING:
    from rich.progress import Progress

    from ..config.fields import Chosen
    from ..config.specs.datasets import Dataset, File

EXAMPLES = """examples:
  dlx data list
  dlx data fetch imdb
  dlx data fetch resnet18          # the weights of a network of torchvision
  dlx data verify imdb --json
  ls "$(dlx data path imdb)"
  dlx data preview task=cats_vs_dogs dataset.sample=true --rows 2 --variants 6
  dlx data describe titanic.csv --target Survived
"""


class _Intermixed(argparse.ArgumentParser):
    """Takes words and flags in any order, as commands without actions do."""

    _inside = False

    def parse_known_args(  # type: ignore[override]
        self, args: Any = None, namespace: Any = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Both passes of argparse's own way, which asks here again."""
        if self._inside:
            return super().parse_known_args(args, namespace)
        self._inside = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._inside = False


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's actions and options to its parser."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    kind = type("Mixed", (_Intermixed, type(parser)), {})
    actions: Any = parser.add_subparsers(
        dest="action", metavar="ACTION", required=True, parser_class=kind
    )
    add = actions.add_parser
    listing = add(
        "list", help="every dataset: rows, size, whether it is on this machine, terms of use"
    )
    fetch = add(
        "fetch", help="download official files of a dataset, or weights of a network; resumes"
    )
    verify = add(
        "verify", help="check the hashes of the files on this machine; exit code 1 if one is wrong"
    )
    path = add("path", help="print the folder for a dataset's files")
    preview = add(
        "preview", help="show training rows before and after preparation; pictures as PNG"
    )
    data_preview.add_arguments(preview)
    describe = add("describe", help="what your own data hold, column by column; nothing is written")
    data_describe.add_arguments(describe)
    for action in (fetch, path):
        action.add_argument("name", metavar="NAME", help="a dataset's name, see `dlx data list`")
    verify.add_argument(
        "name", metavar="NAME", nargs="?", help="default: every dataset on this machine"
    )
    for action in (listing, fetch, verify, path, preview):
        action.add_argument("--json", action="store_true", help="print JSON, for scripts")
    for action in (listing, fetch, verify, path):
        told = "your own packages that add datasets"
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
    from ..config.plugins import require_plugins

    if args.action == "preview":
        return data_preview.run(args)
    if args.action == "describe":
        return data_describe.run(args)
    require_plugins(args.plugins)
    actions = {"list": _list, "fetch": _fetch, "verify": _verify, "path": _path}
    return actions[args.action](args)


def _choose_dataset(args: argparse.Namespace) -> Chosen:
    """The dataset that the command names, with default options; or the weights of a network."""
    from ..config.names import find_nearest, join_names
    from ..config.specs.datasets import DATASETS
    from ..config.specs.networks import networks
    from ..data.weights import files_of
    from ..errors import Problem, UsageError

    if args.name in DATASETS.entries:
        return DATASETS.default(args.name)()
    if found := files_of(args.name):
        return found
    near = find_nearest(args.name, [*DATASETS.entries, *networks()])
    what, verb = f"there is no dataset {args.name!r}", f"dlx data {args.action}"
    accepted = f"{join_names(DATASETS.entries)}; one of a plugin needs --plugins PACKAGE"
    accepted += "; or a network of `dlx help model.network`, for its weights"
    hint = f"{verb} {near}" if near else "dlx data list"
    raise UsageError(Problem(what, f"{verb} {args.name}", accepted, hint))


def _list(args: argparse.Namespace) -> int:
    from ..config.specs.datasets import DATASETS
    from ..data.store import data_root

    rows = [_row(DATASETS.default(name)()) for name in DATASETS.entries]
    if args.json:
        say_json(rows)
        return 0
    cells = [
        [row["name"], row["rows"], _size(row["bytes"]), row["state"], row["terms"]] for row in rows
    ]
    show_table(("name", "rows", "size", "state", "terms"), cells, right=("rows", "size"))
    if is_screen():
        say(f"real files are in {data_root()}")
    return 0


def _row(chosen: Chosen) -> dict[str, Any]:
    from ..data.store import folder_of, state_of

    name, options = chosen.name, chosen.options
    return {
        "name": name,
        "summary": str(options.__doc__).strip().splitlines()[0],
        "rows": options.rows,
        "bytes": sum(f.size for f in options.files),
        "state": state_of(name, options),
        "terms": options.terms,
        "folder": "" if options.own or options.named_files else str(folder_of(name, options)),
    }


def _size(count: int) -> str:
    """Bytes in a unit that is easy to read; nothing for what is embedded."""
    if not count:
        return "-"
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"


def _path(args: argparse.Namespace) -> int:
    from ..data.store import folder_of

    chosen = _choose_dataset(args)
    folder = str(folder_of(chosen.name, chosen.options))
    say_json({"name": chosen.name, "folder": folder}) if args.json else say(folder)
    return 0


def _verify(args: argparse.Namespace) -> int:
    from ..config.specs.datasets import DATASETS

    every = [DATASETS.default(name)() for name in DATASETS.entries]
    checks = [_check(chosen) for chosen in ([_choose_dataset(args)] if args.name else every)]
    if args.json:
        say_json(checks)
    else:
        for check in checks:
            _print_check(check, bool(args.name))
    # what was never fetched is wrong only for one who asks for it by name
    wrong = ("wrong", "missing") if args.name else ("wrong",)
    return 1 if any(check["state"] in wrong for check in checks) else 0


def _check(chosen: Chosen) -> dict[str, Any]:
    import dataclasses

    from ..data.reading import verify
    from ..data.store import state_of

    state: str = state_of(chosen.name, chosen.options)
    if state == "your own":
        return {"name": chosen.name, "state": state, "problems": []}
    missing, problems = state == "missing", verify(chosen)
    state = ("missing" if missing else "wrong") if problems else _certainty(chosen.options)
    return {
        "name": chosen.name,
        "state": state,
        "problems": [dataclasses.asdict(problem) for problem in problems],
    }


def _certainty(options: Dataset) -> str:
    """What it means that nothing is wrong with a dataset's files."""
    pinned = options.content_sha256 or all(file.sha256 for file in options.files)
    return "right" if pinned else "present; no SHA-256 is pinned"


def _print_check(check: dict[str, Any], asked_for: bool) -> None:
    from ..errors import Problem

    say(f"{check['name']}: {check['state']}")
    for problem in check["problems"] if asked_for or check["state"] == "wrong" else ():
        for line in Problem(**problem).lines():
            say(f"  {line}")


def _fetch(args: argparse.Namespace) -> int:
    from ..data.fetch import fetch

    chosen = _choose_dataset(args)
    if not (chosen.options.embedded or chosen.options.own or chosen.options.named_files):
        with _watcher(args.json) as watcher:
            fetch(chosen, watcher)
    if args.json:
        say_json(_row(chosen))
    elif chosen.options.embedded:
        say(f"{chosen.name} comes with {chosen.options.brought_by[0]}: nothing to download")
    elif chosen.options.named_files:
        say(f"{chosen.name} reads files of your own: nothing to download")
    elif chosen.options.own:
        say(f"{chosen.name} reads a folder of your own: nothing to download")
    return 0


def _describe_file(path: Path, verified: bool) -> str:
    return f"{path.name}: {'verified' if verified else 'here'}, in {path.parent}"


def _watcher(quiet: bool) -> _Silent:
    """The way to show downloads that fits standard output."""
    if quiet:
        return _Silent()
    return _Bar() if is_screen() else _Lines()


class _Silent:
    """Tells nothing of downloads."""

    def __enter__(self) -> _Silent:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def on_file_ready(self, path: Path, verified: bool) -> None:
        """The file is here; verified, it is the official one."""

    def on_download_start(self, file: File, have: int, total: int) -> None:
        """A download begins with `have` bytes here already, of `total`."""

    def on_bytes(self, have: int) -> None:
        """So many bytes are here now."""


class _Lines(_Silent):
    """Tells of downloads in plain lines: where from, each tenth, and where to."""

    def __init__(self) -> None:
        self._total = self._tenths = 0

    def on_file_ready(self, path: Path, verified: bool) -> None:
        """The file is here; verified, it is the official one."""
        say(_describe_file(path, verified))

    def on_download_start(self, file: File, have: int, total: int) -> None:
        """A download begins with `have` bytes here already, of `total`."""
        self._total, self._tenths = total, 10 * have // max(total, 1)
        resumed = f", {have:,} of them downloaded already," if have else ""
        size = f"{total:,} bytes" if total else "unknown size,"
        say(f"{file.name}: {size}{resumed} from {file.url}")

    def on_bytes(self, have: int) -> None:
        """So many bytes are here now."""
        tenths = 10 * have // self._total if self._total else 0
        if tenths > self._tenths:
            self._tenths = tenths
            say(f"  {tenths}0 %, {have:,} bytes")


class _Bar(_Silent):
    """Shows downloads as bars on a terminal."""

    def __init__(self) -> None:
        self._progress = _progress()
        self._task: Any = None

    def __enter__(self) -> _Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def on_file_ready(self, path: Path, verified: bool) -> None:
        """The file is here; verified, it is the official one."""
        self._progress.console.out(_describe_file(path, verified), highlight=False)

    def on_download_start(self, file: File, have: int, total: int) -> None:
        """A download begins with `have` bytes here already, of `total`."""
        self._task = self._progress.add_task(file.name, completed=have, total=total or None)

    def on_bytes(self, have: int) -> None:
        """So many bytes are here now."""
        self._progress.update(self._task, completed=have)


def _progress() -> Progress:
    from rich import progress

    return progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
        progress.TimeRemainingColumn(),
        console=console(),
    )
