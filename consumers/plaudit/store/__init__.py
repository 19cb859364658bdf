"""Database of the control plane: endpoints, log, keys."""
