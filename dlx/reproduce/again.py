"""A run trained again from its folder alone, and held against what it kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..config.load import digest, load_saved, wrap_config
from ..data.origins import locate_files
from ..errors import Problem, UsageError
from ..running.earlier import Before, Earlier, read_earlier
from ..running.environment import contract
from ..running.run import Run, Say
from ..runs import seal
from ..runs.folder import name_of
from ..runs.members import pin_members
from ..runs.source import pin_source
from ..training.callbacks import Callback
from .compare import Difference, differences
from .replay import replay


@dataclass(frozen=True)
class Verdict:
    """What trying a run again has shown.

    Attributes:
        run: the run's name.
        identical: whether everything is the same to the bit.
        holds: whether it counts as reproduced.
        level: the level of the contract that was tried (docs/reliability.md).
        why: what the level rests on.
        differences: where it is not the same, the first in training first.
        changed: what is not as it was, of all that bits may depend on.
        scores: each score as it was, and as it is now.
        warnings: what could not be checked.
    """

    run: str
    identical: bool
    holds: bool
    level: str
    why: str
    differences: list[Difference] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    scores: dict[str, tuple[float, float]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def reproduce(
    folder: Path,
    say: Say,
    watchers: Sequence[Callback] = (),
    *,
    plugins: Sequence[str] = (),
    tolerance: float | None = None,
) -> Verdict:
    """Trains a run again, with its config, seed and thread count, and compares.

    The look at the test part is written into the ledger as a replay.

    Args:
        folder: the run folder.
        say: told what is being done, a line at a time.
        watchers: further callbacks, such as a progress bar.
        plugins: packages that the user allows now.
        tolerance: how far a score may be off, as a share of it; None asks for the same bits.

    Raises:
        UsageError: the run did not come to its end, or its data are not there.
        RunError: its folder is damaged, or the training failed.
    """
    folder = folder.resolve()
    earlier = read_earlier(folder)
    if not earlier.done:
        what = f"only a finished run can be reproduced, and this one is {earlier.state}"
        raise UsageError(Problem(what, str(folder), hint=f"dlx resume {folder.name} continues"))
    config = load_saved(folder / "config.yaml", f"{folder.name}/config.yaml", plugins)
    earlier.check_needs(config)
    root = folder.parent.parent
    config = locate_files(pin_members(pin_source(config, root), root), root)
    broken = seal.find_broken(folder)
    loaded = wrap_config(config, [str(one) for one in earlier.status.get("overrides", [])])
    name = name_of(folder)
    batch = earlier.eval_batch or config.trainer.eval_batch_size
    before = Before(batch, earlier.accumulate)
    with replay(loaded, root, name, say, watchers, earlier.threads, folder, before) as run:
        found = differences(folder, run.folder)
    around = earlier.find_changes(run.facts["environment"])
    scores = _scores(earlier, run)
    unsteady = run.data.samples.unsteady
    level, why = contract(run.stage.fold.device, config.trainer.deterministic, unsteady)
    off = [score for score, (was, now) in scores.items() if not _is_near(was, now, tolerance)]
    identical = not found and not off and not broken
    sound = not any(one.startswith("report.json") for one in broken)  # the scores stand there
    return Verdict(
        run=name,
        identical=identical,
        holds=identical or (tolerance is not None and not off and sound),
        level=_level(level, around),
        why=why,
        differences=found,
        changed=[*broken, *_find_differences(earlier, run), *around],
        scores=scores,
        warnings=() if seal.is_sealed(folder) else (seal.UNSEALED,),
    )


def _find_differences(earlier: Earlier, run: Run) -> list[str]:
    """What differs before any training: the config, the data, the parts."""
    found = []
    known = earlier.status.get("config_digest")
    if known not in (None, digest(run.config)):
        found.append("config.yaml has changed since the training")
    for key, what in (("digest", "the dataset"), ("split_digest", "the split")):
        was, now = earlier.data.get(key), run.facts["data"][key]
        if was not in (now, run.facts["data"].get(f"former_{key}", now)):
            found.append(f"{what} had digest {str(was)[:12]}, now {now[:12]}")
    return found


def _scores(earlier: Earlier, run: Run) -> dict[str, tuple[float, float]]:
    now = {score["name"]: score["value"] for score in run.facts["scores"]}
    was: dict[str, Any] = {score["name"]: score["value"] for score in earlier.scores}
    names = dict.fromkeys([*was, *now])
    # JSON has null where a score is not defined, as of one class alone.
    return {name: (_nan_if_none(was.get(name)), _nan_if_none(now.get(name))) for name in names}


def _nan_if_none(value: float | None) -> float:
    return math.nan if value is None else value


def _is_near(was: float, now: float, tolerance: float | None) -> bool:
    if was == now or (math.isnan(was) and math.isnan(now)):
        return True
    return tolerance is not None and abs(now - was) <= tolerance * abs(was)


def _level(best: str, changed: Sequence[str]) -> str:
    """The level that applies where the machine is another."""
    names = {change.partition(" ")[0] for change in changed}
    if names & {"torch", "device", "gpu", "python", "numpy", "dlx"}:
        return "G"
    return "E" if names & {"cpu", "cpu_capability"} else best
