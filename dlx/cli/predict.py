"""The command `dlx predict RUN FILE ...`: what a finished run answers to new rows."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config.names import plural
from ..errors import Problem, UsageError
from ..printable import printable
from ..search.winner import OR_BEST, find_answering
from .console import say, say_json, warn
from .hydra_flags import positive
from .streams import Tolerant

if TYPE_CHECKING:
    from ..use.predict import Done

EXAMPLES = """examples:
  dlx predict last new.csv
  dlx predict last new.csv --out predictions.csv
  dlx predict last new.csv --top-k 3 --keep PassengerId
  dlx predict last part-1.parquet part-2.parquet --out predictions.parquet
  dlx predict last new.csv --with boosting
  cat new.csv | dlx predict last - --format jsonl
"""
_STDIN = "-"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options to its parser."""
    add = parser.add_argument
    add("run", metavar="RUN", help=OR_BEST)
    told = "rows without labels, as the training data had them; - reads standard input"
    add("files", nargs="+", metavar="FILE", help=told)
    told = "where to write (default: standard output)"
    add("--out", metavar="FILE", help=told)
    told = "default: by the ending of --out, else csv"
    add("--format", choices=["csv", "jsonl", "parquet"], default="", help=told)
    add("--force", action="store_true", help="replace the file of --out")
    add("--top-k", type=positive, metavar="K", default=0, help="the K most probable classes too")
    add("--probabilities", action="store_true", help="the probability of every class too")
    told = "columns of the input that are handed through, with commas between them"
    add("--keep", metavar="COLUMN,...", default="", help=told)
    told = "leave out rows that cannot be predicted, and name them (default: nothing is written)"
    add("--skip-broken", action="store_true", help=told)
    told = "the share of rows whose interval or set of classes is to hold the truth (default: 0.9)"
    add("--interval", type=share, metavar="SHARE", default=0.9, help=told)
    told = "mark the least sure rows, as many as this share of the validation rows"
    add("--abstain", type=share, metavar="SHARE", default=0.0, help=told)
    told = "what answers in place of the final model: the boosted trees that the run was compared "
    told += "with, or the mean of the models of its folds"
    add("--with", dest="using", choices=["boosting", "folds"], default="", help=told)
    add("--weights", choices=["best", "last"], help="which checkpoint (default: as dlx test)")
    add("--device", choices=["auto", "cpu", "cuda", "mps"], default="auto", help="default: auto")
    add("--root", default="runs", metavar="DIR", help="folder of the runs (default: runs)")
    add("--plugins", nargs="*", default=[], metavar="NAME", help="your own packages that it needs")
    add("--json", action="store_true", help="print JSON, for scripts: what was done, with --out")


def share(text: str) -> float:
    """The share that an option's text stands for."""
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0 < found < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a share between 0 and 1, as 0.9")
    return found


def run(args: argparse.Namespace) -> int:
    """Predicts the rows of files."""
    from ..use.predicting import require_predicting
    from ..use.written import format_of, require_free

    folder = find_answering(Path(args.root), args.run)
    require_predicting(folder, args.plugins)
    out = Path(args.out).expanduser() if args.out else None
    kind = format_of(out, args.format)
    _check(args, kind)
    with _paths(args.files) as paths:
        if out is not None:
            require_free(out, args.force, folder, list(paths))
        done, notes = _predict(args, folder, paths, out, kind)
    if args.json:
        more = {"out": args.out, "format": kind, "notes": notes}
        broken = [str(one) for one in done.broken]
        say_json({"rows": done.rows, "left_out": done.left_out, "broken": broken, **more})
    elif out is not None:
        say(f"{plural(done.rows, 'row')} predicted: {out}")
    return 0


def _check(args: argparse.Namespace, kind: str) -> None:
    """Refuses flags that contradict each other."""
    if args.json and not args.out:
        what = "--json tells what was done, and the predictions go to standard output as well"
        hint = "--format jsonl writes them as JSON; or --out FILE --json"
        raise UsageError(Problem(what, "--json", "--json with --out", hint))
    if kind == "parquet":
        from ..use.written import require_parquet

        require_parquet()
        if not args.out and sys.stdout.isatty():
            what = "Parquet is no text for a terminal"
            raise UsageError(Problem(what, "--format", "csv or jsonl", "--out FILE.parquet"))


@contextmanager
def _paths(files: list[str]) -> Iterator[dict[Path, str]]:
    """The files with what they are called; standard input as a file, which is gone afterwards.

    Raises:
        UsageError: one does not exist, or standard input is named twice.
    """
    for name in files:
        if name != _STDIN and not Path(name).expanduser().exists():
            raise UsageError(Problem(f"there is no file {name}", "FILE", "files that exist, or -"))
    if files.count(_STDIN) > 1:
        raise UsageError(Problem("- stands for standard input, and is named twice", "FILE"))
    with tempfile.TemporaryDirectory(prefix="dlx-predict-") as folder:
        paths: dict[Path, str] = {}
        for name in files:
            path = Path(name).expanduser()
            if name == _STDIN:
                path = Path(folder) / "standard input"
                _spool(path)
            paths[path] = "standard input" if name == _STDIN else name
        yield paths


def _spool(to: Path) -> None:
    """Copies standard input into a file: its encoding is told by all of it."""
    given: Any = getattr(sys.stdin, "buffer", None)
    with to.open("wb") as file:
        while given is not None and (content := given.read(1 << 20)):
            file.write(content)


def _predict(
    args: argparse.Namespace, folder: Path, paths: dict[Path, str], out: Path | None, kind: Any
) -> tuple[Done, list[str]]:
    """Predicts, and what is worth a word."""
    from ..use.outputs import Shape, check_shape
    from ..use.predict import predict_rows
    from ..use.predictor import Predictor
    from ..use.rows import Asked, choose_reader
    from ..use.written import WRITERS, write_aside

    asked_for = {"level": args.interval, "abstain": args.abstain, "using": args.using}
    predictor = Predictor.open(folder, args.device, args.weights, args.plugins, **asked_for)
    shape = Shape(args.top_k, args.probabilities, kind == "jsonl")
    check_shape(shape, predictor.codecs)
    keep = tuple(name for name in args.keep.split(",") if name)
    asked = Asked(predictor.config, predictor.inputs, tuple(paths), keep, paths)
    reader = choose_reader(asked)
    _tell(reader.notes)
    standard = Standard(sys.stdout)
    with write_aside(out, standard) as stream:
        writer = WRITERS[kind](stream)
        done = predict_rows(predictor, reader, writer, shape, args.skip_broken)
        writer.close()
    if done.left_out:
        shown = "; ".join(map(str, done.broken))
        more = ", ..." if done.left_out > len(done.broken) else ""
        warn(f"{plural(done.left_out, 'row')} left out: {shown}{more}")
    _tell(predictor.remarks())
    return done, [*reader.notes, *predictor.remarks()]


def _tell(notes: Iterable[str]) -> None:
    """Prints notes on standard error, as they are no part of the predictions."""
    for note in notes:
        sys.stderr.write(f"note: {printable(note)}\n")


class Standard:
    """Standard output as a place for bytes; it falls silent where its reader has gone.

    Args:
        stream: standard output.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._shown = stream.isatty()

    def write(self, content: bytes) -> int:
        """Writes bytes; on a terminal control characters are written out."""
        if self._shown or not isinstance(self._stream, Tolerant):
            self._stream.write(printable(content.decode("utf-8", "replace")))
        else:
            self._stream.write_bytes(content)
        return len(content)
