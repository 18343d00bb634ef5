"""From data of the user's own to a task file: what they hold, what is guessed, what to type."""
