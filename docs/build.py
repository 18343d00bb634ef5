"""Builds the documentation site, offline, into `site/`.

    pip install '.[docs]' && python docs/build.py

First the pages below `docs/reference/` are written, from the schema, the tables of components and
the commands themselves; then Zensical makes pages of everything that `mkdocs.yml` lists, and
refuses a link to a page that is not there.
"""

from __future__ import annotations

import contextlib
import html
import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from dlx.cli.help import default_in_words, section_behind
from dlx.cli.main import VERBS, main
from dlx.config.fields import Option, Table, describe, options_of
from dlx.config.schema import Config

TOP = Path(__file__).resolve().parent.parent
REFERENCE = TOP / "docs" / "reference"
HOMES = {"layer": "model"}
"""Pages of tables that several sections have options of, and none is made of."""
INTRODUCTION = """# Every key

A config is one mapping. A task file holds the keys that differ from these defaults, and the command
line changes any of them: `optimizer.lr=0.01`. A key that is a section, or is made of a component,
has a page of its own. `dlx help KEY` tells the same on the command line, and `dlx schema` tells it
to editors. NAME in capitals stands for a name that you give.

"""
COMMANDS = """# Every command

What each command prints with `--help`. Exit codes: 0 done, 1 failed, 2 the command or config is
wrong, 3 not reproduced, 4 refused by the method, 130 interrupted.
"""
HEAD = ["| key | type | default | what it is |", "|---|---|---|---|"]


def write_reference() -> list[Path]:
    """The pages below docs/reference/, written anew."""
    shutil.rmtree(REFERENCE, ignore_errors=True)
    REFERENCE.mkdir()
    homes = find_homes()
    sections = {name: one for name, one in options_of(Config).items() if has_page(one)}
    pages = {"index.md": INTRODUCTION + "\n".join(tell_options(Config, homes, "index", sections))}
    pages |= {f"{name}.md": tell_section(one, homes) for name, one in sections.items()}
    pages["commands.md"] = COMMANDS + "".join(tell_commands())
    for name, text in pages.items():
        (REFERENCE / name).write_text(text.rstrip() + "\n", encoding="utf-8")
    return [REFERENCE / name for name in pages]


def has_page(one: Option) -> bool:
    return one.meta.table is not None or find_section(one) is not None


def find_section(one: Option) -> type | None:
    """The section behind a key, unless it is made of components."""
    return None if one.meta.table is not None else section_behind(one.hint)


def find_homes() -> dict[int, tuple[str, Table]]:
    """The page that tells of each table of components: that of the section made of it."""
    homes: dict[int, tuple[str, Table]] = {}
    every = options_of(Config)
    for name, one in every.items():
        if one.meta.table is not None:
            homes[id(one.meta.table)] = name, one.meta.table
    for name, one in every.items():
        for inner in list_inner(one):
            table = inner.meta.table
            if table is not None:
                homes.setdefault(id(table), (HOMES.get(table.kind, name), table))
    return homes


def list_inner(one: Option) -> Iterator[Option]:
    """The options of a section, and of the components that it is made of."""
    owners = [entry.options for entry in one.meta.table.entries.values()] if one.meta.table else []
    if (section := find_section(one)) is not None:
        owners.append(section)
    for owner in owners:
        for inner in options_of(owner).values():
            yield inner
            if find_section(inner) is not None:
                yield from list_inner(inner)


def tell_section(one: Option, homes: dict[int, tuple[str, Table]]) -> str:
    """The page of a key: its options, then each table of components that is at home there."""
    lines = [f"# `{one.name}`", "", sentence(one.meta.help), ""]
    if (section := find_section(one)) is not None:
        prefix = f"{one.name}.NAME." if one.hint is not section else f"{one.name}."
        lines += [*tell_options(section, homes, one.name, prefix=prefix), ""]
    elif not one.required:
        lines += [
            f"Type: {escape(describe(one.hint, one.meta))}. Default: {tell_default(one)}.",
            "",
        ]
    if one.meta.example:
        lines += [f"Example: `{one.name}: {one.meta.example}`", ""]
    for home, table in homes.values():
        if home == one.name:
            lines += tell_table(table, homes, home, whole=table is one.meta.table)
    return "\n".join(lines)


