"""Components of the user's own, and who may name them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from dlx.config.load import load, load_saved
from dlx.config.specs import TABLES
from dlx.errors import UsageError

Told = Callable[..., str]
Write = Callable[[str, str], Path]

GOOD = """
from dataclasses import dataclass
from pathlib import Path

from dlx.config.fields import Component, option

Path("imported").touch()


@dataclass(frozen=True, kw_only=True)
class Options:
    \"\"\"SGD that is told only its rate.\"\"\"

    lr: float = option(0.1, "learning rate", gt=0)


def build(options, parameters):
    return "built"


DLX_COMPONENTS = {"optimizer": {"my_sgd": Component(Options, "my_plugin:build")}}
"""


@pytest.fixture(autouse=True)
def tables(here: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Plugins lie where one stands; what they add is taken out again."""
    monkeypatch.syspath_prepend(here)
    before = {kind: dict(table.entries) for kind, table in TABLES.items()}
    yield
    for kind, entries in before.items():
        TABLES[kind].entries.clear()
        TABLES[kind].entries.update(entries)
    sys.modules.pop("my_plugin", None)


@pytest.fixture
def plugin(here: Path) -> Callable[[str], None]:
    """Writes the plugin's module."""

    def put(text: str) -> None:
        (here / "my_plugin.py").write_text(text)

    return put


def test_named_on_the_shell(plugin: Callable[[str], None], told: Told) -> None:
    plugin(GOOD)
    chosen = ["task=digits", "plugins=[my_plugin]", "optimizer.name=my_sgd"]
    optimizer = load([*chosen, "optimizer.lr=0.5"]).config.optimizer
    assert (optimizer.name, optimizer.options.lr) == ("my_sgd", 0.5)
    assert optimizer.load()(optimizer.options, []) == "built"
    assert told(*chosen, "optimizer.lr=-1").startswith("`optimizer.lr` is -1\n")
    assert "try: optimizer.name=my_sgd" in told(*chosen[:2], "optimizer.name=my_sdg")


def test_named_in_a_file_of_the_users(plugin: Callable[[str], None], write: Write) -> None:
    plugin(GOOD)
    text = "defaults: [digits]\nplugins: [my_plugin]\noptimizer: {name: my_sgd}\n"
    write("task/mine", text)
    assert load(["task=mine"]).config.optimizer.options.lr == 0.1


def test_a_run_folder_cannot_grant_it(plugin: Callable[[str], None], here: Path) -> None:
    plugin(GOOD)
    loaded = load(["task=digits"])
    saved = here / "config.yaml"
    plain = {**loaded.plain(), "plugins": ["my_plugin"]}
    saved.write_text(yaml.safe_dump(plain))
    assert load_saved(saved, "config.yaml").plugins == ()
    plain["optimizer"] = {"name": "my_sgd", "lr": 0.1}
    saved.write_text(yaml.safe_dump(plain))
    with pytest.raises(UsageError, match="there is no optimizer `my_sgd`"):
        load_saved(saved, "config.yaml")
    assert "my_plugin" not in sys.modules
    assert not (here / "imported").exists()
    config = load_saved(saved, "config.yaml", ["my_plugin"])
    assert config.optimizer.name == "my_sgd"
    assert (here / "imported").exists()


def test_what_is_told_where_it_is_not_named_is_accepted(plugin: Callable[[str], None]) -> None:
    plugin(GOOD)
    with pytest.raises(UsageError) as unknown:
        load(["task=digits", "optimizer=my_sgd"])
    told = unknown.value.problems[0].accepted.partition("of a plugin: ")[2]
    typed = told.replace("PACKAGE", "my_plugin").split()
    assert load(["task=digits", *typed]).config.optimizer.name == "my_sgd"

    with pytest.raises(UsageError) as text:
        load(["task=digits", "plugins=my_plugin"])
    hint = text.value.problems[0].hint.strip("'")
    assert load(["task=digits", hint]).config.plugins == ("my_plugin",)


