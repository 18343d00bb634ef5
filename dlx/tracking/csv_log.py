"""The scores of every epoch as `epochs.csv`, for spreadsheets (the book's CSVLogger)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path

from ..config.specs import callbacks as specs
from ..running.stage import Stage
from ..runs.files import append_bytes, safe_cell, write_bytes
from ..training.training import Training
from .watcher import Watcher

NAME = "epochs.csv"
SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t"}


class CSVLog(Watcher):
    """Appends a row after each epoch: its number, its learning rates, its scores.

    A resumed training writes the rows anew that its checkpoint knows, so that each epoch stands
    there once. Numbers are written so that they are read back to the bit.
    """

    def __init__(self, options: specs.CSVLog, monitor: str, direction: str) -> None:  # noqa: ARG002
        super().__init__("csv_log")
        self._separator = SEPARATORS[options.separator]
        self._file: Path | None = None
        self._rows: list[dict[str, float]] = []
        self._columns: list[str] = []

    def on_stage_start(self, stage: Stage) -> None:
        """Begins the file, with the epochs that a checkpoint knows."""
        self._log = stage.log
        self._file = None if stage.folder is None else stage.folder / NAME
        self._rows = [{"epoch": n, **row} for n, row in enumerate(stage.recorder.history, start=1)]
        with self.warn_on_failure("nothing is written"):
            self._write()

    def on_epoch_end(self, training: Training, scores: Mapping[str, float]) -> None:
        """Adds the row of the epoch; a score that is new gets a column."""
        row = {"epoch": training.progress.epoch, **training.optimizers.rates_of_epoch, **scores}
        self._rows.append(row)
        with self.warn_on_failure("rows are missing"):
            if set(row) <= set(self._columns):
                self._append([row])
            else:
                self._write()

    def _write(self) -> None:
        self._columns = list(dict.fromkeys(name for row in self._rows for name in row))
        if self._file is not None:
            write_bytes(self._file, b"")
            self._append(self._rows, [*map(safe_cell, self._columns)])

    def _append(self, rows: Iterable[Mapping[str, float]], head: Iterable[str] = ()) -> None:
        stream = io.StringIO()
        writer = csv.writer(stream, delimiter=self._separator, lineterminator="\n")
        if names := list(head):
            writer.writerow(names)
        writer.writerows([row.get(name, "") for name in self._columns] for row in rows)
        if self._file is not None:
            append_bytes(self._file, stream.getvalue().encode())
