"""Jobs that a runner performs: redrive, purge, replay, recovery and retry."""
