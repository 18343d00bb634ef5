"""Replacing ${key} and ${oc.env:NAME} in a merged tree by what they refer to."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, get_args, get_origin

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from omegaconf.resolvers import oc

from ..errors import Problem
from .fields import Chosen, Option, alternatives, options_of, to_plain
from .files import Path
from .names import did_you_mean
from .schema import Config
from .tree import Tree

MAX_REFERENCES = 100
MAX_COPIES = 256
"""How often one value may come to stand in another: twenty lines can ask for a million copies."""


@dataclass
class Interpolated:
    """Values that refer to others or to the environment.

    Attributes:
        written: each as it was written.
        environment: those that were read from the environment, themselves or by way of others.
        unresolved: those that refer to nothing; already told of.
    """

    written: dict[Path, str] = field(default_factory=dict)
    environment: set[Path] = field(default_factory=set)
    unresolved: set[Path] = field(default_factory=set)


def resolve(tree: Tree, problems: list[Problem]) -> Interpolated:
    """Resolves a tree in place, noting what refers to nothing."""
    found = Interpolated()
    paths = [path for path, writers in tree.writers.items() if _has_reference(tree, path, writers)]
    if not paths:
        return found
    if len(paths) > MAX_REFERENCES or _copies(tree, paths) > MAX_COPIES:
        what = f"more than {MAX_REFERENCES} values refer to others"
        if len(paths) <= MAX_REFERENCES:
            what = f"values refer to each other more than {MAX_COPIES} times over"
        problems.append(Problem(what, tree.where(paths[-1])))
        found.unresolved.update(paths)
        return found
    for path in paths:
        if problem := _syntax_problem(tree, path):
            problems.append(problem)
            found.unresolved.add(path)
            tree.put(path, None)
    filled = _fill_defaults(Config, tree.data)
    config = OmegaConf.create(filled)
    for path in paths:
        if path not in found.unresolved:
            _resolve_one(tree, path, config, found, problems, list(_keys(filled)))
    return found


def _has_reference(tree: Tree, path: Path, writers: Sequence[Any]) -> bool:
    last = writers[-1] if writers else None
    return last is not None and not last.dropped and "${" in str(tree.get(path))


def _copies(tree: Tree, paths: Sequence[Path]) -> int:
    """An upper bound: the product of the references in all values that are referred to."""
    texts = {path: str(tree.get(path)) for path in paths}
    words = {word for text in texts.values() for word in re.findall(r"\w+", text)}
    product = 1
    for path, text in texts.items():
        if product <= MAX_COPIES and any(w in words for p in path for w in re.findall(r"\w+", p)):
            product *= max(1, text.count("${"))
    return product


def _syntax_problem(tree: Tree, path: Path) -> Problem | None:
    try:
        OmegaConf.create([tree.get(path)])
    except OmegaConfBaseException:
        what = f"`{'.'.join(path)}` is not a valid reference"
        return Problem(what, tree.where(path), "${key}, as in ${trainer.epochs}, or ${oc.env:NAME}")
    return None


def _resolve_one(
    tree: Tree,
    path: Path,
    config: Any,
    found: Interpolated,
    problems: list[Problem],
    known: Sequence[str],
) -> None:
    written = tree.get(path)
    with _environment() as names:
        try:
            node = config
            for part in path:
                node = node[part]
            plain = (
                OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node
            )
        except (OmegaConfBaseException, RecursionError) as error:
            problems.append(_reference_problem(path, error, bool(names), tree.where(path), known))
            found.unresolved.add(path)
            return
    found.written[path] = written
    if names:
        found.environment.add(path)
    tree.put(path, _drop_defaults(written, plain))


def _drop_defaults(written: Any, filled: Any) -> Any:
    """A resolved value without the defaults that stand beside what was written."""
    if isinstance(written, dict) and isinstance(filled, dict):
        return {key: _drop_defaults(value, filled[key]) for key, value in written.items()}
    if isinstance(written, list) and isinstance(filled, list):
        return [_drop_defaults(*pair) for pair in zip(written, filled, strict=True)]
    return filled


def _reference_problem(
    path: Path, error: Exception, secret: bool, where: str, known: Sequence[str]
) -> Problem:
    dotted = ".".join(path)
    said = str(error).strip().partition("\n")[0]
    if missing := re.search(r"Environment variable '(.+)' not found", said):
        what = f"`{dotted}` refers to the environment variable {missing[1]}, which is not set"
        hint = f"export {missing[1]}=..., or ${{oc.env:{missing[1]},...}}"
        return Problem(what, where, hint=hint)
    if secret:
        what = "the value of the environment variable cannot be converted"
        return Problem(f"`{dotted}`: {what}", where)
    if missing := re.search(r"Interpolation key '(.+)' not found", said):
        others = (key for key in known if key != dotted)
        hint = did_you_mean(missing[1], others, "did you mean ${{}}?")
        return Problem(f"`{dotted}` refers to `{missing[1]}`, which is not a key", where, hint=hint)
    if isinstance(error, RecursionError) or "Recursi" in said:
        return Problem(f"`{dotted}` refers to itself, directly or through other values", where)
    return Problem(f"`{dotted}`: {said or type(error).__name__}", where)


@contextmanager
def _environment() -> Iterator[list[str]]:
    """Lists the names of the environment's variables that are read inside."""
    names: list[str] = []

    def env(key: str, *default: Any) -> Any:
        names.append(key)
        return oc.env(key, *default)

    OmegaConf.register_new_resolver("oc.env", env, replace=True)
    try:
        yield names
    finally:
        OmegaConf.register_new_resolver("oc.env", oc.env, replace=True)


def _fill_defaults(cls: type, values: dict[str, Any]) -> dict[str, Any]:
    """Values with the schema's defaults beside them, so that ${trainer.epochs} is always there."""
    found = dict(values)
    for name, opt in options_of(cls).items():
        if name in values:
            found[name] = _fill_value(opt, opt.hint, values[name])
        elif not opt.required:
            found[name] = to_plain(opt.default)
    return found


def _fill_value(opt: Option, hint: Any, value: Any) -> Any:
    """One written value: a section, a component, or several of them, with their defaults."""
    hint = Chosen if Chosen in alternatives(hint) else hint  # which may be null too
    origin, inner = get_origin(hint), (*get_args(hint), None)
    if origin is tuple and isinstance(value, list):
        return [_fill_value(opt, inner[0], item) for item in value]
    if not isinstance(value, dict):
        return value
    if origin is dict and inner[1] is Chosen:
        return {key: _fill_component(opt, str(key), item) for key, item in value.items()}
    if origin is dict:
        return {key: _fill_value(opt, inner[1], item) for key, item in value.items()}
    if hint is Chosen:
        chosen = value.get("name", getattr(opt.default, "name", None))
        return {"name": chosen, **_fill_component(opt, str(chosen), value)}
    return _fill_defaults(hint, value) if dataclasses.is_dataclass(hint) else value  # type: ignore[arg-type]


def _fill_component(opt: Option, name: str, options: Any) -> Any:
    """The options of the component of a name."""
    entry = opt.meta.table.entries.get(name) if opt.meta.table is not None else None
    return (
        _fill_defaults(entry.options, options) if entry and isinstance(options, dict) else options
    )


def _keys(node: Any, prefix: str = "") -> Iterator[str]:
    """Every dotted key of a filled tree that is no section."""
    pairs = node.items() if isinstance(node, dict) else enumerate(node)
    for key, inner in pairs:
        if not isinstance(inner, dict):
            yield f"{prefix}{key}"
        if isinstance(inner, (dict, list)):
            yield from _keys(inner, f"{prefix}{key}.")
