"""Callbacks that only watch: they show a run elsewhere, and no bit of it depends on them."""
