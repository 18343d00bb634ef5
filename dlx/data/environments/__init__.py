"""Environments: what an action leads to, as a function of a seed. NumPy only, no torch."""

from .base import Actions, Environment, Step, make, require_choice
from .remote import make_copies

__all__ = ["Actions", "Environment", "Step", "make", "make_copies", "require_choice"]
