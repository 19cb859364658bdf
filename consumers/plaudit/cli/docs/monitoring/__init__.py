"""Alert rules and dashboards, written from the catalogue of metrics."""
