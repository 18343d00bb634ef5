"""The entry point of `dlx` and `python -m dlx`."""

from __future__ import annotations

import os
import sys


def main() -> int:
    """Runs one command; returns its exit code."""
    from .cli.main import main as run
    from .cli.streams import open_missing

    open_missing()
    return run(sys.argv[1:])


def leave_out_cwd() -> None:
    """Searches the folder it stands in for no packages: a repository may name one of its own.

    `python -m` puts it first; `dlx` has never searched it. dlx itself may be found there.
    """
    here, package = os.getcwd(), os.path.dirname(os.path.abspath(__file__))
    if sys.path and sys.path[0] in ("", here) and os.path.dirname(package) != here:
        del sys.path[0]


if __name__ == "__main__":
    leave_out_cwd()
    sys.exit(main())
