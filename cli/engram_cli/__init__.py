"""The command line of engram: one module a verb, and only the chosen one is imported."""
