"""Pipeline: from the bridge to a decision."""
