"""What a score is worth: beside simpler answers, and beside chance. No torch here."""