def tell_table(
    table: Table, homes: dict[int, tuple[str, Table]], page: str, *, whole: bool
) -> list[str]:
    """Every component of a kind, with its options."""
    lines = [] if whole else [f"## Each {table.kind}", ""]
    level = "##" if whole else "###"
    for name, entry in table.entries.items():
        lines += [f"{level} `{name}`", "", escape(entry.summary), ""]
        if entry.needs:
            lines += [f"Needs `pip install 'dlx[{entry.extra}]'`.", ""]
        options = tell_options(entry.options, homes, page)
        lines += [*options, ""] if options else ["No options.", ""]
    return lines


def tell_options(
    cls: type,
    homes: dict[int, tuple[str, Table]],
    page: str,
    pages: object = (),
    *,
    prefix: str = "",
) -> list[str]:
    """A table of options, those of sections within them included unless these have pages."""
    rows = list(tell_rows(cls, homes, page, pages, prefix))
    return [*HEAD, *rows] if rows else []


def tell_rows(
    cls: type, homes: dict[int, tuple[str, Table]], page: str, pages: object, prefix: str
) -> Iterator[str]:
    for name, one in options_of(cls).items():
        key = f"`{prefix}{name}`"
        own = pages and has_page(one)
        if own:
            key = f"[{key}]({name}.md)"
        kind = escape(describe(one.hint, one.meta))
        if one.meta.table is not None and not own:
            home, table = homes[id(one.meta.table)]
            kind += f" ([each {table.kind}]({find_link(home, table, page)}))"
        told = escape(one.meta.help)
        if one.meta.example:
            told += f"; example: {as_code(one.meta.example)}"
        yield f"| {key} | {kind} | {tell_default(one)} | {told} |"
        section = find_section(one)
        if section is not None and not own:
            inner = f"{prefix}{name}." if one.hint is section else f"{prefix}{name}.NAME."
            yield from tell_rows(section, homes, page, (), inner)


def find_link(home: str, table: Table, page: str) -> str:
    """Where a kind of component is told of, as seen from a page."""
    whole = options_of(Config)[home].meta.table is table
    anchor = "" if whole else "#each-" + table.kind.replace(" ", "-")
    return anchor if anchor and home == page else f"{home}.md{anchor}"


def tell_default(one: Option) -> str:
    words = default_in_words(one)
    return words if one.required or words in ("empty", "see its keys") else as_code(words)


def sentence(text: str) -> str:
    return escape(text[:1].upper() + text[1:]) + "."


def as_code(text: str) -> str:
    """A text as code in a cell of a table."""
    return f"`{text.replace('|', chr(92) + '|')}`"


def escape(text: str) -> str:
    """A text in a cell of a table: of Markdown's signs only those of code are mark-up."""
    parts = re.split(r"(`[^`]*`)", text.replace("|", "\\|"))
    parts[::2] = [
        re.sub(r"([*\[\]])", r"\\\1", html.escape(one, quote=False)) for one in parts[::2]
    ]
    return "".join(parts)


def tell_commands() -> Iterator[str]:
    """What every command prints with --help, those within `dlx data` too."""
    for verb in VERBS:
        text = ask_for_help(verb)
        yield f"\n## `dlx {verb}`\n\n```text\n{text}```\n"
        actions = re.findall(r"^    (\w+) {2,}\w", text, re.MULTILINE) if "ACTION" in text else ()
        for action in actions:
            told = ask_for_help(verb, action)
            yield f"\n### `dlx {verb} {action}`\n\n```text\n{told}```\n"


def ask_for_help(*words: str) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        main([*words, "--help"])
    return out.getvalue()


def build_site() -> int:
    """The pages of the reference, then the site.

    Returns:
        Zensical's exit code; what it prints is shown where it found something.
    """
    os.environ["COLUMNS"] = "100"  # what --help keeps to
    write_reference()
    shutil.rmtree(TOP / "site", ignore_errors=True)
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    built = subprocess.run(command, cwd=TOP, capture_output=True, text=True)  # noqa: S603 - ours
    told = re.sub(r"\x1b\[[\d;]*m", "", built.stdout + built.stderr)
    print(told if built.returncode else "built: site/index.html")
    return built.returncode


if __name__ == "__main__":
    sys.exit(build_site())
