"""View models: pure functions that prepare results of services for templates."""
