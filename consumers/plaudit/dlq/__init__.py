"""Dead letters: reading, redriving, purging and replaying."""
