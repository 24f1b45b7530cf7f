"""`python -m cli`: the `redress` command where it is not installed."""

from cli import app

if __name__ == "__main__":
    app()
