"""How far predictions of new rows can be trusted, by what a run has kept of its own rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..config.names import plural
from ..data.samples import Frame
from ..data.targets import Answers, TargetCodec
from ..data.unlike import unknown_words
from ..errors import Problem, RunError
from ..files import is_there, read_bytes
from ..judging import conformal, sureness
from ..judging.trusted import Trusted
from ..learning import space
from ..learning.trust import least_sure
from ..prepare import Pipeline
from ..prepare.unknown import count_unknown
from ..runs.artifacts import TRUST

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]

_LARGEST = 256 * 1024 * 1024
_BITS = 63
"""Of a whole number."""
_SENSELESS = (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, RuntimeError)
"""What comes of arrays that a file was made to hold."""


@dataclass(frozen=True)
class Trust:
    """What is told beside the answers to new rows.

    Attributes:
        trusted: what the run has kept.
        codecs: what the values of each target stand for.
        pipeline: the fitted preparation, whose vocabulary tells which words are unknown.
        level: the share of rows whose interval or set is to hold the truth.
        abstain: the share of rows that are not to be answered, the least sure; 0 for none.
    """

    trusted: Trusted
    codecs: Mapping[str, TargetCodec]
    pipeline: Pipeline
    level: float = 0.9
    abstain: float = 0.0

    @property
    def encodes(self) -> bool:
        """Whether it compares rows in feature space, so that it is to be given their features."""
        return self.trusted.space is not None

    def tell(
        self, answers: Mapping[str, Answers], frame: Frame, features: Floats | None = None
    ) -> dict[str, Sequence[Any]]:
        """Columns that stand beside the answers, a value a row.

        Of each target `TARGET_low` and `TARGET_high`, or `TARGET_set`; `unlike`, why a row is
        unlike the training rows, "" where it is not; `abstained`, where that was asked for.

        Args:
            answers: of the rows, by target.
            frame: the rows as they were read.
            features: what the network makes of them, (rows, numbers), where it `encodes`.

        Raises:
            RunError: what the run has kept makes no sense.
        """
        try:
            near = self._measure(features)
            found: dict[str, Any] = {}
            for name, said in answers.items():
                scores = self.trusted.scores.get(name)
                if scores is None:
                    continue
                codec = self.codecs[name]
                if said.probabilities is None:
                    ends = conformal.interval(codec, np.asarray(said.values), scores, self.level)
                    found |= {f"{name}_low": ends[0], f"{name}_high": ends[1]}
                else:
                    marks = conformal.answer_set(codec.problem, said, scores, self.level)
                    found[f"{name}_set"] = _name(codec.classes, marks)
            found["unlike"] = self._tell_unlike(frame, near)
            if self.abstain > 0:
                found["abstained"] = self._abstain(answers, near, len(frame))
        except _SENSELESS as error:
            what = f"{TRUST.file} does not fit the run: {error!r}"
            raise RunError(Problem(what, hint="train again")) from error
        return found

    def _measure(self, features: Floats | None) -> Floats | None:
        if self.trusted.space is None or features is None:
            return None
        return space.measure(features, self.trusted.space.arrays)

    def _tell_unlike(self, frame: Frame, near: Floats | None) -> list[str]:
        told: dict[int, list[str]] = {}
        unknown: Mapping[str, Array] = {}
        if any(not one.arrays for one in self.trusted.known.values()):
            unknown = count_unknown(self.pipeline, frame)
        for name, column in frame.columns.items():
            known = self.trusted.known.get(name)
            if known is None:
                continue
            if known.arrays:
                found = column.compare(known.arrays)
            else:
                found = unknown_words(name, unknown[name])
            if found is not None:
                heard = known.hear(found)
                for row in np.flatnonzero(known.alarms(heard)).tolist():
                    told.setdefault(row, []).extend(heard.say(row, known.beyond))
        if near is not None and self.trusted.space is not None:
            far = self.trusted.space.far
            for row in np.flatnonzero(near > far).tolist():
                why = f"far in feature space ({near[row]:.3g} > {far:.3g})"
                told.setdefault(row, []).append(why)
        lines = [""] * len(frame)
        for row, each in told.items():
            lines[row] = "; ".join(each)
        return lines

    def _abstain(
        self, answers: Mapping[str, Answers], near: Floats | None, rows: int
    ) -> list[bool]:
        """The rows that are less sure than this share of the validation rows."""
        sure: dict[str, Array] = {}
        for name in self.trusted.sure:
            found = sureness.confidence(self.codecs[name], answers[name], near)
            if found is not None:
                sure[name] = found
        least = least_sure(self.trusted.sure, sure, rows).astype(np.float32)
        marks: list[bool] = (least < self.trusted.surest.threshold(self.abstain)).tolist()
        return marks

    def remarks(self) -> list[str]:
        """What to know of these columns, a sentence each without its full stop."""
        trusted, level = self.trusted, f"{self.level:.4g}"
        of = f"the {trusted.rows:,} validation rows"
        if trusted.folds > 1:
            of += f" of {trusted.folds} folds, each answered by the model that had it not"
        told = [f"intervals and sets hold the truth of at least {level} of rows like {of}"]
        if trusted.chosen:
            told.append("these rows also chose the epoch, so it may be a little less")
        told += self._tell_few()
        told.append(
            f"{trusted.alarms:.1%} of the validation rows are called unlike the training rows: so "
            "many false alarms are to be expected"
        )
        if self.abstain > 0:
            told.append(
                f"abstained: less sure than {1 - self.abstain:.4g} of the validation rows"
                if trusted.sure
                else "nothing tells how sure answers are, so none abstains"
            )
        return told

    def _tell_few(self) -> list[str]:
        """The targets with too few rows for the level, and how many it needs."""
        scores = self.trusted.scores
        few = [name for name, one in scores.items() if np.isinf(one.bound(self.level)).any()]
        if not few:
            return []
        needed = int(np.ceil(round(self.level / (1 - self.level), 9)))
        return [
            f"{', '.join(few)}: too few validation rows, so that intervals are infinite and sets "
            f"hold everything; {self.level:.4g} needs {plural(needed, 'row')}"
        ]


def open_trust(
    run: Path,
    codecs: Mapping[str, TargetCodec],
    pipeline: Pipeline,
    level: float = 0.9,
    abstain: float = 0.0,
) -> Trust | str:
    """What a run has kept to tell how far its predictions can be trusted; else why it has not.

    Args:
        run: the run folder.
        codecs: what the values of each target stand for.
        pipeline: its fitted preparation, or that of one of its folds.
        level: the share of rows whose interval or set is to hold the truth.
        abstain: the share of rows that are not to be answered.

    Raises:
        RunError: what it has kept is damaged.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    file = run / TRUST.file
    if not is_there(file):
        return (
            "no intervals and no warnings: the run has no validation rows, or is of an earlier dlx"
        )
    try:
        trusted = Trusted.of_arrays(load(read_bytes(file, _LARGEST)))
    except (OSError, SafetensorError, *_SENSELESS) as error:
        raise RunError(Problem(f"{TRUST.file} is damaged: {error}", str(run))) from error
    return Trust(trusted, codecs, pipeline, level, abstain)


def _name(classes: Sequence[str], marks: npt.NDArray[np.bool_]) -> list[list[str]]:
    """The classes that are in each row's set."""
    if len(classes) < _BITS:  # there are few sets, and each is told once
        codes = marks @ (1 << np.arange(len(classes)))
        sets, which = np.unique(codes, return_inverse=True)
        named = [[c for at, c in enumerate(classes) if one >> at & 1] for one in sets.tolist()]
        return [named[one] for one in which.tolist()]
    found: list[list[str]] = [[] for _ in range(len(marks))]
    rows, places = np.nonzero(marks)
    for row, place in zip(rows.tolist(), places.tolist(), strict=True):
        found[row].append(classes[place])
    return found
