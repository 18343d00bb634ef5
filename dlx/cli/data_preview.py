"""The command `dlx data preview`: training rows as they are, and as a training sees them."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import Problem, UsageError
from .console import say, say_json
from .hydra_flags import add_flags, positive

if TYPE_CHECKING:
    from ..sources.preview import Preview

WIDEST = 160
"""Characters of a line that are shown."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the action's options to its parser."""
    add_flags(parser)
    add = parser.add_argument
    add("--rows", type=positive, default=4, metavar="N", help="training rows (default: 4)")
    told = "epochs in which pictures are shown (default: 4)"
    add("--variants", type=positive, default=4, metavar="M", help=told)
    add("--seed", metavar="S", help="the seed, as seed=S")
    told = "where pictures are written (default: preview.png)"
    add("--out", metavar="FILE.png", default="preview.png", help=told)


def run(args: argparse.Namespace) -> int:
    """Shows some training rows; pictures are written to a file.

    Raises:
        UsageError: there is no place for the file, or the pictures would be too large.
    """
    out = _check_place(Path(args.out))
    from ..data.origins import load
    from ..runs.files import write_bytes
    from ..sources.data import read_data
    from ..sources.fold import prepare_fold
    from ..sources.preview import preview

    seed = [] if args.seed is None else [f"seed={args.seed}"]
    config = load([*args.overrides, *seed], args.config_dir).config
    data = read_data(config)
    fold = prepare_fold(config, data, data.split.folds[0])
    found = preview(config, fold, args.rows, args.variants)
    sheets = {name: _sheet(images) for name, images in found.pictures.items()}
    files = {name: _place(out, name, len(sheets)) for name in sheets}
    for name, sheet in sheets.items():
        write_bytes(files[name], sheet)
    if args.json:
        told = {"rows": found.rows, "targets": found.truths, "texts": found.texts}
        say_json({**told, "files": {name: str(file) for name, file in files.items()}})
        return 0
    if config.dataset.options.kind == "environment":
        say(f"{config.dataset.name} is an environment, without rows: what its first episode shows")
    _tell(found, files)
    return 0


def _check_place(out: Path) -> Path:
    if out.suffix.lower() != ".png":
        hint = f"--out {shlex.quote(str(out.with_suffix('.png') if out.name else 'preview.png'))}"
        raise UsageError(Problem(f"{out} is not a PNG file", "--out", "a name with .png", hint))
    if not out.parent.is_dir() or out.is_dir():
        what = f"{out} is a folder" if out.is_dir() else f"there is no folder {out.parent}"
        raise UsageError(Problem(what, "--out", "a file in a folder that is there"))
    return out


def _place(out: Path, name: str, many: int) -> Path:
    """A file for each input of pictures, where there are several."""
    return out if many == 1 else out.with_name(f"{out.stem}-{name}{out.suffix}")


def _sheet(images: Any) -> bytes:
    """A line of pictures a row.

    Raises:
        UsageError: the sheet would be too large.
    """
    from ..runs.pixels import picture_of

    try:
        return picture_of(images.reshape(-1, *images.shape[2:]), images.shape[1])
    except ValueError as error:
        raise UsageError(Problem(str(error), hint="fewer --rows or --variants")) from None


def _tell(found: Preview, files: dict[str, Path]) -> None:
    for name, file in files.items():
        variants = found.pictures[name].shape[1] - 1
        seen = f", then as epochs 1 to {variants} see it" if variants > 1 else ""
        seen = ", then as epoch 1 sees it" if variants == 1 else seen
        none = "" if variants else f"; prepare.augment.{name} is empty"
        say(f"{file}: each line a training row of {name}, first as prepared{seen}{none}")
    for at, row in enumerate(found.rows):
        truths = ", ".join(f"{name}={text}" for name, text in found.truths[at].items())
        say(f"row {row}  {truths}".rstrip())
        for name, every in found.texts.items():
            for word, lines in zip(("before", "after"), every[at], strict=True):
                for number, line in enumerate(lines):
                    say(f"  {'' if number else f'{name} {word}:'} {_cut(line)}".rstrip())


def _cut(line: str) -> str:
    return line if len(line) <= WIDEST else f"{line[:WIDEST]} ..."
