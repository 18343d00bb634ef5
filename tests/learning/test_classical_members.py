"""Classical models as tensors answer what scikit-learn's own do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from dlx.data.columns import Input
from dlx.data.targets import TargetCodec
from dlx.errors import RunError, UsageError
from dlx.judging.classical import Rows, fit
from dlx.learning.classical_members import KINDS, ClassicalMember, Fitted
from dlx.models.inputs import MultiHot

CPU = torch.device("cpu")
CODECS = {
    "binary": TargetCodec("binary", 1, ("no", "yes")),
    "multiclass": TargetCodec("multiclass", 3, ("a", "b", "c")),
    "multilabel": TargetCodec("multilabel", 2, ("a", "b")),
    "regression": TargetCodec("regression", 1),
}


def rows_of(problem: str, many: int = 60) -> tuple[dict[str, Any], torch.Tensor]:
    """Numbers from 0 to 1 with a pattern, and positions that are set."""
    source = torch.Generator().manual_seed(7)
    numbers = torch.rand(many, 4, generator=source)
    marks = torch.rand(many, 6, generator=source) < 0.4
    score = numbers.sum(1) + marks[:, 0]
    targets = {
        "binary": (score > 2.3).long(),
        "multiclass": (score > 2).long() + (score > 2.7).long(),
        "multilabel": torch.stack([score > 2.3, marks[:, 1]], 1).float(),
        "regression": score,
    }[problem]
    places = marks.nonzero()[:, 1].int()
    offsets = torch.cat([torch.zeros(1), marks.sum(1).cumsum(0)]).int()
    return {"numbers": numbers, "words": MultiHot(places, offsets, 6)}, targets


def made(kind: str, problem: str, *names: str) -> tuple[Fitted, dict[str, Any], torch.Tensor]:
    """A fitted one, what it was fitted to."""
    known = {"numbers": Input("dense", (4,)), "words": Input("multi_hot", (6,))}
    inputs, targets = rows_of(problem)
    read = {name: inputs[name] for name in names}
    model = KINDS[kind]({name: known[name] for name in names}, CODECS[problem], CPU)
    model.fit(Rows(read, targets), None, 3)
    return model, read, targets


@pytest.mark.parametrize("problem", ["binary", "multiclass", "multilabel", "regression"])
def test_a_linear_model_is_its_line(problem: str) -> None:
    model, read, targets = made("linear", problem, "numbers", "words")
    found = fit(problem, CODECS[problem].outputs, model.inputs, Rows(read, targets), None, 3)
    wanted = found.predict(read)

    mine = model(read)
    if problem == "multiclass":
        mine, wanted = mine.log_softmax(1), wanted.log_softmax(1)
    torch.testing.assert_close(mine, wanted, atol=1e-4, rtol=1e-4)


def test_of_a_single_class_a_line_is_sure() -> None:
    _, read, targets = made("linear", "binary", "numbers")
    for only in (0, 1):
        model = KINDS["linear"]({"numbers": Input("dense", (4,))}, CODECS["binary"], CPU)
        model.fit(Rows(read, torch.full_like(targets, only)), None, 3)
        assert torch.equal(model(read) > 0, torch.full((60, 1), bool(only)))


@pytest.mark.parametrize("problem", ["binary", "multiclass"])
def test_naive_bayes_is_scikit_learns(problem: str) -> None:
    from sklearn.naive_bayes import MultinomialNB

    model, read, targets = made("naive_bayes", problem, "numbers", "words")
    matrix = np.hstack([read["numbers"].numpy(), read["words"].dense().numpy()])
    oracle = MultinomialNB().fit(matrix, targets.numpy()).predict_log_proba(matrix)

    mine = model(read)
    mine = mine.log_softmax(1) if problem == "multiclass" else torch.cat([-mine, mine], 1)
    mine = mine if problem == "multiclass" else torch.nn.functional.logsigmoid(mine)
    np.testing.assert_allclose(mine.numpy(), oracle, atol=1e-4)
    with pytest.raises(RunError) as caught:
        model.fit(Rows({**read, "numbers": read["numbers"] - 0.5}, targets), None, 3)
    assert caught.value.problems[0].what == (
        "naive_bayes takes features for counts, and some of its inputs are below 0"
    )


@pytest.mark.slow
@pytest.mark.parametrize("problem", ["binary", "multiclass", "regression"])
def test_trees_are_scikit_learns(problem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from sklearn import ensemble

    kept: list[Any] = []
    for kind in ("HistGradientBoostingClassifier", "HistGradientBoostingRegressor"):
        known = getattr(ensemble, kind)

        def keep(known: Any = known, **options: Any) -> Any:
            kept.append(known(**options))
            return kept[-1]

        monkeypatch.setattr(ensemble, kind, keep)
    model, read, _ = made("boosting", problem, "numbers")
    ask = kept[0].predict if problem == "regression" else kept[0].decision_function
    wanted = ask(read["numbers"].double().numpy())

    np.testing.assert_allclose(model(read).numpy().squeeze(), wanted, atol=1e-5)
    again, _, _ = made("boosting", problem, "numbers")
    for name, buffer in model.named_buffers():
        assert torch.equal(buffer, again.get_buffer(name))


def test_what_a_classical_model_cannot_read_is_refused() -> None:
    words, ids = Input("multi_hot", (6,)), Input("ids", (5,), 9)
    for kind, found, told in (
        ("boosting", words, "positions that are set"),
        ("linear", ids, "ids"),
    ):
        with pytest.raises(UsageError) as caught:
            ClassicalMember(kind, {"text": found}, {"target": CODECS["binary"]}, CPU)
        what = f"{kind} cannot read input text of that member, whose rows are {told}"
        assert caught.value.problems[0].what == what
