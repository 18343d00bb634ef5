"""The verb `dlx completion SHELL`: a script that completes verbs, keys and choices on Tab."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..config.branches import BRANCHES
from ..config.fields import Chosen, Option, alternatives
from ..explain.methods import METHODS
from .console import say, say_json

EXAMPLES = """examples:
  eval "$(dlx completion bash)"
  dlx completion zsh > ~/.zfunc/_dlx
  dlx completion fish > ~/.config/fish/completions/dlx.fish
"""

_SCRIPTS = {
    "bash": """_dlx() {
  local IFS=$'\\n'
  COMPREPLY=($(COMP_WORDBREAKS=" " dlx completion words -- "${COMP_WORDS[@]:1:COMP_CWORD}"))
  [[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace
}
COMP_WORDBREAKS=${COMP_WORDBREAKS//=}
complete -o default -F _dlx dlx""",
    "zsh": """#compdef dlx
_dlx() {
  local -a found
  found=("${(@f)$(dlx completion words -- "${words[@]:1}")}")
  compadd -S '' -- $found
}
compdef _dlx dlx""",
    "fish": """function _dlx
  dlx completion words -- (commandline -opc)[2..-1] (commandline -ct)
end
complete -c dlx -f -a '(_dlx)'""",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's arguments to its parser."""
    parser.add_argument("shell", choices=[*_SCRIPTS, "words"], help="the shell")
    parser.add_argument("typed", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """Prints the script, or, for the script, what the last word typed may become."""
    if args.shell != "words":
        script = _SCRIPTS[args.shell]
        if args.typed == ["--json"]:  # which the remainder takes
            say_json({"shell": args.shell, "script": script})
        else:
            say(script)
        return 0
    for word in words(args.typed[1:] if args.typed[:1] == ["--"] else args.typed):
        say(word)
    return 0


def words(typed: list[str]) -> list[str]:
    """What the last word of a command may become, the words before it given."""
    from .branches import branch_words
    from .main import VERBS

    last = typed[-1] if typed else ""
    if len(typed) <= 1:
        return [verb for verb in VERBS if verb.startswith(last)]
    if typed[0] == "explain" and typed[-2] == "--method":
        return [name for name in METHODS if name.startswith(last)]
    if typed[:2] == ["data", "preview"] and len(typed) > 2:
        typed = typed[1:]
    if typed[0] in _OF_RUNS and not last.startswith("-"):
        found = _complete_runs(typed[0], typed[1:-1], last)
        return [word for word in found if word.startswith(last)]
    if typed[0] == "tasks" and not last.startswith("-"):
        return [word for word in [*BRANCHES, *_values("task")] if word.startswith(last)]
    if typed[0] not in _OF_CONFIGS:
        return []
    if "=" in last:
        key, _, begun = last.partition("=")
        return [f"{key}={value}" for value in _values(key) if value.startswith(begun)]
    ending = "" if typed[0] == "help" else "="
    named = [] if typed[0] == "help" else _named_keys(typed[1:-1])
    branches = branch_words() if typed[0] == "help" else []
    offered = (*(f"{key}{ending}" for key in (*_keys(), *named)), *branches)
    return [word for word in dict.fromkeys(offered) if word.startswith(last)]


_OF_CONFIGS = ("train", "tune", "workflow", "config", "summary", "lr-find", "preview", "help")
"""The verbs that take keys of a config."""
_OF_RUNS = {
    **dict.fromkeys(("report", "compare", "diff", "resume", "reproduce", "lock", "test"), "runs"),
    **dict.fromkeys(("explain", "export", "generate", "predict", "serve"), "runs"),
    **dict.fromkeys(("runs", "best"), "filters"),
}
"""The verbs that take runs, and those that take filters."""


def _complete_runs(verb: str, before: list[str], last: str) -> list[str]:
    """Names of runs in ./runs, newest first; or filters, from what is there."""
    from ..runs import listing

    every = listing.statuses(Path("runs"))
    key, equals, _ = last.partition("=")
    if equals:
        values = (listing.value_of(status, key) for status in every)
        known = listing.STATES if key == "state" else dict.fromkeys(v for v in values if v)
        return [f"{key}={value}" for value in known]
    names = ["last", *(str(status.get("run")) for status in reversed(every))] if every else []
    if verb == "predict" and before:
        return []  # files follow, which the shell completes
    if _OF_RUNS[verb] == "runs":
        return names
    typed = sorted(
        {key for status in every for key in listing.overrides_by_key(status)} - {"task", "seed"}
    )
    filters = [f"{key}=" for key in (*("task", "state", "sweep", "seed"), *typed)]
    if before[:1] == ["rm"]:
        return [*names, *filters, "older="]
    return [*(["rm"] if verb == "runs" and not before else []), *dict.fromkeys(filters)]


def _keys() -> list[str]:
    from ..config.keys import dotted_keys, every_option
    from ..config.paths import GROUPS

    names = [f"{key}.name" for key, opt in every_option().items() if is_choice(opt)]
    return sorted({*GROUPS, *dotted_keys(), *names, "experiment"})


def _named_keys(before: list[str]) -> list[str]:
    """The keys of the sections that the task on the line has named, as in targets.digit.scale."""
    from ..config.fields import options_of
    from ..config.keys import every_option, section_of
    from ..config.paths import is_name
    from ..runs.files import mapping
    from .tasks import values_of

    task = next((word[5:] for word in reversed(before) if word.startswith("task=")), "")
    values = values_of(task) if is_name(task) else {}
    found: list[str] = []
    for key, opt in every_option().items():
        section, part = section_of(opt), values
        for name in key.split("."):
            part = mapping(part.get(name))
        if section is not None:
            found += [f"{key}.{name}.{option}" for name in part for option in options_of(section)]
    return list(dict.fromkeys(found))


def is_choice(option: Option | None) -> bool:
    """Whether an option is one component of a table, which the shell names by `key.name`."""
    return option is not None and Chosen in alternatives(option.hint)


def _values(key: str) -> list[str]:
    """The files of a group, or the choices of an option."""
    from ..config.keys import every_option
    from ..config.paths import GROUPS, group_files, is_name, search_path
    from .help import choices_of

    if key == "experiment":
        from ..experiments import names

        return names()
    if key in GROUPS:
        return sorted(
            {n for root in search_path(None) for n in group_files(root, key) if is_name(n)}
        )
    known = every_option()
    option = known.get(key) or known.get(key.rpartition(".")[0])
    if option is not None and option.meta.table is not None and not key.endswith(".name"):
        return []  # components as they stand are no values: `key.name` takes one, or a list
    return choices_of(key.removesuffix(".name"))
