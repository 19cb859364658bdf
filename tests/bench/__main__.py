"""`python -m bench`: the benchmark, of the installation that Python has."""

from __future__ import annotations

import sys

import typer

from bench.command import command
from plaudit.cli.registry import guarded

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
app.command()(command)

if __name__ == "__main__":
    guarded(lambda: app(sys.argv[1:], prog_name="plaudit bench"))
