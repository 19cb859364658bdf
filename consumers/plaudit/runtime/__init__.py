"""Shared runtime of long-running commands: logging, memory, operations port."""
