"""Whatever is advised is accepted by the checks that refuse."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dlx.config.advice import more_reliable
from dlx.config.learners import one_cut, reads
from dlx.config.load import Loaded, load
from dlx.config.paths import find_shipped
from dlx.config.schema import Config
from dlx.config.specs import PROTOCOLS
from dlx.data import read
from dlx.data.checks import Finding, check, has_repeats, refuse_leaks
from dlx.data.fingerprints import input_hashes
from dlx.data.targets import encode
from dlx.errors import DlxError, UsageError

TASKS = sorted(file.stem for file in (find_shipped("configs") / "task").glob("*.yaml"))

FEW = ("beijing_pm25", "boston_housing")
"""Tasks in time and not: all that advice goes by, beside the protocol."""


TSNE = "digits_projection learner.method.name=tsne ~protocol"


def skip_without_protocol(loaded: Loaded) -> None:
    if not reads(loaded.config, "protocol"):
        pytest.skip("nothing is held out of one picture or environment")


def legal(task: str) -> Iterator[Loaded]:
    """The task under every protocol that it may have, its own first."""
    arguments = [f"task={task}", "dataset.sample=true"]
    for more in ([], *([f"protocol={name}"] for name in PROTOCOLS.entries)):
        try:
            yield load([*arguments, *more])
        except DlxError:
            assert more, "the task itself is refused"


@pytest.mark.parametrize(
    "task", [t if t in FEW else pytest.param(t, marks=pytest.mark.slow) for t in TASKS]
)
def test_what_is_advised_is_accepted_for_every_task_and_protocol(task: str) -> None:
    advised = set()
    for loaded in legal(task):
        skip_without_protocol(loaded)
        for repeated in (False, True):
            typed = more_reliable(loaded.config, repeated).split()
            again = load([*loaded.arguments, *typed])
            advised.add(" ".join(typed))
            further = more_reliable(again.config, repeated).split()
            assert further != typed  # whoever does as told is told something else, or nothing
            load([*again.arguments, *further])
        load([*loaded.arguments, one_cut(loaded.config)])
    in_time = bool(loaded.config.dataset.options.time)
    assert any("chronological" in one for one in advised) is in_time
    assert any("iterated_kfold" in one for one in advised) is not in_time


@pytest.mark.parametrize("task", TASKS)
def test_what_is_advised_leaks_nothing(task: str) -> None:
    loaded = load([f"task={task}", "dataset.sample=true"])
    skip_without_protocol(loaded)
    samples = read(loaded.config.dataset)
    targets = {n: encode(samples, n, t.problem) for n, t in loaded.config.targets.items()}
    hashes = input_hashes(samples)

    def findings(config: Config) -> list[Finding]:
        chosen = config.protocol
        split = chosen.load()(chosen.options, samples, config.seed, next(iter(targets), ""))
        return check(samples, split, targets, hashes)

    known = [found.plain() for found in findings(loaded.config)]
    typed = more_reliable(loaded.config, has_repeats(known))
    refuse_leaks(findings(load([*loaded.arguments, *typed.split()]).config))


@pytest.mark.parametrize("words", ["gridworld", "style", TSNE])
def test_where_no_fold_can_be_held_out_none_is_advised(words: str) -> None:
    config = load(["dataset.sample=true", *f"task={words}".split()]).config
    assert more_reliable(config, repeated=False) == ""


def test_what_keeps_rows_together_and_cuts_the_test_set_stays() -> None:
    kept = ["protocol.test=0.3", "protocol.test_seed=7", "protocol.duplicates=together"]
    typed = more_reliable(load(["task=wine", *kept]).config, repeated=False)
    assert typed == " ".join(["protocol=iterated_kfold", *kept])
    typed = more_reliable(load(["task=wine", "protocol.stratify=false"]).config, repeated=True)
    assert typed == "protocol=iterated_kfold protocol.stratify=false protocol.duplicates=together"


def test_rows_in_time_are_held_out_in_time() -> None:
    monitored = ["task=beijing_pm25", "protocol=train_test", "callbacks=early_stopping"]
    with pytest.raises(UsageError) as error:
        load(monitored)
    assert [p.hint for p in error.value.problems if "no validation set" in p.what] == [
        "protocol=chronological"
    ]
    config = load(["task=beijing_pm25", "protocol.validation=0.3", "protocol.gap=20"]).config
    typed = "protocol=chronological protocol.validation=0.4 protocol.gap=20"
    assert sorted(more_reliable(config, False).split()) == sorted(typed.split())
    wide = load(["task=beijing_pm25", "protocol.validation=2000"]).config
    assert more_reliable(wide, repeated=False) == ""
