"""The version of dlx, which run folders and pages name."""

__version__ = "0.1.0"
