"""`check_column`: whether a column keeps what reading, preparing and batches rely on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..data.columns import Column, Rows
from ..errors import UsageError
from ..models.inputs import Padded
from ..sources.held import hold
from .contract import bits, require, require_same, through_json, working

CPU = torch.device("cpu")


def check_column(make: Callable[[], Column]) -> None:
    """Checks every clause of the contract of columns: of rows on the host, then on a device.

    Args:
        make: makes the column, of two rows at least, not all of them equal.

    Raises:
        BrokenContract: the first clause that it does not keep.
    """
    column = make()
    require(len(column) > 1, "there are rows to check with", len(column))
    clause = "restore() gives the column whose arrays() and meta() these were"
    meta = through_json("meta() is something that JSON can hold", column.meta())
    with working(clause):
        back = type(column).restore(column.arrays(), meta)
    require_same(clause, content(back), content(column))
    _check_taken(column)
    _check_shown(column)
    try:
        ready = column.ready()
    except UsageError:  # a preparation step has to make something else of it
        return
    _check_held(ready)
    require_same("a column that is asked stays as it is", content(column), content(make()))


def content(column: Column) -> dict[str, Any]:
    """All that a column holds now, to the bit."""
    arrays = {name: bits(one) for name, one in column.arrays().items()}
    return {"kind": column.kind, **arrays, "meta": column.meta()}


def orders(rows: int) -> dict[str, Rows]:
    """Rows in some orders, by what they are called."""
    every = np.arange(rows)
    some = {
        "one row": every[1:2],
        "backwards": every[::-1].copy(),
        "repeats": every[[-1, 0, 0, -1]],
    }
    return {"all rows": every, "no row": every[:0], **some}


def _seen(column: Column) -> list[str]:
    return [repr(bits(column.show(row))) for row in range(len(column))]


def _check_taken(column: Column) -> None:
    every = np.arange(len(column))
    require_same("all rows taken are the column", content(column.take(every)), content(column))
    known, seen = column.hashes(every), _seen(column)
    for name, rows in orders(len(column)).items():
        order, taken = rows.tolist(), column.take(rows)
        clause = f"take(), {name}, gives these rows in this order"
        require(_seen(taken) == [seen[row] for row in order], clause, f"{len(taken)} others")
        clause, wanted = f"hashes(), {name}, are those of these rows", [known[r] for r in order]
        require(column.hashes(rows) == wanted, clause, "others")
        again = taken.hashes(np.arange(len(taken)))
        require(again == wanted, clause, "others once they are taken")
    first = dict(zip(known, seen, strict=True))
    fine = [first[one] for one in known] == seen
    require(fine, "rows that differ have different hashes", "the same one twice")


def _check_shown(column: Column) -> None:
    clause = "show() gives pixels (channels, height, width), a text, or numbers by name"
    for row in range(len(column)):
        kind, found = column.show(row).kind, column.show(row).content
        numbers = isinstance(found, dict) and all(type(one) is float for one in found.values())
        sound = {"image": np.ndim(found) == 3, "text": isinstance(found, str), "row": numbers}
        require(sound.get(kind), clause, f"{kind} with {found!r:.80}")
    clause = "with_table() of its own table() gives the same rows"
    with working(clause):
        again = column.with_table(column.table())
    same = again.hashes(np.arange(len(again))) == column.hashes(np.arange(len(column)))
    require(same, clause, "others")
    told = [column.holds, *(one.plain() for one in column.profile("x"))]
    through_json("holds and profile() are something that JSON can hold", told)


def _check_held(column: Column) -> None:
    """On a device are the rows that are on the host, by take as by batch."""
    held, many = hold(column, CPU), len(column)
    asked = [(f"take(), {name},", rows, 0, len(rows)) for name, rows in orders(many).items()]
    for name, rows, start, stop in (*asked, ("batch(1, ...)", np.arange(many), 1, many)):
        clause = f"{name} gives the same rows on a device as on the host"
        with working(clause):
            found = held.take(torch.from_numpy(rows)).batch(start, stop)
        wanted = hold(column.take(rows[start:stop]), CPU).batch(0, stop - start)
        require(bits(found) == bits(wanted), clause, "others")
    told = column.describe()
    if isinstance(found, Padded):
        clause, longest = "describe() tells how long rows get", int(found.lengths.max())
        require(told.ragged and longest <= told.longest, clause, f"{told.longest} of {longest}")
        return
    written = found if isinstance(found, Tensor) else found.dense()
    clause, shape = "describe() tells the shape of a row", tuple(written.shape[1:])
    require(shape == tuple(told.shape), clause, f"{told.shape} of {shape}")
