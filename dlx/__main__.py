"""The entry point of `dlx` and `python -m dlx`."""

from __future__ import annotations

import sys


def main() -> int:
    """Runs one command; returns its exit code."""
    from .cli.main import main as run
    from .cli.streams import open_missing

    open_missing()
    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
