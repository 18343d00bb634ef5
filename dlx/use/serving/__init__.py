"""A finished run that answers over HTTP: what is asked, in batches, and what is said."""
