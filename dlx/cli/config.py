"""The verb `dlx config`: the composed config, and who set each of its values."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from ..errors import Problem, UsageError
from .console import say, say_json
from .hydra_flags import add_flags

if TYPE_CHECKING:
    from ..config.load import Loaded

EXAMPLES = """examples:
  dlx config task=imdb
  dlx config task=imdb optimizer.lr=0.01 --why optimizer.lr
  dlx config task=imdb --package trainer
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's options to its parser."""
    add_flags(parser)
    parser.add_argument("--why", metavar="KEY", help="where this value comes from, in order")
    parser.add_argument(
        "--package", "-p", metavar="KEY", help="only this part, for example trainer"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, for scripts")


def run(args: argparse.Namespace) -> int:
    """Prints a config, or the writers of one value."""
    from ..config.load import load

    loaded = load(args.overrides, args.config_dir)
    if args.why:
        return _explain_value(loaded, args.why, args.json)
    plain = part_of(loaded.plain(), args.package)
    if args.json:
        say_json(plain)
    else:
        print_yaml(plain)
    return 0


def print_yaml(value: Any) -> None:
    """Prints plain values as YAML, keys in their own order."""
    import yaml

    text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True)
    say(text.removesuffix("...\n").rstrip())  # which ends a lone value


def part_of(plain: dict[str, Any], key: str | None) -> Any:
    """The part of a config under a dotted key; the whole for None.

    Raises:
        UsageError: there is no such key.
    """
    node: Any = plain
    for part in key.split(".") if key else ():
        if isinstance(node, list) and part.isdigit() and int(part) < len(node):
            node = node[int(part)]
        elif isinstance(node, dict) and part in node:
            node = node[part]
        else:
            raise UsageError(_no_key(str(key), plain))
    return node


def _no_key(key: str, plain: dict[str, Any]) -> Problem:
    from ..config.names import find_nearest

    known = list(_flat(plain))
    near = find_nearest(key, known)
    return Problem(
        f"this config has no key `{key}`",
        accepted="a key of `dlx config`, for example optimizer.lr",
        hint=f"did you mean {near}?" if near else "",
    )


def _flat(node: Any, prefix: str = "") -> list[str]:
    if not isinstance(node, dict):
        return [prefix]
    keys = [prefix] if prefix else []
    for name, inner in node.items():
        keys.extend(_flat(inner, f"{prefix}.{name}" if prefix else name))
    return keys


def _explain_value(loaded: Loaded, key: str, as_json: bool) -> int:
    """Prints every writer of a value in order, those that count marked."""
    value = part_of(loaded.plain(), key)
    path = tuple(key.split("."))
    writers = loaded.tree.writers
    rows = [
        {"key": ".".join(p), "value": w.value, "where": w.where, "dropped": w.dropped}
        for p, ws in writers.items()
        if p[: len(path)] == path or path[: len(p)] == p
        for w in ws
    ]
    counts = {row["key"]: row for row in rows if not row["dropped"]}
    default = not counts
    if as_json:
        say_json({"key": key, "value": value, "writers": rows, "default": default})
        return 0
    for row in rows:
        marker = "->" if row is counts.get(row["key"]) else "  "
        dropped = f"   (dropped: {row['dropped']})" if row["dropped"] else ""
        say(f"{marker} {row['key']}={_short(row['value'])}   {row['where']}{dropped}")
    if default:
        say(f"-> {key}={_short(value)}   default of the schema (dlx help {key})")
    return 0


def _short(value: Any) -> str:
    import json

    return value if isinstance(value, str) else json.dumps(value)
