"""Who may be attempted now, so that no endpoint hurts another."""
