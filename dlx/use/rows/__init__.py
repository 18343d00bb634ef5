"""New rows to predict: a reader for each way in which they come."""

from __future__ import annotations

from .base import Asked, Broken, Reader, Rows, choose_reader

__all__ = ["Asked", "Broken", "Reader", "Rows", "choose_reader"]
