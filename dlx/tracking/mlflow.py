"""A run in MLflow: its settings, the scores of its epochs, its final scores, some of its files.

All of it is read from the run folder, so MLflow never knows more than that does: no secret, and no
test score before the run has looked. One run of dlx is one run of MLflow, whose id `mlflow.json`
keeps for a resume; scores of several folds are told apart by `folds/<i>/`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ..config.schema import Config
from ..config.specs import callbacks as specs
from ..files import is_file, is_folder, is_there, parse_json, read_bytes, read_json
from ..judging.verdict import display_name
from ..running.run import Run
from ..running.stage import Stage
from ..runs.artifacts import FOLDER, list_artifacts
from ..runs.files import write_json
from ..runs.folder import MARK
from ..training.training import Training
from . import mlflow_store
from .watcher import Watcher, final_scores, settings

FILE = "mlflow.json"
PAUSE_S = 30.0
"""After a failure nothing is sent for so long: an epoch must not wait for a server each time."""

_STATES = {"done": "FINISHED", "interrupted": "KILLED", "pruned": "KILLED", "failed": "FAILED"}
_BATCH = {"metrics": 1000, "params": 100, "tags": 100}
"""What MLflow takes at a time."""


class MLflow(Watcher):
    """Logs to MLflow what the run folder holds; `mlflow` is imported when a run begins."""

    def __init__(self, options: specs.MLflow, monitor: str, direction: str) -> None:  # noqa: ARG002
        super().__init__("mlflow")
        self._options = options
        self._address = ""
        self._task = ""
        self._run = Path()
        self._id = ""
        self._prefix = ""
        self._history: list[dict[str, float]] | None = None
        self._sent: set[int] | None = None
        self._again = 0.0

    def on_run_start(self, config: Config) -> None:
        """Asks for the experiment.

        Raises:
            UsageError: there is no address, nobody answers there, or the experiment was deleted.
        """
        address = mlflow_store.address(self._options, Path(config.run.root))
        mlflow_store.check(address, self._options.experiment or config.task)

    def on_stage_start(self, stage: Stage) -> None:
        """Begins MLflow's run with the first training; a resumed one goes on."""
        if stage.folder is None:
            return
        self._log = stage.log
        self._prefix = _prefix(stage.folder)
        self._history = stage.recorder.history
        self._join(_run_of(stage.folder), stage.config)
        self._send(0.0)

    def _join(self, run: Path, config: Config) -> None:
        self._run, self._task = run, config.task
        self._address = mlflow_store.address(self._options, Path(config.run.root))

    def on_epoch_end(self, training: Training, scores: Mapping[str, float]) -> None:  # noqa: ARG002
        """Sends the scores of the epochs that were not sent yet."""
        self._send(self._again)

    def on_stage_end(self, stage: Stage) -> None:  # noqa: ARG002
        """Sends what is left."""
        self._send(0.0)

    def on_run_end(self, run: Run, state: str) -> None:
        """Sends the final scores with their baselines, and the files, and ends MLflow's run."""
        if self._history is None:  # no training of this run has begun
            return
        self._log = run.log
        self._join(run.folder, run.config)
        with self.warn_on_failure("the final scores are not in MLflow"), mlflow_store.silence():
            self._begin()
            if state == "done":
                epoch = run.training.progress.epoch
                self._metrics(final_scores(run.facts), epoch)
                if is_folder(run.folder / "folds"):
                    self._mean_curve()
                self._batch(tags=_answer(run.facts))
            for name in self._options.artifacts if state == "done" else ():
                left = list_artifacts(run.folder) if name == FOLDER else ()
                for file in [one.file for one in left] or [name]:
                    self._file(run.folder / file)
            client = mlflow_store.client(self._address)
            client.set_terminated(self._id, _STATES[state])

    def _send(self, not_before: float) -> None:
        """Sends the epochs that MLflow does not have; they wait for the next time if it fails."""
        if self._history is None or time.monotonic() < not_before:
            return
        try:
            with mlflow_store.silence():
                self._begin()
                for epoch, row in enumerate(self._history, start=1):
                    if epoch not in self._sent_epochs():
                        self._metrics({self._prefix + n: v for n, v in row.items()}, epoch)
                        self._sent_epochs().add(epoch)
        except Exception as error:  # the training goes on without a server
            self._again = time.monotonic() + PAUSE_S
            self.warn("scores will be sent later, if it answers again", error)

    def _begin(self) -> None:
        """MLflow's run: the one that `mlflow.json` names, or a new one."""
        if self._id:
            return
        client = mlflow_store.client(self._address)
        file = self._run / FILE
        if is_there(file):
            known = str(read_json(file)["run_id"])
            client.update_run(known, status="RUNNING")
            self._id = known
            return
        status, data = (read_json(self._run / name) for name in (MARK, "data.json"))
        place = mlflow_store.experiment(self._address, self._options.experiment or self._task)
        made = client.create_run(place, run_name=str(status["run"]), tags=_tags(status, data))
        self._id = made.info.run_id
        write_json(file, {"run_id": self._id, "experiment_id": place})
        plain = yaml.safe_load(read_bytes(self._run / "config.yaml"))
        self._batch(params=_texts(settings(plain)))

    def _sent_epochs(self) -> set[int]:
        """The epochs of this training that MLflow has."""
        if self._sent is None:
            client = mlflow_store.client(self._address)
            found = client.get_metric_history(self._id, f"{self._prefix}train/loss")
            self._sent = {metric.step for metric in found}
        return self._sent

    def _mean_curve(self) -> None:
        """The mean over the folds, as the run's own scores."""
        client = mlflow_store.client(self._address)
        found = client.get_metric_history(self._id, "train/loss")
        known = {metric.step for metric in found}
        for line in read_bytes(self._run / "metrics.jsonl").decode().splitlines():
            row = parse_json(line)
            scores = {n: float.fromhex(text) for n, text in row["hex"].items()}
            if row["epoch"] not in known:
                self._metrics(scores, row["epoch"])

    def _metrics(self, scores: Mapping[str, float], epoch: int) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self._batch(metrics=[Metric(_name(n), v, now, epoch) for n, v in scores.items()])

    def _file(self, file: Path) -> None:
        if not is_file(file):
            return
        with self.warn_on_failure(f"{file.name} is not in MLflow"):
            mlflow_store.client(self._address).log_artifact(self._id, str(file))

    def _batch(self, **found: Any) -> None:
        """Metrics, params (name -> text) or tags, as many at a time as MLflow takes."""
        from mlflow.entities import Param, RunTag

        client = mlflow_store.client(self._address)
        for kind, values in found.items():
            if kind != "metrics":
                make = Param if kind == "params" else RunTag
                values = [make(_name(name), text) for name, text in values.items()]
            for start in range(0, len(values), _BATCH[kind]):
                client.log_batch(self._id, **{kind: values[start : start + _BATCH[kind]]})


