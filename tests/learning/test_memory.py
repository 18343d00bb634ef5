"""What no machine holds is refused from arithmetic, and nothing is allocated or written for it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from small import REVIEWS, WINE, built, loaded, trained
from torch import nn

from dlx.config.specs import AVERAGES
from dlx.errors import UsageError
from dlx.learning import memory
from dlx.learning.memory import _count_kept, eval_rows, format_bytes
from dlx.learning.networks import builder
from dlx.models.sizes import RowSizes, count_parameters, measure_rows, outline
from dlx.reproduce.again import reproduce
from dlx.running.retest import look_again
from dlx.running.train import train

PADDED = "prepare.steps=[{name: pad, length: 20}]"
IMAGES = ("task=mnist", "dataset.sample=true", "trainer.threads=1", "model=convnet")


@pytest.mark.parametrize(
    ("base", "overrides"),
    [
        (WINE, ("model.units=[1000000000000]",)),
        (WINE, ("model.units=[100000000,100000000]", "optimizer=sgd")),
        (IMAGES, ("model.channels=[1000000000]",)),
        (REVIEWS, ("model=layers", PADDED, "model.layers=[{embedding: 1000000000000}, flatten]")),
        (REVIEWS, ("model=layers", PADDED, "model.layers=[{embedding: 8}, {lstm: 100000000}]")),
    ],
    ids=["wide", "deep", "channels", "embedding", "recurrent"],
)
@pytest.mark.parametrize("verb", ["train", "summary"])
def test_a_model_that_no_machine_holds(
    cli: Any, base: tuple[str, ...], overrides: tuple[str, ...], verb: str
) -> None:
    found = cli(verb, *base, *overrides)

    assert not Path("runs").exists()
    if verb == "summary":
        assert found.code == 0
        assert int(found.out.splitlines()[-1].split()[0].replace(",", "")) > 10**10
        return
    assert (found.code, found.out.count("\n")) == (2, 1)  # what is read is said
    assert "error: the model has " in found.err
    assert " that are free on the cpu" in found.err


def test_more_numbers_than_can_be_counted(cli: Any) -> None:
    found = cli("train", *WINE, "model.units=[10000000000,10000000000]")

    assert (found.code, Path("runs").exists()) == (2, False)
    assert "error: the model has more numbers than 64 bits can count" in found.err


@pytest.mark.parametrize(
    ("optimizer", "kept"),
    [
        ("sgd", 0),
        ("{name: sgd, momentum: 0.9}", 1),
        ("rmsprop", 1),
        ("adam", 2),
        ("nadam", 2),
        ("adagrad", 1),
        ("{name: lbfgs, history: 3}", 10),
    ],
)
def test_what_training_adds_to_the_weights(
    monkeypatch: pytest.MonkeyPatch, optimizer: str, kept: int
) -> None:
    """Exactly what weights, gradients and the optimizer's state take passes; a byte less fails."""
    config = loaded(f"optimizer={optimizer}").config
    average = replace(config.trainer, average=AVERAGES.default("ema")())
    assert _count_kept(config.optimizer) == kept

    def build() -> nn.Module:
        return nn.Linear(10, 10, bias=False)

    for averaged in (False, True):
        cpu, need = torch.device("cpu"), 4 * 100 * (2 + kept + 2 * averaged)
        monkeypatch.setattr(memory, "free_memory", lambda need=need: need)
        config = replace(config, trainer=average) if averaged else config
        memory.require_weights(config, build, cpu)
        monkeypatch.setattr(memory, "free_memory", lambda need=need: need - 1)
        said = f"the model has 100 parameters: .*, {format_bytes(need)}"
        with pytest.raises(UsageError, match=said):
            memory.require_weights(config, build, cpu)


def test_a_batch_that_does_not_fit_is_refused_and_the_hint_works(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: 5_000_000)
    large = (*IMAGES, "model.channels=[8,8]", "trainer.epochs=1", "test=false")
    with pytest.raises(UsageError, match="a step of 128 rows needs") as caught:
        trained(base=large)

    assert not Path("runs").exists()
    trained(caught.value.problems[0].hint, base=large)
    trained("trainer.accumulate=32", base=large)


