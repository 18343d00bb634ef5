"""The universal workflow in seven steps, each leaving its evidence (Chollet 2017, 4.5)."""