def _run_of(folder: Path) -> Path:
    """The run folder that a training's folder lies in, or is."""
    return folder if is_file(folder / MARK) else folder.parents[1]


def _prefix(folder: Path) -> str:
    """What tells the scores of a training from those of the others of its run."""
    if _run_of(folder) != folder:
        return f"folds/{folder.name}/"
    return "final/" if is_folder(folder / "folds") else ""


def _tags(status: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, str]:
    """What is known of a run before it trains."""
    sample = bool(data["sample"])
    return {
        "dlx.run": str(status["run"]),
        "dlx.verb": str(status["verb"]),
        "dlx.config_digest": str(status["config_digest"]),
        "dlx.data_digest": str(data["digest"]),
        "dlx.split_digest": str(data["split_digest"]),
        "dlx.sample": "synthetic sample data, not a result" if sample else "no",
    }


def _answer(facts: Mapping[str, Any]) -> dict[str, str]:
    """What must stand beside the final scores: what the baselines are, stamps, looks."""
    tags = {
        f"dlx.baseline/{one['name']}": display_name(str(one["baseline"]["name"]))
        for one in facts["scores"]
        if one["baseline"] is not None
    }
    tags["dlx.stamps"] = "; ".join(facts.get("stamps", [])) or "none"
    tags["dlx.test_looks"] = str(facts.get("looks") or 0)
    return tags


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    """Settings as MLflow takes them: texts of at most 6,000 characters, true and false as YAML."""
    found: dict[str, str] = {}
    for key, value in values.items():
        text = str(value).lower() if isinstance(value, bool) else str(value)
        found[key] = text if len(text) <= 6000 else text[:5997] + "..."
    return found


def _name(text: str) -> str:
    """A name that MLflow takes."""
    return re.sub(r"[^\w.\- /:]", "_", text, flags=re.ASCII)[:250]
