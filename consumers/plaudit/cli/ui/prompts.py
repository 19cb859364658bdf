"""Confirmation prompts of commands that change or remove much."""

from __future__ import annotations

import sys

import typer

from plaudit.cli.ui.output import Exit, note


def agreed(question: str, done: str) -> bool:
    """Ask for confirmation; return False without a terminal.

    Args:
        question: the question, such as `Remove 3 endpoints?`.
        done: participle for the message that nothing happened, such as `removed`.
    """
    if not sys.stdin.isatty():
        note(f"{question} Nothing was {done}: give --yes to do it")
        return False
    return typer.confirm(question, err=True)


def require_agreement(question: str, done: str, *, yes: bool) -> None:
    """Exit with 1 unless the user agrees, or has agreed with --yes."""
    if not (yes or agreed(question, done)):
        raise typer.Exit(Exit.FAILED)
