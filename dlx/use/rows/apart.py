"""Reading of a large table by a process of its own, so that one core reads while another answers.

What it sends are arrays and texts of this program's own making, to the process that began it.
"""

from __future__ import annotations

import gc
import multiprocessing
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from ...errors import DlxError, Problem, RunError, UsageError

Piece = TypeVar("Piece")
_PIECE, _PROBLEMS, _END = "piece", "problems", "end"


def read_apart(read: Callable[..., Iterator[Piece]], *arguments: Any) -> Iterator[Piece]:
    """What a function yields, made by a process that is one piece ahead.

    No process is left when the iterator ends or is closed.

    Args:
        read: a function of a module, which another process can import.
        arguments: what it is given; like what it yields, they are copied between processes.

    Raises:
        UsageError: the function raised it.
        RunError: the process ended without a word, as where memory ran out.
    """
    context = multiprocessing.get_context("spawn")
    line, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(theirs, read, arguments), daemon=True)
    process.start()
    theirs.close()
    try:
        while (found := _hear(line, process))[0] == _PIECE:
            yield found[1]
        if found[0] == _PROBLEMS:
            raise UsageError(*found[1])
    finally:
        line.close()
        process.terminate()
        process.join()


def _hear(line: Connection, process: BaseProcess) -> tuple[str, Any]:
    try:
        found: tuple[str, Any] = line.recv()
    except (EOFError, OSError) as error:
        process.join(1)
        what = f"the process that reads the table has ended ({process.exitcode})"
        hint = "a machine with more memory, or smaller files"
        raise RunError(Problem(what, hint=hint)) from error
    return found


def _serve(line: Connection, read: Callable[..., Iterator[Any]], arguments: Any) -> None:
    """What the process does; whoever began it is told of signals, and ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()  # millions of cells, none of which refers to another
    with suppress(BrokenPipeError, ConnectionResetError):
        try:
            for piece in read(*arguments):
                line.send((_PIECE, piece))
        except DlxError as error:
            line.send((_PROBLEMS, error.problems))
        else:
            line.send((_END, None))
