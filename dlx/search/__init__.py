"""Step 7, the search for better settings, on validation rows only."""
