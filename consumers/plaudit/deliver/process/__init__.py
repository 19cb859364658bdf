"""Workers as processes: supervised, measured, asked how they are."""
