"""Holding a result to its word: a run trained again, a claim checked, a platform pinned."""
