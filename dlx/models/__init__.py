"""Architectures. Each module's `build` turns checked options into a network that gives logits."""