def test_the_docs_name_every_kind() -> None:
    text = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text()
    assert [kind for kind in TABLES if f"\n| `{kind}` |" not in text] == []


def test_it_can_be_named_twice(plugin: Callable[[str], None]) -> None:
    plugin(GOOD)
    for _ in range(2):
        assert load(["task=digits", "plugins=[my_plugin,my_plugin]"]).config.seed == 0


def test_a_plugin_named_as_a_file_is_not_imported(plugin: Callable[[str], None]) -> None:
    plugin("raise SystemExit('not to be imported')")
    with pytest.raises(UsageError) as caught:
        load(["task=digits", "plugins=[my_plugin.py]"])
    assert str(caught.value) == (
        "plugin `my_plugin.py` is named as a file\n"
        "  where: command line: plugins=[my_plugin.py]\n"
        "  accepted: the name that Python imports, as in my_package\n"
        "  try: did you mean my_plugin?"
    )


SHAPE = "\n  accepted: DLX_COMPONENTS = {kind: {name: Component(...)}}"
NOT_OURS = GOOD.replace("optimizer", "optimiser")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "plugin my_plugin has no DLX_COMPONENTS\n"),
        ("import nowhere_to_be_found", "plugin my_plugin cannot be imported: No module named"),
        ("1 / 0", "plugin my_plugin cannot be imported: ZeroDivisionError: division by zero\n"),
        ("x = (", "plugin my_plugin cannot be imported: SyntaxError: '(' was never closed"),
        ("DLX_COMPONENTS = 3", "plugin my_plugin: DLX_COMPONENTS is not a mapping\n"),
        (
            "DLX_COMPONENTS = {'optimizer': []}",
            "plugin my_plugin: DLX_COMPONENTS['optimizer'] is not a mapping\n",
        ),
        (
            "DLX_COMPONENTS = {'optimizer': {'x': 3}}",
            "plugin my_plugin: optimizer `x` is not a Component\n",
        ),
        (NOT_OURS, "plugin my_plugin: `optimiser` is not a kind of component; kinds: dataset, "),
        (GOOD.replace("my_sgd", "sgd"), "plugin my_plugin: there is an optimizer `sgd` already\n"),
        (
            GOOD.replace('"optimizer"', '"schedule"'),
            "plugin my_plugin: schedule `my_sgd`: its options are not a "
            "dlx.config.specs.schedules.Schedule\n",
        ),
        (
            GOOD.replace('"optimizer"', '"metric"').replace("lr:", "direction = 'min'\n    lr:"),
            "plugin my_plugin: metric `my_sgd` has no `problems`\n",
        ),
        (
            GOOD.replace("@dataclass(frozen=True, kw_only=True)", ""),
            "plugin my_plugin: optimizer `my_sgd`: its options are no dataclass\n",
        ),
    ],
    ids=[
        *(
            "empty",
            "import",
            "raises",
            "syntax",
            "no dict",
            "list",
            "no component",
            "kind",
            "taken",
        ),
        *("schedule", "metric", "no dataclass"),
    ],
)
def test_mistakes(plugin: Callable[[str], None], told: Told, text: str, expected: str) -> None:
    plugin(text)
    before = {kind: dict(table.entries) for kind, table in TABLES.items()}
    said = told("task=digits", "plugins=[my_plugin]")
    assert said.startswith(expected)
    assert "\n  where: command line: plugins=[my_plugin]" in said
    assert before == {kind: table.entries for kind, table in TABLES.items()}


@pytest.mark.parametrize("name", ["../x", ".x", "a b", "os;x", "x.", "1x"])
def test_names_that_are_none(told: Told, name: str) -> None:
    assert told("task=digits", f"plugins=['{name}']") == (
        f"plugin `{name}` is not a package name\n"
        f"  where: command line: plugins=['{name}']\n  accepted: a name, as in my_package"
    )


def test_what_is_no_text_is_left_to_the_schema(told: Told) -> None:
    assert told("task=digits", "plugins=[3]") == (
        "`plugins.0` is 3\n  where: command line: plugins=[3]\n  accepted: text"
    )
