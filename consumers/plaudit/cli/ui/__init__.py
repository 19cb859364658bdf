"""Output, progress and prompts of commands."""
