"""One run, from a checked config to a run folder with its answer."""
