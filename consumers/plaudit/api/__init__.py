"""The REST API: endpoints, deliveries, keys and the catalogue over HTTP."""
