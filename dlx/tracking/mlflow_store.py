"""The way to an MLflow server or store, for `mlflow.py`; the one place that imports the package."""

from __future__ import annotations

import logging
import os
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..config.secrets import hide_passwords
from ..config.specs import callbacks as specs
from ..errors import Problem, UsageError
from ..files import check_database, make_folder
from ..runs.lock import try_to_hold
from .watcher import reason

VARIABLE = "MLFLOW_TRACKING_URI"
KEY = "callbacks.mlflow.tracking_uri"

_WAIT_S = 60.0
_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",  # else MLflow tells its makers
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",  # else a server that is gone is asked for minutes
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}


def address(options: specs.MLflow, root: Path) -> str:
    """Where to log.

    Args:
        options: of the callback.
        root: the folder of all runs.

    Raises:
        UsageError: the environment is to say it, and does not.
    """
    if options.tracking_uri == "local":
        return f"sqlite:///{root.resolve() / 'mlflow' / 'mlflow.db'}"
    if options.tracking_uri != "env":
        return options.tracking_uri
    if not os.environ.get(VARIABLE):
        what = f"`{KEY}` is env, and {VARIABLE} is not set"
        raise UsageError(Problem(what, "environment", hint=f"export {VARIABLE}=..."))
    return os.environ[VARIABLE]


def _is_new(place: str) -> bool:
    """Whether a store is a local file that is made when the first run is logged."""
    kind, _, file = place.partition(":///")
    return kind == "sqlite" and not Path(file).exists()


def check(place: str, name: str) -> None:
    """Sees whether somebody answers at an address.

    Raises:
        UsageError: nobody does, or the experiment was deleted there.
    """
    if _is_new(place):
        return
    try:
        with silence():
            found = client(place).get_experiment_by_name(name)
    except Exception as error:  # whatever a server or a library of its protocol says
        what = f"MLflow cannot be reached at {hide_passwords(place)}: {reason(error)}"
        hint = f"start it, {KEY}=local, or run.watch=false to train without"
        raise UsageError(Problem(what, KEY, hint=hint)) from error
    if found is not None and found.lifecycle_stage == "deleted":
        what = f"MLflow's experiment {name} was deleted at {hide_passwords(place)}"
        hint = "restore it, or callbacks.mlflow.experiment=NAME"
        raise UsageError(Problem(what, "callbacks.mlflow.experiment", hint=hint))


def experiment(place: str, name: str) -> str:
    """The id of an experiment, made if there is none of this name."""
    known = client(place).get_experiment_by_name(name)
    if known is not None:
        return str(known.experiment_id)
    files = None
    kind, _, file = place.partition(":///")
    if kind == "sqlite":  # else MLflow would put them where the process stands
        files = f"{Path(file).parent.resolve().as_uri()}/artifacts/{quote(name, safe='')}"
    try:
        return str(client(place).create_experiment(name, artifact_location=files))
    except Exception:
        known = client(place).get_experiment_by_name(name)  # another run was faster
        if known is None:
            raise
        return str(known.experiment_id)


@cache
def client(place: str) -> Any:
    """A client for an address."""
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    from mlflow.tracking import MlflowClient

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    kind, _, file = place.partition(":///")
    if kind != "sqlite":
        return MlflowClient(tracking_uri=place)
    folder = Path(file).parent
    make_folder(folder)
    check_database(Path(file))
    with _lock_store(folder):
        return MlflowClient(tracking_uri=place)


@contextmanager
def _lock_store(folder: Path) -> Iterator[None]:
    """No other process makes the tables of the store meanwhile: MLflow would have both fail."""
    until = time.monotonic() + _WAIT_S
    while True:
        with try_to_hold(folder, sign=False) as mine:
            if mine or time.monotonic() > until:
                yield
                return
        time.sleep(0.05)


@contextmanager
def silence() -> Iterator[None]:
    """Without the warnings that MLflow's libraries have for their makers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
