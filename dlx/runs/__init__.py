"""The run folder: make, read, list; and the ledger of looks at test parts."""
