"""The report of a run or a sweep: one offline page and its pictures, made from its folder alone."""

from __future__ import annotations

from .compare import Comparison, compare
from .page import build
from .sweep import build_sweep

__all__ = ["Comparison", "build", "build_sweep", "compare"]
