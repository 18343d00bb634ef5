"""No file of a run that has ended is believed once it is not as it was."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from small import trained

from dlx.cli.main import main
from dlx.errors import UsageError
from dlx.running.retest import look_again
from dlx.runs import seal
from dlx.runs.seal import find_broken

FILES = (
    *(
        "artifacts.json",
        "config.yaml",
        "overrides.yaml",
        "environment.json",
        "data.json",
        "report.json",
        "errors.json",
    ),
    *("metrics.jsonl", "losses.f32", "predictions.csv", "prepare/pipeline.json", "files.json"),
)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-3])


def zero(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[:-3] + bytes(3))


def turn_a_bit(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


DAMAGES: tuple[Callable[[Path], None], ...] = (cut, zero, turn_a_bit, Path.unlink)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run with its report, to be copied."""
    root = tmp_path_factory.mktemp("kept") / "runs"
    words = ["task=wine", "dataset.sample=true", "trainer.threads=1", "trainer.epochs=3"]
    assert main(["train", *words, f"run.root={root}", "--quiet"]) == 0
    return root


@pytest.fixture
def run(kept: Path, here: Path) -> Path:
    """The run, in a folder of runs of its own."""
    shutil.copytree(kept, here / "runs")
    (folder,) = (here / "runs" / "wine").iterdir()
    return folder


def test_a_sound_run_is_sound(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert set(FILES) - {"files.json"} <= set(seal.sealed_names(run))
    assert main(["report", "last"]) == 0, "what is made from it is made anew"
    assert find_broken(run) == []
    assert main(["test", "last"]) == main(["lock", "last"]) == 0
    assert find_broken(run) == []
    assert "warning" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(one, id=one.__name__, marks=pytest.mark.slow if n else ())
        for n, one in enumerate(DAMAGES)
    ],
)
def test_every_damage_of_every_file_is_told(
    run: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[Path], None]
) -> None:
    for name in FILES:
        sound = (run / name).read_bytes()
        damage(run / name)

        gone = damage is Path.unlink
        told = f"{name} {'is missing' if gone else 'has changed since the run ended'}"
        told = "files.json has changed since the run ended" if name == "files.json" else told
        assert find_broken(run, weights=False) == [told]
        for command in (["test"], ["resume"], ["lock"]):
            code = main([*command, str(run)])
            printed = capsys.readouterr()
            assert code in (1, 2), (name, command)
            assert Path(name).name in printed.err, (name, command)
        code = main(["report", str(run)])
        printed = capsys.readouterr()
        assert f"warning: {told}" in printed.out if code == 0 else name in printed.err
        (run / name).write_bytes(sound)
    assert find_broken(run) == []


def test_comparisons_and_pages_tell_it(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = run.with_name(run.name[:-1] + "2")
    shutil.copytree(run, other)
    turn_a_bit(run / "losses.f32")

    assert main(["compare", str(run), str(other)]) == 0
    assert main(["report", str(run)]) == 0

    told = "losses.f32 has changed since the run ended."
    assert f"warning: Run 1: {told}" in capsys.readouterr().out
    assert told in (run / "report.html").read_text()


def test_kept_weights_that_are_gone_are_not_replaced_by_the_last(run: Path) -> None:
    shutil.rmtree(run / "checkpoints" / "best")

    with pytest.raises(UsageError, match="has no best weights"):
        look_again(run)


@pytest.mark.parametrize("file", ["metrics.jsonl", "predictions.csv", "prepare/pipeline.json"])
def test_evidence_that_is_missing_or_shorter_is_not_reproduced(
    run: Path, capsys: pytest.CaptureFixture[str], file: str
) -> None:
    """Also where the run has no seal, as those of an older dlx."""
    (run / "files.json").unlink()
    status = json.loads((run / "status.json").read_text())
    (run / "status.json").write_text(json.dumps({k: v for k, v in status.items() if k != "files"}))
    lines = (run / file).read_text().splitlines(keepends=True)
    if file == "metrics.jsonl":
        (run / file).write_text("".join(lines[:-1]))
    else:
        (run / file).unlink()

    assert main(["reproduce", str(run)]) == 3

    printed = capsys.readouterr().out
    assert f"warning: {seal.UNSEALED}" in printed
    assert "not reproduced:" in printed
    assert file in printed


def test_another_cut_in_the_config_is_refused_before_trained_rows_are_tested(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = trained().folder
    status = json.loads((run / "status.json").read_text())
    (run / "status.json").write_text(json.dumps({k: v for k, v in status.items() if k != "files"}))
    text = (run / "config.yaml").read_text()
    assert "test_seed: 0" in text
    (run / "config.yaml").write_text(text.replace("test_seed: 0", "test_seed: 1"))

    assert main(["test", str(run)]) == 2
    assert "config.yaml has changed since the start of this run" in capsys.readouterr().err
