"""What a trained network sees: explanations of a finished run, from its folder."""
