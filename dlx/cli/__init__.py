"""The verbs: parse, print, exit codes. Heavy imports are inside the verb that needs them."""
