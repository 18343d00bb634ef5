"""The verb `dlx schema`: the schema of configs as JSON Schema, for editors."""

from __future__ import annotations

import argparse

from ..config.json_schema import build
from ..config.plugins import require_plugins
from .console import say_json

EXAMPLES = """examples:
  dlx schema > dlx.schema.json      then, as the first line of a YAML file in the same folder:
                                    # yaml-language-server: $schema=dlx.schema.json
  dlx schema --plugins my_package   with the components of a package of your own
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's arguments to its parser."""
    told = "your own packages whose components are in it too"
    parser.add_argument("--plugins", nargs="*", default=[], metavar="NAME", help=told)
    parser.add_argument("--json", action="store_true", help="as without: the schema is JSON")


def run(args: argparse.Namespace) -> int:
    """Prints the schema.

    Raises:
        UsageError: a plugin cannot be imported.
    """
    require_plugins(args.plugins)
    say_json(build())
    return 0
