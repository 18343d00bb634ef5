"""The report of a run: one offline page and its pictures, made from the run folder alone."""

from __future__ import annotations

from .compare import Comparison, compare
from .page import build

__all__ = ["Comparison", "build", "compare"]
