"""Lets `python -m engram_cli` do what `engram` does."""

from engram_cli.main import main

if __name__ == "__main__":
    main()
