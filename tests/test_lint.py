"""What no module of dlx does: run what it reads; and how long its files and functions may be."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import dlx

ROOT = Path(dlx.__file__).parent
FILES = sorted(file for file in ROOT.rglob("*.py") if "_shipped" not in file.parts)
MAX_FUNCTION = 60
MAX_FILE = 450

PICKLES = {"pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
MAY_PICKLE = "data/keras_npz.py"
"""The restricted reader of Keras' object arrays: three globals, after the hash."""
MAY_LOAD = "models/weights.py"
"""The one reader of torch's own files: tensors alone, after the hash."""
BARE_CALLS = {"eval", "exec", "compile", "__import__", "instantiate"}
ATTRIBUTE_CALLS = {
    ("torch", "load"),
    ("os", "system"),
    ("os", "popen"),
    ("builtins", "eval"),
    ("builtins", "exec"),
    ("hydra", "main"),
}
YAML_LOADERS = {"load", "load_all", "unsafe_load", "full_load", "unsafe_load_all", "full_load_all"}
SAFE_LOADERS = {"SafeLoader", "CSafeLoader"}
OPENERS = {"open", "read_text", "read_bytes", "write_text", "write_bytes", "touch", "unlink"}
OPENERS |= {"rmtree", "rmdir", "iterdir", "glob", "rglob", "symlink_to", "hardlink_to"}
OPENED = ("webbrowser", "Table", "Predictor")
"""What has a method `open` that opens no file of a run folder by itself."""
MAY_OPEN = (
    *("files.py", "data/readers/", "data/fetch.py", "data/store.py", "data/reading.py"),
    *("data/keras_npz.py", "data/code.py", "data/scratch.py", "data/cache.py"),
    *("data/originals.py", "data/picture_cache.py", "explain/files.py", "data/tables/"),
    *(
        "config/files.py",
        "config/specs/networks.py",
        "config/paths.py",
        "cli/tasks.py",
        "cli/completion.py",
        "cli/streams.py",
        "experiments.py",
    ),
    *("reproduce/claims.py", "runs/folder.py", "runs/remove.py"),
    *("running/environment.py", "running/threads.py", "machine.py"),
    *("api.py", "beginning/", "cli/predict.py", "use/rows/", "use/written.py"),
)
"""The user's own data, configs and claims, fresh folders in the cache, the machine's facts, and
names in the folder of all runs; all else may be a stranger's, and is for `dlx/files.py`."""