def test_where_steps_may_be_cut_a_row_must_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a CPU `auto` cuts nothing, so there the whole batch must."""
    config, sizes = loaded("trainer.accumulate=auto").config, RowSizes(100, 100)
    monkeypatch.setattr(memory, "free_on", lambda _: 400)
    memory.require_batch(config, sizes, 64, torch.device("cuda"))
    for device, kept in (("cpu", 100), ("cuda", 101)):
        with pytest.raises(UsageError, match="a step of"):
            memory.require_batch(config, RowSizes(kept, kept), 64, torch.device(device))


def test_the_outline_has_the_shapes_of_the_model() -> None:
    for base in (WINE, REVIEWS, IMAGES):
        config, data, fold, training = built(base=base)
        model = outline(builder(config, fold.inputs, data.targets))
        shapes = {name: p.shape for name, p in model.named_parameters()}
        assert shapes == {name: p.shape for name, p in training.model.named_parameters()}
        assert count_parameters(model) == sum(p.numel() for p in training.parameters)
        assert all(parameter.is_meta for parameter in model.parameters())


def test_what_rows_take() -> None:
    """Listing 5.1: 26 x 26 x 32 numbers before and after the first activation are the most."""
    _, _, fold, training = built(base=IMAGES)

    assert measure_rows(training.model, fold.inputs).widest == 2 * 26 * 26 * 32


def test_shipped_tasks_validate_in_the_batches_that_are_asked_for() -> None:
    """So their scores keep their bits."""
    for base in (WINE, REVIEWS, IMAGES):
        config, _, fold, training = built(base=base)
        assert eval_rows(config, measure_rows(training.model, fold.inputs)) == 1024


def test_the_rows_of_an_evaluation_are_bounded_recorded_and_followed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By whoever tests again or reproduces; an older run has what its config says."""
    with monkeypatch.context() as patch:
        patch.setattr(memory, "EVAL_BYTES", 4 * (13 + 13) * 3)
        run = trained("model.units=[13]", "trainer.epochs=1")
    file = run.folder / "environment.json"
    assert json.loads(file.read_text())["eval_batch_size"] == 3
    asked: list[int] = []
    real = memory.set_eval_batch

    def spy(config: Any, rows: int) -> Any:
        asked.append(rows)
        return real(config, rows)

    monkeypatch.setattr("dlx.running.staging.set_eval_batch", spy)
    monkeypatch.setattr("dlx.running.retest.set_eval_batch", spy)
    assert reproduce(run.folder, lambda _: None).identical
    look_again(run.folder)
    assert set(asked) == {3}

    for name, key in (("environment.json", "eval_batch_size"), ("status.json", "files")):
        known = json.loads((run.folder / name).read_text())
        del known[key]  # as an older run has it
        (run.folder / name).write_text(json.dumps(known))
    asked.clear()
    look_again(run.folder)
    reproduce(run.folder, lambda _: None)
    assert set(asked) == {1024}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("trainer.threads=100000000", "`trainer.threads` is 100000000"),
        ("protocol={name: kfold, k: 1000000000000}", "`protocol.k` is 1000000000000, which"),
        ("protocol={name: iterated_kfold, iterations: 1000000000}", "`protocol.iterations` is"),
    ],
)
def test_counts_without_bound_are_refused(override: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        train(loaded(override), lambda _: None)
    assert not Path("runs").exists()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="Linux bounds the address space")
@pytest.mark.parametrize(
    ("bytes_", "code", "words"),
    [
        (2 * 10**9, 1, "error: out of memory: libtorch"),
        (8 * 10**9, 2, "error: the model has 1,600,720,003 parameters"),
    ],
)
def test_an_address_space_that_is_bounded(here: Path, bytes_: int, code: int, words: str) -> None:
    """As by `ulimit -v`: too small for torch itself, or for the model."""
    import resource

    done = subprocess.run(
        [sys.executable, "-m", "dlx", "train", *WINE, "model.units=[40000,40000]"],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (bytes_, bytes_)),
    )

    assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr
    assert words in done.stderr
    assert not (here / "runs").exists()


def test_units() -> None:
    assert [format_bytes(n) for n in (1, 1500, 2_000_000, 3 * 10**12)] == [
        *("1 bytes", "1.5 kB", "2 MB", "3 TB")
    ]
