"""Step 4, preparation: fitted on training rows only, applied to every part."""

from .pipeline import FittedStep, Prepared, prepare, reapply

__all__ = ["FittedStep", "Prepared", "prepare", "reapply"]
