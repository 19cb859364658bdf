"""Values that the phases of a delivery pass to one another."""
