"""Log events: their names, their meanings, and the loggers that accept nothing else."""
