"""The mean of the models of a run's folds, where it has a final model, too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small import trained

from dlx.data.samples import Frame
from dlx.errors import DlxError
from dlx.running.run import Run
from dlx.use.predictor import Predictor

FOLDS = ("protocol={name: kfold, k: 2, test: 0.2}", "trainer.epochs=1")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run over two folds with a final model."""
    return trained("final=true", *FOLDS, f"run.root={tmp_path_factory.mktemp('folds')}")


def test_folds_answer_by_their_mean_where_they_are_asked_for(run: Run) -> None:
    frame = Frame({"features": run.data.samples.columns["features"]})
    final = Predictor.open(run.folder)
    mean = Predictor.open(run.folder, using="folds")

    assert (len(final.members), len(mean.members)) == (1, 2)
    each = [one.run(frame)[0]["cultivar"] for one in mean.members]
    found = mean.predict(frame)["cultivar"].probabilities
    assert found is not None
    np.testing.assert_allclose(found, np.mean(each, axis=0), rtol=1e-6)
    assert not np.allclose(found, final.predict(frame)["cultivar"].probabilities)  # type: ignore[arg-type]
    told = ["no intervals and no warnings: they are of the final model, not of its folds'"]
    assert mean.remarks() == told


def test_a_run_without_folds_has_none(tmp_path: Path) -> None:
    alone = trained("trainer.epochs=1", f"run.root={tmp_path}")
    with pytest.raises(DlxError) as caught:
        Predictor.open(alone.folder, using="folds")
    assert str(caught.value) == (
        f"run {alone.folder.name} was not trained over folds\n"
        f"  where: {alone.folder}\n"
        "  accepted: a run with protocol kfold or iterated_kfold\n"
        "  try: leave out --with folds"
    )
