"""Learners: what one step means."""
