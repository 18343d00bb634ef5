"""The report of a run: one offline page and its pictures, made from the run folder alone."""

from __future__ import annotations

from .compare import compare
from .page import build

__all__ = ["build", "compare"]