def imports(node: ast.AST) -> Iterator[str]:
    """The names of the modules that a statement imports."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.level == 0:
        yield node.module or ""
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def callee(node: ast.Call) -> tuple[str, str]:
    """The object and the name that a call reaches for: torch.load(x) -> ("torch", "load")."""
    if isinstance(node.func, ast.Attribute):
        owner = node.func.value
        return (owner.id if isinstance(owner, ast.Name) else "?", node.func.attr)
    return ("", node.func.id if isinstance(node.func, ast.Name) else "")


def keyword(node: ast.Call, name: str) -> ast.expr | None:
    return next((k.value for k in node.keywords if k.arg == name), None)


def is_true(node: ast.expr | None) -> bool:
    return not isinstance(node, ast.Constant) or bool(node.value)


def safe_loaders(tree: ast.Module) -> set[str]:
    """Safe loaders, and what a module names after them."""
    found = set(SAFE_LOADERS)
    for node in tree.body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            loaders = re.findall(r"\w*Loader", ast.unparse(node.value))
            names = node.targets if isinstance(node, ast.Assign) else [node.target]
            if loaders and all(loader in SAFE_LOADERS for loader in loaders):
                found |= {name.id for name in names if isinstance(name, ast.Name)}
    return found


def has_safe_loader(node: ast.Call, safe: set[str]) -> bool:
    loader = keyword(node, "Loader") or (node.args[1] if len(node.args) > 1 else None)
    name = loader.attr if isinstance(loader, ast.Attribute) else getattr(loader, "id", "")
    return name in safe


def forbidden(tree: ast.Module, name: str) -> Iterator[str]:
    """Each forbidden thing in a module, with its line."""
    safe = safe_loaders(tree)
    for node in ast.walk(tree):
        for module in imports(node):
            if module.split(".")[0] in PICKLES and name != MAY_PICKLE:
                yield f"{node.lineno}: imports {module}"  # type: ignore[attr-defined]
            if module.endswith(".instantiate") or module in ("torch.load", "hydra.utils"):
                yield f"{node.lineno}: imports {module}"  # type: ignore[attr-defined]
        if not isinstance(node, ast.Call):
            continue
        owner, function = callee(node)
        safe_load = name == MAY_LOAD and is_true(keyword(node, "weights_only") or ast.Constant(0))
        if (owner, function) == ("torch", "load") and safe_load:
            continue
        if (not owner and function in BARE_CALLS) or (owner, function) in ATTRIBUTE_CALLS:
            yield f"{node.lineno}: calls {owner}.{function}".replace(" .", " ")
        if function == "instantiate":
            yield f"{node.lineno}: calls instantiate"
        if owner == "yaml" and function in YAML_LOADERS and not has_safe_loader(node, safe):
            yield f"{node.lineno}: calls yaml.{function} without a safe loader"
        opens = function in OPENERS and (owner or function == "open")
        if (
            opens
            and owner not in ("webbrowser", "Table", "Predictor")
            and not name.startswith(MAY_OPEN)
        ):
            yield f"{node.lineno}: calls {function}: dlx/files.py follows no link"
        allow = keyword(node, "allow_pickle")
        if allow is not None and is_true(allow):
            yield f"{node.lineno}: allows pickle"
        shell = keyword(node, "shell")
        if shell is not None and is_true(shell):
            yield f"{node.lineno}: runs a shell"
        if any(k.arg is None for k in node.keywords) and (owner, function) == ("np", "load"):
            yield f"{node.lineno}: hides the options of np.load"


def too_long(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = (node.end_lineno or 0) - node.lineno + 1
            if length > MAX_FUNCTION:
                yield f"{node.lineno}: {node.name} has {length} lines"


def test_no_two_files_of_tests_have_the_same_name() -> None:
    names = [file.name for file in Path(__file__).parent.rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))


def test_all_modules_are_looked_at() -> None:
    names = {file.relative_to(ROOT).as_posix() for file in FILES}
    assert {"__main__.py", "cli/main.py", "config/compose.py", MAY_PICKLE} <= names
    assert len(names) > 80


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.relative_to(ROOT).as_posix())
def test_a_module(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    tree = ast.parse(text)
    name = file.relative_to(ROOT).as_posix()
    assert list(forbidden(tree, name)) == []
    assert list(too_long(tree)) == []
    assert text.count("\n") <= MAX_FILE
    assert ast.get_docstring(tree)


@pytest.mark.parametrize(
    "text",
    [
        "import pickle",
        "from pickle import loads",
        "import joblib.memory",
        "def f():\n    import dill",
        "import torch\ntorch.load(f)",
        "from torch import load",
        "eval(x)",
        "exec(x)",
        "__import__(x)",
        "hydra.utils.instantiate(c)",
        "instantiate(c)",
        "from hydra.utils import instantiate",
        "import hydra.utils",
        "yaml.load(f)",
        "yaml.load(f, Loader=yaml.Loader)",
        "yaml.load(f, yaml.UnsafeLoader)",
        "_Loader = yaml.Loader\nyaml.load(f, Loader=_Loader)",
        "yaml.unsafe_load(f)",
        "yaml.full_load(f)",
        "np.load(f, allow_pickle=True)",
        "np.load(f, allow_pickle=yes)",
        "np.load(f, **options)",
        "os.system(x)",
        "open(f)",
        "path.read_text()",
        "(run / 'lock').open('a')",
        "shutil.rmtree(folder)",
        "subprocess.run(x, shell=True)",
    ],
)
def test_the_lint_sees(text: str) -> None:
    assert list(forbidden(ast.parse(text), "x.py"))


@pytest.mark.parametrize(
    "text",
    [
        "yaml.load(f, Loader=yaml.SafeLoader)",
        "_Loader = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)\nyaml.load(f, Loader=_Loader)",
        "yaml.safe_load(f)",
        "from safetensors.torch import load",
        "np.load(f, allow_pickle=False)",
        "np.load(f)",
        "files.open_file(f)",
        "read_text(f)",
        "model.eval()",
        "re.compile(x)",
        "json.load(f)",
        "from .pickle import x",
        "safetensors.torch.load_file(f)",
    ],
)
def test_the_lint_lets_pass(text: str) -> None:
    assert list(forbidden(ast.parse(text), "x.py")) == []


def test_the_lint_counts_lines() -> None:
    body = "    pass\n" * MAX_FUNCTION
    assert list(too_long(ast.parse(f"def f():\n{body}"))) == ["1: f has 61 lines"]
    assert list(too_long(ast.parse(f"def f():\n{body[9:]}"))) == []


def test_files_of_tests_have_names_of_their_own() -> None:
    """Or pytest collects none of them: their folders are no packages."""
    names = [file.name for file in Path(__file__).parent.rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))
