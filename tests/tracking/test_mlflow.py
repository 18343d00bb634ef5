"""Runs in MLflow, read back by its own client."""

from __future__ import annotations

import json
import os
import threading
import warnings
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from watched import RECIPES, WINE, rows_of, trained, warnings_of

from dlx.config.extras import is_installed
from dlx.config.load import load
from dlx.config.specs import callbacks as specs
from dlx.errors import Interrupted, UsageError
from dlx.judging.verdict import display_name
from dlx.reproduce.replay import replay
from dlx.running.resume import load_resumable
from dlx.running.train import train
from dlx.runs.lock import try_to_hold
from dlx.runs.seal import seal_again
from dlx.testing import check_callback
from dlx.tracking import mlflow, mlflow_store
from dlx.training.callbacks import Callback
from dlx.training.training import Training

pytestmark = pytest.mark.skipif(
    not is_installed("mlflow"), reason="mlflow is not installed (pip install 'dlx[mlflow]')"
)
LOCAL = (*WINE, "callbacks=mlflow")


@pytest.fixture(autouse=True)
def _as_if_new(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No client of an earlier test, and none of its settings."""
    monkeypatch.setattr(os, "environ", os.environ.copy())
    yield
    mlflow_store.client.cache_clear()


def client(root: str = "runs") -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow.tracking import MlflowClient

        return MlflowClient(f"sqlite:///{Path(root).resolve() / 'mlflow' / 'mlflow.db'}")


def logged(run: Path) -> Any:
    """MLflow's run of a run folder."""
    return client().get_run(json.loads((run / "mlflow.json").read_text())["run_id"])


def history(run: Path, name: str) -> list[tuple[int, float]]:
    found = client().get_metric_history(logged(run).info.run_id, name)
    return [(metric.step, metric.value) for metric in found]


def expected(file: Path, prefix: str = "") -> dict[str, list[tuple[int, float]]]:
    rows = rows_of(file)
    return {prefix + n: [(r["epoch"], r[n]) for r in rows] for n in rows[0] if n != "epoch"}


class Stop(Callback):
    def __init__(self, at: int) -> None:
        self._at = at

    def on_step_end(self, training: Training) -> None:
        training.progress.interrupted = training.progress.step >= self._at


def test_scores_settings_and_files(cli: Any) -> None:
    run = trained(*LOCAL, "optimizer.lr=0.004")

    found = logged(run.folder)
    assert found.info.status == "FINISHED"
    assert found.info.run_name == run.name
    assert client().get_experiment(found.info.experiment_id).name == "wine"
    for name, values in expected(run.folder / "metrics.jsonl").items():
        assert history(run.folder, name) == values
    assert found.data.params["optimizer.lr"] == "0.004"
    assert found.data.params["model.units"] == "[16]"
    assert found.data.params["trainer.deterministic"] == "true"
    assert not [k for k in found.data.params if k.startswith(("run.", "about.", "callbacks.m"))]
    for score in run.facts["scores"]:
        assert found.data.metrics[f"score/{score['name']}"] == score["value"]
        if score["baseline"]:
            assert found.data.metrics[f"baseline/{score['name']}"] == score["baseline"]["value"]
            assert found.data.tags[f"dlx.baseline/{score['name']}"] == display_name(
                score["baseline"]["name"]
            )
    files = {file.path for file in client().list_artifacts(found.info.run_id)}
    assert files == {"config.yaml", "report.json"}
    assert (Path("runs") / "mlflow" / "artifacts" / "wine").is_dir()
    assert warnings_of(run.folder) == []
    assert cli("runs").code == 0  # the store beside the runs is no run


def test_tags_say_where_the_numbers_come_from() -> None:
    run = trained(*LOCAL, "test=false", "prepare.scope=all")

    tags, data = logged(run.folder).data.tags, json.loads((run.folder / "data.json").read_text())
    assert tags["dlx.run"] == run.name
    assert tags["dlx.data_digest"] == data["digest"]
    assert tags["dlx.sample"] == "synthetic sample data, not a result"
    assert tags["dlx.test_looks"] == "0"
    assert tags["dlx.stamps"] == (
        "preparation was fitted on validation rows as well (prepare.scope=all)"
    )
    assert not [name for name in logged(run.folder).data.metrics if "test/" in name]


@pytest.mark.parametrize("recipe", RECIPES)
def test_no_bit_of_the_training_depends_on_it(recipe: str) -> None:
    check_callback(lambda: mlflow.MLflow(specs.MLflow(), "val/loss", "min"), *RECIPES[recipe])


def test_folds_are_told_apart_and_their_mean_is_the_runs_own() -> None:
    folds = ("protocol={name: kfold, k: 2}", "final=true")
    run = trained(*LOCAL, *folds, "callbacks.mlflow.artifacts=[artifacts]").folder

    files = {file.path for file in client().list_artifacts(logged(run).info.run_id)}
    assert files == {"errors.json", "predictions.csv"}
    names = {"metrics.jsonl": "", "final.jsonl": "final/"}
    names |= {f"folds/{i}/metrics.jsonl": f"folds/{i}/" for i in range(2)}
    for file, prefix in names.items():
        for name, values in expected(run / file, prefix).items():
            if name != "lr":
                assert history(run, name) == values, name
    assert len(client().search_runs(["1"])) == 1


@pytest.mark.parametrize("at", [3, 9])
def test_a_resumed_run_goes_on_in_the_same_run_without_doubles(at: int) -> None:
    with pytest.raises(Interrupted):
        train(load([*LOCAL, "trainer.threads=1"]), lambda _: None, [Stop(at)])
    (run,) = Path("runs/wine").iterdir()
    assert logged(run).info.status == "KILLED"
    train(load_resumable(run), lambda _: None, resume=run)

    for name, values in expected(run / "metrics.jsonl").items():
        assert history(run, name) == values
    assert logged(run).info.status == "FINISHED"
    assert len(client().search_runs(["1"])) == 1


def test_a_run_that_fails_is_told_as_failed(cli: Any) -> None:
    assert cli("train", *LOCAL, "optimizer={name: sgd, lr: 1e30}").code == 1

    (run,) = Path("runs/wine").iterdir()
    assert logged(run).info.status == "FAILED"
    assert not [n for n in logged(run).data.metrics if n.startswith("score/")]


def test_replays_are_not_logged(cli: Any) -> None:
    run = trained(*LOCAL)

    with replay(run.loaded, Path("runs"), run.name) as again:
        assert not (again.folder / "mlflow.json").exists()
    found = cli("reproduce", "last")
    assert (found.code, found.err) == (0, "")
    assert len(client().search_runs(["1"])) == 1


def test_secrets_of_the_environment_are_not_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY", "canary")
    run = trained(*LOCAL, "about.result='${oc.env:CANARY}'")

    kept = [file for file in Path("runs/mlflow").rglob("*") if file.is_file()]
    assert {"mlflow.db", "config.yaml"} <= {file.name for file in kept}
    assert not [file for file in kept if b"canary" in file.read_bytes()]
    assert logged(run.folder).info.status == "FINISHED"


def test_names_that_mlflow_does_not_take() -> None:
    assert mlflow._name("val/größe (m)/mae") == "val/gr__e _m_/mae"
    assert mlflow._texts({"a": "x" * 7000, "b": False}) == {"a": "x" * 5997 + "...", "b": "false"}


class Server(BaseHTTPRequestHandler):
    """Knows no experiment, and nothing else."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        body = json.dumps({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "none"}).encode()
        self.send_response(404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    found = HTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=found.serve_forever)
    thread.start()
    yield found
    found.shutdown()
    found.server_close()
    thread.join()


def test_nobody_answers(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:canary@127.0.0.1:9")
    found = cli("train", *LOCAL, "callbacks.mlflow.tracking_uri=env")

    assert found.code == 2
    first, where, hint = found.err.splitlines()
    assert first.startswith("error: MLflow cannot be reached at http://me:***@127.0.0.1:9: ")
    assert where == "  where: callbacks.mlflow.tracking_uri"
    assert hint == (
        "  try: start it, callbacks.mlflow.tracking_uri=local, or run.watch=false to train without"
    )
    assert "canary" not in found.out + found.err
    assert not Path("runs").exists()


def test_the_environment_says_nothing(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    found = cli("train", *LOCAL, "callbacks.mlflow.tracking_uri=env")

    assert found.code == 2
    assert found.err.splitlines() == [
        "error: `callbacks.mlflow.tracking_uri` is env, and MLFLOW_TRACKING_URI is not set",
        "  where: environment",
        "  try: export MLFLOW_TRACKING_URI=...",
    ]


def test_a_server_that_fails_later_is_told_of_once_and_stops_nothing(server: HTTPServer) -> None:
    """It answers the first question, and cannot do anything else."""
    address = f"http://127.0.0.1:{server.server_port}"
    run = trained(*WINE, "callbacks.mlflow={tracking_uri: '" + address + "'}")

    assert "/api/2.0/mlflow/experiments/get-by-name" in Server.asked[0]
    first, second = warnings_of(run.folder)
    assert first.startswith(
        "warning: callbacks.mlflow: scores will be sent later, if it answers again: "
    )
    assert second.startswith("warning: callbacks.mlflow: the final scores are not in MLflow: ")
    status = json.loads((run.folder / "status.json").read_text())
    assert status["state"] == "done"


def test_what_was_not_sent_is_sent_when_it_answers_again(monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = mlflow.MLflow._batch, iter(range(1000))

    def fail(self: Any, **found: Any) -> None:
        if 1 <= next(calls) < 3:  # after the settings, twice
            raise ConnectionError("http://me:canary@host does not answer")
        real(self, **found)

    monkeypatch.setattr(mlflow.MLflow, "_batch", fail)
    monkeypatch.setattr(mlflow, "PAUSE_S", 0.0)
    run = trained(*LOCAL).folder

    for name, values in expected(run / "metrics.jsonl").items():
        assert history(run, name) == values
    assert warnings_of(run) == [
        "warning: callbacks.mlflow: scores will be sent later, if it answers again: "
        "http://me:***@host does not answer"
    ]


def test_a_deleted_experiment_is_told_of(cli: Any) -> None:
    run = trained(*LOCAL).folder
    client().delete_experiment(logged(run).info.experiment_id)
    found = cli("train", *LOCAL)

    assert found.code == 2
    assert "MLflow's experiment wine was deleted at sqlite:///" in found.err
    assert "try: restore it, or callbacks.mlflow.experiment=NAME" in found.err
    assert trained(*LOCAL, "callbacks.mlflow.experiment=other").facts["scores"]


def test_a_run_folder_cannot_say_where_a_run_is_told_of() -> None:
    with pytest.raises(Interrupted):
        train(load([*LOCAL, "trainer.threads=1"]), lambda _: None, [Stop(3)])
    (run,) = Path("runs/wine").iterdir()
    assert load_resumable(run), "the user's own goes on as it was begun"
    strange = "sqlite:////elsewhere/x.db"
    for name, old, new in (
        ("config.yaml", "tracking_uri: local", f"tracking_uri: {strange}"),
        ("status.json", '"config_digest"', '"was"'),
    ):
        text = (run / name).read_text()
        assert old in text
        (run / name).write_text(text.replace(old, new))
    seal_again(run)  # as a stranger would

    with pytest.raises(UsageError) as caught:
        load_resumable(run)
    argument = f"callbacks.mlflow.tracking_uri={strange}"
    assert str(caught.value).splitlines() == [
        f"`callbacks.mlflow.tracking_uri` is {strange}, which only the run folder names",
        f"  where: {run.name}/config.yaml",
        "  accepted: a run folder made here, or the address on the command line",
        f"  try: dlx resume ... {argument}, if that is right; or run.watch=false",
    ]
    assert load_resumable(run, ["run.watch=false"])
    assert load_resumable(run, [argument])


def test_one_process_at_a_time_makes_the_store(tmp_path: Path) -> None:
    entered = threading.Event()

    def wait() -> None:
        with mlflow_store._lock_store(tmp_path):
            entered.set()

    thread = threading.Thread(target=wait)
    with try_to_hold(tmp_path):
        thread.start()
        assert not entered.wait(0.3)
    assert entered.wait(5)
    thread.join()


@pytest.mark.slow
def test_trials_at_the_same_time(cli: Any) -> None:
    rates = "optimizer.lr=0.1,0.01,0.001"
    assert cli("train", "-m", *LOCAL, rates, "sweep.jobs=3").code == 0

    runs = list(Path("runs/wine").iterdir())
    assert len(runs) == 3
    for run in runs:
        assert logged(run).info.status == "FINISHED"
        assert warnings_of(run) == []
