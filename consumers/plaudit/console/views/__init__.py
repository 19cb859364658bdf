"""View models: pure functions from what the services return to what a template shows."""
