"""Step 4, preparation: fitted on training rows only, applied to every part."""

from .pipeline import Pipeline

__all__ = ["Pipeline"]
