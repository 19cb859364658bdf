"""The way of a record from the bridge to a decision."""
