"""Jobs: redrive, purge, replay, recovery and retry, carried out by a runner."""
